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
from recorder.recording.disk import UnreadableError, closing, read_block, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Segment

BLOCK_BYTES = 1 << 20

CUT_LEAVES_MS = 30_000
"""So much at most can be on its way when the power goes: media are made safe every few seconds."""

TORN_BYTES = 256 << 10
"""How long a torn tag is, at most, in what follows. What it says itself is not believed."""

PAGE_BYTES = 4096
"""In such pieces a system writes what memory has of a file, in any order."""

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
    """Copy what stands there into a file of its own, durably; one that was cut off is gone on with.

    Args:
        name: of the part.

    Raises:
        OSError: there is no room for it, among others; nothing was cut.
    """
    number, begun = 1, None
    while disk.exists(folder, target := naming.damaged_name(name, number)):
        begun = _begun(disk, folder, target, file, begin, end)
        if begun is not None:
            break
        number += 1
    if disk.space(folder).available < end - begin - (begun or 0):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
    opening = disk.create_file if begun is None else disk.open_to_repair
    with closing(disk, opening(folder, target)) as copy:
        try:
            # From its beginning: of what an earlier process wrote nobody knows whether a sync of
            # it failed, and then memory has bytes that the disk never got.
            offset = 0
            for block in blocks(disk, file, begin, end):
                offset = write_all(disk, copy, block, offset)
            disk.sync_file(copy)
        except OSError:
            with suppress(OSError):
                disk.unlink(folder, target)
            raise
    disk.sync_folder(folder)


def _begun(disk: Disk, folder: int, target: str, file: int, begin: int, end: int) -> int | None:
    """How much of a copy there is under a name; None: what has it is something else, and stays.

    A copy is told by what is in it, which stands in the part as well, page by page, or is zeros,
    which a power cut leaves of what was not in time. So nothing is lost with it.
    """
    try:
        opened = disk.open_to_repair(folder, target)
    except OSError:
        # Somebody else's, or a link. On a disk that is gone the next name is an error, too.
        return None
    with closing(disk, opened) as copy:
        size = disk.size(copy)
        if size > end - begin:
            return None
        offset = 0
        try:
            for found in blocks(disk, copy, 0, size):
                there = read_block(disk, file, len(found), begin + offset)
                if found != there and not _is_torn_copy(found, there):
                    return None
                offset += len(found)
        except UnreadableError:
            # A bad sector in the one is no reason to give up the other.
            return None
    return size


def _is_torn_copy(found: bytes, there: bytes) -> bool:
    pages = (slice(at, at + PAGE_BYTES) for at in range(0, len(found), PAGE_BYTES))
    return all(found[page] in (there[page], _ZEROS[: len(found[page])]) for page in pages)
