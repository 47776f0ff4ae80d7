"""A segment that somebody fetches: open from its first look until its last thread is back.

A part of the app. A thread that waits for the disk cannot be cancelled, so who stops or loses
patience leaves it behind. Owns the descriptor, which is closed once and never under a thread: its
number would soon be another file's, and that one's bytes would be sent. The loop does not close it
either: whoever closes a deleted file last waits until the disk has given its room back.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from recorder.recording.shelves import open_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.recording.disk import Disk, FileFacts
    from recorder.recording.retention.hand import Hand
    from recorder.recording.storage import Storage


class LentFile:
    """A file that threads use, one at a time. Any thread may call."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._file: int | None = None
        self._is_busy = self._is_left = False

    def open(self, root: int, path: str, name: str) -> FileFacts:
        """Open a file in a recording's folder, once.

        Args:
            root: the descriptor of the storage's folder.

        Raises:
            OSError: it cannot be opened, or nobody wants it any more.
        """
        with self._used(), open_recording(self._disk, root, path) as folder:
            facts = self._disk.facts(folder, name)
            self._file = self._disk.open_file(folder, name)
            return facts

    def read(self, size: int, offset: int) -> bytes:
        """As of `Disk`. Raises OSError, also when nobody wants it any more."""
        with self._used():
            assert self._file is not None, "it is open"
            return self._disk.read(self._file, size, offset)

    def leave(self) -> None:
        """Nobody wants it any more: it is closed as soon as no thread uses it. Called once, on the
        loop; never waits for the disk."""
        with self._lock:
            self._is_left = True
            if self._is_busy or self._file is None:
                return
        trio.lowlevel.start_thread_soon(self._close, lambda _: None)

    @contextmanager
    def _used(self) -> Iterator[None]:
        with self._lock:
            if self._is_left:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._is_busy = True
        try:
            yield
        finally:
            if self._is_last():
                self._close()

    def _is_last(self) -> bool:
        """A thread is back; whether somebody left while it was away."""
        with self._lock:
            self._is_busy = False
            return self._is_left

    def _close(self) -> None:
        if self._file is not None:
            # It was only read, and is given back also when this raises.
            with suppress(OSError):
                self._disk.close(self._file)


@attrs.define(kw_only=True)
class FileDownload:
    """`status.downloads.Download`, of a file of ours. A closed segment never changes."""

    file: LentFile
    hand: Hand
    number: int
    size: int
    etag: str
    name: str
    limiter: trio.CapacityLimiter

    async def read(self, offset: int, size: int) -> bytes:
        call = partial(self.file.read, size, offset)
        return await trio.to_thread.run_sync(call, limiter=self.limiter, abandon_on_cancel=True)

    def close(self) -> None:
        self.hand.read_over(self.number)
        self.file.leave()


async def open_download(
    storage: Storage,
    hand: Hand,
    *,
    number: int,
    path: str,
    name: str,
    limiter: trio.CapacityLimiter,
) -> FileDownload:
    """Open a closed segment; its recording is left alone by the sweep until it is closed.

    Args:
        path: of the recording's folder, below the storage; `name` the file's in it.
        limiter: how many threads may be in the disk for downloads.

    Raises:
        OSError: FileNotFoundError or NotADirectoryError where there is no such file.
    """
    file = LentFile(storage.disk)
    call = partial(file.open, storage.root, path, name)
    try:
        facts = await trio.to_thread.run_sync(call, limiter=limiter, abandon_on_cancel=True)
    except BaseException:
        file.leave()
        raise
    # One that is deleted in this moment can be read to its end: it is open.
    hand.read_begins(number)
    return FileDownload(
        file=file,
        hand=hand,
        number=number,
        size=facts.size,
        etag=f'"{facts.modified_ns:x}-{facts.size:x}"',
        name=f"{path.replace('/', '_')}_{name}",
        limiter=limiter,
    )
