"""How the recorder ends: by which signal, and what it waits for. A part of the app.

Owns the last batches: whatever of a lesson is in memory goes to the disk before the process does,
for as long as it may take. What the disk has not taken by then is named, and repaired by the next
start.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from recorder import logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from recorder.app_reload import Reloader
    from recorder.live.rooms import Rooms
    from recorder.recording.writer import Writer

log = logging.getLogger(__name__)


async def follow_signals(
    stop: trio.Event,
    on_hangup: Callable[[], None],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """SIGTERM or SIGINT stops in order; a second one at once, because a thread in a write cannot
    be cancelled. What is left then is recoverable. SIGHUP reloads; a terminal that is closed sends
    it too, and recording goes on without one."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                on_hangup()
            elif stop.is_set():
                log.error("Second signal: stopping at once; unfinished segments stay as .part.")
                os._exit(1)
            else:
                stop.set()


@attrs.define
class Outcome:
    is_clean: bool = False
    """Everything that was recorded is on the disk."""


@asynccontextmanager
async def running(
    rooms: Rooms, writer: Writer, reloader: Reloader, *, to_be_continued: bool
) -> AsyncIterator[Outcome]:
    """The rooms at work; on leaving, everything is on the disk, or its time is up.

    Args:
        to_be_continued: as of `Rooms.close`.
    """
    outcome = Outcome()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rooms.run, name="rooms")
        try:
            yield outcome
        finally:
            rooms.close("shutdown", to_be_continued=to_be_continued)
            stop_timeout_s = reloader.config.storage.stop_timeout
            with trio.move_on_after(stop_timeout_s, shield=True):
                while not rooms.is_settled:
                    writer.hurry()
                    await writer.next_hop()
            outcome.is_clean = rooms.is_settled
            for name, lost_ms in rooms.unwritten.items():
                logs.of_room(log, name).error(
                    "%.1f s were not written, the disk did not take them within %g s; "
                    "what is on it is repaired at the next start.",
                    lost_ms / 1000,
                    stop_timeout_s,
                )
            nursery.cancel_scope.cancel()
