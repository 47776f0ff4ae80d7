"""What a listing says of one recording: a manifest, summed up in one row.

Owns the sums, and what is said of a recording whose manifest cannot be read: it is listed all the
same, from its folder's name. Pure. The catalogue stores these rows; a listing without a catalogue
makes them from the manifests, so that both show the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming

if TYPE_CHECKING:
    from recorder.recording.manifest import Manifest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Row:
    """One recording.

    Attributes:
        folder: below the storage: `room101/2026-11-22/0000042-103000Z`.
        start_utc: the wall clock at the start, a label: `2026-11-22T10:30:00.000Z`.
        start_utc_ms: the same since 1970; None: it is no date.
        end_utc: None while nobody has ended it.
        clock: `trusted` or `untrusted`.
        duration_ms: from the start to the end of the segment that ends last.
        bytes: of the segments that are there.
        segments: those that are there; `deleted` those that retention has removed.
        gaps: segments with a hole before them.
        missing_checksums, repaired, suspect: segments that are there and are so.
        kept: somebody has put KEEP beside it.
        damaged: why its manifest cannot be read; all that is known is then in the folder's name.
        deleting: why it is being deleted; None: it is not.
    """

    number: int
    room: str
    folder: str
    start_utc: str
    start_utc_ms: int | None
    end_utc: str | None = None
    end_reason: str | None = None
    clock: str = "untrusted"
    duration_ms: int = 0
    bytes: int = 0
    segments: int = 0
    gaps: int = 0
    missing_checksums: int = 0
    repaired: int = 0
    suspect: int = 0
    deleted: int = 0
    kept: bool = False
    damaged: str | None = None
    deleting: str | None = None


def row_of(folder: str, manifest: Manifest, *, kept: bool) -> Row:
    """Sum up a manifest that was found in a recording's folder."""
    room, number = _bearer(folder)
    if (manifest.room, manifest.number) != (room, number):
        why = f"the manifest is that of recording {manifest.number} in {manifest.room}"
        return damaged_row(folder, why, kept=kept)
    ends = (each.start_ms + each.duration_ms for each in manifest.segments)
    there = [segment for segment in manifest.segments if not segment.deleted]
    return Row(
        number=number,
        room=room,
        folder=folder,
        start_utc=manifest.start,
        start_utc_ms=utc_ms(manifest.start),
        end_utc=manifest.end,
        end_reason=manifest.end_reason,
        clock=manifest.clock,
        duration_ms=max(ends, default=0),
        bytes=sum(each.bytes for each in there),
        segments=len(there),
        gaps=sum(each.gap is not None for each in manifest.segments),
        missing_checksums=sum(each.sha256 is None for each in there),
        repaired=sum(each.repaired for each in there),
        suspect=sum(each.suspect for each in there),
        deleted=len(manifest.segments) - len(there),
        kept=kept,
        deleting=manifest.deleting,
    )


def damaged_row(folder: str, why: str, *, kept: bool) -> Row:
    """What is known of a recording without a manifest that can be read."""
    room, number = _bearer(folder)
    _, date, name = folder.split("/")
    time = name.partition("-")[2]
    start = f"{date}T{time[:2]}:{time[2:4]}:{time[4:6]}.000Z"
    return Row(
        number=number,
        room=room,
        folder=folder,
        start_utc=start,
        start_utc_ms=utc_ms(start),
        kept=kept,
        damaged=why,
    )


def utc_ms(text: str) -> int | None:
    """Milliseconds since 1970 of a moment as manifests write it; None: such a day, or such a
    time of the day, does not exist."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000


def _bearer(folder: str) -> tuple[str, int]:
    """Room and number of a recording, from its folder."""
    room, _, name = folder.split("/")
    number = naming.parse_recording_folder(name)
    if number is None:
        raise ValueError(f"not a recording's folder: {folder!r}")
    return room, number
