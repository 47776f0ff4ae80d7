"""What `recorder status` shows: a snapshot in, something that rich can print out.

Owns the order (what is wrong comes first, with what to do), the columns and the colours; the only
place that knows rich. Pure: how old the news are comes in as an argument, and so ages go on
growing while the recorder says nothing. A colour never says what no word says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from recorder.cli_status_fields import (
    KNOWN_VERSION,
    UNKNOWN,
    Fields,
    megabits,
    running,
    span,
    time_left,
)
from recorder.recording.retention.words import size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from rich.console import ConsoleOptions, RenderableType, RenderResult

STALE_S = 3.0
"""Three missed ticks."""

PIPE_WIDTH = 120
RATES_S = 10.0
"""How long a rate tells of now: it is of the last seconds, and not of before."""

WIDE = 110
"""From here on there is room for the encoder, and for more than one space."""

REFRESHES = 2
"""Each second; the news come once."""

_STATES = {
    "fault": "bold red",
    "stalled": "red",
    "waiting": "yellow",
    "stopped": "magenta",
    "starting": "cyan",
    "recording": "green",
    "idle": "dim",
}
"""The worst first: in this order rooms are left out where not all have room."""

_SEVERITIES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_GREY = "bright_black"

_COLUMNS = (
    ("State", 9, "left"),
    ("For", 8, "right"),
    ("Mbit/s", 6, "right"),
    ("Picture", 12, "left"),
    ("Media", 6, "right"),
    ("File", 8, "left"),
    ("Safe", 10, "right"),
    ("Rest", 6, "right"),
)
"""Behind the room. `Media`: since the last came. `Rest`: how old the oldest part is that is not
safe from a power cut."""

_LINE_WIDTH = 5
"""How good the encoder's line is; on a narrow screen only why it is not good."""

_MOST_ALARMS = 5
"""On a screen; the page has them all."""

_MOST_REFUSED = 3
"""Of the addresses that are not let in, the most stubborn."""


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

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head = [*self._head(), *self._alarms(), *self._storage(), *self._machine()]
        head += self._reasons()
        yield from head
        most = None
        if self.is_fitted:
            taken = sum(len(console.render_lines(line, options, pad=False)) for line in head)
            # The heading of the table, and the line that says what is left out.
            most = max(console.size.height - taken - 2, 1)
        yield from self._rooms(options.max_width, most)

    @property
    def is_stale(self) -> bool:
        return self.age_s > STALE_S

    def _style(self, style: str) -> str:
        return _GREY if self.is_stale else style

    def _line(self, *pieces: str | tuple[str, str]) -> Text:
        text = Text(style=self._style(""))
        for piece in pieces:
            words, style = (piece, "") if isinstance(piece, str) else piece
            text.append(words, self._style(style))
        return text

    def _head(self) -> Iterator[Text]:
        seen, alarms = Fields(self.document), list(Fields(self.document).parts("alarms"))
        rooms = list(seen.parts("rooms"))
        system = seen.part("system")
        recording = sum(room.text("state") == "recording" for room in rooms)
        if self.is_stale:
            reason = "" if self.trouble is None else f" {self.trouble}"
            yield Text(
                f"NO NEWS for {int(self.age_s)} s; what follows is old.{reason}", "bold reverse"
            )
        yield self._line(
            f"recorder {system.text('version')}, up {span(self._aged(system, 'uptime_s'))}. ",
            f"{recording} of {len(rooms)} rooms {'records' if recording == 1 else 'record'}. ",
            ("No alarm stands.", "green") if not alarms else (_counted(alarms), "bold"),
        )
        version = seen.number("version") or 0
        if version > KNOWN_VERSION:
            yield self._line(
                "That recorder is newer than this command: something may be missing here.",
            )

    def _alarms(self) -> Iterator[Text]:
        # What somebody has seen stands behind what nobody has; within both the worst comes first.
        alarms = sorted(
            Fields(self.document).parts("alarms"),
            key=lambda alarm: bool(alarm.text("acknowledged_by")),
        )
        shown = alarms[:_MOST_ALARMS] if self.is_fitted else alarms
        for alarm in shown:
            severity = alarm.text("severity")
            seen_by = alarm.text("acknowledged_by")
            yield self._line(
                (f"{severity.upper():<9} ", _SEVERITIES.get(severity, "bold")),
                (alarm.text("text"), "bold"),
                f" For {span(self._aged(alarm, 'age_s'))}",
                f", seen by {seen_by}." if seen_by else ".",
            )
            if advice := alarm.text("advice"):
                yield self._line(f"{'':10}{advice}")
        if len(shown) < len(alarms):
            yield self._line(f"{'':10}... and {len(alarms) - len(shown)} more alarms.")

    def _storage(self) -> Iterator[Text]:
        storage = Fields(self.document).part("storage")
        if not storage:
            return
        left, state = storage.number("time_left_s"), storage.text("state")
        yield self._line(
            "Storage   ",
            (time_left(left), _urgency(left)),
            f", {_bytes(storage, 'free_bytes')} of {_bytes(storage, 'total_bytes')} free",
            f" ({span(self._aged(storage, 'free_age_s'))} ago). Disk ",
            (state, "green" if state == "good" else "bold red"),
            ".",
        )
        yield self._line(
            f"{'':10}{storage.text('directory')}, longest write {_milliseconds(storage)}, tried "
            f"{span(self._aged(storage, 'probe_age_s'))} ago.",
        )
        if reason := storage.text("reason"):
            yield self._line(f"{'':10}", (reason, "red"))
        blocked = storage.part("blocked")
        if blocked:
            yield self._line(
                f"{'':10}A deletion plan of {_bytes(blocked, 'bytes')} waits: "
                f"`recorder sweep --confirm {blocked.text('plan')}`."
            )
        if storage.flag("foreign_fills"):
            yield self._line(f"{'':10}Data that are not recordings fill the disk.")

    def _machine(self) -> Iterator[Text]:
        system = Fields(self.document).part("system")
        clock = system.part("clock")
        figures = []
        if system.number("memory_bytes") is not None:
            figures.append(f"memory {_bytes(system, 'memory_bytes')}")
        if (load := system.number("load")) is not None:
            figures.append(f"load {load:.1f}")
        if (degrees := system.number("temperature_c")) is not None:
            figures.append(f"{degrees:.0f} °C")
        is_weak = ("power too weak", "bold red") if system.flag("under_voltage_now") else ""
        pieces = [f"Machine   {', '.join(figures)}", ", " if is_weak else "", is_weak]
        if clock.flag("is_trusted"):
            pieces.append(". Clock trusted.")
        elif clock:
            pieces += [". ", ("Clock not trusted", "yellow"), f": {clock.text('reason')}"]
        yield self._line(*pieces)
        for wear in system.parts("wear"):
            hours = (wear.number("period_s") or 0) / 3600
            yield self._line(
                f"{'':10}The disk of {wear.text('directory')} took "
                f"{_bytes(wear, 'written_bytes')} in {hours:.1f} h, all writes."
            )
        for refused in list(system.parts("refused"))[:_MOST_REFUSED]:
            times = refused.number("times")
            yield self._line(
                f"{'':10}Refused: an encoder at {refused.text('address') or UNKNOWN}, "
                f"{UNKNOWN if times is None else f'{times:.0f}'} times in a row, last "
                f"{span(self._aged(refused, 'age_s'))} ago."
            )

    def _reasons(self) -> Iterator[Text]:
        """Why rooms are in their states, what they have lost, and why their lines are not good."""
        reasons = []
        for room in Fields(self.document).parts("rooms"):
            state, line = room.text("state"), room.part("line")
            told = (state, room.text("reason"), _STATES.get(state, ""))
            word = (f"connection {line.text('word')}", line.text("reason"), "yellow")
            now = ("loses media", _lost_so_far(room), "red")
            lost = ("has lost media", _lost(room.part("recording")), "red")
            # A line is never worse than a state that has a reason.
            ranks = (_rank(state), _rank(state), len(_STATES), len(_STATES) + 1)
            for rank, (what, reason, style) in zip(ranks, (told, now, lost, word), strict=True):
                if reason:
                    reasons.append((rank, room.text("name"), what, reason, style))
        reasons.sort(key=lambda each: each[0])
        shown = reasons[:_MOST_ALARMS] if self.is_fitted else reasons
        for _, name, what, reason, style in shown:
            yield self._line((f"{name} {what}: ", style), reason)

    def _rooms(self, width: int, most: int | None) -> Iterator[RenderableType]:
        """The table, and what had no room in it."""
        rooms = list(Fields(self.document).parts("rooms"))
        left_out: list[Fields] = []
        if most is not None and len(rooms) > most:
            rooms.sort(key=lambda room: _rank(room.text("state")))
            rooms, left_out = rooms[:most], rooms[most:]
        yield self._table(rooms, width)
        if left_out:
            states = [room.text("state") for room in left_out]
            counted = ", ".join(f"{states.count(each)} {each}" for each in dict.fromkeys(states))
            yield self._line(f"... and {len(left_out)} more rooms: {counted}.")

    def _table(self, rooms: list[Fields], width: int) -> Table:
        is_wide = width >= WIDE
        space = 2 if is_wide else 1
        names = [_name(room, with_title=is_wide) for room in rooms]
        taken = sum(column + space for _, column, _ in _COLUMNS)
        if is_wide:
            taken += _LINE_WIDTH + space
        rest = max(width - taken, 4)
        longest = max((Text(name).cell_len for name in names), default=0)
        # The encoder gets what the names leave, and never less than makes sense.
        name_width = min(max(longest, 4), rest - 15 if is_wide else rest)
        table = Table(
            box=None,
            padding=(0, space, 0, 0),
            pad_edge=False,
            header_style=self._style("bold"),
            style=self._style(""),
        )
        table.add_column("Room", width=name_width, no_wrap=True, overflow="ellipsis")
        for heading, column, side in _COLUMNS:
            table.add_column(
                heading,
                width=column,
                justify="right" if side == "right" else "left",
                no_wrap=True,
                overflow="ellipsis",
            )
        if is_wide:
            table.add_column("Line", width=_LINE_WIDTH, justify="right", no_wrap=True)
            encoder = rest - name_width - space
            table.add_column("Encoder", width=encoder, no_wrap=True, overflow="ellipsis")
        for name, room in zip(names, rooms, strict=True):
            cells = [name, *self._cells(room)]
            if is_wide:
                publisher = room.part("publisher")
                cells.append(_percent(room.number("quality")))
                cells.append(f"{publisher.text('address')} {publisher.text('software')}".strip())
            style = self._style(_STATES.get(room.text("state"), ""))
            table.add_row(
                *(
                    Text(cell, style if at == 1 else self._style(""))
                    for at, cell in enumerate(cells)
                )
            )
        return table

    def _cells(self, room: Fields) -> tuple[str, ...]:
        recording, video = room.part("recording"), room.part("video")
        rates_age_s = self._aged(room, "figures_age_s")
        is_known = rates_age_s is not None and rates_age_s <= RATES_S
        return (
            room.text("state"),
            running(self._aged(room, "state_age_s")),
            megabits(room.number("bitrate") if is_known else None),
            _size_and_rate(video, video.number("frame_rate") if is_known else None),
            span(self._aged(room, "media_age_s")),
            # What is being written is always a part; the column has no room to say so.
            recording.text("file").removesuffix(".part") or UNKNOWN,
            _bytes(recording, "safe_bytes"),
            span(self._aged(recording, "safe_age_s")),
        )

    def _aged(self, fields: Fields, name: str) -> float | None:
        """An age as it is now, and not as it was when the snapshot came."""
        age_s = fields.number(name)
        return None if age_s is None else age_s + self.age_s


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


def _name(room: Fields, *, with_title: bool) -> str:
    title = room.text("title") if with_title else ""
    return f"{room.text('name')}  {title}" if title else room.text("name")


def _rank(state: str) -> int:
    order = list(_STATES)
    # What this version does not know may be anything: above what is well.
    return order.index(state) if state in order else order.index("recording")


def _size_and_rate(video: Fields, rate: float | None) -> str:
    width, height = video.number("width"), video.number("height")
    if width is None or height is None:
        return UNKNOWN
    return f"{width:.0f}x{height:.0f}" + ("" if rate is None else f" {rate:.0f}")


def _lost(recording: Fields) -> str:
    """Every loss is shown; the rest of what was counted is the page's."""
    lost_ms = recording.number("lost_ms") or 0
    return f"{span(lost_ms / 1000)} that the disk did not take." if lost_ms > 0 else ""


def _lost_so_far(room: Fields) -> str:
    """While the disk takes nothing."""
    if not room.number("lost_bytes"):
        return ""
    lost_s = (room.number("lost_ms") or 0) / 1000
    return f"{span(lost_s)}, {_bytes(room, 'lost_bytes')} so far, which nothing brings back."


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share * 100:.0f} %"


def _bytes(fields: Fields, name: str) -> str:
    number = fields.number(name)
    return UNKNOWN if number is None else size(int(number))


def _milliseconds(storage: Fields) -> str:
    number = storage.number("write_ms")
    return UNKNOWN if number is None else f"{number:.0f} ms"


def _urgency(left_s: float | None) -> str:
    if left_s is None or left_s >= 24 * 3600:
        return ""
    return "yellow" if left_s >= 3 * 3600 else "bold red"


def _counted(alarms: list[Fields]) -> str:
    critical = sum(alarm.text("severity") == "critical" for alarm in alarms)
    stand = "1 alarm stands" if len(alarms) == 1 else f"{len(alarms)} alarms stand"
    return f"{stand}, {critical} critical." if critical else f"{stand}."
