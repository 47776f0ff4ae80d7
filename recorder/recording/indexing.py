"""Keeps the catalogue: fills it behind the running recorder, then follows what changes.

Owns when something is done with it, and the one thread in which that happens; what happens there is
`Cataloguing`. Recording never notices it: the loop hands over a manifest and goes on, no error of
the disk or of SQLite leaves this module, and a catalogue that cannot be kept is removed, because
what lacks a row must not be believed, and begun anew later.

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
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

import trio

from recorder.logs import same
from recorder.recording.catalogue_file import CATALOGUE_FILE
from recorder.recording.cataloguing import Cataloguing
from recorder.recording.known import META_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
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


class Indexer:
    """The catalogue's keeper. Belongs to the loop; `run` is its task.

    Args:
        directory: the storage's folder.
        root: gives the descriptor of the same; called in the thread.
        check_place: as of `Cataloguing`.
        unsettled: numbers of the recordings that were not finished when the recorder started.
        on_ready: called on the loop, once, when the catalogue is complete for the first time.
        limit: how many changed recordings may wait for the thread.

    Attributes:
        was_ready: the catalogue was complete once, so `newest_before_utc_ms` is known.
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
        check_place: Callable[[], None] = lambda: None,
        unsettled: Collection[int] = (),
        on_ready: Callable[[], None] = lambda: None,
        limit: int = WAITING,
    ) -> None:
        self._path = directory / META_FOLDER / CATALOGUE_FILE
        self._cataloguing = Cataloguing(self._path, disk, root, check_place)
        self._first_number: int | None = None
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
        self.newest_start_utc_ms: int | None = None
        self.newest_before_utc_ms: int | None = None

    @property
    def is_ready(self) -> bool:
        """The catalogue is complete, and follows."""
        return self._cataloguing.is_ready

    def begin(self, unsettled: Collection[int], first_number: int) -> None:
        """Say what `run` will find, as soon as that is known.

        Args:
            unsettled: as of the constructor.
            first_number: of the first recording that this recorder may make.
        """
        self._unsettled |= set(unsettled)
        self._first_number = first_number

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
        return await self._in_thread(partial(self._cataloguing.known, changes, use))

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
        if not self._cataloguing.is_open or not self.is_ready:
            return None
        return await self._in_thread(
            partial(
                self._cataloguing.page,
                dict(self._changes),
                room=room,
                from_ms=from_ms,
                to_ms=to_ms,
                cursor=cursor,
                limit=limit,
            )
        )

    async def folder_of(self, number: int) -> str | None:
        """A recording's folder, below the storage; None: there is no such recording.

        Raises:
            OSError, sqlite3.Error: nothing can be said.
        """
        return await self._in_thread(partial(self._cataloguing.folder_of, number))

    async def run(self) -> None:
        """Keep the catalogue until cancelled; then write what still waits, for CLOSE_S at most."""
        delay = RETRY_S
        try:
            while True:
                began = trio.current_time()
                try:
                    await self._keep()
                except (sqlite3.Error, OSError) as error:
                    await self._give_up(error)
                except Exception as error:
                    # It is a cache: no lesson ends for it (promise 7).
                    log.exception(
                        "Keeping the catalogue failed; this is a fault of the recorder",
                        extra=same("catalogue", "fault"),
                    )
                    await self._give_up(error)
                if trio.current_time() - began > MAX_RETRY_S:
                    delay = RETRY_S
                await trio.sleep(delay)
                delay = min(2 * delay, MAX_RETRY_S)
        finally:
            self._cataloguing.stop()
            with trio.move_on_after(CLOSE_S, shield=True) as scope:
                await self._ended(partial(self._cataloguing.write_and_close, dict(self._changes)))
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
            to_read = await self._in_thread(partial(self._cataloguing.open_and_compare, unsettled))
            for first in range(0, len(to_read), STEP):
                step = to_read[first : first + STEP]
                await self._in_thread(partial(self._cataloguing.read, step))
                await trio.sleep(PAUSE_S)
            self.newest_start_utc_ms, self.newest_before_utc_ms = await self._in_thread(
                partial(self._cataloguing.complete, self._first_number)
            )
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
            self.newest_start_utc_ms = await self._in_thread(
                partial(self._cataloguing.write, changes)
            )
            for number, change in changes.items():
                if self._changes[number] is change:
                    del self._changes[number]
        self._cataloguing.is_ready = False

    def _ready(self) -> None:
        self._cataloguing.is_ready = True
        if self._complaint:
            log.info("The catalogue is complete again.")
            self._complaint = ""
        if not self.was_ready:
            self.was_ready = True
            self._on_ready()

    async def _give_up(self, error: Exception) -> None:
        self._cataloguing.is_ready = self._is_kept = False
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
        await self._ended(self._cataloguing.discard)

    async def _ended(self, call: Callable[[], None]) -> None:
        try:
            await self._in_thread(call)
        except (sqlite3.Error, OSError) as error:
            log.debug("Ending the catalogue failed: %s", error)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)
