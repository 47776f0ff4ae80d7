"""The recording disk as a whole: is it ours, is it there, may it be written, is it free?

Owns the folder `.recorder` inside the storage: marker, lock, counter, unfinished recordings; and
the list of known storages in the state folder. Knows nothing of rooms or media. Every refusal is
a StorageError: one sentence for a person, with the folder and what to do.

Main decision: a folder is taken into use by `initialise` only, which a person calls. `open` makes
no marker, ever. A mount point whose disk is missing is an empty folder, and recording into it
would fill the boot card while everything looks well.

The numbered procedures and what a crash leaves of them stand in DESIGN.md.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import (
    FILE_MODE,
    FOLDER_MODE,
    PRIVATE_FOLDER_MODE,
    closing,
    create_synced,
    ensure_folder,
    read_small_file,
    replace_file,
    write_all,
)
from recorder.recording.known import META_FOLDER, KnownStorages, absolute, ensure_path
from recorder.recording.refusals import StorageError, check_file_system, explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from recorder.recording.disk import Disk

MARKER_FILE = "id"
LOCK_FILE = "lock"
NEXT_FILE = "next"
OPEN_FOLDER = "open"
PROBE_FILE = ".recorder-probe"


def initialise(directory: Path, state: Path | None, disk: Disk) -> bool:
    """Take a folder into use: make it when missing, write its marker, remember it in `state`.

    Args:
        state: the state folder; None is the storage's own `.recorder`.

    Returns:
        False when it was ours already and nothing was to be done.

    Raises:
        StorageError: it cannot be used, or its disk seems not to be mounted.
    """
    directory = absolute(directory)
    known = KnownStorages.load(directory, state, disk)
    with (
        explained(directory),
        closing(disk, ensure_path(disk, directory, FOLDER_MODE)) as root,
    ):
        check_file_system(disk.file_system(root), directory)
        identifier = _read_marker(disk, root, directory)
        if identifier is not None:
            return known.learn(identifier)
        known.refuse_if_emptied()
        with (
            closing(disk, ensure_folder(disk, root, META_FOLDER, PRIVATE_FOLDER_MODE)) as meta,
            closing(disk, _lock(disk, meta, directory)),
        ):
            # Looked at again: another `init` may have come first.
            identifier = _read_marker(disk, root, directory) or _write_meta(disk, root, meta)
    known.learn(identifier)
    return True


def _write_meta(disk: Disk, root: int, meta: int) -> str:
    """Fill `.recorder`, the marker last: a marker means that everything else is there."""
    disk.close(ensure_folder(disk, meta, OPEN_FOLDER, PRIVATE_FOLDER_MODE))
    # A folder that lost its marker may hold recordings, and their numbers are used.
    number = _highest_number(disk, root, meta) + 1
    replace_file(disk, meta, NEXT_FILE, f"{number}\n".encode())
    identifier = str(uuid.uuid4())
    replace_file(disk, meta, MARKER_FILE, f"{identifier}\n".encode())
    return identifier


@attrs.define(eq=False)
class Storage:
    """A storage that is open: ours, locked and writable. Made by `Storage.open`.

    `root`, `meta` and `unfinished` are the descriptors of the folder, of its `.recorder` and of
    `.recorder/open`; they live as long as the storage is open.
    """

    directory: Path
    identifier: str
    disk: Disk
    root: int
    meta: int
    unfinished: int
    warnings: list[str]
    # Two counters, because two threads: `_next` belongs to the event loop, `_persisted` (what
    # the file says, durably) to the thread that writes.
    _next: int
    _persisted: int

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
        with ExitStack() as stack:
            with explained(directory), ExitStack() as opening:
                storage = cls._opened(directory, state, disk, opening)
                stack.enter_context(opening.pop_all())
            yield storage

    @classmethod
    def _opened(cls, directory: Path, state: Path | None, disk: Disk, stack: ExitStack) -> Storage:
        def keep(descriptor: int) -> int:
            return stack.enter_context(closing(disk, descriptor))

        root = keep(disk.open_path(directory))
        warnings = check_file_system(disk.file_system(root), directory)
        identifier = _read_marker(disk, root, directory)
        if identifier is None:
            raise StorageError(
                f"The folder {directory} is not a recorder storage: it has no marker. "
                "Run `recorder init` to take it into use, or check that the disk is mounted."
            )
        known = KnownStorages.load(directory, state, disk)
        known.refuse_unless_known(identifier)
        warnings += known.warnings
        meta = keep(disk.open_folder(root, META_FOLDER))
        keep(_lock(disk, meta, directory))
        _probe(disk, meta)
        _probe(disk, root)
        known.learn(identifier)
        unfinished = keep(ensure_folder(disk, meta, OPEN_FOLDER, PRIVATE_FOLDER_MODE))
        number = persisted = _read_next(disk, meta)
        if number is None:
            number = _highest_number(disk, root, meta) + 1
            warnings.append(
                f"The recording counter of {directory} was lost; from the recordings there "
                f"the next number is {number}."
            )
        return cls(
            directory=directory,
            identifier=identifier,
            disk=disk,
            root=root,
            meta=meta,
            unfinished=unfinished,
            warnings=warnings,
            next=number,
            persisted=persisted or 0,
        )

    def take_number(self) -> int:
        """The next recording's number. Never blocks; durable by `persist_number`, which comes
        before anything on the disk bears the number. A number that is never persisted was never
        used, and may be given again after a restart."""
        number = self._next
        self._next += 1
        return number

    def persist_number(self, number: int) -> None:
        """Make sure that no later start gives this number, or a lower one, again. Blocking.

        Raises:
            OSError: the number must not be used.
        """
        if number >= self._persisted:
            replace_file(self.disk, self.meta, NEXT_FILE, f"{number + 1}\n".encode())
            self._persisted = number + 1


def _read_marker(disk: Disk, root: int, directory: Path) -> str | None:
    """The storage's id; None when the folder has no marker.

    Raises:
        StorageError: there is a marker that says nothing.
    """
    try:
        with closing(disk, disk.open_folder(root, META_FOLDER)) as meta:
            content = read_small_file(disk, meta, MARKER_FILE)
    except FileNotFoundError:
        return None
    try:
        return str(uuid.UUID(content.decode("ascii").strip()))
    except ValueError:
        raise StorageError(
            f"The marker {directory / META_FOLDER / MARKER_FILE} is damaged. Check the disk, "
            "then remove that file and run `recorder init`; recordings stay as they are."
        ) from None


def _lock(disk: Disk, meta: int, directory: Path) -> int:
    """Lock the storage for as long as the returned descriptor is open.

    Raises:
        StorageError: somebody else has it.
    """
    lock = disk.open_lock(meta, LOCK_FILE)
    try:
        if not disk.try_lock(lock):
            holder = disk.read(lock, 20, 0).decode("ascii", "replace").strip()
            process = f" (process {holder})" if holder.isdecimal() else ""
            raise StorageError(
                f"The folder {directory} is in use by another recorder{process}. "
                "Stop that one, or give this one a folder of its own."
            )
        disk.truncate(lock, 0)
        write_all(disk, lock, [f"{os.getpid()}\n".encode()], 0)
    except BaseException:
        disk.close(lock)
        raise
    return lock


def _probe(disk: Disk, folder: int) -> None:
    """Write and sync a file. Nothing less tells: a file system that went read-only after an
    error still calls itself writable on today's kernels."""
    with suppress(FileNotFoundError):
        disk.unlink(folder, PROBE_FILE)
    create_synced(disk, folder, PROBE_FILE, b"probe\n", FILE_MODE)
    disk.unlink(folder, PROBE_FILE)


def _read_next(disk: Disk, meta: int) -> int | None:
    """The counter; None when it is missing or damaged."""
    try:
        text = read_small_file(disk, meta, NEXT_FILE).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return naming.parse_number(text.rjust(7, "0"))


def _highest_number(disk: Disk, root: int, meta: int) -> int:
    """The highest number any recording bears, 0 when there is none. Reads every room's folders:
    only for a folder taken into use and for a lost counter."""
    with closing(disk, disk.open_folder(meta, OPEN_FOLDER)) as unfinished:
        numbers = map(naming.parse_number, disk.list_folder(unfinished))
        highest = max((number or 0 for number in numbers), default=0)
    return max(highest, _highest_below(disk, root, (naming.is_room_name, naming.is_date_folder)))


def _highest_below(disk: Disk, folder: int, levels: Sequence[Callable[[str], bool]]) -> int:
    """The same for one folder, with the rule for names on each level between it and the
    recordings' folders."""
    names = disk.list_folder(folder)
    if not levels:
        return max((naming.parse_recording_folder(name) or 0 for name in names), default=0)
    highest = 0
    for name in filter(levels[0], names):
        # A file, or a link, is not one of our folders.
        with (
            suppress(NotADirectoryError),
            closing(disk, disk.open_folder(folder, name)) as inner,
        ):
            highest = max(highest, _highest_below(disk, inner, levels[1:]))
    return highest
