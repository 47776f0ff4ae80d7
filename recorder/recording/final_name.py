"""A file gets another name, and nothing that has that name loses it.

Owns the last steps of "close a segment" (DESIGN.md, steps 3 to 5), numbered as there, and the same
steps for what recovery cannot read and keeps: both give a file a name that is durable before the
old one goes. Knows nothing of what is in the file; that it was synced is the caller's part.

Every function raises OSError when the disk refuses, and then leaves the old name, both, or the
new one. Called again, it goes on from there.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from recorder.recording import naming

if TYPE_CHECKING:
    from recorder.recording.disk import Disk

NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What link(2) says where a file can have one name only: FAT, exFAT, some of FUSE."""


def give_final_name(disk: Disk, folder: int, index: int) -> None:
    """A part that is whole and synced becomes a segment.

    Raises:
        OSError: FileExistsError, among others, where something has the final name.
    """
    _take_free_name(disk, folder, naming.part_name(index), naming.segment_name(index))


def set_aside(disk: Disk, folder: int, name: str) -> str:
    """Keep a file that cannot be read under a name that says so; returns that name.

    Nothing is overwritten: where an earlier one has the name, this one gets a number too.
    """
    inode = disk.facts(folder, name).inode
    number = 1
    while disk.exists(folder, target := naming.damaged_name(name, number)):
        if disk.facts(folder, target).inode == inode:
            # Cut off behind the link, an earlier time.
            disk.sync_folder(folder)
            disk.unlink(folder, name)
            return target
        number += 1
    _take_free_name(disk, folder, name, target)
    return target


def _take_free_name(disk: Disk, folder: int, old: str, new: str) -> None:
    # 3. A link, because it never takes a name that something else has.
    try:
        disk.link(folder, old, new)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _rename(disk, folder, old, new)
        return
    # 4. The new name first: until it is durable the old one is all there is.
    disk.sync_folder(folder)
    # 5. If this is lost, both names are there, and that is understood.
    disk.unlink(folder, old)


def _rename(disk: Disk, folder: int, old: str, new: str) -> None:
    """Steps 3 to 5 where links do not exist: look, then rename. Nobody comes between the two,
    since the storage is locked and has one writer."""
    if disk.exists(folder, new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
    disk.rename(folder, old, new)
    disk.sync_folder(folder)
