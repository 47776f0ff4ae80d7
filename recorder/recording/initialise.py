"""A folder is taken into use: it becomes a storage of ours.

Owns the order in which the folder `.recorder` and what is in it are made, the marker last. A person
calls this, and nothing else does: a mount point whose disk is missing is an empty folder, and
recording into it would fill the boot card while everything looks well. For the same reason a folder
that was ours and is empty now is refused.

The numbered procedure and what a crash leaves of it stand in DESIGN.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.recording.counter import highest_number, write_next
from recorder.recording.disk import FOLDER_MODE, PRIVATE_FOLDER_MODE, closing
from recorder.recording.durable import ensure_folder
from recorder.recording.known import META_FOLDER, KnownStorages, absolute, ensure_path
from recorder.recording.meta import read_marker, take_lock, write_marker
from recorder.recording.opening import OPEN_FOLDER
from recorder.recording.refusals import check_file_system, explained

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.disk import Disk


def initialise(directory: Path, state: Path | None, disk: Disk) -> bool:
    """Take a folder into use: make it when missing, write its marker, remember it in `state`.

    Args:
        state: the state folder; None is the storage's own `.recorder`.

    Returns:
        False when it was ours already and nothing was to be done.

    Raises:
        StorageError: it cannot be used, or its disk seems not to be mounted.
    """
    directory = absolute(directory)
    known = KnownStorages.load(directory, state, disk)
    with (
        explained(directory),
        closing(disk, ensure_path(disk, directory, FOLDER_MODE)) as root,
    ):
        check_file_system(disk.file_system(root), directory)
        identifier = read_marker(disk, root, directory)
        if identifier is not None:
            # Who made it may have died before the sync, and what is known must not be lost.
            with closing(disk, disk.open_folder(root, META_FOLDER)) as meta:
                disk.sync_folder(meta)
            return known.learn(identifier)
        known.refuse_if_emptied()
        with (
            closing(disk, ensure_folder(disk, root, META_FOLDER, PRIVATE_FOLDER_MODE)) as meta,
            closing(disk, take_lock(disk, meta, directory)),
        ):
            # Looked at again: another `init` may have come first.
            identifier = read_marker(disk, root, directory) or _write_meta(disk, root, meta)
    known.learn(identifier)
    return True


def _write_meta(disk: Disk, root: int, meta: int) -> str:
    """Fill `.recorder`, the marker last: a marker means that everything else is there."""
    with closing(disk, ensure_folder(disk, meta, OPEN_FOLDER, PRIVATE_FOLDER_MODE)) as unfinished:
        # A folder that lost its marker may hold recordings, and their numbers are used.
        number = highest_number(disk, root, unfinished) + 1
    write_next(disk, meta, number)
    return write_marker(disk, meta)
