"""Everything of the recording side that runs beside the rooms, in one lifetime.

Owns how the writer, the guard, the repairs, the checksums and the catalogue are joined, and that
they end together: the writer last, when everybody who hands it something is gone. Decides nothing.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from recorder.recording.alive import Heartbeat
from recorder.recording.entries import Entry
from recorder.recording.guard import Guard
from recorder.recording.hashing import open_hasher
from recorder.recording.indexing import Indexer
from recorder.recording.repairs import Repairs
from recorder.recording.retention.hand import Hand
from recorder.recording.retention.operator import Operator
from recorder.recording.retention.sweeper import Sweeper
from recorder.recording.retention.watch import SpaceWatch
from recorder.recording.services import Services
from recorder.recording.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
    from pathlib import Path

    from recorder.clock import Clock
    from recorder.recording.disk import Space
    from recorder.recording.hashing import Hasher
    from recorder.recording.manifest import Manifest
    from recorder.recording.recording import LiveRecording
    from recorder.recording.recovery import Recovered
    from recorder.recording.retention.ledger import Ledger
    from recorder.recording.retention.rules import Rules
    from recorder.recording.storage import Storage
    from recorder.recording.writer import Writer


@attrs.frozen(kw_only=True)
class Retention:
    """Attributes:
    rules: what the configuration says.
    ledger: what is remembered.
    state: the state folder.
    live: gives the recordings that may still change.
    believed_utc_ms: gives the wall clock, in ms since 1970; None while it is not believed.
    on_hold: told why recording must stop, in words; None: it may go on.
    """

    rules: Rules
    ledger: Ledger
    state: Path
    live: Callable[[], Iterable[LiveRecording]]
    believed_utc_ms: Callable[[], int | None]
    on_hold: Callable[[str | None], None]


@attrs.frozen(kw_only=True)
class Engine:
    """What the app and the rooms reach of it."""

    storage: Storage
    writer: Writer
    guard: Guard
    repairs: Repairs
    indexer: Indexer
    hasher: Hasher
    watch: SpaceWatch
    sweeper: Sweeper
    hand: Hand
    operator: Operator
    on_saved: Callable[[str, Manifest], None]
    _begun: trio.Event

    def begin(self, unsettled: Collection[int], first_number: int) -> None:
        """The disk is there: the catalogue is made or followed, and retention begins.

        Args:
            unsettled: numbers of the recordings that were not finished when it came.
            first_number: that this recorder has given since, or gives next. What has a lower one is
                from before, and is what the wall clock is held against.
        """
        self.indexer.begin(unsettled, first_number)
        self._begun.set()

    def services(
        self, clock: Clock, *, encoder: str, boot: str, buffer_bytes: Callable[[], int]
    ) -> Services:
        """What a room needs; the arguments are those of `Services`."""
        return Services(
            storage=self.storage,
            writer=self.writer,
            clock=clock,
            encoder=encoder,
            boot=boot,
            hash_segment=self.hasher.submit,
            repair=self.repairs.repair,
            recover=self.repairs.recover,
            on_saved=self._saved,
            buffer_bytes=buffer_bytes,
        )

    def _saved(self, folder: str, manifest: Manifest) -> None:
        self.indexer.changed(folder, manifest)
        self.sweeper.segment_ended()
        self.on_saved(folder, manifest)


@asynccontextmanager
async def open_engine(
    storage: Storage,
    clock: Clock,
    *,
    encoder: str,
    boot: str,
    sync_interval_s: float,
    on_good: Callable[[], None],
    retention: Retention,
    on_saved: Callable[[str, Manifest], None] = lambda folder, manifest: None,
) -> AsyncIterator[Engine]:
    """A running engine, with its catalogue and retention from `Engine.begin` on. Who leaves has
    waited for what is to be written, as long as it may.

    Args:
        encoder: what files name as their maker.
        boot: the machine's boot id.
        sync_interval_s: `storage.sync_interval`.
        on_good: called when the disk takes writes again.
        retention: the rules, and what they need of the rooms.
        on_saved: told of a recording's folder and every version of its manifest that is on the
            disk; it neither waits nor raises.
    """
    heartbeat = Heartbeat(storage, boot)
    async with (
        open_hasher(storage.disk, lambda: storage.root) as hasher,
        open_writer(
            sync_interval_s=sync_interval_s,
            heartbeat=lambda: heartbeat.beat(clock.monotonic_ms()),
        ) as writer,
        trio.open_nursery() as nursery,
    ):
        repairs = Repairs(storage, hasher, creator=encoder)
        indexer = Indexer(
            storage.directory,
            storage.disk,
            lambda: storage.root,
            check_place=storage.check_place,
        )
        guard = Guard(
            storage,
            now_ms=clock.monotonic_ms,
            between_hops=writer.between_hops,
            on_good=lambda: _on_good(repairs, hand, on_good),
        )
        watch = SpaceWatch(
            retention.rules,
            retention.ledger,
            directory=storage.directory,
            now_ms=clock.monotonic_ms,
            is_recording=lambda: any(each.is_open for each in retention.live()),
            on_change=partial(_on_hold, guard, retention.on_hold),
            on_sweep=lambda: sweeper.soon(),
        )
        hand = Hand(
            storage,
            watch,
            indexer=indexer,
            writer=writer,
            live=retention.live,
            in_hand=lambda: repairs.in_hand,
        )
        sweeper = Sweeper(
            storage,
            watch,
            hand,
            indexer=indexer,
            believed_utc_ms=retention.believed_utc_ms,
            state=retention.state,
            live=retention.live,
        )
        repairs.on_recovered = partial(_follow, indexer, on_saved)
        writer.measure = partial(_measure, storage)
        writer.on_space = lambda space: watch.look(space, writer.written_bytes)
        writer.on_failed = guard.failed
        writer.on_written = guard.written
        nursery.start_soon(guard.run, name="disk guard")
        nursery.start_soon(repairs.run, name="repairs")
        begun = trio.Event()
        nursery.start_soon(_behind, begun, indexer.run, name="catalogue")
        nursery.start_soon(_behind, begun, sweeper.run, name="sweeper")
        try:
            yield Engine(
                storage=storage,
                writer=writer,
                guard=guard,
                repairs=repairs,
                indexer=indexer,
                hasher=hasher,
                watch=watch,
                sweeper=sweeper,
                hand=hand,
                operator=Operator(storage, hand, indexer=indexer, clock=clock),
                on_saved=on_saved,
                begun=begun,
            )
        finally:
            nursery.cancel_scope.cancel()


async def _behind(begun: trio.Event, run: Callable[[], Awaitable[None]]) -> None:
    """Neither may look at what lies in the place of a disk that is not there: it could be
    another recorder's."""
    await begun.wait()
    await run()


def _measure(storage: Storage) -> Space | None:
    # Who cannot be asked has no room to speak of; that it is sick is for the guard to say.
    try:
        return storage.disk.space(storage.root)
    except OSError:
        return None


def _follow(indexer: Indexer, on_saved: Callable[[str, Manifest], None], found: Recovered) -> None:
    if found.manifest is not None:
        indexer.changed(found.path, found.manifest)
        on_saved(found.path, found.manifest)
    else:
        # Never begun, or deleted.
        indexer.removed(Entry(folder=found.path).number)


def _on_hold(guard: Guard, hold: Callable[[str | None], None], reason: str | None) -> None:
    hold(reason)
    if reason is None:
        # There is room again: a disk that was full need not wait for its next probe.
        guard.try_now()


def _on_good(repairs: Repairs, hand: Hand, resume: Callable[[], None]) -> None:
    repairs.retry()
    hand.try_again()
    resume()
