"""What the planner knows of each recording. Values only, and small: there may be 200 000 of them.

Owns what becomes of a catalogue's row on its way there: who protects it, and when it ended as far
as that is known. The end is the start and the duration, because a duration comes from the monotonic
clock. A start under a clock that nobody believed is no time at all: such a recording is as old as
the next one behind it that has a time (numbers only grow), and without one its age is not known.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from recorder.recording.rows import Row


class Standing(enum.Enum):
    """Why a recording may go, or may not. In the order in which they are asked."""

    LIVE = "live"
    """It is not over: written, waiting for its publisher, or not yet repaired."""
    KEPT = "kept"
    DAMAGED = "damaged"
    """Its manifest cannot be read, so nobody knows what would be deleted."""
    DOWNLOADED = "being downloaded"
    FREE = "free"


@attrs.frozen
class Candidate:
    """One recording.

    Attributes:
        bytes: of its files that are there.
        ended_utc_ms: when it was over at the latest, in ms since 1970; None: not known.
        deleting: why somebody has begun to delete it; None: nobody has.
    """

    number: int
    room: str
    bytes: int
    standing: Standing
    ended_utc_ms: int | None
    deleting: str | None = None


@attrs.frozen
class LiveSegment:
    """A closed segment of a recording that goes on.

    Attributes:
        number: of the recording.
        file: the segment's number in it, from 1.
        began_ms: when, on any clock that is the same for all of them.
    """

    room: str
    number: int
    file: int
    bytes: int
    began_ms: int


@attrs.frozen
class Known:
    """A row of the catalogue, as far as it matters here.

    Attributes:
        start_utc_ms: the wall clock at the start; None: it is no date.
        is_trusted: and whether that clock was believed.
        is_ended: nothing more is recorded into it.
    """

    number: int
    room: str
    bytes: int
    start_utc_ms: int | None
    duration_ms: int
    is_trusted: bool
    is_ended: bool
    is_kept: bool
    is_damaged: bool
    deleting: str | None = None


def is_emptied(row: Row) -> bool:
    """Whether nothing of the recording is left but a manifest that says so: something that is not
    ours keeps its folder."""
    return row.segments == 0 and row.deleted > 0 and row.deleting is None


def known_of(row: Row) -> Known:
    """The same from a whole row."""
    return Known(
        number=row.number,
        room=row.room,
        bytes=row.bytes,
        start_utc_ms=row.start_utc_ms,
        duration_ms=row.duration_ms,
        is_trusted=row.clock == "trusted",
        is_ended=row.end_utc is not None,
        is_kept=row.kept,
        is_damaged=row.damaged is not None,
        deleting=row.deleting,
    )


def candidates(
    rows: Iterable[Known],
    *,
    live: Collection[int] = (),
    downloaded: Collection[int] = (),
    gone: Collection[int] = (),
) -> list[Candidate]:
    """The recordings by number, as the planner wants them.

    Args:
        rows: the newest first.
        live: numbers of recordings that somebody still has in hand, whatever their row says.
        downloaded: numbers of those that somebody reads.
        gone: numbers of those that are deleted, whatever their row says.
    """
    found, next_start_ms = list[Candidate](), None
    for row in rows:
        if row.number in gone:
            continue
        ended_ms = next_start_ms
        if row.is_trusted and row.start_utc_ms is not None:
            ended_ms, next_start_ms = row.start_utc_ms + row.duration_ms, row.start_utc_ms
        standing = _standing(row, live, downloaded)
        found.append(Candidate(row.number, row.room, row.bytes, standing, ended_ms, row.deleting))
    found.reverse()
    return found


def _standing(row: Known, live: Collection[int], downloaded: Collection[int]) -> Standing:
    if row.number in live:
        return Standing.LIVE
    if row.is_kept:
        return Standing.KEPT
    if row.is_damaged:
        return Standing.DAMAGED
    if not row.is_ended:
        return Standing.LIVE
    return Standing.DOWNLOADED if row.number in downloaded else Standing.FREE


def total_bytes(recordings: Iterable[Candidate]) -> int:
    return sum(each.bytes for each in recordings)
