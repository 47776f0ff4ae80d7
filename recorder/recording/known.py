"""The storages this recorder knows, and the way to a folder given by its path.

Owns `storages.json` in the state folder. Once a storage is known, an empty or another folder in
its place is a disk that did not mount, and is never adopted: a recorder that did would fill the
boot card while everything looks well.
"""

from __future__ import annotations

import json
import os
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from recorder.recording.disk import PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE, closing
from recorder.recording.durable import ensure_folder, read_small_file, replace_file
from recorder.recording.refusals import StorageError, UnusableError, explained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.recording.disk import Disk

META_FOLDER = ".recorder"
KNOWN_FILE = "storages.json"

_KNOWN_VERSION = 1


def absolute(path: Path) -> Path:
    """For sentences and for the list of known storages; by text, so that no link is followed."""
    return Path(os.path.abspath(path))


def ensure_path(disk: Disk, folder: Path, mode: int) -> int:
    """The descriptor of a folder by its path; its name is durable. Only its last name is made
    when missing: a missing parent is more often a disk that is not mounted than a wish."""
    with suppress(FileNotFoundError):
        found = disk.open_path(folder)
        _sync_parent(disk, folder)
        return found
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


def _sync_parent(disk: Disk, folder: Path) -> None:
    """Make durable the name of a folder that is there: who made it may have died before the sync.
    Where the parent is another disk's, or not ours to read, there is nothing to be made durable."""
    with (
        suppress(OSError),
        closing(disk, disk.open_path(folder.parent, follow=True)) as parent,
    ):
        disk.sync_folder(parent)


@contextmanager
def held(state: Path, disk: Disk) -> Iterator[None]:
    """Hold a state folder that lies beside its storage, for as long as the `with` lasts: while the
    disk is away there is no lock of the storage that would keep a second recorder out of it.

    Raises:
        UnusableError: another recorder has it.
        StorageError: it cannot be opened.
    """
    with ExitStack() as stack:
        with explained(state):
            folder = stack.enter_context(closing(disk, disk.open_path(state)))
            if not disk.try_lock(folder):
                raise UnusableError(
                    f"The state folder {state} is in use by another recorder. Stop that one, or "
                    "give this one a state folder of its own."
                )
        yield


@attrs.frozen
class KnownStorages:
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
    def load(cls, directory: Path, state: Path | None, disk: Disk) -> KnownStorages:
        """What the state folder knows. Makes nothing.

        Raises:
            StorageError: the state folder cannot be read.
        """
        if state is None or absolute(state) == directory / META_FOLDER:
            return cls(directory, None, disk, {}, [])
        state = absolute(state)
        try:
            with explained(state), suppress(FileNotFoundError):
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

    @property
    def is_any(self) -> bool:
        """Whether a storage was ever in use here."""
        return bool(self.directories)

    def accept(self, identifier: str | None) -> str:
        """The id of a storage that may be used.

        Args:
            identifier: what the folder's marker says; None: it has none.

        Raises:
            StorageError: no storage is there, or not one of ours.
        """
        if identifier is not None:
            self.refuse_unless_known(identifier)
            return identifier
        if self.was_here:
            raise StorageError(
                f"The folder {self.directory} has no marker, but a storage was in use there: its "
                "disk is not mounted, or this is another one. Mount the right one; recording then "
                "goes on by itself."
            )
        raise StorageError(
            f"The folder {self.directory} is not a recorder storage: it has no marker. "
            "Run `recorder init` to take it into use, or check that the disk is mounted."
        )

    @property
    def was_here(self) -> bool:
        """Whether a storage was in use in this folder."""
        return self.state is not None and str(self.directory) in self.directories.values()

    def refuse_if_emptied(self) -> None:
        """Raises StorageError when a storage was here: its disk is not mounted, or was replaced,
        and only a person knows which."""
        if self.was_here:
            assert self.state is not None, "else nothing is known"
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
            explained(self.state),
            closing(self.disk, ensure_path(self.disk, self.state, PRIVATE_FOLDER_MODE)) as folder,
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
