"""The composition root: builds every part and nests their lifetimes (design §3).

The only module that sees everything. The nesting below is the stop order read from the inside
out: listeners, sessions, rooms, writer, storage.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from recorder import __version__, logs
from recorder.clock import SystemClock
from recorder.live.access import Access
from recorder.live.listener import Door, serve
from recorder.live.memory import MemoryBudget
from recorder.live.reception import Reception
from recorder.live.rooms import Rooms
from recorder.live.session import House, Timeouts
from recorder.recording.alignment import until_boundary_ms
from recorder.recording.disk import OsDisk
from recorder.recording.refusals import StorageError
from recorder.recording.room_recorder import RoomRecorder
from recorder.recording.segmenter import SegmentRules
from recorder.recording.storage import Storage
from recorder.recording.writer import Writer, open_writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from recorder.config import Config, SegmentsConfig

log = logging.getLogger(__name__)

DRAIN_S = 9.0
"""How long stopping may wait for the disk: exit within 10 s on one that answers."""

STOP_S = 9.5
"""From the signal to an exit that does not wait any longer."""

REPEATS_S = 10.0
"""How long counted repeats of a log line may wait to be reported."""


class StartError(Exception):
    """The recorder cannot start; the text is one sentence for a person."""


def run(config: Config) -> int:
    """Record until a signal says stop, and give the exit code.

    Returns:
        0 after a clean stop, 1 when a segment could not be finished, 2 when it could not start.
    """
    fold = logs.set_up(config.log.level)
    try:
        with Storage.open(config.storage.directory, config.state, OsDisk()) as storage:
            for warning in storage.warnings:
                log.warning("%s", warning)
            return trio.run(_main, config, storage, fold)
    except (StorageError, StartError) as error:
        sys.stderr.write(f"recorder: {error}\n")
        return 2


async def _main(config: Config, storage: Storage, fold: logs.FoldRepeats) -> int:
    listeners = await open_listeners(config.rtmp.listen)
    stop = trio.Event()
    async with trio.open_nursery() as services:
        # Before anything says that the recorder runs: who reads that may send a signal at once.
        await services.start(_stop_on_signal, stop, name="signals")
        services.start_soon(_report_repeats, fold, name="repeated log lines")
        async with (
            open_writer(drain_s=DRAIN_S) as writer,
            _open_rooms(config, storage, writer) as rooms,
        ):
            door = Door(_house(config, rooms, writer), limit=config.limits.connections)
            log.info("recorder %s listens on %s", __version__, ", ".join(config.rtmp.listen))
            await serve(listeners, door, stop)
            log.info("Stopping: finishing every segment.")
            failures_before = writer.failures
        services.cancel_scope.cancel()
    fold.report_all()
    return 0 if writer.is_drained and writer.failures == failures_before else 1


async def open_listeners(addresses: list[str]) -> list[trio.SocketListener]:
    """Bind every address.

    Raises:
        StartError: one cannot be bound.
    """
    listeners: list[trio.SocketListener] = []
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            listeners += await trio.open_tcp_listeners(int(port), host=host.strip("[]") or None)
        except OSError as error:
            raise StartError(
                f"Cannot listen on {address}: {error.strerror or error}. "
                "Stop what uses the port, or change rtmp.listen."
            ) from error
    return listeners


@asynccontextmanager
async def _open_rooms(config: Config, storage: Storage, writer: Writer) -> AsyncIterator[Rooms]:
    """The rooms; on leaving, every recording has ended."""
    clock = SystemClock(config.clock.trust)

    def new_recorder(name: str) -> RoomRecorder:
        room = config.rooms.get(name) or config.any_room
        assert room is not None, "reception admits only rooms of the configuration"
        return RoomRecorder(
            name,
            _segment_rules(config, room.segments, clock),
            storage=storage,
            writer=writer,
            clock=clock,
            encoder=f"recorder {__version__}",
        )

    rooms = Rooms(
        {name: room.title for name, room in config.rooms.items()},
        new_recorder,
        reconnect_window_s=config.recording.reconnect_window,
        limit=config.limits.rooms,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rooms.run, name="rooms")
        try:
            yield rooms
        finally:
            rooms.close("shutdown")
            nursery.cancel_scope.cancel()


def _segment_rules(config: Config, segments: SegmentsConfig, clock: SystemClock) -> SegmentRules:
    duration_ms = int(segments.duration * 1000)

    def boundary() -> int | None:
        if not clock.trusted():
            log.warning(
                "Segments are not aligned to the clock: the system does not say that its clock is "
                "synchronised. If it is (chrony, an RTC), set clock.trust: always.",
                extra=logs.same("not aligned"),
            )
            return None
        return until_boundary_ms(clock.utc_ns(), duration_ms, config.clock.timezone)

    return SegmentRules(
        duration_ms=duration_ms,
        size_bytes=segments.size,
        max_duration_ms=int(config.recording.max_duration * 1000),
        boundary=boundary if segments.align_to_clock else None,
    )


def _house(config: Config, rooms: Rooms, writer: Writer) -> House:
    memory = MemoryBudget(config.limits.memory, lambda: writer.pending_bytes)
    any_key = None if config.any_room is None else config.any_room.key
    return House(
        reception=Reception(
            access=Access(config.rooms, any_key, config.rtmp.application),
            rooms=rooms,
            memory=memory,
            policy=config.rtmp.takeover,
            publishers=config.limits.publishers,
        ),
        memory=memory,
        next_hop=writer.next_hop,
        timeouts=Timeouts(
            first_media=config.recording.first_media_timeout, idle=config.recording.idle_timeout
        ),
        buffer_bytes=config.storage.buffer,
        random=os.urandom,
    )


async def _stop_on_signal(
    stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """SIGTERM or SIGINT stops in order; a second one at once, and so does a disk that does not
    answer: a thread in a write cannot be cancelled. What is left then is recoverable."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        await anext(signals)
        stop.set()
        with trio.move_on_after(STOP_S):
            await anext(signals)
            log.error("Second signal: stopping at once; unfinished segments stay as .part.")
            os._exit(1)
        log.error("The disk does not answer: stopping; unfinished segments stay as .part.")
        os._exit(1)


async def _report_repeats(fold: logs.FoldRepeats) -> None:
    """Write the counts of repeated lines some seconds after the first repeat."""
    while True:
        held = trio.Event()
        fold.on_held = held.set
        await held.wait()
        await trio.sleep(REPEATS_S)
        fold.report_all()
