"""The entries of `.recorder/open`, on the disk: made, replaced, read, removed.

Owns the effects; what an entry says is `entries`' part. Each is one small file, so that a start
which reads this folder has read all that is unfinished, and nothing else.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording import naming
from recorder.recording.disk import PRIVATE_FILE_MODE, closing
from recorder.recording.durable import create_synced, read_small_file, replace_file
from recorder.recording.entries import Entry

if TYPE_CHECKING:
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

_TEMPORARY = ".tmp"
"""Behind the name of what `replace_entry` writes before it replaces anything."""


def create_entry(storage: Storage, entry: Entry) -> None:
    """From here on a start looks for the recording, durably.

    Raises:
        OSError: FileExistsError among others.
    """
    name = naming.number_name(entry.number)
    create_synced(storage.disk, storage.unfinished, name, entry.to_bytes(), PRIVATE_FILE_MODE)
    storage.disk.sync_folder(storage.unfinished)


def replace_entry(storage: Storage, entry: Entry) -> None:
    """Something else is known of the recording now."""
    name = naming.number_name(entry.number)
    replace_file(storage.disk, storage.unfinished, name, entry.to_bytes(), PRIVATE_FILE_MODE)


def forget(storage: Storage, name: str) -> None:
    """Remove an entry, durably; it may be gone already.

    Args:
        name: the recording's number as `naming.number_name` writes it, or a name that
            `read_entries` gave.
    """
    for each in (name, f"{name}{_TEMPORARY}"):
        with suppress(FileNotFoundError):
            storage.disk.unlink(storage.unfinished, each)
    # Also when it was gone: who removed it may have died before the sync.
    storage.disk.sync_folder(storage.unfinished)


def forget_missing(storage: Storage, path: str) -> None:
    """Remove the entry of a recording whose folder is not there.

    Args:
        path: of the folder, below the storage.
    """
    disk, (room, date, _) = storage.disk, path.split("/")
    # Who removed it may have died before the sync, and it would come back with no entry.
    with (
        suppress(FileNotFoundError),
        closing(disk, disk.open_folder(storage.root, room)) as room_folder,
        closing(disk, disk.open_folder(room_folder, date)) as date_folder,
    ):
        disk.sync_folder(date_folder)
    forget(storage, naming.number_name(Entry(folder=path).number))


def read_entries(storage: Storage) -> list[Entry | str]:
    """The recordings that are not finished, by number; of an entry that was cut short its name:
    it has no folder, unless it was damaged later. So too of what was to replace an entry that is
    gone: after a cut nothing but `forget` removes it.

    Of an entry that the disk does not give there is the name as well, and it is said in the log:
    one bad sector must not keep a recorder from starting.

    Raises:
        OSError: the entries cannot be listed.
    """
    disk, found = storage.disk, list[Entry | str]()
    names = sorted(disk.list_folder(storage.unfinished), key=lambda name: (len(name), name))
    for name in names:
        plain = name.removesuffix(_TEMPORARY)
        number = naming.parse_number(plain)
        if number is None or (plain != name and plain in names):
            continue
        if plain != name:
            found.append(name)
            continue
        try:
            entry = Entry.from_bytes(read_small_file(disk, storage.unfinished, name))
        except OSError as error:
            log.warning("The entry %s of an unfinished recording cannot be read: %s", name, error)
            entry = None
        found.append(name if entry is None or entry.number != number else entry)
    return found
