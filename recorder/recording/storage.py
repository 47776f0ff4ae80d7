"""The recording disk as a whole: is it ours, is it there, may it be written, is it free?

Owns the order in which the folder `.recorder` inside the storage is opened and opened again, and
the descriptors everything else goes through. Knows nothing of rooms or media. Every refusal at a
start is a StorageError, every loss later on a StorageGone: one sentence for a person, with the
folder and what to do.

Main decision: `open` makes no marker, ever; only `initialise` does. A storage that is *away* has no
descriptors at all: whoever reaches for one is told why, and there is nothing that could be written
into.

The numbered procedures and what a crash leaves of them stand in DESIGN.md.
"""

from __future__ import annotations

import errno
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import attrs

from recorder.recording.counter import Counter
from recorder.recording.disk import closing
from recorder.recording.known import META_FOLDER, KnownStorages, absolute
from recorder.recording.meta import probe, read_marker
from recorder.recording.opening import open_place
from recorder.recording.refusals import (
    StorageGone,
    explain,
    explained,
    in_words,
    missed,
    moved,
    swapped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recorder.recording.disk import Disk
    from recorder.recording.opening import FoundStorage


@attrs.define(eq=False)
class Storage:
    """A storage of ours. Made by `Storage.open`, locked and writable; or by `Storage.away`, whose
    disk is not there yet.

    `root`, `meta` and `unfinished` are the descriptors of the folder, of its `.recorder` and of
    `.recorder/open`. They live as long as the storage is open, and keep their numbers when
    `reopen` lets them lead to the same disk mounted anew. While the storage is away each raises
    StorageGone.

    Attributes:
        absence: why its disk has not been there yet, in words; None: it has.
        on_arrival: called by the first `reopen` of one that was away, in its thread, with the
            storage as it is found; nothing has been written into it. An OSError leaves it away.
    """

    directory: Path
    disk: Disk
    warnings: list[str]
    absence: str | None
    on_arrival: Callable[[Storage], None]
    _state: Path | None
    _found: FoundStorage | None
    _keeper: ExitStack
    _counter: Counter
    _is_busy: Callable[[], bool] = lambda: False
    """Of one that is away: somebody who was given up still opens it, and may hold its lock."""

    @classmethod
    @contextmanager
    def open(cls, directory: Path, state: Path | None, disk: Disk) -> Iterator[Storage]:
        """Open a storage and hold its lock.

        Args:
            state: the state folder; None is the storage's own `.recorder`.

        Raises:
            StorageError: missing, not ours, not writable, or in use.
        """
        directory = absolute(directory)
        with ExitStack() as keeper:
            with explained(directory), ExitStack() as opening:
                known = KnownStorages.load(directory, state, disk)
                found = open_place(directory, disk, opening, known.accept)
                known.learn(found.identifier)
                keeper.enter_context(opening.pop_all())
            yield cls._of(directory, state, disk, keeper, known, found)

    @classmethod
    @contextmanager
    def away(
        cls,
        directory: Path,
        state: Path | None,
        disk: Disk,
        absence: str,
        *,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> Iterator[Storage]:
        """A storage whose disk is not there. `probe` says so until it is, and then that it was
        `moved`: `reopen` opens it.

        Args:
            absence: why, in words.
            is_busy: while this says so the disk is left alone, and `probe` says the same.
        """
        with ExitStack() as keeper:
            yield cls(
                directory=absolute(directory),
                disk=disk,
                warnings=[],
                absence=absence,
                on_arrival=lambda there: None,
                state=state,
                found=None,
                keeper=keeper,
                # What is really next stands on the disk: `reopen` carries over to that.
                counter=Counter(disk, following=1, persisted=0),
                is_busy=is_busy,
            )

    @classmethod
    def _of(
        cls,
        directory: Path,
        state: Path | None,
        disk: Disk,
        keeper: ExitStack,
        known: KnownStorages,
        found: FoundStorage,
    ) -> Storage:
        warnings = found.warnings + known.warnings
        if not found.persisted:
            warnings.append(
                f"The recording counter of {directory} was lost; from the recordings there "
                f"the next number is {found.following}."
            )
        return cls(
            directory=directory,
            disk=disk,
            warnings=warnings,
            absence=None,
            on_arrival=lambda there: None,
            state=state,
            found=found,
            keeper=keeper,
            counter=Counter(disk, following=found.following, persisted=found.persisted),
        )

    @property
    def gone(self) -> StorageGone | None:
        """What whoever reaches for a descriptor is told; None: its disk has come."""
        return None if self.absence is None else StorageGone(errno.ENODEV, self.absence)

    @property
    def _opened(self) -> FoundStorage:
        if self._found is None:
            raise StorageGone(errno.ENODEV, self.absence)
        return self._found

    @property
    def identifier(self) -> str:
        return self._opened.identifier

    @property
    def root(self) -> int:
        return self._opened.root

    @property
    def meta(self) -> int:
        return self._opened.meta

    @property
    def unfinished(self) -> int:
        return self._opened.unfinished

    def take_number(self) -> int:
        """The next recording's number. Never blocks; durable by `persist_number`, which comes
        before anything on the disk bears the number. A number that is never persisted was never
        used, and may be given again after a restart."""
        return self._counter.take()

    @property
    def next_number(self) -> int:
        """The number that the next recording gets, at least."""
        return self._counter.following

    def persist_number(self, number: int) -> None:
        """Make sure that no later start gives this number, or a lower one, again. Blocking.

        Raises:
            OSError: the number must not be used.
        """
        self._counter.persist(self.meta, number)

    def check_place(self) -> None:
        """See that the folder at our path is the one we hold, and says that it is ours: a dozen
        system calls, none of which writes. Blocking.

        Raises:
            StorageGone: it is not there, or another one is; StorageMoved: it is ours, mounted
                anew or for the first time, and `reopen` is to be called.
            OSError: the disk cannot be read.
        """
        disk = self.disk
        if self.absence is not None and self._is_busy():
            raise StorageGone(errno.ETIMEDOUT, self.absence)
        with (
            self._noted(),
            missed(self.directory),
            closing(disk, disk.open_path(self.directory)) as place,
        ):
            held = self._found is not None and disk.identity(self.root) == disk.identity(place)
            self._accept(read_marker(disk, place, self.directory))
        if not held:
            raise moved(self.directory)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """While it is away, what was found last is the reason."""
        try:
            yield
        except OSError as error:
            if self._found is not None:
                raise
            known = KnownStorages.load(self.directory, self._state, self.disk)
            if error.errno == errno.ENOENT and not known.was_here:
                # Configured anew, and not yet made.
                error = StorageGone(errno.ENOENT, explain(error, self.directory))
            self.absence = in_words(error, self.directory)
            raise error

    def _accept(self, identifier: str | None) -> str:
        if self._found is None:
            # Read anew: a person may just have taken another disk into use.
            return KnownStorages.load(self.directory, self._state, self.disk).accept(identifier)
        if identifier != self.identifier:
            raise swapped(self.directory, identifier)
        return identifier

    @contextmanager
    def state_folder(self, state: Path) -> Iterator[int]:
        """The state folder, open. Where it is the storage's own `.recorder` it is the one we hold:
        another disk may lie under its path by now, and nothing of ours is written there. Blocking.

        Raises:
            OSError: there is none.
        """
        if state == self.directory / META_FOLDER:
            yield self.meta
            return
        with closing(self.disk, self.disk.open_path(state)) as folder:
            yield folder

    def probe(self) -> None:
        """See that our storage is in its place and takes writes. Blocking; on a sick disk for
        ever.

        Raises:
            StorageGone: as `check_place`.
            OSError: it takes none.
        """
        self.check_place()
        probe(self.disk, self.meta)

    def reopen(self) -> None:
        """Go over to the same disk mounted anew, or to a disk that was away until now: `root`,
        `meta`, `unfinished` and the lock lead there when this returns. Blocking, in the thread
        that writes. Descriptors of the folders of recordings stay with the disk as it was mounted
        before.

        Raises:
            StorageGone: what is there is not ours, or in use.
            OSError: it takes no writes. Nothing has changed, or this is to be called again.
        """
        disk = self.disk
        with self._noted(), missed(self.directory), ExitStack() as stack:
            if self._found is None:
                self._arrive(stack)
                return
            found = open_place(self.directory, disk, stack, self._accept, self._found.lock)
            self._counter.carry_over(found.meta, found.following, found.persisted)
            disk.replace(self.meta, found.meta)
            disk.replace(self.unfinished, found.unfinished)
            if found.lock != self._found.lock:
                disk.replace(self._found.lock, found.lock)
            # Last: until then `check_place` says that there is something to be done.
            disk.replace(self.root, found.root)

    def _arrive(self, stack: ExitStack) -> None:
        known = KnownStorages.load(self.directory, self._state, self.disk)
        found = open_place(self.directory, self.disk, stack, known.accept)
        known.learn(found.identifier)
        there = Storage._of(self.directory, self._state, self.disk, stack, known, found)
        self._counter.carry_over(found.meta, found.following, found.persisted)
        self.on_arrival(there)
        # Last: whatever failed before, it is away, and nobody has written into it.
        self._keeper.enter_context(stack.pop_all())
        self._found, self.warnings, self.absence = found, there.warnings, None
