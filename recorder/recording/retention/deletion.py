"""One recording is deleted, so that a cut at any moment leaves nothing that looks damaged.

Owns the order, numbered as in DESIGN.md. The manifest says first that the recording is being
deleted, durably; from then on a missing segment is no loss, and whoever finds it after a cut goes
on. The manifest and the folder go last, and while the folder has no manifest an entry names it.
KEEP is looked for before the first step and before every unlink: found then, it stops the rest, and
the manifest says what is gone. What is not ours in the folder stays, and keeps the folder and its
manifest.

Blocking, one step at a time: between two steps the caller gives the disk to those who record.
"""

from __future__ import annotations

import enum
import errno
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import closing, replace_file
from recorder.recording.entries import Entry
from recorder.recording.final_name import set_aside
from recorder.recording.manifest import ManifestError
from recorder.recording.recovery_plan import MANIFEST_TEMPORARY, anew
from recorder.recording.retention.keeping import is_kept
from recorder.recording.shelves import read_manifest, recording_folder
from recorder.recording.unfinished import forget, replace_entry

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

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
    manifest: of what is left; None where nothing is, or nothing was changed.
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
        return Removed(Fate.GONE)
    with closing(disk, folder):
        # 1.
        if is_kept(disk, folder):
            return Removed(Fate.KEPT)
        manifest = _begin(disk, folder, path, why)
        yield
        # 2.
        size = 0
        for name in _ours(disk.list_folder(folder)):
            if is_kept(disk, folder):
                return Removed(Fate.KEPT, _leave(disk, folder, manifest), size)
            size += disk.facts(folder, name).size
            disk.unlink(folder, name)
            yield
        # 3.
        disk.sync_folder(folder)
        if set(disk.list_folder(folder)) - {naming.MANIFEST_FILE, MANIFEST_TEMPORARY}:
            fate = Fate.KEPT if is_kept(disk, folder) else Fate.EMPTIED
            return Removed(fate, _leave(disk, folder, manifest), size)
        # 4. to 6.
        return attrs.evolve(_remove(storage, folder, path, manifest), bytes=size)


def _begin(disk: Disk, folder: int, path: str, why: str) -> Manifest:
    """The manifest says that the recording is being deleted, durably."""
    try:
        manifest = read_manifest(disk, folder)
    except FileNotFoundError:
        manifest = anew(path)
    except ManifestError:
        set_aside(disk, folder, naming.MANIFEST_FILE)
        manifest = anew(path)
    if manifest.deleting is None:
        manifest = attrs.evolve(manifest, deleting=why)
        _save(disk, folder, manifest)
    else:
        # Whoever wrote it may have died before the sync.
        disk.sync_folder(folder)
    return manifest


def _ours(names: Collection[str]) -> list[str]:
    """Segments by their index, then what recovery has set aside."""
    indexed = [(found.index, name) for name in names if (found := naming.parse_segment(name))]
    others = [name for name in names if naming.is_set_aside(name)]
    return [name for _, name in sorted(indexed)] + sorted(others)


def _leave(disk: Disk, folder: int, manifest: Manifest) -> Manifest:
    """Delete no further: the manifest says which segments are gone."""
    there = set(disk.list_folder(folder))
    rows = tuple(
        attrs.evolve(row, deleted=row.deleted or row.file not in there) for row in manifest.segments
    )
    manifest = attrs.evolve(manifest, segments=rows, deleting=None)
    _save(disk, folder, manifest)
    return manifest


def _save(disk: Disk, folder: int, manifest: Manifest) -> None:
    replace_file(disk, folder, naming.MANIFEST_FILE, manifest.to_json())


def _remove(storage: Storage, folder: int, path: str, manifest: Manifest) -> Removed:
    """The manifest and the folder, which has nothing else in it."""
    disk, (room, date, name) = storage.disk, path.split("/")
    # 4. A folder without a manifest is one that a start must look into. Without a boot: nobody
    #    continues it.
    entry = Entry(folder=path)
    replace_entry(storage, entry)
    removed = Removed(Fate.GONE)
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
            removed = Removed(fate, _leave(disk, folder, manifest))
        disk.sync_folder(date_folder)
    forget(storage, naming.number_name(entry.number))
    return removed


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
