"""Disks for tests: the real one, with every operation written down, or with one that fails.

Both wrap a real `OsDisk` on a folder of the test, so what they let through has happened. An
operation is written down as a line such as `link room/2026-11-22/0000042-103000Z/0001.flv`: its
name, and what it was done to, from the first opened folder on.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from recorder.recording.disk import FILE_MODE, FOLDER_MODE, FileFacts, OsDisk, Space

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


T = TypeVar("T")


def open_descriptors() -> int:
    """How many files and folders this process has open. Nothing that records opens a socket: those
    there are belong to an earlier test, or to a browser's in this process, and come and go."""
    open_now = 0
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # of the listing itself
            open_now += os.readlink(f"/proc/self/fd/{number}").startswith("/")
    return open_now


class RecordingDisk:
    """An OsDisk that writes down each operation, in order, once it has been let through.

    Attributes:
        operations: what was done.
        max_write_bytes: writes are cut short to this, where it is set.
        kind: what `file_system` answers.
    """

    def __init__(self, inner: OsDisk | None = None) -> None:
        self.inner = inner or OsDisk()
        self.operations: list[str] = []
        self.max_write_bytes: int | None = None
        self.kind = "ext4"
        self._names: dict[int, str] = {}

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        """Do one operation. Subclasses decide here whether it happens."""
        self.operations.append(f"{operation} {subject}")
        return action()

    def _at(self, folder: int, name: str) -> str:
        return "/".join(part for part in (self._names.get(folder, "?"), name) if part)

    def _open(self, operation: str, subject: str, action: Callable[[], int], name: str) -> int:
        descriptor = self.perform(operation, subject, action)
        self._names[descriptor] = name
        return descriptor

    def open_path(self, path: Path, *, follow: bool = False) -> int:
        return self._open(
            "open_path", str(path), lambda: self.inner.open_path(path, follow=follow), ""
        )

    def open_folder(self, parent: int, name: str) -> int:
        path = self._at(parent, name)
        return self._open("open_folder", path, lambda: self.inner.open_folder(parent, name), path)

    def make_folder(self, parent: int, name: str, mode: int = FOLDER_MODE) -> None:
        self.perform(
            "make_folder",
            self._at(parent, name),
            lambda: self.inner.make_folder(parent, name, mode),
        )

    def sync_folder(self, folder: int) -> None:
        self.perform("sync_folder", self._at(folder, ""), lambda: self.inner.sync_folder(folder))

    def list_folder(self, folder: int) -> list[str]:
        return self.perform(
            "list_folder", self._at(folder, ""), lambda: self.inner.list_folder(folder)
        )

    def exists(self, folder: int, name: str) -> bool:
        return self.perform(
            "exists", self._at(folder, name), lambda: self.inner.exists(folder, name)
        )

    def facts(self, folder: int, name: str) -> FileFacts:
        return self.perform("facts", self._at(folder, name), lambda: self.inner.facts(folder, name))

    def size(self, file: int) -> int:
        return self.perform("size", self._at(file, ""), lambda: self.inner.size(file))

    def identity(self, descriptor: int) -> tuple[int, int]:
        return self.perform(
            "identity", self._at(descriptor, ""), lambda: self.inner.identity(descriptor)
        )

    def space(self, folder: int) -> Space:
        return self.perform("space", self._at(folder, ""), lambda: self.inner.space(folder))

    def create_file(self, folder: int, name: str, mode: int = FILE_MODE) -> int:
        path = self._at(folder, name)
        return self._open(
            "create_file", path, lambda: self.inner.create_file(folder, name, mode), path
        )

    def open_file(self, folder: int, name: str) -> int:
        path = self._at(folder, name)
        return self._open("open_file", path, lambda: self.inner.open_file(folder, name), path)

    def open_to_repair(self, folder: int, name: str) -> int:
        path = self._at(folder, name)
        return self._open(
            "open_to_repair", path, lambda: self.inner.open_to_repair(folder, name), path
        )

    def open_lock(self, folder: int, name: str) -> int:
        path = self._at(folder, name)
        return self._open("open_lock", path, lambda: self.inner.open_lock(folder, name), path)

    def read(self, file: int, size: int, offset: int) -> bytes:
        return self.perform("read", self._at(file, ""), lambda: self.inner.read(file, size, offset))

    def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
        if self.max_write_bytes is not None:
            data = data[: self.max_write_bytes]
        return self.perform(
            "write", self._at(file, ""), lambda: self.inner.write(file, data, offset)
        )

    def truncate(self, file: int, size: int) -> None:
        self.perform("truncate", self._at(file, ""), lambda: self.inner.truncate(file, size))

    def allocate(self, file: int, size: int) -> None:
        self.perform("allocate", self._at(file, ""), lambda: self.inner.allocate(file, size))

    def forget_cache(self, file: int) -> None:
        self.perform("forget_cache", self._at(file, ""), lambda: self.inner.forget_cache(file))

    def sync_file(self, file: int) -> None:
        self.perform("sync_file", self._at(file, ""), lambda: self.inner.sync_file(file))

    def link(self, folder: int, source: str, target: str) -> None:
        self.perform(
            "link", self._at(folder, target), lambda: self.inner.link(folder, source, target)
        )

    def rename(self, folder: int, source: str, target: str) -> None:
        self.perform(
            "rename", self._at(folder, target), lambda: self.inner.rename(folder, source, target)
        )

    def unlink(self, folder: int, name: str) -> None:
        self.perform("unlink", self._at(folder, name), lambda: self.inner.unlink(folder, name))

    def remove_folder(self, parent: int, name: str) -> None:
        self.perform(
            "remove_folder",
            self._at(parent, name),
            lambda: self.inner.remove_folder(parent, name),
        )

    def try_lock(self, file: int) -> bool:
        return self.perform("try_lock", self._at(file, ""), lambda: self.inner.try_lock(file))

    def file_system(self, folder: int) -> str:
        return self.perform("file_system", self._at(folder, ""), lambda: self.kind)

    def replace(self, old: int, new: int) -> None:
        self.perform("replace", self._at(old, ""), lambda: self.inner.replace(old, new))
        self._names[old] = self._names[new]

    def close(self, descriptor: int) -> None:
        self.perform("close", self._at(descriptor, ""), lambda: self.inner.close(descriptor))


class FailingDisk(RecordingDisk):
    """A disk whose n-th operation, counted from `arm`, raises an OSError.

    `close` gives its descriptor back even when it raises, as the kernel does. Everything else
    fails before it has done anything, or with `late=True` after it has done it: a disk whose
    answer was lost.
    """

    def __init__(self, inner: OsDisk | None = None) -> None:
        super().__init__(inner)
        self._countdown = 0
        self._error = errno.EIO
        self._late = False
        self.failed: str | None = None

    def arm(self, n: int, error: int = errno.EIO, *, late: bool = False) -> None:
        """Let the n-th operation from now on fail, the first being 1; 0 lets none fail."""
        self._countdown, self._error, self._late = n, error, late
        self.failed = None

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        self._countdown -= 1
        if self._countdown:
            return super().perform(operation, subject, action)
        self.failed = f"{operation} {subject}"
        if operation == "close" or self._late:
            with suppress(OSError):
                result = super().perform(operation, subject, action)
                if isinstance(result, int) and operation in _OPENING:
                    self.inner.close(result)
        raise OSError(self._error, os.strerror(self._error), subject)


_OPENING = frozenset(
    {"open_path", "open_folder", "create_file", "open_file", "open_to_repair", "open_lock"}
)


class RefusingDisk(RecordingDisk):
    """A disk that refuses every operation of one name, as a file system without it does."""

    def __init__(self, operation: str, error: int) -> None:
        super().__init__()
        self.operation = operation
        self._error = error

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if operation == self.operation:
            raise OSError(self._error, os.strerror(self._error), subject)
        return super().perform(operation, subject, action)


class PatchyDisk(RecordingDisk):
    """A disk of which single operations are sick until the test heals them.

    Attributes:
        sick: the error of each operation, by its line: `open_folder room101`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sick: dict[str, int] = {}

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        error = self.sick.get(self.line(operation, subject))
        if error is not None:
            raise OSError(error, os.strerror(error), subject)
        return super().perform(operation, subject, action)

    @staticmethod
    def line(operation: str, subject: str) -> str:
        # A root that was not opened through this disk has no name.
        return f"{operation} {subject.removeprefix('?/')}"
