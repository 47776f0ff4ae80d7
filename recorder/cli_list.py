"""`recorder list`: the newest recordings, as a table for people or as JSON for programs.

Owns the columns, the words in them, and the exit code: 0, or 1 where something in the listing is
damaged or could not be looked into. What is listed comes from `recording.listing`. A recording that
cannot be read has a line like every other and says so there; whether the others are whole is for
`recorder verify` to say.
"""

import json
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import click

from recorder.cli_config import config_option, find_config
from recorder.cli_fallback import load_to_ask
from recorder.config.document import printable
from recorder.recording.disk import OsDisk
from recorder.recording.listing import Listed, list_recordings
from recorder.recording.rows import Row

EXIT_GOOD = 0
EXIT_DAMAGED = 1

_HEADINGS = ("NUMBER", "ROOM", "START", "DURATION", "SIZE", "SEGMENTS", "STATE", "MARKS")
_TO_THE_RIGHT = frozenset({"NUMBER", "DURATION", "SIZE", "SEGMENTS"})
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_LONGEST = 120
"""Of a text from a manifest; the rest of it is in the file."""


@click.command("list")
@config_option
@click.option("--room", help="Only this room.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many at most, the newest first.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON array, times in UTC.")
@click.pass_obj
def list_command(
    outer: Path | None, chosen: Path | None, room: str | None, limit: int, as_json: bool
) -> int:
    """List the newest recordings, also while the recorder runs."""
    config = load_to_ask(find_config(chosen or outer))
    listing = list_recordings(
        config.storage.directory, OsDisk(), room=room, limit=limit, now_utc_ns=time.time_ns()
    )
    for warning in listing.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    if as_json:
        click.echo(json.dumps([_fields(each) for each in listing.recordings], indent=1))
    elif listing.recordings:
        timezone = config.clock.timezone
        zone = None if timezone == "system" else ZoneInfo(timezone)
        click.echo(_table([_cells(each, zone) for each in listing.recordings]))
    else:
        click.echo("There are no recordings." if room is None else f"There are none of {room!a}.")
    is_damaged = any(each.row.damaged is not None for each in listing.recordings)
    return EXIT_DAMAGED if is_damaged or listing.warnings else EXIT_GOOD


def _fields(listed: Listed) -> dict[str, Any]:
    return {**attrs.asdict(listed.row), "state": listed.state}


def _cells(listed: Listed, zone: tzinfo | None) -> tuple[str, ...]:
    row = listed.row
    state = row.end_reason or "ended" if listed.state == "ended" else listed.state
    cells = (
        str(row.number),
        row.room,
        _local_time(row, zone),
        *_extent(row),
        state,
        ", ".join(_marks(row)),
    )
    return tuple(printable(cell[:_LONGEST]) for cell in cells)


def _extent(row: Row) -> tuple[str, str, str]:
    """How long, how large, and in how many files; of one that is damaged nobody knows."""
    if row.damaged is not None:
        return ("?",) * 3
    return _duration(row.duration_ms), _size(row.bytes), str(row.segments)


def _marks(row: Row) -> list[str]:
    counted = {
        "gap": row.gaps,
        "repaired": row.repaired,
        "suspect": row.suspect,
        "deleted": row.deleted,
    }
    marks = ["kept"] if row.kept else []
    if row.damaged is not None:
        return [*marks, f"damaged: {row.damaged}"]
    for word, count in counted.items():
        if count:
            plural = "s" if word == "gap" and count > 1 else ""
            marks.append(f"{count} {word}{plural}")
    if row.clock == "untrusted":
        marks.append("clock untrusted")
    return marks


def _local_time(row: Row, zone: tzinfo | None) -> str:
    if row.start_utc_ms is None:
        return row.start_utc
    try:
        moment = datetime.fromtimestamp(row.start_utc_ms // 1000, UTC).astimezone(zone)
    except (ValueError, OverflowError):
        # The first and the last day there is have no local time in every zone.
        return row.start_utc
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _duration(duration_ms: int) -> str:
    minutes, seconds = divmod(duration_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _size(size_bytes: int) -> str:
    size, unit = float(size_bytes), 0
    # What would be written as 1024.0 is one of the next unit.
    while size >= 1023.95 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{size_bytes} B"


def _table(rows: list[tuple[str, ...]]) -> str:
    columns = []
    for heading, *cells in zip(_HEADINGS, *rows, strict=True):
        column = [heading, *cells]
        width = max(map(len, column))
        align = str.rjust if heading in _TO_THE_RIGHT else str.ljust
        columns.append([align(cell, width) for cell in column])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))
