"""KEEP: the file beside a manifest that says that a recording is never deleted.

Owns its text and its coming and going. What counts is that it is there, not what is in it: a person
may have made it with `touch`. Blocking, through `Disk`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording import naming
from recorder.recording.disk import FILE_MODE
from recorder.recording.durable import create_synced

if TYPE_CHECKING:
    from recorder.recording.disk import Disk


def is_kept(disk: Disk, folder: int) -> bool:
    return disk.exists(folder, naming.KEEP_FILE)


def keep(disk: Disk, folder: int, *, who: str, when: str, why: str) -> bool:
    """From here on the recording is never deleted, durably; False: it was kept already.

    Args:
        folder: of the recording.

    Raises:
        OSError: it may be kept or not.
    """
    text = f"who: {who}\nwhen: {when}\nwhy: {why}\n"
    is_new = True
    try:
        create_synced(disk, folder, naming.KEEP_FILE, text.encode(), FILE_MODE)
    except FileExistsError:
        is_new = False
    # Also when it was there: who made it may have died before the sync.
    disk.sync_folder(folder)
    return is_new


def unkeep(disk: Disk, folder: int) -> bool:
    """Retention may take the recording again, durably; False: nobody kept it."""
    was_kept = is_kept(disk, folder)
    with suppress(FileNotFoundError):
        disk.unlink(folder, naming.KEEP_FILE)
    disk.sync_folder(folder)
    return was_kept
