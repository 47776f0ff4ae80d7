"""`running` in the state folder: there while a recorder runs, and when one did not end in order.

Owns that file and `ended`, which it is called by who ends in order, and which stays: without either
there was nobody before. `running` names the boot, so that a start can tell a crash from a machine
that went off. Synced: a mark that a power cut took away would call the cut a clean end.
"""

from __future__ import annotations

import enum
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording.disk import PRIVATE_FILE_MODE
from recorder.recording.durable import read_small_file, replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.storage import Storage

RUNNING_FILE = "running"
ENDED_FILE = "ended"


class LastEnd(enum.StrEnum):
    """How the recorder before this one ended."""

    CLEAN = "clean"
    CRASH = "crash"
    """It ended without a word, and the machine went on."""
    POWER = "power"
    """The machine went down with it."""


def begin_running(storage: Storage, state: Path, boot: str) -> LastEnd | None:
    """Say that we run, and how the one before us ended; None if there was none. Blocking.

    Raises:
        OSError: it could not be said.
    """
    disk = storage.disk
    with storage.state_folder(state) as folder:
        try:
            found = read_small_file(disk, folder, RUNNING_FILE).decode("ascii", "replace").strip()
        except FileNotFoundError:
            end = LastEnd.CLEAN if disk.exists(folder, ENDED_FILE) else None
        else:
            end = LastEnd.CRASH if found == boot else LastEnd.POWER
        replace_file(disk, folder, RUNNING_FILE, f"{boot}\n".encode(), PRIVATE_FILE_MODE)
    return end


def end_running(storage: Storage, state: Path) -> None:
    """Say that we end in order. Blocking.

    Raises:
        OSError: it could not be said; the next start calls it a crash.
    """
    with storage.state_folder(state) as folder:
        with suppress(FileNotFoundError):
            storage.disk.rename(folder, RUNNING_FILE, ENDED_FILE)
        storage.disk.sync_folder(folder)
