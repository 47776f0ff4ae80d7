"""The newest recordings: from the catalogue where there is one, else from the disk.

Owns how both are read without the lock, beside a recorder that runs or instead of one that does
not. Changes nothing. Blocking. The catalogue is asked for what is settled; what is not ended is
read from its manifest, and whether it is being written this moment is seen in its files and
nowhere else: a recorder that was killed wrote no word about it.

Without a catalogue the folders' names give order and room, so that no more manifests are read
than are shown.
"""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from recorder.flv.tags import (
    FILE_HEADER_BYTES,
    TAG_HEADER_BYTES,
    TAG_OVERHEAD,
    TAG_TRAILER_BYTES,
    read_header,
)
from recorder.recording import naming
from recorder.recording.catalogue import Catalogue
from recorder.recording.catalogue_file import CATALOGUE_FILE
from recorder.recording.disk import closing
from recorder.recording.durable import read_small_file
from recorder.recording.entries import Entry
from recorder.recording.known import META_FOLDER, absolute
from recorder.recording.opening import OPEN_FOLDER
from recorder.recording.recovery_plan import MANIFEST_TEMPORARY
from recorder.recording.refusals import StorageError, explained
from recorder.recording.shelves import open_recording, read_row, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from recorder.recording.disk import Disk
    from recorder.recording.rows import Row

FRESH_NS = 5_000_000_000
"""A part that was written within this time is being recorded: a batch is a second, a write may take
three, and FAT tells the time in steps of two. In both directions, because the clock may be set."""


@attrs.frozen
class Listed:
    """A recording, and whether its file has grown in these seconds."""

    row: Row
    is_recording: bool = False

    @property
    def state(self) -> str:
        """`recording`, `ended`, `deleting`, `unknown` (damaged), or `unfinished`: waiting for its
        publisher or for the disk, or cut off and not yet repaired."""
        if self.is_recording:
            return "recording"
        if self.row.damaged is not None:
            return "unknown"
        if self.row.deleting is not None:
            return "deleting"
        return "unfinished" if self.row.end_utc is None else "ended"


@attrs.frozen
class Listing:
    """Recordings, the newest first; `warnings` are what could not be looked into, in sentences."""

    recordings: list[Listed]
    warnings: list[str]


def list_recordings(
    directory: Path, disk: Disk, *, room: str | None, limit: int, now_utc_ns: int
) -> Listing:
    """The newest recordings of a storage.

    Args:
        room: of this room only.
        limit: how many at most.
        now_utc_ns: the wall clock, for the age of files.

    Raises:
        StorageError: the folder cannot be read, or is no storage.
    """
    directory = absolute(directory)
    with explained(directory), closing(disk, disk.open_path(directory)) as root:
        if not disk.exists(root, META_FOLDER):
            raise StorageError(
                f"The folder {directory} is not a recorder storage: it has no marker. "
                "Check that the disk is mounted, and the configuration."
            )
        warnings = list[str]()
        rows = _from_catalogue(directory, disk, root, room, limit)
        if rows is None:
            rows = _from_folders(disk, root, room, limit, warnings)
        newest = sorted(rows, key=lambda row: row.number, reverse=True)[:limit]
        return Listing([_listed(disk, root, row, now_utc_ns) for row in newest], warnings)


def _from_catalogue(
    directory: Path, disk: Disk, root: int, room: str | None, limit: int
) -> list[Row] | None:
    """What the catalogue says, brought up to date; None: there is none that can be read."""
    catalogue = Catalogue.open_to_read(directory / META_FOLDER / CATALOGUE_FILE)
    if catalogue is None:
        return None
    try:
        with contextlib.closing(catalogue):
            # Entries first: what ends in between has a row by then, or an older one is read anew.
            folders = _unfinished(disk, root)
            rows = catalogue.page(room, limit=limit).rows
    except (sqlite3.Error, OSError):
        return None
    settled = {row.folder: row for row in rows if row.end_utc is not None}
    for folder in folders:
        settled.pop(folder, None)
    unsettled = {row.folder for row in rows if row.end_utc is None}
    unsettled.update(folder for folder in folders if room in (None, folder.split("/")[0]))
    found = _read_all(disk, root, unsettled)
    return found + [row for each in settled.values() if (row := _looked_after(disk, root, each))]


def _looked_after(disk: Disk, root: int, row: Row) -> Row | None:
    """A settled row, and what people do by hand: KEEP is put there, a folder is removed (None)."""
    try:
        with open_recording(disk, root, row.folder) as folder:
            return attrs.evolve(row, kept=disk.exists(folder, naming.KEEP_FILE))
    except FileNotFoundError:
        return None
    except OSError:
        # One folder that cannot be opened must not cost the listing.
        return row


def _unfinished(disk: Disk, root: int) -> set[str]:
    """The folders of recordings that somebody still has to finish."""
    found = set()
    with _entries(disk, root) as entries:
        for name in disk.list_folder(entries):
            # It may be finished in this moment, and the entry gone.
            with suppress(FileNotFoundError):
                entry = Entry.from_bytes(read_small_file(disk, entries, name))
                if entry is not None:
                    found.add(entry.folder)
    return found


@contextlib.contextmanager
def _entries(disk: Disk, root: int) -> Iterator[int]:
    with (
        closing(disk, disk.open_folder(root, META_FOLDER)) as meta,
        closing(disk, disk.open_folder(meta, OPEN_FOLDER)) as entries,
    ):
        yield entries


def _from_folders(
    disk: Disk, root: int, room: str | None, limit: int, warnings: list[str]
) -> list[Row]:
    def warn(path: str, error: OSError) -> None:
        warnings.append(f"The folder {path} cannot be read: {error.strerror}.")

    found = [each for each in walk(disk, root, warn) if room in (None, each.path.split("/")[0])]
    found.sort(key=lambda each: each.number, reverse=True)
    return _read_all(disk, root, (each.path for each in found[:limit]))


def _read_all(disk: Disk, root: int, folders: Iterable[str]) -> list[Row]:
    rows = []
    for path in folders:
        # Removed since it was found.
        with suppress(FileNotFoundError):
            row = read_row(disk, root, path)
            if row.damaged is None or not _comes_or_goes(disk, root, row):
                rows.append(row)
    return rows


def _comes_or_goes(disk: Disk, root: int, row: Row) -> bool:
    """Whether the folder is just being made or removed: for a moment nothing is in it, and an entry
    names it before, meanwhile and after.

    Raises:
        FileNotFoundError: it is gone by now.
    """
    try:
        with open_recording(disk, root, row.folder) as folder:
            names = disk.list_folder(folder)
        if set(names) - {MANIFEST_TEMPORARY}:
            return False
        with _entries(disk, root) as entries:
            is_named = disk.exists(entries, naming.number_name(row.number))
        # Without an entry it is empty for good, or removed since it was found.
        with open_recording(disk, root, row.folder):
            return is_named
    except FileNotFoundError:
        raise
    except OSError:
        # One folder that cannot be opened must not cost the listing.
        return False


def _listed(disk: Disk, root: int, row: Row, now_utc_ns: int) -> Listed:
    if row.end_utc is not None:
        return Listed(row)
    is_recording, size, duration_ms = False, row.bytes, row.duration_ms
    with suppress(OSError), open_recording(disk, root, row.folder) as folder:
        for name in disk.list_folder(folder):
            segment = naming.parse_segment(name)
            if segment is not None and segment.part:
                facts = disk.facts(folder, name)
                size += facts.size
                is_recording |= abs(now_utc_ns - facts.modified_ns) <= FRESH_NS
                duration_ms += _newest_ms(disk, folder, name)
    # With what is being written, or a lesson would seem empty until its first segment is closed.
    return Listed(attrs.evolve(row, bytes=size, duration_ms=duration_ms), is_recording)


def _newest_ms(disk: Disk, folder: int, name: str) -> int:
    """How far a part has come, by the last tag in it; 0 where it does not end with a whole one,
    because a batch is just being written, or was cut off."""
    with closing(disk, disk.open_file(folder, name)) as file:
        size = disk.size(file)
        if size < FILE_HEADER_BYTES + TAG_OVERHEAD:
            return 0
        trailer = disk.read(file, TAG_TRAILER_BYTES, size - TAG_TRAILER_BYTES)
        begin = size - TAG_TRAILER_BYTES - int.from_bytes(trailer)
        if not FILE_HEADER_BYTES <= begin <= size - TAG_OVERHEAD:
            return 0
        _, time_ms, body_bytes = read_header(disk.read(file, TAG_HEADER_BYTES, begin))
        return time_ms if begin + TAG_OVERHEAD + body_bytes == size else 0
