"""A recording that was cut off is made whole again: its files, its manifest, and its entry.

Owns the effects of "recovery" (DESIGN.md). What is to be done is decided in `recovery_plan`, and
done to the files in `recovery_steps`. Blocking; called in a thread, or by a command that holds the
lock.

Twice is as good as once, and it may be cut off anywhere: every step leaves a folder of which the
same plan, made again, has the rest of the steps. The entry goes last, when all of it is durable.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import UnreadableError, closing
from recorder.recording.durable import replace_file
from recorder.recording.final_name import set_aside
from recorder.recording.recovery_plan import (
    Found,
    anew,
    complete,
    plan_files,
    with_checksums,
    with_what_is_there,
    without_checksum,
)
from recorder.recording.recovery_steps import Repaired, carry_out, look
from recorder.recording.retention.deletion import Fate, resume_deletion
from recorder.recording.shelves import open_recording
from recorder.recording.unfinished import forget, forget_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Manifest
    from recorder.recording.salvage import Progress
    from recorder.recording.storage import Storage

    Checksum: TypeAlias = Callable[[int, str], str]
    """Gives the SHA-256 of a file, by the descriptor of its folder and its name."""


@attrs.frozen(kw_only=True)
class Recovered:
    """What became of a recording.

    Attributes:
        path: below the storage.
        manifest: as it is now; None: nothing was recorded, and the folder is gone if it was empty;
            or it is deleted.
        made_anew: there was no manifest, or none that could be read.
        was_damaged: there was one that could not be read; it is kept under another name.
        was_ended: it had no end before.
        was_deleted: its deletion had been cut off, and is finished.
        checksums: how many were computed.
        unreadable: segments that the disk does not give, and that stay as they are, without one.
        is_done: the recording is finished, and its entry gone. False: checksums are missing.
    """

    path: str
    manifest: Manifest | None
    files: Repaired
    made_anew: bool = False
    was_damaged: bool = False
    was_ended: bool = False
    was_deleted: bool = False
    checksums: int = 0
    unreadable: tuple[str, ...] = ()
    is_done: bool = True


def recover_folder(
    disk: Disk,
    folder: int,
    path: str,
    *,
    creator: str,
    checksum: Checksum | None = None,
    gives_up: bool = False,
    progress: Progress | None = None,
) -> Recovered:
    """Make a recording's folder whole, wherever it lies. When it returns all of it is durable.

    Args:
        path: of the folder, for a manifest that is made anew.
        creator: what a head names that is written here.
        checksum: computes what is missing; None: it stays missing.
        gives_up: as of `repair_files` and `look`; and what cannot be read has no checksum.
        progress: told how many bytes more of the segments have been read.

    Raises:
        OSError: the rest is still to be done.
    """
    found = look(disk, folder, gives_up=gives_up)
    steps = plan_files(found)
    done = carry_out(disk, folder, found, steps, creator, gives_up=gives_up, progress=progress)
    if found.is_damaged:
        set_aside(disk, folder, naming.MANIFEST_FILE)
    left = Found(names=frozenset(disk.list_folder(folder)))
    if found.manifest is None and not left.names:
        return Recovered(path=path, manifest=None, files=done)
    before = anew(path) if found.manifest is None else found.manifest
    manifest = complete(before, done.rows, left.damaged_segments)
    manifest = with_what_is_there(manifest, left.names)
    if manifest == found.manifest:
        # It is whole, but whoever wrote it, or removed a name above, may have died at once.
        disk.sync_folder(folder)
    else:
        _save(disk, folder, manifest)
    missing = without_checksum(manifest, left.names)
    checksums = dict[str, str]()
    if checksum is not None and missing:
        checksums = _checksums(folder, missing, checksum, gives_up=gives_up)
        manifest = with_checksums(manifest, checksums)
        _save(disk, folder, manifest)
    return Recovered(
        path=path,
        manifest=manifest,
        files=done,
        made_anew=found.manifest is None,
        was_damaged=found.is_damaged,
        was_ended=before.end is None,
        checksums=len(checksums),
        unreadable=() if checksum is None else tuple(without_checksum(manifest, left.names)),
        is_done=checksum is not None or not missing,
    )


def _checksums(
    folder: int, names: Iterable[str], checksum: Checksum, *, gives_up: bool
) -> dict[str, str]:
    found = dict[str, str]()
    for name in names:
        try:
            found[name] = checksum(folder, name)
        except UnreadableError:
            if not gives_up:
                raise
    return found


def _save(disk: Disk, folder: int, manifest: Manifest) -> None:
    replace_file(disk, folder, naming.MANIFEST_FILE, manifest.to_json())


def recover_recording(
    storage: Storage,
    path: str,
    *,
    creator: str,
    checksum: Checksum | None = None,
    gives_up: bool = False,
    progress: Progress | None = None,
    pause: Callable[[], None] = lambda: None,
) -> Recovered:
    """Make a recording of a storage whole, or finish its deletion, and remove its entry.

    Nobody else may have anything open in its folder.

    Args:
        path: of its folder, below the storage.
        gives_up: as of `recover_folder`.
        pause: called between two files that are deleted.

    Raises:
        OSError: the entry stays, and the rest is done at the next attempt.
    """
    try:
        removed = resume_deletion(storage, path, pause)
    except UnreadableError:
        # Whether it was being deleted its manifest would say.
        if not gives_up:
            raise
        removed = None
    if removed is not None and removed.fate is Fate.GONE:
        return Recovered(path=path, manifest=None, files=Repaired(), was_deleted=True)
    disk = storage.disk
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_recording(disk, storage.root, path))
        except FileNotFoundError:
            # Cut off before the folder was made, or behind its removal.
            forget_missing(storage, path)
            return Recovered(path=path, manifest=None, files=Repaired())
        recovered = recover_folder(
            disk,
            folder,
            path,
            creator=creator,
            checksum=checksum,
            gives_up=gives_up,
            progress=progress,
        )
        if recovered.manifest is None:
            _remove_folder(disk, storage.root, path)
    if recovered.is_done:
        number = naming.parse_recording_folder(path.rpartition("/")[2])
        assert number is not None, "only a recording's folder is recovered"
        forget(storage, naming.number_name(number))
    return recovered


def _remove_folder(disk: Disk, root: int, path: str) -> None:
    """Remove the empty folder of a recording that never began."""
    room, date, name = path.split("/")
    with (
        closing(disk, disk.open_folder(root, room)) as room_folder,
        closing(disk, disk.open_folder(room_folder, date)) as date_folder,
    ):
        disk.remove_folder(date_folder, name)
        disk.sync_folder(date_folder)
