"""Small files and folders of ours that a power cut leaves whole.

Owns the procedures that are made of nothing but primitives of the disk, each in the one order in
which a cut behind any step leaves the old or the new and no mixture: bytes are synced before a name
leads to them, and a name is durable when its folder has been synced. What recordings are made of is
the matter of `files`.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording.disk import FILE_MODE, FOLDER_MODE, closing, write_all

if TYPE_CHECKING:
    from recorder.recording.disk import Disk

_SMALL_FILE_BYTES = 1 << 20
"""What `read_small_file` takes: markers, counters and lists of ours are far below it."""


def read_small_file(disk: Disk, folder: int, name: str) -> bytes:
    """The whole of a small file of ours.

    Raises:
        OSError: FileNotFoundError among others; EFBIG when it is not small.
    """
    content = b""
    with closing(disk, disk.open_file(folder, name)) as file:
        while block := disk.read(file, _SMALL_FILE_BYTES, len(content)):
            content += block
            if len(content) > _SMALL_FILE_BYTES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
    return content


def create_synced(disk: Disk, folder: int, name: str, content: bytes, mode: int) -> None:
    """A new file whose bytes are durable; its name is not, until the folder is synced."""
    with closing(disk, disk.create_file(folder, name, mode)) as file:
        write_all(disk, file, content, 0)
        disk.sync_file(file)


def replace_file(disk: Disk, folder: int, name: str, content: bytes, mode: int = FILE_MODE) -> None:
    """Give a file new content so that at any moment, power cuts included, either the old or the
    new content is there whole. When it returns the new content is durable.

    Raises:
        OSError: the old or the new content is there, which of them is unknown.
    """
    temporary = f"{name}.tmp"
    forget_replacement(disk, folder, name)
    create_synced(disk, folder, temporary, content, mode)
    disk.rename(folder, temporary, name)
    disk.sync_folder(folder)


def forget_replacement(disk: Disk, folder: int, name: str) -> None:
    """Remove what a `replace_file` that was cut off has left. Only the holder of the storage's lock
    writes here."""
    with suppress(FileNotFoundError):
        disk.unlink(folder, f"{name}.tmp")


def ensure_folder(disk: Disk, parent: int, name: str, mode: int = FOLDER_MODE) -> int:
    """The descriptor of a folder, which is made when it is missing; its name is durable."""
    with suppress(FileExistsError):
        disk.make_folder(parent, name, mode)
    # Also when it was there: who made it may have died before the sync.
    disk.sync_folder(parent)
    return disk.open_folder(parent, name)
