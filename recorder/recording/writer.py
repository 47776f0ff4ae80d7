"""The writer: the one way from the event loop to the recording disk.

Owns the order of what is written and the one thread it is written in. Every recording has a
`WriteQueue`; once a tick the writer takes what stands in all of them and carries it to the disk
in a single thread hop, because a hop costs 100 µs and more while a batch costs next to nothing
(design §4). Within a queue the order is kept; between queues there is none to keep.

A queue is not bounded here: whoever fills it asks `pending_bytes` and stops reading its socket
(`next_hop` says when to ask again), so that TCP is the queue and the room's buffer its bound.

An error belongs to its recording: the queue remembers it, drops what was to follow, and its
files are closed as they are. What that means for the room is decided above.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, assert_never

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from recorder.recording.files import RecordingFiles
    from recorder.recording.manifest import Manifest

log = logging.getLogger(__name__)

TICK_S = 1.0
"""Longest wait of a batch in memory: what a killed process loses (promise 2)."""

EAGER_BYTES = 4 << 20
"""A batch this large goes at once: at full speed the disk and the network then work in turn
without a second's pause, and a larger batch would save nothing that can be measured."""


@attrs.frozen
class Start:
    """The recording's folder comes into being, with its first manifest."""

    manifest: Manifest


@attrs.frozen
class OpenSegment:
    file: int
    head: bytes


@attrs.frozen
class Append:
    file: int
    buffers: Sequence[bytes]
    size: int


@attrs.frozen
class CloseSegment:
    """The segment gets its final header and its final name; the manifest then tells of it."""

    file: int
    patches: Sequence[tuple[int, bytes]]
    manifest: Manifest


@attrs.frozen
class Finish:
    """The recording has ended; nothing follows."""

    manifest: Manifest


Operation: TypeAlias = Start | OpenSegment | Append | CloseSegment | Finish


def perform(files: RecordingFiles, operation: Operation, *, save_manifest: bool = True) -> None:
    """Carry out one operation, blocking.

    Args:
        save_manifest: False where a newer manifest follows in the same batch: the whole file is
            written anew each time, and only the last one would be seen.

    Raises:
        OSError: the disk refused; what was to follow must not be tried.
    """
    match operation:
        case Append(file, buffers):
            files.append(file, buffers)
        case Start(manifest):
            files.start(manifest)
        case OpenSegment(file, head):
            files.open_segment(file, head)
        case CloseSegment(file, patches, manifest):
            files.close_segment(file, patches)
            if save_manifest:
                files.save_manifest(manifest)
        case Finish(manifest):
            files.finish(manifest)
            files.close()
        case _:
            assert_never(operation)


class WriteQueue:
    """What one recording still has to write. Belongs to the event loop.

    Args:
        on_landed: called on the loop for every operation that is done, in order.
        on_failed: called on the loop, once, when the disk refused one; nothing follows it.
    """

    def __init__(
        self,
        files: RecordingFiles,
        *,
        on_landed: Callable[[Operation], None],
        on_failed: Callable[[Exception], None],
    ) -> None:
        self.files = files
        self._on_landed = on_landed
        self._on_failed = on_failed
        self.waiting: list[Operation] = []
        self.waiting_bytes = 0
        self.in_flight_bytes = 0
        self.error: Exception | None = None
        self.is_over = False
        """Finished, or refused by the disk: nothing will be written any more."""

    @property
    def pending_bytes(self) -> int:
        """Memory of what was handed over and is not yet in a file, a running hop included."""
        return self.waiting_bytes + self.in_flight_bytes

    def take(self) -> list[Operation]:
        operations, self.waiting = self.waiting, []
        self.in_flight_bytes, self.waiting_bytes = self.waiting_bytes, 0
        return operations

    def landed(self, done: Sequence[Operation], error: Exception | None) -> None:
        """The hop is over: these operations are done, and then perhaps one failed."""
        self.in_flight_bytes = 0
        for operation in done:
            self.is_over |= isinstance(operation, Finish)
            self._on_landed(operation)
        if error is not None:
            self.is_over = True
            self.error = error
            self.waiting.clear()
            self.waiting_bytes = 0
            self._on_failed(error)


@attrs.frozen
class _Landing:
    """What became of one recording's operations."""

    done: int
    error: Exception | None = None


def _write_batch(
    batch: Sequence[tuple[RecordingFiles, Sequence[Operation]]],
) -> list[_Landing]:
    """In the thread: every recording's operations in order, each recording's error apart."""
    return [_write_one(files, operations) for files, operations in batch]


def _write_one(files: RecordingFiles, operations: Sequence[Operation]) -> _Landing:
    done = 0
    closing = [at for at, each in enumerate(operations) if isinstance(each, CloseSegment | Finish)]
    newest_manifest = closing[-1] if closing else 0
    try:
        for at, operation in enumerate(operations):
            perform(files, operation, save_manifest=at == newest_manifest)
            done += 1
    except Exception as error:  # noqa: BLE001
        # A fault of ours as much as one of the disk's: it ends this recording and no other.
        files.close()
        return _Landing(done, error)
    return _Landing(done)


class Writer:
    """Carries batches to one storage device. Make it with `open_writer`."""

    def __init__(self) -> None:
        self._dirty: dict[WriteQueue, None] = {}
        self._dirty_bytes = 0
        self._in_flight_bytes = 0
        self._work = trio.Event()
        self._urgent = trio.Event()
        self._hop_done = trio.Event()
        self._idle = True
        self.failures = 0
        """Recordings that the disk has refused, since the writer was opened."""
        self._lifetime = trio.CancelScope(shield=True)
        # One device, one thread: two would only compete for the same card.
        self._limiter = trio.CapacityLimiter(1)

    def enqueue(self, queue: WriteQueue, operation: Operation, size: int = 0) -> None:
        """Add an operation to the end of a queue; never blocks. After an error: dropped.

        Args:
            size: the memory it takes until it is done, in bytes.
        """
        if queue.error is not None:
            return
        queue.waiting.append(operation)
        queue.waiting_bytes += size
        self._dirty[queue] = None
        self._dirty_bytes += size
        self._work.set()
        if self._dirty_bytes >= EAGER_BYTES:
            self._urgent.set()

    def hurry(self) -> None:
        """Do not wait for the tick: somebody waits for a finished file."""
        self._urgent.set()

    async def next_hop(self) -> None:
        """Return when the batch now waiting or under way has landed."""
        await self._hop_done.wait()

    @property
    def pending_bytes(self) -> int:
        """Memory of everything on its way to the disk, whoever sent it and is gone."""
        return self._dirty_bytes + self._in_flight_bytes

    @property
    def is_drained(self) -> bool:
        """True when everything enqueued has landed, or failed."""
        return self._idle and not self._dirty

    async def drained(self) -> None:
        """Return when everything enqueued has landed, or failed."""
        while not self.is_drained:
            self.hurry()
            await self.next_hop()

    async def run(self) -> None:
        """Write until `stop`. Shielded: whatever ends the rest, the last batches still go;
        `open_writer` calls `stop` when they have, or when their time is up."""
        with self._lifetime:
            while True:
                await self._work.wait()
                with trio.move_on_after(TICK_S):
                    await self._urgent.wait()
                await self._hop()

    def stop(self) -> None:
        """End `run`; a hop under way is waited for, since a thread cannot be stopped half-way."""
        self._lifetime.cancel()

    async def _hop(self) -> None:
        queues, self._dirty = list(self._dirty), {}
        self._in_flight_bytes, self._dirty_bytes = self._dirty_bytes, 0
        self._work, self._urgent = trio.Event(), trio.Event()
        batch = [queue.take() for queue in queues]
        self._idle = False
        # Once begun, the hop returns its result even when cancelled: what it wrote is recorded
        # before the next checkpoint.
        landings = await trio.to_thread.run_sync(
            _write_batch,
            [(queue.files, operations) for queue, operations in zip(queues, batch, strict=True)],
            limiter=self._limiter,
        )
        self._idle = True
        self._in_flight_bytes = 0
        for queue, operations, landing in zip(queues, batch, landings, strict=True):
            self.failures += landing.error is not None
            queue.landed(operations[: landing.done], landing.error)
        done, self._hop_done = self._hop_done, trio.Event()
        done.set()


@asynccontextmanager
async def open_writer(*, drain_s: float) -> AsyncIterator[Writer]:
    """A running writer; on leaving, everything enqueued is written first.

    Args:
        drain_s: how long leaving may take, in seconds. What is left after that is recoverable,
            and said in the log.
    """
    async with trio.open_nursery() as nursery:
        writer = Writer()
        nursery.start_soon(writer.run, name="writer")
        try:
            yield writer
        finally:
            with trio.move_on_after(drain_s, shield=True) as scope:
                await writer.drained()
            if scope.cancelled_caught:
                log.error("The disk did not take the last batches within %g s.", drain_s)
            writer.stop()
