"""The entries of `.recorder/open`, on the disk: made, replaced, read, removed.

Owns the effects; what an entry says is `entries`' part. Each is one small file, so that a start
which reads this folder has read all that is unfinished, and nothing else.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording import naming
from recorder.recording.disk import (
    PRIVATE_FILE_MODE,
    create_synced,
    read_small_file,
    replace_file,
)
from recorder.recording.entries import Entry

if TYPE_CHECKING:
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)


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
        name: the recording's number as `naming.number_name` writes it.
    """
    disk, unfinished = storage.disk, storage.unfinished
    with suppress(FileNotFoundError):
        # What a cut left of `replace_entry`. It goes first, because without the entry no start
        # would ever come here again.
        disk.unlink(unfinished, f"{name}.tmp")
        disk.sync_folder(unfinished)
    with suppress(FileNotFoundError):
        disk.unlink(unfinished, name)
    # Also when it was gone: who removed it may have died before the sync.
    disk.sync_folder(unfinished)


def read_entries(storage: Storage) -> list[Entry | str]:
    """The recordings that are not finished, by number; of an entry that was cut short its name:
    it has no folder.

    An entry that the disk does not give is left out, and said in the log: one bad sector must
    not keep a recorder from starting.

    Raises:
        OSError: the entries cannot be listed.
    """
    disk, found = storage.disk, list[Entry | str]()
    for name in sorted(disk.list_folder(storage.unfinished), key=lambda name: (len(name), name)):
        number = naming.parse_number(name)
        if number is None:
            continue
        try:
            entry = Entry.from_bytes(read_small_file(disk, storage.unfinished, name))
        except OSError as error:
            log.warning("The entry %s of an unfinished recording cannot be read: %s", name, error)
            continue
        found.append(name if entry is None or entry.number != number else entry)
    return found
