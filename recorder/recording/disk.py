"""The disk: the only door from recordings to the operating system.

Owns every blocking call of the storage, each one primitive, so that what a power cut or a failing
disk does between two of them can be played through: a double of `Disk` records, fails or forgets,
and the procedures above (`durable`, `storage`, `files`) never know. Nothing above calls `os`.

The rules are in the primitives themselves: everything is relative to the descriptor of a folder,
no symbolic link is followed, no descriptor survives an exec, a file is created only where none
is. `rename` is the one primitive that may replace a name.

Below the primitives stands what their callers need to use one of them rightly; procedures made of
several are in `durable`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

from recorder.recording.mounts import file_system_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_MODE = 0o640
"""Recordings show people: the group may be let in, others may not."""

FOLDER_MODE = 0o750

PRIVATE_FILE_MODE = 0o600
PRIVATE_FOLDER_MODE = 0o700

_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | _SAFE


@attrs.frozen
class FileFacts:
    """What a folder says of one of its names. `inode`: two names with the same are one file."""

    size: int
    modified_ns: int
    inode: int
    is_folder: bool = False


@attrs.frozen
class Space:
    """Of a file system, in bytes; `available` is what we may still write."""

    total: int
    available: int


class UnreadableError(OSError):
    """The disk does not give what is in a file: it is gone, or has a bad sector there."""


class Disk(Protocol):
    """Blocking primitives. Folders and files are descriptors (int); every one raises OSError."""

    def open_path(self, path: Path, *, follow: bool = False) -> int:
        """The descriptor of a folder by its path; `follow`: also when its last name is a link."""

    def open_folder(self, parent: int, name: str) -> int:
        """The descriptor of a folder inside another."""

    def make_folder(self, parent: int, name: str, mode: int = FOLDER_MODE) -> None:
        """Make a folder; FileExistsError when the name is taken. Not durable until the parent
        is synced."""

    def sync_folder(self, folder: int) -> None:
        """Make the folder's names durable: created, linked, renamed and removed ones."""

    def list_folder(self, folder: int) -> list[str]:
        """The names in a folder, in no order."""

    def exists(self, folder: int, name: str) -> bool:
        """Whether the name is taken, by whatever."""

    def facts(self, folder: int, name: str) -> FileFacts:
        """Size, time and identity of a name, which may be a link or a folder."""

    def size(self, file: int) -> int:
        """The size of an open file."""

    def identity(self, descriptor: int) -> tuple[int, int]:
        """Device and inode: two descriptors with the same are one folder, or one file."""

    def space(self, folder: int) -> Space:
        """How much room its file system has."""

    def create_file(self, folder: int, name: str, mode: int = FILE_MODE) -> int:
        """A new empty file, open for writing; FileExistsError when the name is taken."""

    def open_file(self, folder: int, name: str) -> int:
        """A file that is there, open for reading."""

    def open_to_repair(self, folder: int, name: str) -> int:
        """A file that is there, open for reading and writing."""

    def open_lock(self, folder: int, name: str) -> int:
        """A file for `try_lock`, open for both, made when missing: never exclusive, because the
        lock is the flock and the file stays."""

    def read(self, file: int, size: int, offset: int) -> bytes:
        """Up to `size` bytes; none at the end."""

    def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
        """Write at an offset; returns the bytes written, which may be fewer than were given."""

    def truncate(self, file: int, size: int) -> None:
        """Cut the file to a size."""

    def allocate(self, file: int, size: int) -> None:
        """Give the file so many bytes of the disk, zeros, from its beginning."""

    def forget_cache(self, file: int) -> None:
        """Let what is in memory of the file go, so that the next read comes from the disk: after
        a failed sync memory shows bytes that the disk never got."""

    def sync_file(self, file: int) -> None:
        """Make the file's bytes and size durable. After an error they are unknown, for good: a
        second call would return success without having written them."""

    def link(self, folder: int, source: str, target: str) -> None:
        """A second name for a file; FileExistsError when it is taken."""

    def rename(self, folder: int, source: str, target: str) -> None:
        """Another name for a file, atomically, in place of what had it."""

    def unlink(self, folder: int, name: str) -> None:
        """Remove a file's name."""

    def remove_folder(self, parent: int, name: str) -> None:
        """Remove a folder that is empty."""

    def try_lock(self, file: int) -> bool:
        """Lock for as long as the descriptor is open; False: somebody else has."""

    def file_system(self, folder: int) -> str:
        """The kernel's name of the file system a folder is on; empty when not known."""

    def replace(self, old: int, new: int) -> None:
        """Let the descriptor `old` mean what `new` means, at once for every thread; what it meant
        before is closed. `new` stays open."""

    def close(self, descriptor: int) -> None:
        """Give the descriptor back; it is gone also when this raises."""


class OsDisk:
    """The real disk."""

    def open_path(self, path: Path, *, follow: bool = False) -> int:
        return os.open(path, _FOLDER & ~os.O_NOFOLLOW if follow else _FOLDER)

    def open_folder(self, parent: int, name: str) -> int:
        return os.open(name, _FOLDER, dir_fd=parent)

    def make_folder(self, parent: int, name: str, mode: int = FOLDER_MODE) -> None:
        os.mkdir(name, mode, dir_fd=parent)

    def sync_folder(self, folder: int) -> None:
        os.fsync(folder)

    def list_folder(self, folder: int) -> list[str]:
        return os.listdir(folder)

    def exists(self, folder: int, name: str) -> bool:
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def facts(self, folder: int, name: str) -> FileFacts:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return FileFacts(
            found.st_size, found.st_mtime_ns, found.st_ino, stat.S_ISDIR(found.st_mode)
        )

    def size(self, file: int) -> int:
        return os.fstat(file).st_size

    def identity(self, descriptor: int) -> tuple[int, int]:
        found = os.fstat(descriptor)
        return found.st_dev, found.st_ino

    def space(self, folder: int) -> Space:
        found = os.fstatvfs(folder)
        # f_bavail, not f_bfree: ext4 keeps some percent for root.
        return Space(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)

    def create_file(self, folder: int, name: str, mode: int = FILE_MODE) -> int:
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, mode, dir_fd=folder)

    def open_file(self, folder: int, name: str) -> int:
        return os.open(name, os.O_RDONLY | _SAFE, dir_fd=folder)

    def open_to_repair(self, folder: int, name: str) -> int:
        return os.open(name, os.O_RDWR | _SAFE, dir_fd=folder)

    def open_lock(self, folder: int, name: str) -> int:
        return os.open(name, os.O_RDWR | os.O_CREAT | _SAFE, FILE_MODE, dir_fd=folder)

    def read(self, file: int, size: int, offset: int) -> bytes:
        return os.pread(file, size, offset)

    def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
        return os.pwrite(file, data, offset)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def allocate(self, file: int, size: int) -> None:
        os.posix_fallocate(file, 0, size)

    def forget_cache(self, file: int) -> None:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync_file(self, file: int) -> None:
        os.fdatasync(file)

    def link(self, folder: int, source: str, target: str) -> None:
        os.link(source, target, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)

    def rename(self, folder: int, source: str, target: str) -> None:
        os.rename(source, target, src_dir_fd=folder, dst_dir_fd=folder)

    def unlink(self, folder: int, name: str) -> None:
        os.unlink(name, dir_fd=folder)

    def remove_folder(self, parent: int, name: str) -> None:
        os.rmdir(name, dir_fd=parent)

    def try_lock(self, file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def file_system(self, folder: int) -> str:
        path = os.readlink(f"/proc/self/fd/{folder}")
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        return file_system_of(path, mounts)

    def replace(self, old: int, new: int) -> None:
        os.dup2(new, old, inheritable=False)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)


@contextmanager
def closing(disk: Disk, descriptor: int) -> Iterator[int]:
    """Close a descriptor on the way out, whichever way that is."""
    try:
        yield descriptor
    finally:
        disk.close(descriptor)


def read_block(disk: Disk, file: int, size: int, offset: int) -> bytes:
    """What is in a file there, at most so much; nothing at its end.

    Raises:
        UnreadableError: the disk does not give it.
    """
    try:
        return disk.read(file, size, offset)
    except OSError as error:
        raise UnreadableError(*error.args) from error


def write_all(disk: Disk, file: int, data: bytes, offset: int) -> int:
    """Write all of it at an offset; returns the offset behind it.

    Raises:
        OSError: how much was written is unknown; the same call again would repair it.
    """
    left = memoryview(data)
    while left:
        written = disk.write(file, left, offset)
        if not written:
            # Not something a file does; without this a disk that lies is an endless loop.
            raise OSError(errno.EIO, "the disk took no byte and named no error")
        offset += written
        left = left[written:]
    return offset
