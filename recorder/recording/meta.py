"""What makes a folder a storage: the marker says whose it is, the lock who uses it, a probe whether
it takes writes.

Owns these three files and nothing of their order, which is the storage's (`storage`). Blocking,
through `Disk`.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording.disk import FILE_MODE, closing, write_all
from recorder.recording.durable import create_synced, read_small_file, replace_file
from recorder.recording.known import META_FOLDER
from recorder.recording.refusals import FULL, InUseError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.disk import Disk

MARKER_FILE = "id"
LOCK_FILE = "lock"
PROBE_FILE = ".recorder-probe"


def read_marker(disk: Disk, root: int, directory: Path) -> str | None:
    """The storage's id; None when the folder has no marker.

    Raises:
        StorageError: there is a marker that says nothing.
    """
    try:
        with closing(disk, disk.open_folder(root, META_FOLDER)) as meta:
            content = read_small_file(disk, meta, MARKER_FILE)
    except FileNotFoundError:
        return None
    try:
        return str(uuid.UUID(content.decode("ascii").strip()))
    except ValueError:
        raise StorageError(
            f"The marker {directory / META_FOLDER / MARKER_FILE} is damaged. Check the disk, "
            "then remove that file and run `recorder init`; recordings stay as they are."
        ) from None


def write_marker(disk: Disk, meta: int) -> str:
    """Make the folder a storage, and return its new id."""
    identifier = str(uuid.uuid4())
    replace_file(disk, meta, MARKER_FILE, f"{identifier}\n".encode())
    return identifier


def take_lock(disk: Disk, meta: int, directory: Path) -> int:
    """Lock the storage for as long as the returned descriptor is open.

    Raises:
        InUseError: somebody else has it.
    """
    lock = disk.open_lock(meta, LOCK_FILE)
    try:
        if not disk.try_lock(lock):
            holder = disk.read(lock, 20, 0).decode("ascii", "replace").strip()
            process = f" (process {holder})" if holder.isdecimal() else ""
            raise InUseError(f"The folder {directory} is in use by another recorder{process}.")
        disk.truncate(lock, 0)
        _write_holder(disk, lock)
    except BaseException:
        disk.close(lock)
        raise
    return lock


def _write_holder(disk: Disk, lock: int) -> None:
    """For the sentence above. A full disk has no room for that, and is opened all the same, so that
    something on it can be deleted."""
    try:
        write_all(disk, lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        if error.errno not in FULL:
            raise


def is_lock(disk: Disk, meta: int, held: int) -> bool:
    """Whether a lock that is held is the one of this folder."""
    with closing(disk, disk.open_lock(meta, LOCK_FILE)) as lock:
        return disk.identity(lock) == disk.identity(held)


def probe(disk: Disk, folder: int) -> None:
    """Write and sync a file. Nothing less tells: a file system that went read-only after an
    error still calls itself writable on today's kernels."""
    with suppress(FileNotFoundError):
        disk.unlink(folder, PROBE_FILE)
    create_synced(disk, folder, PROBE_FILE, b"probe\n", FILE_MODE)
    disk.unlink(folder, PROBE_FILE)
