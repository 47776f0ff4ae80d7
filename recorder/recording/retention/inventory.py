"""Every recording as retention sees it, read from the disk: where no catalogue says it.

Owns that reading. Blocking; slower than the catalogue by a manifest for each recording, and as
true. Needs no lock, writes nothing.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from recorder.recording import naming
from recorder.recording.ballast import BALLAST_FILE
from recorder.recording.catalogue_file import CATALOGUE_FILE
from recorder.recording.retention.candidates import is_emptied, known_of
from recorder.recording.shelves import open_recording, read_row, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recorder.recording.disk import Disk
    from recorder.recording.retention.candidates import Known
    from recorder.recording.storage import Storage


def read_known(disk: Disk, root: int) -> Iterator[Known]:
    """Every recording of a storage, the newest first, but those that are emptied.

    Raises:
        OSError: a folder cannot be listed; nothing may be concluded from the others.
    """
    found = sorted(walk(disk, root), key=lambda each: each.number, reverse=True)
    for shelved in found:
        # Removed since it was found.
        with suppress(FileNotFoundError):
            row = read_row(disk, root, shelved.path)
            if not is_emptied(row):
                yield known_of(row)


OWN_FILES = (BALLAST_FILE, CATALOGUE_FILE, f"{CATALOGUE_FILE}-wal")
"""Of ours on the disk, and no recordings."""


def own_bytes(storage: Storage) -> int:
    """What these take."""
    disk, meta = storage.disk, storage.meta
    there = (name for name in OWN_FILES if disk.exists(meta, name))
    return sum(disk.facts(meta, name).size for name in there)


def bytes_of(disk: Disk, root: int, folders: Mapping[int, str]) -> dict[int, int]:
    """What the segments of recordings take that are not whole: no manifest says it, and who goes
    by one takes them for somebody else's.

    Args:
        folders: by the recordings' numbers, below the storage.

    Returns:
        By number; without those of which the disk does not say it.
    """
    found = dict[int, int]()
    for number, path in folders.items():
        # One sick folder must not keep a sweep from all the others.
        with suppress(OSError):
            found[number] = _bytes_in(disk, root, path)
    return found


def _bytes_in(disk: Disk, root: int, path: str) -> int:
    # By inode: a repair that was cut short leaves two names of one file.
    sizes = dict[int, int]()
    with open_recording(disk, root, path) as folder:
        for name in disk.list_folder(folder):
            if naming.parse_segment(name) is not None or naming.is_set_aside(name):
                # Renamed or removed since it was listed.
                with suppress(FileNotFoundError):
                    facts = disk.facts(folder, name)
                    sizes[facts.inode] = facts.size
    return sum(sizes.values())


def all_bytes(rows_bytes: int, listed: Mapping[int, int], counted: Mapping[int, int]) -> int:
    """What all recordings take.

    Args:
        rows_bytes: by all their rows.
        listed: by the rows of some, by number.
        counted: what is there of some whose rows may not tell of all, by number.
    """
    return rows_bytes + sum(size - listed.get(number, 0) for number, size in counted.items())


def find(disk: Disk, root: int, number: int) -> str | None:
    """The folder of a recording, below the storage; None: there is none.

    Raises:
        OSError: a folder cannot be listed.
    """
    with closing(walk(disk, root)) as shelves:
        return next((each.path for each in shelves if each.number == number), None)


def newest_start_utc_ms(disk: Disk, root: int) -> int | None:
    """The latest start by a believed clock, in ms since 1970; None: there is no such recording.

    Raises:
        OSError: a folder cannot be listed.
    """
    known = read_known(disk, root)
    starts = (each.start_utc_ms for each in known if each.is_trusted)
    return max((start for start in starts if start is not None), default=None)
