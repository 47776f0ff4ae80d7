"""One recording is deleted, so that a cut at any moment leaves nothing that looks damaged.

Owns the order, numbered as in DESIGN.md. An entry comes first and goes last: whatever a cut leaves,
a start looks into it, and goes on where the manifest says that the recording is being deleted. The
manifest says so durably before the first file goes, so that a missing segment is no loss; it goes
last itself, with the folder. KEEP is looked for before anything is touched, right before the
manifest is written, and before every unlink: it stops the rest, and the manifest then says what is
gone. What is not ours in the folder stays, and keeps the folder and its manifest.

Blocking, one step at a time: between two steps the caller gives the disk to those who record.
"""

from __future__ import annotations

import enum
import errno
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import closing
from recorder.recording.durable import replace_file
from recorder.recording.entries import Entry
from recorder.recording.final_name import set_aside
from recorder.recording.manifest import ManifestError
from recorder.recording.recovery_plan import (
    MANIFEST_TEMPORARY,
    anew,
    complete,
    without_checksum,
)
from recorder.recording.retention.keeping import is_kept
from recorder.recording.shelves import open_recording, read_manifest, recording_folder
from recorder.recording.unfinished import forget, forget_missing, replace_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator

    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Manifest
    from recorder.recording.storage import Storage

_NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})


class Fate(enum.Enum):
    """What became of a recording that was to be deleted."""

    GONE = "gone"
    KEPT = "kept"
    """KEEP stopped it, before it began or in the middle."""
    EMPTIED = "emptied"
    """All that is ours is gone. Something else lies in the folder, and so the manifest stays."""


@attrs.frozen
class Removed:
    """Attributes:
    manifest: of what is left; None where nothing is, or it cannot be read and was not changed.
    bytes: of the files that this has removed.
    """

    fate: Fate
    manifest: Manifest | None = None
    bytes: int = 0


def delete_recording(storage: Storage, path: str, why: str) -> Generator[None, None, Removed]:
    """Delete a recording that is over; each step is one call of `next`.

    Args:
        path: of its folder, below the storage.
        why: what its manifest says as long as it is there.

    Raises:
        OSError: the rest is still to be done; the same call goes on from there.
    """
    disk = storage.disk
    try:
        folder = recording_folder(disk, storage.root, path)
    except FileNotFoundError:
        forget_missing(storage, path)
        return Removed(Fate.GONE)
    with closing(disk, folder):
        if is_kept(disk, folder):
            return _kept(storage, folder, path)
        # 1. Without a boot: nobody continues it.
        replace_entry(storage, Entry(folder=path))
        # 2.
        if is_kept(disk, folder):
            return _kept(storage, folder, path)
        manifest = _begin(disk, folder, path, why)
        yield
        # 3.
        size = 0
        for name in _ours(disk.list_folder(folder)):
            if is_kept(disk, folder):
                return Removed(Fate.KEPT, _leave(storage, folder, path, manifest), size)
            size += disk.facts(folder, name).size
            disk.unlink(folder, name)
            yield
        # 4.
        disk.sync_folder(folder)
        if set(disk.list_folder(folder)) - {naming.MANIFEST_FILE, MANIFEST_TEMPORARY}:
            fate = Fate.KEPT if is_kept(disk, folder) else Fate.EMPTIED
            return Removed(fate, _leave(storage, folder, path, manifest), size)
        # 5. to 7.
        return attrs.evolve(_remove(storage, folder, path, manifest), bytes=size)


def resume_deletion(storage: Storage, path: str, pause: Callable[[], None]) -> Removed | None:
    """Go on with a deletion that was cut off; None: the recording is not being deleted.

    Args:
        pause: called between two steps.

    Raises:
        OSError: the rest is still to be done.
    """
    try:
        with open_recording(storage.disk, storage.root, path) as folder:
            manifest = _readable(storage.disk, folder)
    except FileNotFoundError:
        return None
    if manifest is None or manifest.deleting is None:
        return None
    return finish(delete_recording(storage, path, manifest.deleting), pause)


def finish(steps: Generator[None, None, Removed], pause: Callable[[], None]) -> Removed:
    """All steps of a deletion, one after the other; `pause` is called between two."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            removed: Removed = stop.value
            return removed
        pause()


def _begin(disk: Disk, folder: int, path: str, why: str) -> Manifest:
    """The manifest says that the recording is being deleted, durably. One that is made anew has an
    end, or whoever reads it would take the recording for one that goes on."""
    try:
        manifest = read_manifest(disk, folder)
    except FileNotFoundError:
        manifest = anew(path)
    except ManifestError:
        set_aside(disk, folder, naming.MANIFEST_FILE)
        manifest = anew(path)
    if manifest.deleting is None:
        manifest = attrs.evolve(complete(manifest, (), 0), deleting=why)
        _save(disk, folder, manifest)
    else:
        # Whoever wrote it may have died before the sync.
        disk.sync_folder(folder)
    return manifest


def _readable(disk: Disk, folder: int) -> Manifest | None:
    try:
        return read_manifest(disk, folder)
    except (FileNotFoundError, ManifestError):
        return None


def _ours(names: Collection[str]) -> list[str]:
    """Segments by their index, then what recovery has set aside."""
    indexed = [(found.index, name) for name in names if (found := naming.parse_segment(name))]
    others = [name for name in names if naming.is_set_aside(name)]
    return [name for _, name in sorted(indexed)] + sorted(others)


def _kept(storage: Storage, folder: int, path: str) -> Removed:
    """KEEP is there before anything was done; an earlier deletion may have been cut off by it."""
    manifest = _readable(storage.disk, folder)
    if manifest is None:
        # What entry there is stays: a start makes the manifest anew.
        return Removed(Fate.KEPT)
    if manifest.deleting is not None:
        manifest = _leave(storage, folder, path, manifest)
    else:
        _drop_entry(storage, folder, path, manifest)
    return Removed(Fate.KEPT, manifest)


def _leave(storage: Storage, folder: int, path: str, manifest: Manifest) -> Manifest:
    """Delete no further: the manifest says which segments are gone, and no start needs to look."""
    disk = storage.disk
    there = set(disk.list_folder(folder))
    rows = tuple(
        attrs.evolve(row, deleted=row.deleted or row.file not in there) for row in manifest.segments
    )
    manifest = attrs.evolve(manifest, segments=rows, deleting=None)
    _save(disk, folder, manifest)
    _drop_entry(storage, folder, path, manifest)
    return manifest


def _drop_entry(storage: Storage, folder: int, path: str, manifest: Manifest) -> None:
    """Unless a start still has something to make whole: a file without a row, a checksum."""
    name = naming.number_name(Entry(folder=path).number)
    if not storage.disk.exists(storage.unfinished, name):
        return
    names = storage.disk.list_folder(folder)
    rows = {row.file for row in manifest.segments}
    without_row = [each for each in names if naming.parse_segment(each) and each not in rows]
    if not without_row and not without_checksum(manifest, names):
        forget(storage, name)


def _save(disk: Disk, folder: int, manifest: Manifest) -> None:
    replace_file(disk, folder, naming.MANIFEST_FILE, manifest.to_json())


def _remove(storage: Storage, folder: int, path: str, manifest: Manifest) -> Removed:
    """The manifest and the folder, which has nothing else in it."""
    disk, (room, date, name) = storage.disk, path.split("/")
    # 5.
    for each in (MANIFEST_TEMPORARY, naming.MANIFEST_FILE):
        with suppress(FileNotFoundError):
            disk.unlink(folder, each)
    # 6.
    with (
        closing(disk, disk.open_folder(storage.root, room)) as room_folder,
        closing(disk, disk.open_folder(room_folder, date)) as date_folder,
    ):
        try:
            disk.remove_folder(date_folder, name)
        except OSError as error:
            if error.errno not in _NOT_EMPTY:
                raise
            # Something has come this moment, most likely KEEP.
            fate = Fate.KEPT if is_kept(disk, folder) else Fate.EMPTIED
            return Removed(fate, _leave(storage, folder, path, manifest))
        disk.sync_folder(date_folder)
    # 7.
    forget(storage, naming.number_name(Entry(folder=path).number))
    return Removed(Fate.GONE)


def remove_empty_day(storage: Storage, path: str) -> None:
    """Remove the folder of a recording's day, and nothing else, when nothing is in it. Nobody may
    begin a recording meanwhile.

    Args:
        path: of the recording.

    Raises:
        OSError: it stays.
    """
    disk, (room, date, _) = storage.disk, path.split("/")
    with closing(disk, disk.open_folder(storage.root, room)) as room_folder:
        try:
            disk.remove_folder(room_folder, date)
        except OSError as error:
            if error.errno not in _NOT_EMPTY:
                raise
        else:
            disk.sync_folder(room_folder)
