"""One part made into a segment, and a segment that nobody remembers read again.

Owns the steps of "salvage a part" (DESIGN.md), numbered as there. Believes no number that a file
says of itself: the tags are counted from the first byte, through the same `SegmentSummary` that a
writer counts with, so the row is the one that a normal close would have given. Only what no tag
can tell is taken from the head: where the segment lies in its recording, and why it began.

Everything here may be cut off anywhere and begun again: what was cut is scanned to the same end,
and what was written is written again, byte for byte. Memory is bounded by the scanner's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from recorder.flv.codecs import Role
from recorder.flv.head import Head, read_head
from recorder.flv.scanner import ScannedTag, Scanner
from recorder.flv.script import head_body
from recorder.flv.summary import SegmentSummary
from recorder.flv.tags import FILE_HEADER_BYTES, FLAGS_OFFSET, SCRIPT, VIDEO, flags, tag
from recorder.recording import naming
from recorder.recording.disk import UnreadableError, closing, write_all
from recorder.recording.final_name import give_final_name, set_aside
from recorder.recording.manifest import Segment
from recorder.recording.remains import (
    blocks,
    has_remains,
    is_more_than_a_cut_leaves,
    keep_remains,
)
from recorder.recording.segment import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from recorder.recording.disk import Disk

    Progress: TypeAlias = Callable[[int], None]
    """Told, again and again, how many bytes more have been read."""

RECOVERED = "recovered"
"""Why a segment was begun whose head does not tell."""


@attrs.frozen
class Salvaged:
    """What became of a part.

    Attributes:
        row: of the segment it is now; None: it is none.
        damaged: something was in it that is no frame, and is kept under another name: all of it, or
            what stood behind its last whole tag.
        cut_bytes: what stood behind its last whole tag.
    """

    row: Segment | None
    damaged: bool = False
    cut_bytes: int = 0


def salvage_part(
    disk: Disk,
    folder: int,
    index: int,
    *,
    creator: str,
    after_ms: int,
    landed_bytes: int | None = None,
    suspect: bool = False,
    gives_up: bool = False,
    progress: Progress | None = None,
) -> Salvaged:
    """Make a segment of a part that nobody writes any more.

    Args:
        creator: what the head names as the file's maker.
        after_ms: where in the recording the segment begins if its head does not tell.
        landed_bytes: what comes behind so many bytes is in another segment too; None: not known.
        suspect: a sync of it failed, so that bytes of it may not be what was sent.
        gives_up: what cannot be read is damaged, and no error.

    Raises:
        UnreadableError: the part is as it was.
        OSError: the part is as it was, or cut, or has both names: do it again.
    """
    try:
        return _salvage(disk, folder, index, creator, after_ms, landed_bytes, suspect, progress)
    except UnreadableError:
        if not gives_up:
            raise
    # On a disk that is gone this is an error as well, and the part stays what it is.
    set_aside(disk, folder, naming.part_name(index))
    return Salvaged(None, damaged=True)


def _salvage(
    disk: Disk,
    folder: int,
    index: int,
    creator: str,
    after_ms: int,
    landed_bytes: int | None,
    suspect: bool,
    progress: Progress | None,
) -> Salvaged:
    name = naming.part_name(index)
    with closing(disk, disk.open_to_repair(folder, name)) as file:
        # Of a process before this one nobody knows whether a sync failed: then memory has bytes
        # that the disk never got, calls them clean, and a sync of them is no error any more.
        disk.forget_cache(file)
        size = disk.size(file)
        most = size if landed_bytes is None else min(size, landed_bytes)
        # 1.
        scan = _scan(disk, file, most, progress)
        has_something = not scan.has_frames and has_remains(
            disk, file, scan.scanner.good_bytes, most
        )
        if has_something:
            disk.sync_file(file)
        if scan.has_frames:
            row = scan.row(index, after_ms)
            if damaged := is_more_than_a_cut_leaves(disk, file, row, most):
                keep_remains(disk, folder, name, file, row.bytes, most)
            row = _repair(disk, file, scan, row, size, creator=creator, suspect=suspect)
    if scan.has_frames:
        # 4.
        give_final_name(disk, folder, index)
        return Salvaged(row, damaged=damaged, cut_bytes=size - row.bytes)
    if has_something:
        set_aside(disk, folder, name)
        return Salvaged(None, damaged=True)
    disk.unlink(folder, name)
    return Salvaged(None, cut_bytes=size)


def scan_segment(
    disk: Disk,
    folder: int,
    index: int,
    *,
    after_ms: int,
    gives_up: bool = False,
    progress: Progress | None = None,
) -> Segment:
    """The row of a segment that has its final name and is in no manifest.

    What is under a final name is complete, so nothing is changed. Of a file that breaks all the
    same, the row says what can be played; `recorder verify` tells the rest.

    Args:
        gives_up: of what the disk does not give the row says what stands in front of it.

    Raises:
        OSError: it cannot be read.
    """
    with closing(disk, disk.open_file(folder, naming.segment_name(index))) as file:
        size = disk.size(file)
        scan = _scan(disk, file, size, progress, gives_up=gives_up)
    return attrs.evolve(scan.row(index, after_ms), bytes=size)


class _Scan:
    """What is in a file, counted."""

    def __init__(self) -> None:
        self.scanner = Scanner()
        self.summary = SegmentSummary()
        self.head_tag: ScannedTag | None = None
        self.head = Head()
        self.has_frames = False
        self._begins_forced = False

    def feed(self, block: bytes) -> None:
        for found in self.scanner.feed(block):
            self._count(found)

    def _count(self, found: ScannedTag) -> None:
        if not self.has_frames:
            self._look_at_the_beginning(found)
        self.summary.add(found.kind, found.timestamp, found.head, found.size, found.parts)

    def _look_at_the_beginning(self, found: ScannedTag) -> None:
        if found.offset == FILE_HEADER_BYTES and found.kind == SCRIPT:
            self.head_tag, self.head = found, read_head(found.head)
        frames = [part for part in found.parts if part.role is Role.FRAME]
        if frames:
            self.has_frames = True
            self._begins_forced = found.kind == VIDEO and not frames[0].keyframe

    def row(self, index: int, after_ms: int) -> Segment:
        place = self.head.place
        is_forced = self.head.forced or (place is None and self._begins_forced)
        row = Segment.of(
            index,
            facts_of(self.summary, forced=is_forced, counts={}),
            start_ms=after_ms if place is None else place.position_ms,
            reason=RECOVERED if place is None else place.reason,
        )
        return attrs.evolve(row, repaired=self.head.repaired, suspect=self.head.suspect)


def _scan(
    disk: Disk, file: int, most: int, progress: Progress | None, *, gives_up: bool = False
) -> _Scan:
    scan = _Scan()
    try:
        for block in blocks(disk, file, 0, most):
            scan.feed(block)
            if progress is not None:
                progress(len(block))
            if scan.scanner.broken is not None:
                break
    except UnreadableError:
        if not gives_up:
            raise
    return scan


def _repair(
    disk: Disk, file: int, scan: _Scan, row: Segment, size: int, *, creator: str, suspect: bool
) -> Segment:
    """Steps 2 and 3, on a part with frames in it; the row as it is then."""
    if size == row.bytes and not suspect and _is_written(disk, file, _patches(scan, row, creator)):
        # It was cut off between its last patch and its name, and nothing of it is missing.
        disk.sync_file(file)
        return row
    row = attrs.evolve(row, repaired=True, suspect=row.suspect or suspect)
    # 2. A header for a length that is not durable would be a lie.
    if size != row.bytes:
        disk.truncate(file, row.bytes)
    disk.sync_file(file)
    # 3.
    for offset, patch in _patches(scan, row, creator):
        write_all(disk, file, patch, offset)
    disk.sync_file(file)
    return row


def _is_written(disk: Disk, file: int, patches: list[tuple[int, bytes]]) -> bool:
    return all(disk.read(file, len(patch), offset) == patch for offset, patch in patches)


def _patches(scan: _Scan, row: Segment, creator: str) -> list[tuple[int, bytes]]:
    """(offset, bytes) of what says in the file what it holds."""
    values = scan.summary.head_values()
    patches = [(FLAGS_OFFSET, flags(audio=values.has_audio, video=values.has_video))]
    if scan.head_tag is not None:
        # Where the head is too small for our words it is another maker's, and stays.
        with suppress(ValueError):
            body = head_body(
                scan.head_tag.size,
                values,
                creator=creator,
                forced=row.forced,
                copied=scan.head.copied,
                place=scan.head.place,
                repaired=row.repaired,
                suspect=row.suspect,
            )
            patches.append((FILE_HEADER_BYTES, tag(SCRIPT, 0, body)))
    return patches
