"""What is to be done with the folder of a recording that was cut off. Pure.

Owns the conclusions of "recovery" (DESIGN.md): from the names in the folder, which of them are one
file, and the manifest, to the steps; from the rows that came of the steps to the manifest. Touches
no disk, and so can be asked for what would be done, too.

A plan made of what its own steps leave has no steps, wherever they were cut off before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import attrs

from recorder.recording import naming
from recorder.recording.late_rows import with_rows
from recorder.recording.manifest import Client, Manifest, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from recorder.recording.disk import FileFacts

INTERRUPTED = "interrupted"
"""Why a recording ended that nobody ended."""

MANIFEST_TEMPORARY = f"{naming.MANIFEST_FILE}.tmp"

DAMAGED_SEGMENTS = "damaged_segments"
"""In `Manifest.counts`: parts that are kept and cannot be read."""


@attrs.frozen(kw_only=True)
class Found:
    """What lies in a recording's folder.

    Attributes:
        names: all of them.
        files: of those that are names of segments and parts, and files.
        manifest: None where there is none that can be read.
        is_damaged: there is one all the same.
    """

    names: frozenset[str] = frozenset()
    files: Mapping[str, FileFacts] = attrs.field(factory=dict)
    manifest: Manifest | None = None
    is_damaged: bool = False

    @property
    def damaged_segments(self) -> int:
        return sum(naming.parse_damaged(name) is not None for name in self.names)

    @property
    def is_finished(self) -> bool:
        """Whether recovery has nothing to do here, checksums included."""
        return (
            self.manifest is not None
            and not plan_files(self)
            and complete(self.manifest, (), self.damaged_segments) == self.manifest
            and with_what_is_there(self.manifest, self.names) == self.manifest
            and not without_checksum(self.manifest, self.names)
        )


@attrs.frozen
class RemoveTemporary:
    """A manifest that was never finished."""


@attrs.frozen
class RemovePart:
    """The part's file has its final name too."""

    index: int


@attrs.frozen
class SetPartAside:
    """Something else has the final name. It is never touched, and so the part cannot be named."""

    index: int


@attrs.frozen
class Salvage:
    index: int
    size: int


@attrs.frozen
class Scan:
    """A segment without a row."""

    index: int
    size: int


Step: TypeAlias = RemoveTemporary | RemovePart | SetPartAside | Salvage | Scan


def plan_files(found: Found, *, below: int | None = None) -> tuple[Step, ...]:
    """What is to be done with the files, in order.

    Args:
        below: only segments with a lower index; the others, and the manifest, belong to a
            recording that goes on in this folder.
    """
    return tuple(_steps(found, below))


def _steps(found: Found, below: int | None) -> Iterator[Step]:
    if below is None and MANIFEST_TEMPORARY in found.names:
        yield RemoveTemporary()
    rows = {row.index for row in found.manifest.segments} if found.manifest is not None else ()
    for index in sorted({_index(name) for name in found.files}):
        if below is not None and index >= below:
            return
        part = found.files.get(naming.part_name(index))
        final = found.files.get(naming.segment_name(index))
        if part is not None:
            if naming.segment_name(index) not in found.names:
                yield Salvage(index, part.size)
            elif final is not None and final.inode == part.inode:
                yield RemovePart(index)
            else:
                yield SetPartAside(index)
        if final is not None and index not in rows:
            yield Scan(index, final.size)


def bytes_to_read(found: Found) -> int:
    """How much recovery will read at most: what it scans, and what has no checksum, whole."""
    scans = [step.size for step in plan_files(found) if isinstance(step, Salvage | Scan)]
    rows = () if found.manifest is None else found.manifest.segments
    # What is scanned has no checksum either.
    hashes = sum(row.bytes for row in rows if row.sha256 is None and row.file in found.names)
    return 2 * sum(scans) + hashes


def _index(name: str) -> int:
    segment = naming.parse_segment(name)
    assert segment is not None, "other names are not among the files"
    return segment.index


def highest_index(names: Iterable[str]) -> int:
    """The highest index that a segment, a part or a damaged one bears; 0 for none. A recording
    that is continued goes on behind it."""
    found = 0
    for name in names:
        segment = naming.parse_segment(name)
        index = naming.parse_damaged(name) if segment is None else segment.index
        found = max(found, index or 0)
    return found


def end_before(index: int, rows: Iterable[Segment]) -> int:
    """Where the rows in front of a segment end, in ms of the recording."""
    return max((row.end_ms for row in rows if row.index < index), default=0)


def anew(path: str) -> Manifest:
    """A manifest for a recording that has none: what its folder's path says, and nothing more.

    Args:
        path: ends with room, day and folder, as `naming` writes them.
    """
    room, date, name = path.split("/")[-3:]
    number = naming.parse_recording_folder(name)
    if number is None or not naming.is_date_folder(date):
        raise ValueError(f"not the folder of a recording: {path!r}")
    time = name.rpartition("-")[2]
    return Manifest(
        room=room,
        number=number,
        start=f"{date}T{time[:2]}:{time[2:4]}:{time[4:6]}.000Z",
        clock="untrusted",
        client=Client(address="", software=""),
    )


def complete(manifest: Manifest, rows: Iterable[Segment], damaged: int) -> Manifest:
    """The manifest of a recording that is over, with the rows that repair found.

    The end is where the last segment ends: what the wall clock showed at the cut nobody knows.

    Args:
        damaged: how many parts are kept that cannot be read.
    """
    manifest = with_rows(manifest, rows)
    if damaged and manifest.counts.get(DAMAGED_SEGMENTS) != damaged:
        counts = {**manifest.counts, DAMAGED_SEGMENTS: damaged}
        manifest = attrs.evolve(manifest, counts=counts)
    if manifest.end is None:
        manifest = attrs.evolve(
            manifest,
            end=_later(manifest.start, manifest.duration_ms),
            end_reason=manifest.end_reason or INTERRUPTED,
        )
    return manifest


def _later(moment: str, ms: int) -> str:
    """A moment as manifests write it, so much later; the same where it is no moment."""
    try:
        start = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        later = start + timedelta(milliseconds=ms)
    except (ValueError, OverflowError):
        return moment
    return later.strftime("%Y-%m-%dT%H:%M:%S.") + f"{later.microsecond // 1000:03}Z"


def with_what_is_there(manifest: Manifest, names: Iterable[str]) -> Manifest:
    """The manifest, without calling a segment deleted that is there after all: whoever said so
    before its removal was cut off, or the removal was."""
    there = set(names)
    rows = (
        attrs.evolve(row, deleted=row.deleted and row.file not in there)
        for row in manifest.segments
    )
    return attrs.evolve(manifest, segments=tuple(rows))


def without_checksum(manifest: Manifest, names: Iterable[str]) -> list[str]:
    """The segments that are there and have no SHA-256 yet."""
    there = set(names)
    return [row.file for row in manifest.segments if row.sha256 is None and row.file in there]


def with_checksums(manifest: Manifest, checksums: Mapping[str, str]) -> Manifest:
    """The manifest with these SHA-256, by file."""
    # Of a long recording few rows change, and each that is made is checked.
    rows = tuple(
        attrs.evolve(row, sha256=checksums[row.file]) if row.file in checksums else row
        for row in manifest.segments
    )
    return attrs.evolve(manifest, segments=rows)
