"""What is done with the catalogue: the blocking half of its keeper, all of it in one thread.

Owns the open `Catalogue`, from `open_and_compare` to its end; what is not marked otherwise belongs
to that thread. When each is called, and what becomes of an error, is decided on the loop
(`Indexer`).
"""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from recorder.logs import same
from recorder.recording import naming
from recorder.recording.catalogue import Catalogue
from recorder.recording.catalogue_file import remove
from recorder.recording.comparison import compare
from recorder.recording.retention.inventory import find, read_known
from recorder.recording.rows import Row, row_of
from recorder.recording.shelves import Shelved, open_recording, read_row, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from recorder.recording.catalogue import Page
    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Manifest
    from recorder.recording.retention.candidates import Known

log = logging.getLogger(__name__)

T = TypeVar("T")

Changes: TypeAlias = "Mapping[int, tuple[str, Manifest] | None]"
"""By the recordings' numbers: the folder and the newest manifest; None: it is gone."""


class Cataloguing:
    """Every method but `stop` raises sqlite3.Error and OSError.

    Args:
        path: the catalogue's.
        root: gives the descriptor of the storage's folder.
        check_place: raises OSError where that lies no longer under its path. SQLite goes by the
            path, and what is made or removed there could be another recorder's.

    Attributes:
        is_ready: the catalogue is complete, and is asked. Set on the loop.
    """

    def __init__(
        self, path: Path, disk: Disk, root: Callable[[], int], check_place: Callable[[], None]
    ) -> None:
        self.is_ready = False
        self._path = path
        self._disk = disk
        self._root = root
        self._check_place = check_place
        self._is_bad = False
        self._catalogue: Catalogue | None = None
        self._is_stopping = False

    def stop(self) -> None:
        """Come to an end soon; what is left half done is a cache. Called on the loop."""
        self._is_stopping = True

    @property
    def is_open(self) -> bool:
        """Asked on the loop."""
        return self._catalogue is not None

    # What it is filled with.

    def open_and_compare(self, unsettled: set[int]) -> list[Shelved]:
        """Open or make it, and remove rows without a folder.

        Args:
            unsettled: recordings to read although they have a row.

        Returns:
            The recordings to `read`, the newest first.
        """
        if self._is_bad:
            self._remove()
        if self._catalogue is None:
            self._check_place()
            self._catalogue = Catalogue.open(self._path)
        catalogue = self._catalogue
        unreadable = list[str]()

        def skip(path: str, error: OSError) -> None:
            log.warning("The folder %s cannot be read: %s", path, error, extra=same(path))
            unreadable.append(path)

        found = []
        with closing(walk(self._disk, self._root(), skip)) as shelves:
            for shelved in shelves:
                if self._is_stopping:
                    return []
                found.append(shelved)
        comparison = compare(
            found, catalogue.folders(), unsettled | catalogue.unsettled(), unreadable
        )
        _store(catalogue, dict.fromkeys(comparison.gone))
        return comparison.read

    def read(self, recordings: Sequence[Shelved]) -> None:
        """Give these their rows, from their manifests."""
        catalogue = self._open_catalogue()
        # Read first: nobody else waits for the file as long as that takes.
        rows = dict[int, Row | None]()
        for shelved in recordings:
            if self._is_stopping:
                return
            try:
                rows[shelved.number] = read_row(self._disk, self._root(), shelved.path)
            except FileNotFoundError:
                rows[shelved.number] = None
        _store(catalogue, rows)

    def complete(self, first_number: int | None) -> tuple[int | None, int | None]:
        """Everything there is has its row.

        Returns:
            As of `write`: of all recordings, and of those below this number.
        """
        catalogue = self._open_catalogue()
        catalogue.mark_complete()
        before = catalogue.newest_start_utc_ms(below=first_number)
        return catalogue.newest_start_utc_ms(), before

    def write(self, changes: Changes) -> int | None:
        """Bring it up to date.

        Returns:
            The latest start by a believed clock, in ms since 1970; None: there is none.
        """
        catalogue = self._open_catalogue()
        catalogue.check_in_place()
        rows = {
            number: None if change is None else self._row_of(*change)
            for number, change in changes.items()
        }
        _store(catalogue, rows)
        return catalogue.newest_start_utc_ms()

    # What it is asked.

    def known(self, changes: Changes, use: Callable[[Iterable[Known]], T]) -> T:
        """As of `Indexer.known`, with what has changed in this second: it would be missing in every
        sum."""
        if changes and self._catalogue is not None:
            self.write(changes)
        if self.is_ready and self._catalogue is not None:
            return use(self._catalogue.known())
        return use(read_known(self._disk, self._root()))

    def page(
        self,
        changes: Changes,
        *,
        room: str | None,
        from_ms: int | None,
        to_ms: int | None,
        cursor: int | None,
        limit: int,
    ) -> Page | None:
        """As of `Catalogue.page`, with what has changed in this second. None: the catalogue was
        closed while somebody waited for this thread."""
        if self._catalogue is None:
            return None
        self.write(changes)
        return self._catalogue.page(room, from_ms, to_ms, cursor, limit)

    def folder_of(self, number: int) -> str | None:
        """As of `Indexer.folder_of`."""
        if self.is_ready and self._catalogue is not None:
            return self._catalogue.folder(number)
        return find(self._disk, self._root(), number)

    # How it ends.

    def write_and_close(self, changes: Changes) -> None:
        """In order."""
        try:
            if self._catalogue is not None and changes:
                self.write(changes)
        finally:
            self.close()

    def close(self) -> None:
        """As it is."""
        catalogue, self._catalogue = self._catalogue, None
        if catalogue is not None:
            catalogue.close()

    def discard(self) -> None:
        """It must not be believed: what it lacks would be missing."""
        self._is_bad = True
        try:
            self.close()
        finally:
            self._remove()

    def _remove(self) -> None:
        self._check_place()
        remove(self._path)
        self._is_bad = False

    def _row_of(self, path: str, manifest: Manifest) -> Row | None:
        """None: the folder has gone since."""
        kept = False
        try:
            with open_recording(self._disk, self._root(), path) as folder:
                kept = self._disk.exists(folder, naming.KEEP_FILE)
        except FileNotFoundError:
            return None
        except OSError as error:
            # The manifest is at hand. One sick folder must not cost all the other rows.
            log.debug("Looking for %s in %s failed: %s", naming.KEEP_FILE, path, error)
        return row_of(path, manifest, kept=kept)

    def _open_catalogue(self) -> Catalogue:
        assert self._catalogue is not None, "opened before anything else"
        return self._catalogue


def _store(catalogue: Catalogue, rows: Mapping[int, Row | None]) -> None:
    """At once; None: the recording is gone."""
    with catalogue.batch():
        for number, row in rows.items():
            if row is None:
                catalogue.remove(number)
            else:
                catalogue.put(row)
