"""What stands in a part behind its last whole tag, and when that is kept.

A cut leaves the tag that was being written there, and whatever of the last seconds had reached the
disk, in any mixture: it is cut off. What is more was safe once. A card has lost a page in front of
it, and nobody can tell where in it a tag begins; but a lesson must not be cut down to its first
minute for that, and so it is kept for a person beside the others.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.flv.tags import AUDIO, FILE_HEADER_BYTES, SCRIPT, TAG_OVERHEAD, VIDEO, file_header
from recorder.recording import naming
from recorder.recording.disk import closing, read_block, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Segment

BLOCK_BYTES = 1 << 20

CUT_LEAVES_MS = 30_000
"""So much at most can be on its way when the power goes: media are made safe every few seconds."""

TORN_BYTES = 256 << 10
"""How long a torn tag is, at most, in what follows. What it says itself is not believed."""

_ZEROS = bytes(BLOCK_BYTES)


def blocks(disk: Disk, file: int, offset: int, end: int) -> Iterator[bytes]:
    """What is in a file up to `end`, or to where it ends.

    Raises:
        UnreadableError: the disk does not give it.
    """
    while offset < end:
        block = read_block(disk, file, min(BLOCK_BYTES, end - offset), offset)
        if not block:
            return
        yield block
        offset += len(block)


def has_remains(disk: Disk, file: int, good_bytes: int, most: int) -> bool:
    """Whether there is anything behind the whole tags and the one that was being written, but
    zeros, which a disk gives for what it was not in time to write. What comes behind `most` is
    in another segment too."""
    return _has_something(disk, file, _end_of_torn(disk, file, good_bytes), most)


def _has_something(disk: Disk, file: int, begin: int, end: int) -> bool:
    return any(block != _ZEROS[: len(block)] for block in blocks(disk, file, begin, end))


def _end_of_torn(disk: Disk, file: int, good_bytes: int) -> int:
    """Where the tag would end, or the file header, of which a file does not have all; any of it
    may be zeros. The same place where neither begins there."""
    first = read_block(disk, file, FILE_HEADER_BYTES, good_bytes)
    if not good_bytes:
        header = file_header(audio=True, video=True)
        is_torn = all(found in (0, byte) for found, byte in zip(first, header, strict=False))
        return FILE_HEADER_BYTES if is_torn else 0
    size = int.from_bytes(first[1:4], "big")
    is_torn = first[:1] in (bytes([AUDIO]), bytes([VIDEO]), bytes([SCRIPT]))
    return good_bytes + (size + TAG_OVERHEAD if is_torn else 0)


def is_more_than_a_cut_leaves(disk: Disk, file: int, row: Segment, most: int) -> bool:
    """Whether behind the frames of a segment stands more, at their own rate, than can have been on
    its way. Its length alone says nothing: there may be zeros, behind a tag that is torn."""
    if (most - row.bytes) * max(row.duration_ms, 1000) <= CUT_LEAVES_MS * row.bytes:
        return False
    return _has_something(disk, file, row.bytes + TORN_BYTES, most)


def keep_remains(disk: Disk, folder: int, name: str, file: int, begin: int, end: int) -> None:
    """Copy what stands there into a file of its own, durably.

    Args:
        name: of the part.

    Raises:
        OSError: there is no room for it, among others; nothing was cut.
    """
    number = 1
    while disk.exists(folder, target := naming.damaged_name(name, number)):
        if disk.facts(folder, target).size == end - begin:
            # Cut off behind this, an earlier time.
            disk.sync_folder(folder)
            return
        number += 1
    if disk.space(folder).available < end - begin:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
    with closing(disk, disk.create_file(folder, target)) as copy:
        try:
            offset = 0
            for block in blocks(disk, file, begin, end):
                offset = write_all(disk, copy, block, offset)
            disk.sync_file(copy)
        except OSError:
            with suppress(OSError):
                disk.unlink(folder, target)
            raise
    disk.sync_folder(folder)
