"""Why a storage cannot be used, said to a person.

Owns the sentences: what happened, to which folder, what to do; of a storage that is opened and of
one that is in use. Decides which file systems are good enough; touches no disk.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


class UnusableError(StorageError):
    """Whatever disk is mounted there, it stays so: another folder has to be configured, or another
    recorder stopped."""


class InUseError(UnusableError):
    """Another process has the storage's lock; `who` says which."""

    def __init__(self, who: str) -> None:
        super().__init__(f"{who} Stop that one, or give this one a folder of its own.")
        self.who = who


class StorageGone(OSError):  # noqa: N818 - it says what happened, as FileNotFoundError does
    """What is at the storage's path is not, or not any more, the storage that was opened. The
    text is for a person and says what to do."""

    def __str__(self) -> str:
        return str(self.strerror)


class StorageMoved(StorageGone):
    """Our storage is at its path, but mounted anew: what was opened before leads elsewhere."""


FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The errors of a disk without room."""

NO_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})
"""Those of a path that leads to something else than a folder."""


def in_words(error: BaseException, directory: Path) -> str:
    """Why a running recorder could not write into its storage: what happened, what to do."""
    match error:
        case StorageError() | StorageGone():
            return str(error)
        case OSError(errno=errno.ENOENT):
            return (
                f"A file or folder of the recorder in {directory} is gone. Check that its disk is "
                "mounted, and that nobody removes files there."
            )
        case OSError():
            return explain(error, directory)
        case _:
            return (
                f"The recorder itself failed at writing into {directory} "
                f"({type(error).__name__}: {error}). Report it, with the lines of the log."
            )


def full(directory: Path, missing: int) -> str:
    """`missing`: how many bytes more must be free before recording goes on."""
    return (
        f"The disk of the folder {directory} is full. Free {-(-missing // (1 << 20))} MiB more on "
        "it; recording then goes on by itself."
    )


def silent(directory: Path) -> StorageError:
    return StorageError(
        f"The disk of the folder {directory} does not answer. Check the disk and its cable or "
        "card; recording goes on by itself when it does."
    )


def vanished(directory: Path) -> StorageGone:
    return StorageGone(
        errno.ENOENT,
        f"The folder {directory} is gone. Check that its disk is connected and mounted; recording "
        "then goes on by itself.",
    )


def swapped(directory: Path, found: str | None) -> StorageGone:
    """`found`: the id of the storage that is there now; None: it has no marker."""
    what = (
        "no storage any more: it has no marker"
        if found is None
        else f"another recorder storage now (id {found})"
    )
    return StorageGone(
        errno.ESTALE,
        f"The folder {directory} is {what}. Check that the right disk is mounted there; recording "
        "then goes on by itself.",
    )


def moved(directory: Path) -> StorageMoved:
    return StorageMoved(
        errno.ESTALE,
        f"The disk of the folder {directory} was mounted anew. The recorder opens it again by "
        "itself.",
    )


@contextmanager
def missed(directory: Path) -> Iterator[None]:
    """Turn what is found in the storage's place into a StorageGone. Other errors pass: a disk
    that cannot be read may be ours."""
    try:
        yield
    except StorageError as error:
        raise StorageGone(errno.ESTALE, str(error)) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise vanished(directory) from error


def explain(error: OSError, folder: Path) -> str:
    """An error of the operating system, said to a person: what happened, where, what to do."""
    match error.errno:
        case errno.ENOENT:
            return (
                f"The folder {folder} does not exist. "
                "Run `recorder init` to make it, or check that the disk is mounted."
            )
        case number if number in NO_FOLDER:
            return (
                f"{folder} is not a folder, or has a symbolic link in place of one. "
                "Name the real folder in the configuration."
            )
        case errno.EACCES | errno.EPERM:
            return (
                f"The folder {folder} cannot be used by this user (uid {os.geteuid()}): "
                f"{error.strerror}. Run this as the recorder's user; where this is that one, give "
                "it the folder and all in it with `chown -R`."
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
        UnusableError: nothing can be promised on it.
    """
    warnings = []
    if name := NETWORK_FILE_SYSTEMS.get(kind):
        raise UnusableError(
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


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system says into a StorageError about this folder."""
    try:
        yield
    except OSError as error:
        is_folder = error.errno not in NO_FOLDER
        raise (StorageError if is_folder else UnusableError)(explain(error, folder)) from error
