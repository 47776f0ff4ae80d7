"""The writer: the one way from the event loop to the recording disk.

Owns the order of what is written, the one thread it is written in, and when open segments are
synced. Every room has a `WriteQueue`; once a tick the writer takes what stands in all of them and
carries it to the disk in a single thread hop, because a hop costs 100 µs and more while a batch
costs next to nothing (design §4). Within a queue the order is kept; between queues there is none.

A queue is not bounded here: whoever fills it asks `pending_bytes` and stops reading its socket
(`next_hop` says when to ask again), so that TCP is the queue and the room's buffer its bound.

An error belongs to its room: what was to follow is handed back, and the room's files are closed as
they are. A hop that does not come back is given up in the end (`hop`): then every room gets back
what had not been taken, and what the thread was given is settled when it returns.
"""

from __future__ import annotations

import errno
import logging
import math
import weakref
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
import trio

from recorder.logs import about
from recorder.recording.batches import Landing, close_all, write_batch
from recorder.recording.hop import GIVE_UP_S, DiskSilentError, Hops, Race, silence
from recorder.recording.refusals import FULL
from recorder.recording.slowest import Slowest
from recorder.recording.write_queue import WriteQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from recorder.recording.disk import Space
    from recorder.recording.operations import Operation
    from recorder.recording.write_queue import QueueOwner


log = logging.getLogger(__name__)

TICK_S = 0.5
"""Longest wait of a batch in memory. With what has not been read yet, as long at most, a killed
process loses it (promise 2: one second)."""

EAGER_BYTES = 4 << 20
"""A batch this large goes at once: at full speed the disk and the network then work in turn
without a second's pause, and a larger batch would save nothing that can be measured."""

SLACK_MS = 300
"""The next hop may come so much later than a tick: what would then be too old is synced now."""

NAMED_ERRORS: Final = ("ENOSPC", "EIO", "EROFS")
OTHER_ERROR: Final = "other"

Errand: TypeAlias = "tuple[Callable[[], None], trio.Event, list[Exception]]"
"""What to do between two hops, who waits for it, and what it raised."""


class Writer:
    """Carries batches to one storage device. Make it with `open_writer`.

    Attributes:
        sync_interval_ms: so long what was written may be unsafe; a change holds from the next hop.
        on_failed: called when the disk has refused a room something, or does not answer.
        on_written: called when a hop has landed without an error.
        measure: called in the thread at the end of each hop; says how much room the disk has.
        on_space: called with that.
        written_bytes: of all hops that have landed without an error.
        failures: how often the disk refused something, by `errno_name`.
        silence: why nothing can be written now, once the disk was given up.
    """

    def __init__(self, sync_interval_s: float, heartbeat: Callable[[], None]) -> None:
        self.sync_interval_ms = int(sync_interval_s * 1000)
        self._heartbeat = heartbeat
        self._queues: weakref.WeakSet[WriteQueue] = weakref.WeakSet()
        self._dirty: dict[WriteQueue, None] = {}
        self._dirty_bytes = 0
        self._in_flight_bytes = 0
        self._errands: list[Errand] = []
        self._work = trio.Event()
        self._urgent = trio.Event()
        self._hop_done = trio.Event()
        self.on_failed: Callable[[Exception], None] = lambda _: None
        self.on_written: Callable[[], None] = lambda: None
        self.measure: Callable[[], Space | None] = lambda: None
        self.on_space: Callable[[Space], None] = lambda _: None
        self.written_bytes = 0
        self.failures: Counter[str] = Counter()
        self.slowest = Slowest()
        self._hops = Hops(self._give_up)
        self.silence: DiskSilentError | None = None
        self._lifetime = trio.CancelScope(shield=True)

    def new_queue(self, owner: QueueOwner, room: str) -> WriteQueue:
        """A queue for a room; it goes when nobody has it any more."""
        queue = WriteQueue(owner, room)
        self._queues.add(queue)
        return queue

    def enqueue(self, queue: WriteQueue, operation: Operation, size: int = 0) -> None:
        """Add an operation to the end of a queue; never blocks.

        Args:
            size: the memory it takes until it is done, in bytes.
        """
        if not queue.waiting:
            queue.waiting_since_ms = int(trio.current_time() * 1000)
        queue.waiting.append((operation, size))
        queue.waiting_bytes += size
        self._dirty[queue] = None
        self._dirty_bytes += size
        self._work.set()
        if self._dirty_bytes >= EAGER_BYTES:
            self._urgent.set()

    def give_up(self, queue: WriteQueue) -> list[Operation]:
        """Take back what stands in a queue and is not under way."""
        lost, size = queue.give_up_waiting()
        self._dirty.pop(queue, None)
        self._dirty_bytes -= size
        return lost

    def hurry(self) -> None:
        """Do not wait for the tick: somebody waits for a finished file."""
        self._urgent.set()

    async def next_hop(self) -> None:
        """Return when the batch now waiting or under way has landed, or was given up."""
        await self._hop_done.wait()

    async def between_hops(self, call: Callable[[], None]) -> None:
        """Have something done in the writer's thread while no room's files are touched.

        Raises:
            Exception: what it raises.
        """
        done, raised = trio.Event(), list[Exception]()
        self._errands.append((call, done, raised))
        self._work.set()
        self.hurry()
        await done.wait()
        if raised:
            raise raised[0]

    @property
    def pending_bytes(self) -> int:
        """Memory of everything on its way to the disk, whoever sent it and is gone."""
        return self._dirty_bytes + self._in_flight_bytes

    @property
    def silent_since_s(self) -> float | None:
        """When the hop under way began, on Trio's clock, once that is a stall."""
        return self._hops.silent_since_s

    async def run(self) -> None:
        """Write until `stop`. Shielded: whatever ends the rest, the last batches still go."""
        with self._lifetime:
            while True:
                with trio.move_on_at(self._sync_by_s()):
                    await self._work.wait()
                if self._work.is_set():
                    with trio.move_on_after(TICK_S):
                        await self._urgent.wait()
                await self._hop()

    def stop(self) -> None:
        """End `run`; a hop under way is left to itself, since a thread cannot be stopped."""
        self._lifetime.cancel()

    def _sync_by_s(self) -> float:
        """When the oldest unsafe byte must be synced though nothing else is to be written."""
        unsafe = (queue.unsafe_since_ms for queue in self._queues)
        oldest = min((each for each in unsafe if each is not None), default=None)
        return math.inf if oldest is None else (oldest + self.sync_interval_ms) / 1000

    async def _hop(self) -> None:
        began_s = trio.current_time()
        now_ms = int(began_s * 1000)
        unsafe = {queue: None for queue in self._queues if queue.unsafe_since_ms is not None}
        queues = list(self._dirty | unsafe)
        errands, self._errands = self._errands, []
        self._dirty = {}
        self._in_flight_bytes, self._dirty_bytes = self._dirty_bytes, 0
        self._work, self._urgent = trio.Event(), trio.Event()
        jobs = [queue.take() for queue in queues]
        race = Race()

        def in_thread() -> tuple[list[Landing], Space | None]:
            _run_errands(errands)
            self._heartbeat()
            before_ms = now_ms - self.sync_interval_ms + SLACK_MS
            return write_batch(jobs, now_ms, before_ms, race), self.measure()

        landings, space = await self._hops.carry(in_thread, began_s, race)
        ended_s = trio.current_time()
        self.slowest.note(ended_s - began_s, ended_s)
        if all(landing.error is None for landing in landings):
            self.written_bytes += self._in_flight_bytes
        self._in_flight_bytes = 0
        results = dict(zip(queues, landings, strict=True))
        if (shared := self._shared_error(landings)) is not None:
            results = await self._fail_all(results, shared)
        self._settle(results)
        for _, done, _ in errands:
            done.set()
        if space is not None:
            self.on_space(space)
        self._fire_hop_done()

    def _give_up(self) -> None:
        log.error("The disk has not answered for %.0f s; from here on it is retried.", GIVE_UP_S)
        self.silence = silence()
        for queue in list(self._queues):
            queue.owner.gave_up(self.silence)
        self.on_failed(self.silence)
        self._fire_hop_done()

    def _shared_error(self, landings: Sequence[Landing]) -> Exception | None:
        """An error that is every room's: a disk that is silent, or full. What room is left on a
        full one is for closing what is open, not for the rooms that have not met the end yet."""
        if self.silence is not None:
            return self.silence
        errors = (landing.error for landing in landings)
        full = (each for each in errors if isinstance(each, OSError) and each.errno in FULL)
        return next(full, None)

    async def _fail_all(
        self, results: dict[WriteQueue, Landing], error: Exception
    ) -> dict[WriteQueue, Landing]:
        """Let every room fail that has not: close its files, and take back what it has enqueued."""
        failed = {queue for queue, landing in results.items() if landing.error is not None}
        others = [queue for queue in self._queues if queue not in failed]
        files = [tuple(queue.files) for queue in others]
        await self._hops.carry(partial(close_all, files), math.inf, Race())
        untouched = Landing(done=0)
        return results | {
            queue: attrs.evolve(results.get(queue, untouched), error=error) for queue in others
        }

    def _settle(self, results: dict[WriteQueue, Landing]) -> None:
        self.silence = None
        for queue, landing in results.items():
            try:
                queue.landed(landing)
            except Exception:
                # A fault of ours in one room must not end the writing of all (promise 7).
                log.exception(
                    "%s: writing failed; this is a fault of the recorder",
                    queue.room,
                    extra=about(queue.room),
                )
        errors = [landing.error for landing in results.values() if landing.error is not None]
        for error in dict.fromkeys(errors):
            self.failures[errno_name(error)] += 1
            self.on_failed(error)
        if results and not errors:
            self.on_written()

    def _fire_hop_done(self) -> None:
        done, self._hop_done = self._hop_done, trio.Event()
        done.set()


def errno_name(error: Exception) -> str:
    """A word of a short list: `ENOSPC`, `EIO`, `EROFS` or `other`."""
    name = errno.errorcode.get(getattr(error, "errno", None) or 0, "")
    return name if name in NAMED_ERRORS else OTHER_ERROR


def _run_errands(errands: Sequence[Errand]) -> None:
    for call, _, raised in errands:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - it is raised where the errand was given
            raised.append(error)


@asynccontextmanager
async def open_writer(
    *, sync_interval_s: float, heartbeat: Callable[[], None] = lambda: None
) -> AsyncIterator[Writer]:
    """A running writer. Who leaves without having waited for what is enqueued leaves it to the
    next start.

    Args:
        sync_interval_s: `storage.sync_interval`.
        heartbeat: called in the thread with every hop.
    """
    async with trio.open_nursery() as nursery:
        writer = Writer(sync_interval_s, heartbeat)
        nursery.start_soon(writer.run, name="writer")
        try:
            yield writer
        finally:
            writer.stop()
