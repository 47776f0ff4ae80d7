"""The table of rooms in `recorder status`: which columns there are, and what has room in them.

Owns the order of the states and their colours. A colour never says what no word says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from recorder.cli_status_fields import UNKNOWN, megabits, running, span
from recorder.cli_status_ink import in_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.cli_status_fields import Fields
    from recorder.cli_status_ink import Ink

RATES_S: Final = 10.0
"""How long a rate tells of now: it is of the last seconds, and not of before."""

WIDE: Final = 110
"""From here on there is room for the encoder, and for more than one space."""

STATES: Final = {
    "fault": "bold red",
    "stalled": "red",
    "waiting": "yellow",
    "stopped": "magenta",
    "starting": "cyan",
    "recording": "green",
    "idle": "dim",
}
"""The worst first: in this order rooms are left out where not all have room."""

_STATE: Final = "State"

_COLUMNS: Final = (
    (_STATE, 9, "left"),
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

_WIDE_COLUMNS: Final = (("Line", 5, "right"), ("Encoder", 12, "left"))
"""How good the encoder's line is, which on a narrow screen only its reason says; and the encoder,
which gets what the names leave."""

_GIVE_WAY: Final = ("Encoder", "File", "Rest", "Picture", "Mbit/s", "Safe", "For", "Media", "Line")
"""In this order, where the names have no room. A state says nothing without the room it is of."""

_NAME: Final = 16
"""So much of a name tells a room from others; `_WIDE_NAME` of a name and its title."""
_WIDE_NAME: Final = 24


def table_of(rooms: Sequence[Fields], width: int, ink: Ink) -> Table:
    """One line for each room, as wide as this."""
    is_wide = width >= WIDE
    space = 2 if is_wide else 1
    names = [_name(room, with_title=is_wide) for room in rooms]
    longest = max((Text(name).cell_len for name in names), default=0)
    wanted = min(max(longest, 4), _WIDE_NAME if is_wide else _NAME)
    columns = list(_COLUMNS + _WIDE_COLUMNS if is_wide else _COLUMNS)
    for heading in _GIVE_WAY:
        if _rest(columns, width, space) >= wanted:
            break
        columns = [each for each in columns if each[0] != heading]
    rest = max(_rest(columns, width, space), 4)
    name_width = min(max(longest, 4), rest)
    table = Table(
        box=None,
        padding=(0, space, 0, 0),
        pad_edge=False,
        header_style=ink.style("bold"),
        style=ink.style(""),
    )
    for heading, column, side in (("Room", name_width, "left"), *columns):
        table.add_column(
            heading,
            width=column + rest - name_width if heading == "Encoder" else column,
            justify="right" if side == "right" else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for name, room in zip(names, rooms, strict=True):
        cells = _cells(room, ink)
        state = ink.style(STATES.get(room.text("state"), ""))
        table.add_row(
            Text(name, ink.style("")),
            *(
                Text(cells[heading], state if heading == _STATE else ink.style(""))
                for heading, _, _ in columns
            ),
        )
    return table


def _rest(columns: Sequence[tuple[str, int, str]], width: int, space: int) -> int:
    """What these leave to the names."""
    return width - sum(column + space for _, column, _ in columns)


def rank(state: str) -> int:
    """The worse the state, the less."""
    order = list(STATES)
    # What this version does not know may be anything: above what is well.
    return order.index(state) if state in order else order.index("recording")


def _cells(room: Fields, ink: Ink) -> dict[str, str]:
    recording, video, publisher = room.part("recording"), room.part("video"), room.part("publisher")
    is_known = _is_of_now(ink.aged(room, "figures_age_s"))
    is_judged = _is_of_now(ink.aged(room, "line_age_s"))
    return {
        _STATE: room.text("state"),
        "For": running(ink.aged(room, "state_age_s")),
        "Mbit/s": megabits(room.number("bitrate") if is_known else None),
        "Picture": _size_and_rate(video, video.number("frame_rate") if is_known else None),
        "Media": span(ink.aged(room, "media_age_s")),
        # What is being written is always a part; the column has no room to say so.
        "File": recording.text("file").removesuffix(".part") or UNKNOWN,
        "Safe": in_bytes(recording, "safe_bytes"),
        "Rest": span(ink.aged(recording, "safe_age_s")),
        "Line": _percent(room.number("quality") if is_judged else None),
        "Encoder": f"{publisher.text('address')} {publisher.text('software')}".strip(),
    }


def _is_of_now(age_s: float | None) -> bool:
    return age_s is not None and age_s <= RATES_S


def _name(room: Fields, *, with_title: bool) -> str:
    title = room.text("title") if with_title else ""
    return f"{room.text('name')}  {title}" if title else room.text("name")


def _size_and_rate(video: Fields, rate: float | None) -> str:
    width, height = video.number("width"), video.number("height")
    if width is None or height is None:
        return UNKNOWN
    return f"{width:.0f}x{height:.0f}" + ("" if rate is None else f" {rate:.0f}")


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share * 100:.0f} %"
