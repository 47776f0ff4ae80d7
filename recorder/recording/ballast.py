"""The ballast: room on the disk that is given back when there is no other.

Owns `.recorder/ballast`. A full disk cannot even take the headers and the manifest of what it
holds; with the ballast's room the open segments are closed before recording stops. Blocking,
through `Disk`.

It is allocated under another name and renamed when it is whole, so that one whose making was cut
off is nobody's ballast and is made anew.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording.disk import PRIVATE_FILE_MODE, closing
from recorder.recording.refusals import FULL

if TYPE_CHECKING:
    from recorder.recording.storage import Storage

BALLAST_FILE = "ballast"
UNFINISHED_FILE = "ballast.tmp"

MAX_BYTES = 64 << 20
MIN_BYTES = 1 << 20
SHARE = 50
"""One part in fifty of a disk that is too small for MAX_BYTES."""


class Ballast:
    """The ballast of a storage that is open."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def size(self) -> int:
        """What it takes of this disk, in bytes."""
        total = self._storage.disk.space(self._storage.meta).total
        return max(MIN_BYTES, min(MAX_BYTES, total // SHARE))

    def is_there(self) -> bool:
        """Whole, and of the size this disk deserves."""
        try:
            facts = self._storage.disk.facts(self._storage.meta, BALLAST_FILE)
        except FileNotFoundError:
            return False
        return facts.size >= self.size()

    def make(self) -> int:
        """Make it when it is missing and there is room for it and as much beside it.

        Returns:
            How many bytes are missing for that; 0: it is there, and as much is free.

        Raises:
            OSError: the disk refused, for another reason than room.
        """
        disk, meta = self._storage.disk, self._storage.meta
        # What an attempt left that was cut off; first, since it takes the room it could not get.
        self._unlink(UNFINISHED_FILE)
        is_there, size = self.is_there(), self.size()
        missing = (size if is_there else 2 * size) - disk.space(meta).available
        if is_there or missing > 0:
            return max(0, missing)
        # One of a size that does not do any more.
        self._unlink(BALLAST_FILE)
        try:
            with closing(disk, disk.create_file(meta, UNFINISHED_FILE, PRIVATE_FILE_MODE)) as file:
                disk.allocate(file, size)
                disk.sync_file(file)
            disk.rename(meta, UNFINISHED_FILE, BALLAST_FILE)
            disk.sync_folder(meta)
        except OSError as error:
            # An attempt that failed must not keep the room that was too little.
            self._unlink(UNFINISHED_FILE)
            if error.errno in FULL:
                return size
            raise
        return 0

    def release(self) -> None:
        """Give its room back; nothing when it is not there.

        Raises:
            OSError: it may still be there.
        """
        self._unlink(BALLAST_FILE)

    def _unlink(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._storage.disk.unlink(self._storage.meta, name)
