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

_COLUMNS: Final = (
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

_LINE_WIDTH: Final = 5
"""How good the encoder's line is; on a narrow screen only why it is not good."""


def table_of(rooms: Sequence[Fields], width: int, ink: Ink) -> Table:
    """One line for each room, as wide as this."""
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
    table = _headed(name_width, space, ink)
    if is_wide:
        table.add_column("Line", width=_LINE_WIDTH, justify="right", no_wrap=True)
        encoder = rest - name_width - space
        table.add_column("Encoder", width=encoder, no_wrap=True, overflow="ellipsis")
    for name, room in zip(names, rooms, strict=True):
        cells = [name, *_cells(room, ink)]
        if is_wide:
            publisher = room.part("publisher")
            cells.append(_percent(room.number("quality")))
            cells.append(f"{publisher.text('address')} {publisher.text('software')}".strip())
        style = ink.style(STATES.get(room.text("state"), ""))
        table.add_row(
            *(Text(cell, style if at == 1 else ink.style("")) for at, cell in enumerate(cells))
        )
    return table


def _headed(name_width: int, space: int, ink: Ink) -> Table:
    """With the columns that there always are."""
    table = Table(
        box=None,
        padding=(0, space, 0, 0),
        pad_edge=False,
        header_style=ink.style("bold"),
        style=ink.style(""),
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
    return table


def rank(state: str) -> int:
    """The worse the state, the less."""
    order = list(STATES)
    # What this version does not know may be anything: above what is well.
    return order.index(state) if state in order else order.index("recording")


def _cells(room: Fields, ink: Ink) -> tuple[str, ...]:
    recording, video = room.part("recording"), room.part("video")
    rates_age_s = ink.aged(room, "figures_age_s")
    is_known = rates_age_s is not None and rates_age_s <= RATES_S
    return (
        room.text("state"),
        running(ink.aged(room, "state_age_s")),
        megabits(room.number("bitrate") if is_known else None),
        _size_and_rate(video, video.number("frame_rate") if is_known else None),
        span(ink.aged(room, "media_age_s")),
        # What is being written is always a part; the column has no room to say so.
        recording.text("file").removesuffix(".part") or UNKNOWN,
        in_bytes(recording, "safe_bytes"),
        span(ink.aged(recording, "safe_age_s")),
    )


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
