"""The moment when the recording disk is there: at the start, or hours later. A part of the app.

Owns what the recorder before this one left, read once, before anything new is written: who reads
the entries of unfinished recordings afterwards would take this recorder's own for such. At a start
it is read with the opening of the storage (`recording.arrival`); of a disk that comes later in the
writer's thread, between two hops. The loop, which never waits for the disk, then takes it up.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from recorder.app_rooms import take_over
from recorder.recording.continuation import Now
from recorder.recording.inheritance import inherit, read_left
from recorder.status.wear import wear_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from recorder.app_hooks import Hooks
    from recorder.clock import Clock
    from recorder.config import Config
    from recorder.live.rooms import Rooms
    from recorder.recording.engine import Engine
    from recorder.recording.inheritance import Left
    from recorder.recording.storage import Storage
    from recorder.status.wear import Wear

log = logging.getLogger(__name__)


class Arrival:
    """Of one storage, which may be away.

    Args:
        left: what was read of it; None while it is away.
        boot: the machine's boot id.
        window_s: gives how long a lost publisher is waited for.
        wear: the disks that are looked at; one that comes is added.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        left: Left | None,
        *,
        boot: str,
        window_s: Callable[[], float],
        wear: list[Wear],
    ) -> None:
        self._clock = clock
        self._left = left
        self._boot = boot
        self._window_s = window_s
        self._wear = wear
        self._good = trio.Event()
        storage.on_arrival = self._arrived

    def begin(self, config: Config, rooms: Rooms, engine: Engine, hooks: Hooks) -> None:
        """What was left goes on, and so does what needs the disk; nothing while it is away."""
        left, self._left = self._left, None
        if left is not None:
            now = Now(
                boot=self._boot,
                monotonic_ms=self._clock.monotonic_ms(),
                utc_ms=self._clock.utc_ns() // 1_000_000,
                is_trusted=self._clock.trusted(),
                last_beat_ms=left.last_beat_ms,
            )
            found = inherit(left, now, window_ms=int(self._window_s() * 1000))
            take_over(found, config, rooms, engine.repairs)
            engine.begin(found.numbers, found.next_number)
            hooks.begin(found.numbers)

    def resume(self, config: Config, rooms: Rooms, engine: Engine, hooks: Hooks) -> None:
        """The disk takes writes, again or for the first time; the arguments are as of `begin`.
        Never waits: where it was there before, `resuming` has the rooms go on."""
        if self._left is None:
            self._good.set()
            return
        # In one go: what is written first has its number behind those that were left.
        rooms.resume()
        self.begin(config, rooms, engine, hooks)

    @asynccontextmanager
    async def resuming(self, rooms: Rooms, engine: Engine) -> AsyncIterator[None]:
        """Rooms go on after `resume`, as long as the `with` lasts."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._resume, rooms, engine, name="resuming")
            yield
            nursery.cancel_scope.cancel()

    async def _resume(self, rooms: Rooms, engine: Engine) -> None:
        while True:
            await self._good.wait()
            self._good = trio.Event()
            await rooms.resume_in_turn(lambda: engine.guard.reason is None)

    def _arrived(self, there: Storage) -> None:
        """As of `Storage.on_arrival`."""
        left = read_left(there, self._boot)
        self._wear += wear_of([there.directory], besides=self._wear)
        for warning in there.warnings:
            log.warning("%s", warning)
        self._left = left
