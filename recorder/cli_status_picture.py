"""What `recorder status` shows: a snapshot in, something that rich can print out.

Owns the order: what is wrong comes first, with what to do. It, its ink and its table are the only
places that know rich. Pure: how old the news are comes in as an argument, and so ages go on growing
while the recorder says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from rich.console import Console
from rich.live import Live
from rich.text import Text

from recorder.cli_status_fields import KNOWN_VERSION, Fields, span
from recorder.cli_status_house import machine_lines, storage_lines
from recorder.cli_status_ink import Ink, in_bytes
from recorder.cli_status_table import STATES, rank, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from rich.console import ConsoleOptions, RenderableType, RenderResult

PIPE_WIDTH = 120

REFRESHES = 2
"""Each second; the news come once."""

_SEVERITIES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


@attrs.frozen
class _Measure:
    """How much stands above the rooms.

    Attributes:
        alarms, reasons: so many at most; None: all.
        has_details: of the disk and of the machine.
    """

    alarms: int | None
    reasons: int | None
    has_details: bool = True


_WHOLE = _Measure(None, None)
_FITTED = (
    _Measure(5, 5),
    _Measure(3, 3),
    _Measure(3, 2, has_details=False),
    _Measure(2, 1, has_details=False),
    _Measure(1, 0, has_details=False),
)
"""On a screen: as much as leaves _LEAST_ROOMS of it to the rooms. The page has everything."""

_LEAST_ROOMS = 5


@attrs.frozen(kw_only=True)
class Picture:
    """One picture of the recorder.

    Attributes:
        document: the newest snapshot.
        age_s: since it came.
        trouble: why there is no newer one; None: it is.
        is_fitted: show no more than the screen is high.
    """

    document: Mapping[str, Any]
    age_s: float = 0.0
    trouble: str | None = None
    is_fitted: bool = False

    @property
    def _ink(self) -> Ink:
        return Ink(self.age_s)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.is_fitted:
            yield from self._above(_WHOLE)
            yield from self._rooms(options.max_width, None)
            return
        # The heading of the table, and the line that says what is left out.
        height = console.size.height - 2
        rooms = min(len(list(Fields(self.document).parts("rooms"))), _LEAST_ROOMS)
        for measure in _FITTED:
            above = list(self._above(measure))
            taken = sum(len(console.render_lines(line, options, pad=False)) for line in above)
            if taken + rooms <= height:
                break
        yield from above
        yield from self._rooms(options.max_width, max(height - taken, 1))

    def _above(self, measure: _Measure) -> Iterator[Text]:
        yield from self._head()
        yield from self._alarms(measure.alarms)
        seen = Fields(self.document)
        storage = list(storage_lines(seen.part("storage"), self._ink))
        machine = list(machine_lines(seen.part("system"), self._ink))
        yield from storage if measure.has_details else storage[:1]
        yield from machine if measure.has_details else machine[:1]
        yield from self._reasons(measure.reasons)

    def _head(self) -> Iterator[Text]:
        seen, alarms = Fields(self.document), list(Fields(self.document).parts("alarms"))
        rooms = list(seen.parts("rooms"))
        system = seen.part("system")
        recording = sum(room.text("state") == "recording" for room in rooms)
        if self._ink.is_stale:
            reason = "" if self.trouble is None else f" {self.trouble}"
            yield Text(
                f"NO NEWS for {int(self.age_s)} s; what follows is old.{reason}", "bold reverse"
            )
        yield self._ink.line(
            f"recorder {system.text('version')}, up {span(self._ink.aged(system, 'uptime_s'))}. ",
            f"{recording} of {len(rooms)} rooms {'records' if recording == 1 else 'record'}. ",
            ("No alarm stands.", "green") if not alarms else (_counted(alarms), "bold"),
        )
        version = seen.number("version") or 0
        if version > KNOWN_VERSION:
            yield self._ink.line(
                "That recorder is newer than this command: something may be missing here.",
            )

    def _alarms(self, most: int | None) -> Iterator[Text]:
        # As the recorder has them: the worst first, of those what nobody has seen.
        alarms = list(Fields(self.document).parts("alarms"))
        shown = alarms[:most]
        for alarm in shown:
            severity = alarm.text("severity")
            seen_by = alarm.text("acknowledged_by")
            yield self._ink.line(
                (f"{severity.upper():<9} ", _SEVERITIES.get(severity, "bold")),
                (alarm.text("text"), "bold"),
                self._lasting(alarm),
                f", seen by {seen_by}." if seen_by else ".",
            )
            if advice := alarm.text("advice"):
                yield self._ink.line(f"{'':10}{advice}")
        if len(shown) < len(alarms):
            more = len(alarms) - len(shown)
            yield self._ink.line(f"{'':10}... and {more} more alarm{'s' if more > 1 else ''}.")

    def _lasting(self, alarm: Fields) -> str:
        """Nobody has measured how long it stood before the recorder started."""
        age_s = self._ink.aged(alarm, "age_s")
        if age_s is None and (since := alarm.text("since")):
            return f" Since {since[:16].replace('T', ' ')} UTC"
        return f" For {span(age_s)}"

    def _reasons(self, most: int | None) -> Iterator[Text]:
        """Why rooms are in their states, what they have lost, and why their lines are not good."""
        reasons = []
        for room in Fields(self.document).parts("rooms"):
            state, line = room.text("state"), room.part("line")
            told = (state, room.text("reason"), STATES.get(state, ""))
            word = (f"connection {line.text('word')}", line.text("reason"), "yellow")
            now = ("loses media", _lost_so_far(room), "red")
            lost = ("has lost media", _lost(room.part("recording")), "red")
            # A line is never worse than a state that has a reason.
            ranks = (rank(state), rank(state), len(STATES), len(STATES) + 1)
            for place, (what, reason, style) in zip(ranks, (told, now, lost, word), strict=True):
                if reason:
                    reasons.append((place, room.text("name"), what, reason, style))
        reasons.sort(key=lambda each: each[0])
        for _, name, what, reason, style in reasons[:most]:
            yield self._ink.line((f"{name} {what}: ", style), reason)

    def _rooms(self, width: int, most: int | None) -> Iterator[RenderableType]:
        """The table, and what had no room in it."""
        rooms = list(Fields(self.document).parts("rooms"))
        if not rooms:
            yield self._ink.line("No room yet.")
            return
        left_out: list[Fields] = []
        if most is not None and len(rooms) > most:
            rooms.sort(key=lambda room: rank(room.text("state")))
            rooms, left_out = rooms[:most], rooms[most:]
        yield table_of(rooms, width, self._ink)
        if left_out:
            states = [room.text("state") for room in left_out]
            counted = ", ".join(f"{states.count(each)} {each}" for each in dict.fromkeys(states))
            rooms_are = "1 more room" if len(left_out) == 1 else f"{len(left_out)} more rooms"
            line = self._ink.line(f"... and {rooms_are}: {counted}.")
            # The last line of the screen: what would not fit into it would not be seen.
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line


def console(*, is_terminal: bool) -> Console:
    """Standard output. What is no terminal gets no colours and no control codes, whatever the
    environment says."""
    if is_terminal:
        return Console(highlight=False)
    return Console(
        force_terminal=False, color_system=None, width=PIPE_WIDTH, highlight=False, markup=False
    )


def live(on: Console, newest: Callable[[], Picture]) -> Live:
    """Shows the newest picture from entering to leaving, and gives the screen back as it was."""
    return Live(console=on, screen=True, refresh_per_second=REFRESHES, get_renderable=newest)


def _lost(recording: Fields) -> str:
    """Every loss is shown; the rest of what was counted is the page's."""
    lost_ms = recording.number("lost_ms") or 0
    return f"{span(lost_ms / 1000)} that the disk did not take." if lost_ms > 0 else ""


def _lost_so_far(room: Fields) -> str:
    """While the disk takes nothing."""
    if not room.number("lost_bytes"):
        return ""
    lost_s = (room.number("lost_ms") or 0) / 1000
    return f"{span(lost_s)}, {in_bytes(room, 'lost_bytes')} so far, which nothing brings back."


def _counted(alarms: list[Fields]) -> str:
    critical = sum(alarm.text("severity") == "critical" for alarm in alarms)
    stand = "1 alarm stands" if len(alarms) == 1 else f"{len(alarms)} alarms stand"
    return f"{stand}, {critical} critical." if critical else f"{stand}."
