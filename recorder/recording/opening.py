"""The opening of a storage by its path: step by step, whoever it is for.

Owns the order: the folder, its file system, its marker, the lock, a probe; and what becomes of a
disk that is full. Whether the storage that is found there may be used, its opener says. Blocking,
through `Disk`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording.ballast import BALLAST_FILE
from recorder.recording.counter import read_counter
from recorder.recording.disk import PRIVATE_FOLDER_MODE, closing
from recorder.recording.durable import ensure_folder
from recorder.recording.known import META_FOLDER
from recorder.recording.meta import is_lock, probe, read_marker, take_lock
from recorder.recording.refusals import FULL, check_file_system

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from recorder.recording.disk import Disk

OPEN_FOLDER = "open"


@attrs.frozen
class FoundStorage:
    """A storage's descriptors, and what was read on the way to them."""

    identifier: str
    root: int
    meta: int
    unfinished: int
    lock: int
    following: int
    persisted: int
    warnings: list[str]


def open_place(
    directory: Path,
    disk: Disk,
    stack: ExitStack,
    accept: Callable[[str | None], str],
    held_lock: int | None = None,
) -> FoundStorage:
    """Open a storage by its path, lock it, and see that it takes writes.

    Args:
        stack: closes the descriptors.
        accept: told the marker's id, returns it or raises.
        held_lock: a lock that is held; where it is this storage's it is given back.
    """

    def keep(descriptor: int) -> int:
        return stack.enter_context(closing(disk, descriptor))

    root = keep(disk.open_path(directory))
    warnings = check_file_system(disk.file_system(root), directory)
    identifier = accept(read_marker(disk, root, directory))
    meta = keep(disk.open_folder(root, META_FOLDER))
    if held_lock is not None and is_lock(disk, meta, held_lock):
        lock = held_lock
    else:
        lock = keep(take_lock(disk, meta, directory))
    warnings += _try_writes(disk, directory, root, meta)
    unfinished = keep(ensure_folder(disk, meta, OPEN_FOLDER, PRIVATE_FOLDER_MODE))
    following, persisted = read_counter(disk, root, meta, unfinished)
    return FoundStorage(identifier, root, meta, unfinished, lock, following, persisted, warnings)


def _try_writes(disk: Disk, directory: Path, root: int, meta: int) -> list[str]:
    """See that it takes writes. A full disk takes them in the room of the ballast, which is given
    back for that: else nobody could open it to delete anything. Returns warnings."""
    try:
        probe(disk, meta)
        probe(disk, root)
    except OSError as error:
        if error.errno not in FULL:
            raise
        with suppress(FileNotFoundError):
            disk.unlink(meta, BALLAST_FILE)
        probe(disk, meta)
        probe(disk, root)
        return [f"The disk of {directory} is full; the reserve that is kept for that was used."]
    return []
