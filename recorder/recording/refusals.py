"""Why a storage cannot be used, said to a person.

Owns the sentences: what happened, to which folder, what to do. Decides which file systems are
good enough; touches no disk.
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


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system says into a StorageError about this folder."""
    try:
        yield
    except OSError as error:
        raise StorageError(explain(error, folder)) from error
