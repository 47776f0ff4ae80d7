"""SHA-256 of closed segments, in one thread of low priority, off the loop and off the writer.

Owns that thread, and the order in which it reads: first come, first served. It opens a file when
its turn comes and holds nothing for those that wait, which are names. It decides nothing: what a
checksum is for, and what to do without one, is known to whoever asked.

A thread of its own and not one of Trio's, because it makes itself nice, and what a thread has added
to its nice value it cannot take back without privileges: Trio lends its threads again, to the
writer of all. A segment is mostly still in memory when it has been closed, so the work is the
processor's, of which hashlib gives the others theirs: it computes without the interpreter's lock.
Once read, a file is dropped from the page cache: nobody is sure to read it again, and what stands
there longer is the memory that the next batches are written into.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import queue
import threading
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
import trio

from recorder.logs import same
from recorder.recording.disk import closing, read_block
from recorder.recording.entries import is_recording_path
from recorder.recording.shelves import open_recording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from recorder.recording.disk import Disk

log = logging.getLogger(__name__)

_FAULT: Final = "%s/%s: its checksum failed; this is a fault of the recorder"

BLOCK_BYTES = 256 << 10
"""Read at once: a stop waits for one block, and a hop between blocks costs nothing that shows."""

WAITING = 10_000
"""Segments that may wait. More than that is a disk that reads more slowly than it is written, for
days; the oldest then goes, and who asked for it is told."""

NICE = 19
"""Behind everything else on the machine."""

JOIN_S = 2.0
"""How long a stop waits for the thread: far more than a block of a disk that answers."""


class HashingStoppedError(Exception):
    """The file was not read to its end, because somebody said stop."""


def sha256_of(
    disk: Disk,
    folder: int,
    name: str,
    *,
    progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> str:
    """The SHA-256 of a whole file, in hexadecimal digits. Blocking; what was in memory of the
    file is dropped behind it.

    Args:
        folder: the descriptor of the folder it is in.
        progress: told the size of each block, in bytes, when it is done.
        stop: asked before each block.

    Raises:
        UnreadableError: the disk does not give all of it.
        OSError: it cannot be opened.
        HashingStoppedError: `stop` said so.
    """
    digest = hashlib.sha256()
    offset = 0
    with closing(disk, disk.open_file(folder, name)) as file:
        while True:
            if stop is not None and stop():
                raise HashingStoppedError(name)
            block = read_block(disk, file, BLOCK_BYTES, offset)
            if not block:
                # Not block by block: it would drop what is ahead and in memory already.
                with suppress(OSError):
                    disk.forget_cache(file)
                return digest.hexdigest()
            digest.update(block)
            offset += len(block)
            if progress is not None:
                progress(len(block))


@attrs.frozen
class _Job:
    folder: str
    name: str
    done: Callable[[str | OSError], None]


class Hasher:
    """Computes checksums for the loop. Make it with `open_hasher`.

    Attributes:
        dropped: segments that were not hashed because too many waited.
    """

    def __init__(
        self,
        disk: Disk,
        root: Callable[[], int],
        limit: int,
        lower_priority: Callable[[], None],
    ) -> None:
        self._disk = disk
        self._root = root
        self._limit = limit
        self._lower_priority = lower_priority
        # The C queue: the loop never waits for a lock that a thread of low priority holds.
        self._jobs = queue.SimpleQueue[_Job | None]()
        self._stopped = False
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many segments wait for their turn."""
        return self._jobs.qsize()

    def submit(self, folder: str, name: str, done: Callable[[str | OSError], None]) -> None:
        """Have a file hashed; never blocks. Call it on the loop.

        Args:
            folder: of the recording, below the storage: `room101/2026-11-22/0000042-103000Z`.
            name: of the segment in it.
            done: called on the loop, later, with the SHA-256 in hexadecimal digits, or with why
                there is none; never after the end.
        """
        if not is_recording_path(folder):
            raise ValueError(f"not a recording's folder: {folder!r}")
        if self.waiting >= self._limit:
            with suppress(queue.Empty):
                oldest = self._jobs.get_nowait()
                assert oldest is not None, (
                    "None ends the thread, and nothing is submitted behind it"
                )
                self.dropped += 1
                error = OSError(errno.ENOBUFS, "too many segments wait for their checksum")
                # Later, as every answer: who submits is not called back within the call.
                trio.lowlevel.current_trio_token().run_sync_soon(self._deliver, oldest, error)
                log.warning(
                    "More than %d segments wait for their checksum; the oldest goes without for "
                    "now.",
                    self._limit,
                    extra=same("checksums dropped"),
                )
        self._jobs.put(_Job(folder, name, done))

    def stop(self) -> None:
        """End the thread behind the block it reads; what waits is dropped."""
        self._stopped = True
        self._jobs.put(None)

    def run(self, token: trio.lowlevel.TrioToken, ended: Callable[[], None]) -> None:
        """The thread: hash until `stop`, then have `ended` called on the loop."""
        try:
            self._lower_priority()
        except OSError as error:
            # A sandbox may refuse it; the checksums are still wanted.
            log.info("Checksums are computed at normal priority: %s", error)
        while (job := self._jobs.get()) is not None and not self._stopped:
            try:
                result = self._hash(job)
            except HashingStoppedError:
                break
            _call_on_loop(token, partial(self._deliver, job, result))
        _call_on_loop(token, ended)

    def _hash(self, job: _Job) -> str | OSError:
        try:
            # Asked for each file: a disk that came back has another root.
            with open_recording(self._disk, self._root(), job.folder) as folder:
                return sha256_of(self._disk, folder, job.name, stop=lambda: self._stopped)
        except OSError as error:
            return error
        except HashingStoppedError:
            raise
        except Exception:
            # Without this thread no lesson cut off would be made whole again (promise 7).
            log.exception(_FAULT, job.folder, job.name)
            return OSError(errno.EIO, "the recorder itself failed at it", job.name)

    def _deliver(self, job: _Job, result: str | OSError) -> None:
        if self._stopped:
            return
        try:
            job.done(result)
        except Exception:
            # Called by the loop itself, which ends with whatever it raises.
            log.exception(_FAULT, job.folder, job.name)


def _call_on_loop(token: trio.lowlevel.TrioToken, call: Callable[[], None]) -> None:
    # A thread that was stuck in a read may come back when the loop is no more.
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(call)


def lower_priority() -> None:
    """Make the calling thread nice, and it alone: Linux keeps the value for each thread.

    Raises:
        OSError: it is not allowed.
    """
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


@asynccontextmanager
async def open_hasher(
    disk: Disk,
    root: Callable[[], int],
    *,
    limit: int = WAITING,
    lower_priority: Callable[[], None] = lower_priority,
) -> AsyncIterator[Hasher]:
    """A hasher, which ends with the context: within a block on a disk that answers.

    Args:
        root: gives the descriptor of the storage's folder; called in the thread.
        limit: how many segments may wait.
        lower_priority: called in the thread, first of all.
    """
    hasher = Hasher(disk, root, limit, lower_priority)
    ended = trio.Event()
    # A daemon, against the custom of the house: nothing ends a read on a disk that has gone, and
    # the interpreter would wait for it for ever. The thread only reads, so nothing is cut short.
    threading.Thread(
        target=hasher.run,
        args=(trio.lowlevel.current_trio_token(), ended.set),
        name="checksums",
        daemon=True,
    ).start()
    try:
        yield hasher
    finally:
        hasher.stop()
        with trio.move_on_after(JOIN_S, shield=True):
            await ended.wait()
        if not ended.is_set():
            log.warning("The disk does not answer: a checksum is left unfinished.")
