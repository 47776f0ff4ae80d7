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

import errno
import json
import os
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import (
    FILE_MODE,
    FOLDER_MODE,
    PRIVATE_FILE_MODE,
    PRIVATE_FOLDER_MODE,
    closing,
    create_synced,
    ensure_folder,
    read_small_file,
    replace_file,
    write_all,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recorder.recording.disk import Disk

META_FOLDER = ".recorder"
MARKER_FILE = "id"
LOCK_FILE = "lock"
NEXT_FILE = "next"
OPEN_FOLDER = "open"
PROBE_FILE = ".recorder-probe"
KNOWN_FILE = "storages.json"

_KNOWN_VERSION = 1

NETWORK_FILE_SYSTEMS = {
    "nfs": "NFS",
    "nfs4": "NFS",
    "cifs": "CIFS",
    "smb3": "CIFS",
    "smbfs": "CIFS",
}
"""Refused: a lock, a sync or an exclusive creation there promises less than it says."""

FRAGILE_FILE_SYSTEMS = {
    "vfat": "FAT",
    "msdos": "FAT",
    "exfat": "exFAT",
    "ntfs": "NTFS",
    "ntfs3": "NTFS",
    "fuseblk": "NTFS or exFAT",
}
"""Accepted with a warning: without links, and a power cut can damage names at rest."""

VOLATILE_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs"})


class StorageError(Exception):
    """The storage cannot be used; the text is for a person and says what to do."""


def explain(error: OSError, folder: Path) -> str:
    """An error of the operating system, said to a person: what happened, where, what to do."""
    match error.errno:
        case errno.ENOENT:
            return (
                f"The folder {folder} does not exist. "
                "Run `recorder init` to make it, or check that the disk is mounted."
            )
        case errno.ENOTDIR | errno.ELOOP:
            return (
                f"{folder} is not a folder, or has a symbolic link in place of one. "
                "Name the real folder in the configuration."
            )
        case errno.EACCES | errno.EPERM:
            return (
                f"The folder {folder} cannot be used by this user (uid {os.geteuid()}): "
                f"{error.strerror}. Give the folder and all in it to that user with `chown -R`."
            )
        case errno.EROFS:
            return (
                f"The folder {folder} is on a disk that takes no writes (read-only). "
                "Check the disk for errors and mount it writable."
            )
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk of the folder {folder} is full. Free some space on it."
        case _:
            return (
                f"The folder {folder} cannot be used: {error.strerror or error}. "
                "Check the disk and its cable or card."
            )


def check_file_system(kind: str, directory: Path) -> list[str]:
    """The warnings a file system deserves.

    Raises:
        StorageError: nothing can be promised on it.
    """
    warnings = []
    if name := NETWORK_FILE_SYSTEMS.get(kind):
        raise StorageError(
            f"The folder {directory} is on a network file system ({name}), where a recording "
            "is not safe. Choose a folder on a disk of this machine."
        )
    if name := FRAGILE_FILE_SYSTEMS.get(kind):
        warnings.append(
            f"The disk of {directory} is formatted as {name}: a power cut can damage recordings "
            "that were finished long ago. Format it as ext4 for a recorder nobody watches."
        )
    if kind in VOLATILE_FILE_SYSTEMS:
        warnings.append(
            f"The folder {directory} is in memory ({kind}): every recording is lost when the "
            "machine restarts. Choose a folder on a disk."
        )
    return warnings


def initialise(directory: Path, state: Path | None, disk: Disk) -> bool:
    """Take a folder into use: make it when missing, write its marker, remember it in `state`.

    Args:
        state: the state folder; None is the storage's own `.recorder`.

    Returns:
        False when it was ours already and nothing was to be done.

    Raises:
        StorageError: it cannot be used, or its disk seems not to be mounted.
    """
    directory = _absolute(directory)
    known = _KnownStorages.load(directory, state, disk)
    with (
        _explained(directory),
        closing(disk, _ensure_path(disk, directory, FOLDER_MODE)) as root,
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
        directory = _absolute(directory)
        with ExitStack() as stack:
            with _explained(directory), ExitStack() as opening:
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
        known = _KnownStorages.load(directory, state, disk)
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


def _absolute(path: Path) -> Path:
    """For sentences and for the list of known storages; by text, so that no link is followed."""
    return Path(os.path.abspath(path))


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(explain(error, folder)) from error


def _ensure_path(disk: Disk, folder: Path, mode: int) -> int:
    """The descriptor of a folder by its path. Only its last name is made when missing: a missing
    parent is more often a disk that is not mounted than a wish."""
    with suppress(FileNotFoundError):
        return disk.open_path(folder)
    try:
        with closing(disk, disk.open_path(folder.parent, follow=True)) as parent:
            disk.close(ensure_folder(disk, parent, folder.name, mode))
        return disk.open_path(folder)
    except FileNotFoundError as error:
        raise StorageError(
            f"The folder {folder} cannot be made, because {folder.parent} does not exist. "
            "Make that first, or check that the disk is mounted."
        ) from error
    except PermissionError as error:
        raise StorageError(
            f"The folder {folder} cannot be made by this user (uid {os.geteuid()}). "
            "Make it as root, and give it to that user with `chown`."
        ) from error


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


@attrs.frozen
class _KnownStorages:
    """The storages this recorder has used, kept in the state folder, away from their disks.

    Once there is one, an empty or another folder is not adopted. Where the state lies in the
    storage itself there is nothing to compare: `state` is None, and nothing is known or kept.
    """

    directory: Path
    state: Path | None
    disk: Disk
    # The folder of each storage when it was last open, by its id.
    directories: dict[str, str]
    warnings: list[str]

    @classmethod
    def load(cls, directory: Path, state: Path | None, disk: Disk) -> _KnownStorages:
        """What the state folder knows. Makes nothing.

        Raises:
            StorageError: the state folder cannot be read.
        """
        if state is None or _absolute(state) == directory / META_FOLDER:
            return cls(directory, None, disk, {}, [])
        state = _absolute(state)
        try:
            with _explained(state), suppress(FileNotFoundError):
                with closing(disk, disk.open_path(state)) as folder:
                    content = read_small_file(disk, folder, KNOWN_FILE)
                return cls(directory, state, disk, _parse_known(content), [])
        except ValueError:
            warning = (
                f"The list of known storages, {state / KNOWN_FILE}, was damaged; "
                f"it begins anew with {directory}."
            )
            return cls(directory, state, disk, {}, [warning])
        return cls(directory, state, disk, {}, [])

    def refuse_if_emptied(self) -> None:
        """Raises StorageError when a storage was here: its disk is not mounted, or was replaced,
        and only a person knows which."""
        if self.state is not None and str(self.directory) in self.directories.values():
            raise StorageError(
                f"The folder {self.directory} has no marker, but a storage was in use there: "
                "check that its disk is mounted. If the disk was replaced, remove "
                f"{self.state / KNOWN_FILE} and run `recorder init` again."
            )

    def refuse_unless_known(self, identifier: str) -> None:
        """Raises StorageError for a recorder storage that is not one of ours."""
        if self.directories and identifier not in self.directories:
            raise StorageError(
                f"The folder {self.directory} is the storage of another recorder (id "
                f"{identifier}). Mount the right disk, or run `recorder init` to take this one "
                "into use."
            )

    def learn(self, identifier: str) -> bool:
        """Remember a storage and where it is; returns whether it is a new one.

        Raises:
            StorageError: the state folder cannot be written.
        """
        directory = str(self.directory)
        if self.state is None or self.directories.get(identifier) == directory:
            return False
        storages = [
            {"id": key, "directory": value}
            for key, value in {**self.directories, identifier: directory}.items()
        ]
        content = json.dumps({"version": _KNOWN_VERSION, "storages": storages}, indent=1)
        with (
            _explained(self.state),
            closing(self.disk, _ensure_path(self.disk, self.state, PRIVATE_FOLDER_MODE)) as folder,
        ):
            replace_file(self.disk, folder, KNOWN_FILE, content.encode(), PRIVATE_FILE_MODE)
        return identifier not in self.directories


def _parse_known(content: bytes) -> dict[str, str]:
    """Raises ValueError for anything `learn` has not written."""
    try:
        document = json.loads(content)
        if document["version"] != _KNOWN_VERSION:
            raise ValueError("another version")
        return {str(uuid.UUID(row["id"])): str(row["directory"]) for row in document["storages"]}
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a list of storages") from error
