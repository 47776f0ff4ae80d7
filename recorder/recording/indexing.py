"""Keeps the catalogue: fills it behind the running recorder, then follows what changes.

Owns the open `Catalogue` and the one thread in which it is used. Recording never notices it: the
loop hands over a manifest and goes on, no error of the disk or of SQLite leaves this module, and a
catalogue that cannot be kept is removed, because what lacks a row must not be believed, and begun
anew later.

At a start the rows are compared with the folders there are. Manifests whose rows are known are
not read again, except those that may have changed since: the unfinished ones that the caller
names, and those whose rows say themselves that something was to come. It is done a few manifests
at a time, with pauses, because nobody waits for it and lessons are being written meanwhile.

The thread may be abandoned, where a stop meets a disk that does not answer: the limiter keeps its
place taken until it comes back, so nobody else touches its connection, and what it leaves
half done is a cache.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

import attrs
import trio

from recorder.logs import same
from recorder.recording import naming
from recorder.recording.catalogue import CATALOGUE_FILE, Catalogue, DamagedError, remove
from recorder.recording.known import META_FOLDER
from recorder.recording.retention.inventory import find, read_known
from recorder.recording.rows import Row, row_of
from recorder.recording.shelves import Shelved, open_recording, read_row, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recorder.recording.catalogue import Page
    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Manifest
    from recorder.recording.retention.candidates import Known

log = logging.getLogger(__name__)

T = TypeVar("T")

STEP = 20
"""Manifests read in one go: some 10 ms of the processor, and one commit."""

PAUSE_S = 0.05
"""Between two steps. Ten thousand manifests then take half a minute longer, which nobody sees."""

BATCH_S = 1.0
"""How long changes are collected: fifty rooms that close their segments together are one commit."""

RETRY_S = 5.0
MAX_RETRY_S = 300.0

CLOSE_S = 1.0
"""How long a stop waits for the thread and for the last commit."""

WAITING = 1000
"""Recordings whose changes may wait for the thread, one manifest each. More than that is a disk
that has not answered for days; further ones are read from it when it does."""


@attrs.frozen
class Comparison:
    """What the catalogue lacks: recordings to read, the newest first, and rows to remove."""

    read: list[Shelved]
    gone: list[int]


def compare(
    found: Sequence[Shelved],
    rows: Mapping[int, str],
    unsettled: Collection[int],
    unreadable: Collection[str] = (),
) -> Comparison:
    """Hold the folders that were found against the rows of the catalogue. Pure.

    Args:
        rows: the folder of each recording, by its number.
        unsettled: recordings to read although they have a row.
        unreadable: rooms and days that could not be looked into; the rows below them stay.
    """
    # Of two folders with one number, which only a person's copying makes, the first counts.
    first = {each.number: each for each in reversed(found)}
    read = [
        each
        for each in first.values()
        if rows.get(each.number) != each.path or each.number in unsettled
    ]
    gone = [
        number
        for number, folder in rows.items()
        if number not in first and not any(folder.startswith(f"{path}/") for path in unreadable)
    ]
    return Comparison(sorted(read, key=lambda each: each.number, reverse=True), gone)


class Indexer:
    """The catalogue's keeper. Belongs to the loop; `run` is its task.

    Args:
        directory: the storage's folder.
        root: gives the descriptor of the same; called in the thread.
        unsettled: numbers of the recordings that were not finished when the recorder started.
        first_number: of the first recording that this recorder may make.
        on_ready: called on the loop, once, when the catalogue is complete for the first time.
        limit: how many changed recordings may wait for the thread.

    Attributes:
        is_ready: the catalogue is complete, and follows.
        was_ready: it was once, so `newest_before_utc_ms` is known.
        newest_start_utc_ms: the latest start by a believed clock of any recording, in ms since
            1970; None until the catalogue was complete, and where there is no such recording.
        newest_before_utc_ms: the same, of the recordings from before this start.
    """

    def __init__(
        self,
        directory: Path,
        disk: Disk,
        root: Callable[[], int],
        *,
        unsettled: Collection[int] = (),
        first_number: int | None = None,
        on_ready: Callable[[], None] = lambda: None,
        limit: int = WAITING,
    ) -> None:
        self._path = directory / META_FOLDER / CATALOGUE_FILE
        self._disk = disk
        self._root = root
        self._first_number = first_number
        self._on_ready = on_ready
        self._limit = limit
        self._limiter = trio.CapacityLimiter(1)
        # Numbers whose row may be old, or missing although their folder was seen.
        self._unsettled = set(unsettled)
        # The newest manifest of each recording that has changed; None: it is gone. One for each
        # recording, however often it changes.
        self._changes: dict[int, tuple[str, Manifest] | None] = {}
        self._work = trio.Event()
        self._is_kept = True
        self._lost_track = False
        self._complaint = ""
        self.was_ready = False
        self.is_ready = False
        self.newest_start_utc_ms: int | None = None
        self.newest_before_utc_ms: int | None = None
        # Of the thread.
        self._catalogue: Catalogue | None = None
        self._stopping = False

    def changed(self, folder: str, manifest: Manifest) -> None:
        """A recording's manifest is another; never blocks.

        Args:
            folder: of the recording, below the storage.
        """
        self._change(manifest.number, (folder, manifest))

    def removed(self, number: int) -> None:
        """A recording's folder is gone; never blocks."""
        self._change(number, None)

    def _change(self, number: int, change: tuple[str, Manifest] | None) -> None:
        if not self._is_kept:
            # It is read when the catalogue is made again.
            self._unsettled.add(number)
        elif number in self._changes or len(self._changes) < self._limit:
            self._changes[number] = change
        else:
            self._unsettled.add(number)
            self._lost_track = True
            log.warning(
                "More than %d changed recordings wait for the catalogue: the disk does not answer. "
                "It is compared with the folders again when it does.",
                self._limit,
                extra=same("catalogue behind"),
            )
        self._work.set()

    async def known(self, use: Callable[[Iterable[Known]], T]) -> T:
        """What somebody makes of every recording: from the catalogue, and while there is none, more
        slowly, from the manifests.

        Args:
            use: called in the thread with the recordings, the newest first, one after the other.

        Raises:
            OSError, sqlite3.Error: nothing can be said.
        """
        changes = dict(self._changes) if self.is_ready else {}

        def in_thread() -> T:
            # What has changed in this second would be missing in every sum.
            if changes and self._catalogue is not None:
                self._write(changes)
            return use(self._known())

        return await self._in_thread(in_thread)

    async def page(
        self,
        *,
        room: str | None,
        from_ms: int | None,
        to_ms: int | None,
        cursor: int | None,
        limit: int,
    ) -> Page | None:
        """As of `Catalogue.page`; None while there is no catalogue.

        Raises:
            OSError, sqlite3.Error: nothing can be said.
        """
        catalogue = self._catalogue
        if catalogue is None or not self.is_ready:
            return None
        changes = dict(self._changes)

        def in_thread() -> Page:
            self._write(changes)
            return catalogue.page(room, from_ms, to_ms, cursor, limit)

        return await self._in_thread(in_thread)

    async def folder_of(self, number: int) -> str | None:
        """A recording's folder, below the storage; None: there is no such recording.

        Raises:
            OSError, sqlite3.Error: nothing can be said.
        """
        return await self._in_thread(partial(self._folder_of, number))

    async def run(self) -> None:
        """Keep the catalogue until cancelled; then write what still waits, for CLOSE_S at most."""
        delay = RETRY_S
        try:
            while True:
                began = trio.current_time()
                try:
                    await self._keep()
                except (sqlite3.Error, OSError, DamagedError) as error:
                    await self._give_up(error)
                if trio.current_time() - began > MAX_RETRY_S:
                    delay = RETRY_S
                await trio.sleep(delay)
                delay = min(2 * delay, MAX_RETRY_S)
        finally:
            self._stopping = True
            with trio.move_on_after(CLOSE_S, shield=True) as scope:
                await self._ended(partial(self._write_and_close, dict(self._changes)))
            if scope.cancelled_caught:
                log.warning("The disk does not answer: the catalogue is left as it is.")

    async def _keep(self) -> NoReturn:
        self._is_kept = True
        while True:
            await self._fill()
            await self._follow()

    async def _fill(self) -> None:
        """Give every recording there is its row."""
        self._lost_track = False
        unsettled, self._unsettled = self._unsettled, set()
        try:
            to_read = await self._in_thread(partial(self._open_and_compare, unsettled))
            for first in range(0, len(to_read), STEP):
                await self._in_thread(partial(self._read, to_read[first : first + STEP]))
                await trio.sleep(PAUSE_S)
            self.newest_start_utc_ms = await self._in_thread(self._complete)
        except BaseException:
            self._unsettled |= unsettled
            raise
        self._ready()

    async def _follow(self) -> None:
        """Write what changes; ends when a change was not taken down."""
        while not self._lost_track:
            await self._work.wait()
            await trio.sleep(BATCH_S)
            self._work = trio.Event()
            # Only forgotten once they are written.
            changes = dict(self._changes)
            self.newest_start_utc_ms = await self._in_thread(partial(self._write, changes))
            for number, change in changes.items():
                if self._changes[number] is change:
                    del self._changes[number]
        self.is_ready = False

    def _ready(self) -> None:
        self.is_ready = True
        if self._complaint:
            log.info("The catalogue is complete again.")
            self._complaint = ""
        if not self.was_ready:
            self.was_ready = True
            self._on_ready()

    async def _give_up(self, error: Exception) -> None:
        self.is_ready = self._is_kept = False
        self._unsettled |= self._changes.keys()
        self._changes.clear()
        if str(error) != self._complaint:
            self._complaint = str(error)
            log.warning(
                "The catalogue %s cannot be kept: %s. Recording goes on without it, and it is made "
                "again later.",
                self._path,
                error,
                extra=same("catalogue"),
            )
        await self._ended(self._discard)

    async def _ended(self, call: Callable[[], None]) -> None:
        try:
            await self._in_thread(call)
        except (sqlite3.Error, OSError, DamagedError) as error:
            log.debug("Ending the catalogue failed: %s", error)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)

    # What follows runs in the thread.

    def _open_and_compare(self, unsettled: set[int]) -> list[Shelved]:
        catalogue = self._catalogue = self._catalogue or Catalogue.open(self._path)
        unreadable = list[str]()

        def skip(path: str, error: OSError) -> None:
            log.warning("The folder %s cannot be read: %s", path, error, extra=same(path))
            unreadable.append(path)

        found = []
        with closing(walk(self._disk, self._root(), skip)) as shelves:
            for shelved in shelves:
                if self._stopping:
                    return []
                found.append(shelved)
        comparison = compare(
            found, catalogue.folders(), unsettled | catalogue.unsettled(), unreadable
        )
        _store(catalogue, dict.fromkeys(comparison.gone))
        return comparison.read

    def _read(self, recordings: Sequence[Shelved]) -> None:
        catalogue = self._open_catalogue()
        # Read first: nobody else waits for the file as long as that takes.
        rows = dict[int, Row | None]()
        for shelved in recordings:
            if self._stopping:
                return
            try:
                rows[shelved.number] = read_row(self._disk, self._root(), shelved.path)
            except FileNotFoundError:
                rows[shelved.number] = None
        _store(catalogue, rows)

    def _complete(self) -> int | None:
        catalogue = self._open_catalogue()
        catalogue.mark_complete()
        self.newest_before_utc_ms = catalogue.newest_start_utc_ms(below=self._first_number)
        return catalogue.newest_start_utc_ms()

    def _write(self, changes: Mapping[int, tuple[str, Manifest] | None]) -> int | None:
        catalogue = self._open_catalogue()
        catalogue.check_in_place()
        rows = {
            number: None if change is None else self._row_of(*change)
            for number, change in changes.items()
        }
        _store(catalogue, rows)
        return catalogue.newest_start_utc_ms()

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

    def _known(self) -> Iterator[Known]:
        if self.is_ready and self._catalogue is not None:
            return self._catalogue.known()
        return read_known(self._disk, self._root())

    def _folder_of(self, number: int) -> str | None:
        if self.is_ready and self._catalogue is not None:
            return self._catalogue.folder(number)
        return find(self._disk, self._root(), number)

    def _open_catalogue(self) -> Catalogue:
        assert self._catalogue is not None, "opened before anything else"
        return self._catalogue

    def _write_and_close(self, changes: Mapping[int, tuple[str, Manifest] | None]) -> None:
        try:
            if self._catalogue is not None and changes:
                self._write(changes)
        finally:
            self._close()

    def _close(self) -> None:
        catalogue, self._catalogue = self._catalogue, None
        if catalogue is not None:
            catalogue.close()

    def _discard(self) -> None:
        try:
            self._close()
        finally:
            remove(self._path)


def _store(catalogue: Catalogue, rows: Mapping[int, Row | None]) -> None:
    """At once; None: the recording is gone."""
    with catalogue.batch():
        for number, row in rows.items():
            if row is None:
                catalogue.remove(number)
            else:
                catalogue.put(row)
