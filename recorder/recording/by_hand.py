"""Recovery asked for by a person, of any folder of ours: a storage, or one recording.

Owns what is meant by a folder, and the survey of a storage: beside the recordings that its entries
name, every one that a walk finds unfinished (somebody may have removed the entries, or copied a
room from another disk). The lock is held all the while, so nothing here races a recorder. One
recording that cannot be recovered does not keep the others from it; one that the disk does not give
is tried again when the others are done, and given up, as a running recorder does.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs

from recorder.recording import catalogue_file, naming
from recorder.recording.bad_sectors import waits
from recorder.recording.disk import UnreadableError, closing
from recorder.recording.entries import Entry, is_recording_path
from recorder.recording.known import META_FOLDER, absolute
from recorder.recording.recovery import recover_folder, recover_recording
from recorder.recording.recovery_plan import bytes_to_read
from recorder.recording.recovery_steps import look
from recorder.recording.refusals import StorageError, explained
from recorder.recording.shelves import open_recording, walk
from recorder.recording.storage import Storage
from recorder.recording.unfinished import forget, read_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TypeAlias

    from recorder.recording.disk import Disk
    from recorder.recording.recovery import Recovered

    _Work: TypeAlias = tuple[str, Callable[[bool], Recovered]]
    """The path of a recording, and what recovers it, told whether it gives up what the disk does
    not give."""

LOOKING = "looking"
"""The label of the survey, before there is a recording to name."""


class Watch(Protocol):
    """Whoever shows how far it is."""

    def __call__(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show a piece of work of so many bytes (or, of the survey, recordings); what is entered
        is told how many more are done."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one recording.

    Attributes:
        path: below the storage; of an entry without a folder, its name; of what cannot be
            looked into, that folder.
        recovered: None where there is an error, or no folder.
        error: why it could not be recovered.
    """

    path: str
    recovered: Recovered | None = None
    error: OSError | None = None

    @property
    def is_good(self) -> bool:
        """Whether all that was recorded can be played."""
        if self.error is not None:
            return False
        found = self.recovered
        return found is None or not (found.files.damaged or found.was_damaged or found.unreadable)


@attrs.frozen(kw_only=True)
class ByHand:
    """How a person's command is carried out.

    Attributes:
        creator: what a head names that is written here.
        checksum: gives the SHA-256 of a file, by its folder's descriptor and its name; tells the
            function that comes first how many bytes more it has read.
        watch: shows how far it is.
        told: hears of every recording, when it is done.
        pause: waits until so many recordings of which the disk does not give all are tried again;
            so many seconds.
    """

    disk: Disk
    creator: str
    checksum: Callable[[Callable[[int], None], int, str], str]
    watch: Watch
    told: Callable[[Outcome], None]
    pause: Callable[[int, float], None]

    def recover(self, folder: Path, state: Path | None) -> list[str]:
        """Recover a storage, or one recording: in a storage, or copied out of it.

        Args:
            state: of the storage, where it is the configured one; else None.

        Returns:
            Warnings about the storage.

        Raises:
            StorageError: it is neither, or in use, or cannot be used; or a copy of which nothing
                tells its room.
        """
        folder = absolute(folder)
        if naming.parse_recording_folder(folder.name) is None:
            return self._storage(folder, state)
        home = folder.parents[min(2, len(folder.parents) - 1)]
        path = str(folder.relative_to(home))
        if is_recording_path(path) and self._is_storage(home):
            with Storage.open(home, state, self.disk) as storage:
                _drop_catalogue(storage)
                self._all([(path, partial(self._one, storage, path))])
                return storage.warnings
        self._all([(str(folder), partial(self._copy, folder))])
        return []

    def _is_storage(self, folder: Path) -> bool:
        with explained(folder), closing(self.disk, self.disk.open_path(folder, follow=True)) as fd:
            return self.disk.exists(fd, META_FOLDER)

    def _storage(self, folder: Path, state: Path | None) -> list[str]:
        with Storage.open(folder, state, self.disk) as storage:
            with explained(folder):
                entries = read_entries(storage)
                shelved, are_all = self._shelves(storage)
            strays = [entry for entry in entries if isinstance(entry, str)]
            named = {entry.folder for entry in entries if isinstance(entry, Entry)}
            found = self._unfinished(storage, shelved - named)
            if named or found:
                _drop_catalogue(storage)
            paths = sorted({*named, *found})
            self._all((path, partial(self._one, storage, path)) for path in paths)
            # One that was damaged goes with what it was for, when that is whole.
            numbers = [Entry(folder=path).number for path in (*named, *found)]
            for stray in strays if are_all else ():
                if naming.parse_number(stray) in numbers:
                    continue
                self._attempt(stray, partial(forget, storage, stray))
            return storage.warnings

    def _shelves(self, storage: Storage) -> tuple[set[str], bool]:
        """The recordings' folders, and whether these are all."""
        are_all = True

        def cannot_look(path: str, error: OSError) -> None:
            nonlocal are_all
            are_all = False
            self.told(Outcome(path=path, error=error))

        return {each.path for each in walk(self.disk, storage.root, cannot_look)}, are_all

    def _unfinished(self, storage: Storage, paths: set[str]) -> list[str]:
        unfinished = []
        with self.watch(LOOKING, len(paths)) as looked:
            for path in sorted(paths):
                try:
                    with open_recording(self.disk, storage.root, path) as folder:
                        is_finished = look(self.disk, folder).is_finished
                except OSError:
                    # Who tries to recover it will be told why.
                    is_finished = False
                if not is_finished:
                    unfinished.append(path)
                looked(1)
        return unfinished

    def _one(self, storage: Storage, path: str, gives_up: bool) -> Recovered:
        try:
            with open_recording(self.disk, storage.root, path) as folder:
                size = bytes_to_read(look(self.disk, folder, gives_up=gives_up))
        except FileNotFoundError:
            size = 0
        with self.watch(path, size) as progress:
            return recover_recording(
                storage,
                path,
                creator=self.creator,
                checksum=partial(self.checksum, progress),
                gives_up=gives_up,
                progress=progress,
            )

    def _copy(self, path: Path, gives_up: bool) -> Recovered:
        """A recording outside of every storage: there is no lock, and nobody who would hold it."""
        with closing(self.disk, self.disk.open_path(path)) as folder:
            found = look(self.disk, folder, gives_up=gives_up)
            if found.manifest is None and found.names:
                _check_tells_its_room(path)
            with self.watch(path.name, bytes_to_read(found)) as progress:
                return recover_folder(
                    self.disk,
                    folder,
                    str(path),
                    creator=self.creator,
                    checksum=partial(self.checksum, progress),
                    gives_up=gives_up,
                    progress=progress,
                )

    def _all(self, works: Iterable[_Work]) -> None:
        """One after the other. What the disk does not give waits for all of them together: of a
        sick disk that may be every recording, and each has only one minute."""
        left = list(works)
        for wait_s in waits():
            left = [work for work in left if not self._is_done(*work)]
            if not left:
                return
            self.pause(len(left), wait_s)
        for path, recover in left:
            self._attempt(path, partial(recover, True))

    def _is_done(self, path: str, recover: Callable[[bool], Recovered]) -> bool:
        """Try once; False: the disk does not give all of it."""
        try:
            recovered = recover(False)
        except UnreadableError:
            return False
        except OSError as error:
            self.told(Outcome(path=path, error=error))
        else:
            self.told(Outcome(path=path, recovered=recovered))
        return True

    def _attempt(self, path: str, recover: Callable[[], Recovered | None]) -> None:
        try:
            recovered = recover()
        except OSError as error:
            self.told(Outcome(path=path, error=error))
        else:
            self.told(Outcome(path=path, recovered=recovered))


def _check_tells_its_room(path: Path) -> None:
    """Before anything is done to a recording without a manifest that can be read."""
    if not is_recording_path("/".join(path.parts[-3:])):
        raise StorageError(
            f"There is no recording.json in {path} that can be read, and so nothing tells its room "
            "and day. Move the folder into one of the day in one of the room, as in "
            f"room101/2026-11-22/{path.name}, and recover it there."
        )


def _drop_catalogue(storage: Storage) -> None:
    """Its rows will be from before, also if this is cut off; the next recorder makes it again."""
    with suppress(OSError):
        catalogue_file.remove(storage.directory / META_FOLDER / catalogue_file.CATALOGUE_FILE)
