"""The board: looks at the whole recorder once a tick, and gives the picture to whoever watches.

A part of the app: it sees everything, and changes nothing. A picture is made once for all, once a
second and at every change of a room's state while somebody watches; else seldom, for alarms and
the charts. Looking at the machine (sysfs) waits for nothing here: that is done in a thread, and
the figures are as old as the last answer.
"""

from __future__ import annotations

import logging
import math
import secrets
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from recorder.app_counters import Sources
from recorder.app_machine import MachineWatch
from recorder.app_room_view import RoomFacts, RoomMeter
from recorder.app_views import disk_state, storage_view, system_view
from recorder.clock import utc_text
from recorder.logs import same
from recorder.status.house_views import DiskState
from recorder.status.metrics import Exposition
from recorder.status.rhythm import Rhythm
from recorder.status.snapshot import Severity, Snapshot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from recorder.clock import SystemClock
    from recorder.histogram import Histogram
    from recorder.live.attempts import Attempts
    from recorder.live.memory import MemoryBudget
    from recorder.live.room import Room
    from recorder.live.rooms import Rooms
    from recorder.recording.engine import Engine
    from recorder.recording.running import LastEnd
    from recorder.status.alarms import Alarms
    from recorder.status.house_views import ConfigView, HooksView
    from recorder.status.wear import Wear

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
QUIET_TICK_S: Final = 5.0
"""While somebody publishes and nobody watches: an alarm may come, and is written into the log."""

IDLE_TICK_S: Final = 30.0
LEAST_S: Final = 0.2
"""Between two pictures, whatever changes."""


class Board:
    """Belongs to the loop; `run` is its task.

    Args:
        boot: of the machine.
        alarms: judges every picture.
        save: told what of the alarms is to be kept, when that has changed.
        on_picture: told of every one.
        watchers: how many watch now; `waiting` of them wait for a picture.
        failed_logins: of the last 20 s.
        max_delay_s: `rtmp.max_delay`; another one may take its place at any time.
        config: what is to be said of the configuration.
        attempts: who was refused at the encoders' door.
        write_seconds: as of `TimedDisk`.
        wear: the disks that are looked at for what is written to them.

    Attributes:
        hooks: what is to be said of them; None: there are none.
        sources: of what Prometheus is told beside the picture.
    """

    def __init__(
        self,
        engine: Engine,
        rooms: Rooms,
        memory: MemoryBudget,
        clock: SystemClock,
        *,
        boot: str,
        last_end: LastEnd | None,
        alarms: Alarms,
        save: Callable[[bytes], Awaitable[None]],
        on_picture: Callable[[Snapshot], None],
        watchers: Callable[[], int],
        waiting: Callable[[], int],
        failed_logins: Callable[[], int],
        config: Callable[[], ConfigView],
        attempts: Attempts,
        write_seconds: Mapping[str, Histogram],
        wear: Sequence[Wear],
        max_delay_s: float,
    ) -> None:
        self.max_delay_s = max_delay_s
        self._engine = engine
        self._rooms = rooms
        self._memory = memory
        self._clock = clock
        self._boot = boot
        self._last_end = last_end
        self._alarms = alarms
        self._save = save
        self._saved = alarms.revision
        self._to_save = trio.Event()
        self._on_picture = on_picture
        self._watchers = watchers
        self._waiting = waiting
        self._failed_logins = failed_logins
        self._config = config
        self._attempts = attempts
        self._machine = MachineWatch(wear, is_idle=lambda: self._wait_s() >= IDLE_TICK_S)
        self.hooks: Callable[[], HooksView | None] = lambda: None
        self._run = secrets.token_hex(8)
        self._sequence = 0
        self._meters: dict[str, RoomMeter] = {}
        self._began_s = trio.current_time()
        self._step: tuple[int, float] | None = None
        self._rhythm = Rhythm(self._wait_s, LEAST_S)
        self._exposition = Exposition(clock.utc_ns() / 1e9)
        self._scrapes = trio.Lock()
        self._scraped, self._scraped_s = b"", -math.inf
        self.sources = Sources(
            engine=engine,
            rooms=rooms,
            attempts=attempts,
            write_seconds=write_seconds,
        )
        self._latest: Snapshot | None = None
        self._latest_s = -math.inf

    def changed(self) -> None:
        """A room's state may have changed, or somebody begins to watch."""
        self._rhythm.changed()
        self._machine.wanted()

    def waited_for(self) -> None:
        """Somebody waits for a picture, and nobody did: the next one comes after a tick."""
        self._rhythm.hurried()
        self._machine.wanted()

    def clock_stepped(self, ms: int) -> None:
        """The wall clock was set by so much."""
        self._step = ms, trio.current_time()
        self.sources.clock_steps += 1
        self.changed()

    def follow_alarms(self, told: Callable[[dict[str, Any]], None]) -> None:
        """From here on it is told every change of an alarm, as the history has it."""
        self._alarms.on_change = told

    def history(self, room: str) -> list[tuple[float, int]] | None:
        """As of `RoomMeter.history`; None: there is no such room."""
        if self._rooms.get(room) is None:
            return None
        meter = self._meters.get(room)
        return [] if meter is None else meter.history(trio.current_time())

    def alarms(self) -> dict[str, Any]:
        """Those that stand, and the history, the newest last."""
        standing = [msgspec.to_builtins(each) for each in self.picture.alarms]
        return {"alarms": standing, "history": self._alarms.history}

    def acknowledge(self, alarm: str, who: str) -> bool:
        """Somebody has seen it; False: it does not stand."""
        is_done = self._alarms.acknowledge(alarm, who, utc_text(self._clock.utc_ns()))
        self._latest_s = -math.inf
        self.changed()
        return is_done

    def critical_alarms(self) -> list[dict[str, Any]]:
        """Those that stand and are critical."""
        return [
            msgspec.to_builtins(each)
            for each in self.picture.alarms
            if each.severity is Severity.CRITICAL
        ]

    async def metrics(self) -> bytes:
        """For Prometheus. Written down in a thread: for a hundred rooms it takes a tenth of a
        second, in which no encoder would be read. A thread that computes slows the loop down, so
        it is written once a tick, however many ask."""
        async with self._scrapes:
            now_s = trio.current_time()
            if now_s - self._scraped_s >= TICK_S:
                counters = self.sources.counters(int(now_s * 1000))
                self._scraped = await trio.to_thread.run_sync(
                    self._exposition.text, self.picture, counters
                )
                self._scraped_s = now_s
            return self._scraped

    @property
    def picture(self) -> Snapshot:
        """The newest picture; made now where the last one is older than a tick."""
        now_s = trio.current_time()
        if self._latest is None or now_s - self._latest_s >= TICK_S:
            return self.look()
        return self._latest

    def look(self) -> Snapshot:
        """Make a picture, and tell it."""
        now_s = trio.current_time()
        # Its memory is taken for the next one, and lies in the processor's cache then.
        self._latest = None
        self._latest, self._latest_s = self._snapshot(now_s), now_s
        self._on_picture(self._latest)
        return self._latest

    async def run(self) -> None:
        """Look from time to time, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._machine.run, name="machine")
            nursery.start_soon(self._keep_alarms, name="alarms")
            while True:
                self._rhythm.begin()
                try:
                    self.look()
                except Exception:
                    # Who looks must not end what records (promise 7), and sees that nothing comes.
                    log.exception(
                        "No picture of now; this is a fault of the recorder", extra=same("picture")
                    )
                if self._alarms.revision != self._saved:
                    self._to_save.set()
                await self._rhythm.next()

    def _wait_s(self) -> float:
        if self._waiting():
            return TICK_S
        return QUIET_TICK_S if self._rooms.publishers else IDLE_TICK_S

    async def _keep_alarms(self) -> None:
        """Beside the looking: a disk that stalls is an alarm, and keeps this waiting."""
        while True:
            await self._to_save.wait()
            self._to_save = trio.Event()
            self._saved = self._alarms.revision
            await self._save(self._alarms.to_bytes())

    def _snapshot(self, now_s: float) -> Snapshot:
        now_ms, utc = self._clock.monotonic_ms(), utc_text(self._clock.utc_ns())
        self._sequence += 1
        state, reason = disk_state(self._engine, now_s, now_ms)
        stalled = reason if state is DiskState.STALLED else None
        refused = self._engine.guard.refusal()
        rooms = self._rooms.all
        self._meters = {room.name: self._meters.get(room.name) or RoomMeter() for room in rooms}
        # All facts first: room by room the one's data and code drive the other's out of the
        # processor's cache, and a picture takes an eighth longer.
        facts = [self._facts(room, now_s, stalled, refused) for room in rooms]
        step = self._step
        seen = Snapshot(
            sequence=self._sequence,
            run=self._run,
            time=utc,
            rooms=tuple([self._meters[each.name].look(each, now_s, utc) for each in facts]),
            storage=storage_view(self._engine, now_s, now_ms),
            system=system_view(
                self._machine.latest,
                self._clock,
                machine_age_s=self._machine.age_s(now_s),
                uptime_s=now_s - self._began_s,
                boot=self._boot,
                media_bytes=self._engine.writer.pending_bytes + self._rooms.backlog_bytes,
                media_limit_bytes=self._memory.limit_bytes,
                last_step=None if step is None else (step[0], now_s - step[1]),
                clock_steps=self.sources.clock_steps,
                last_end=self._last_end,
                failed_logins=self._failed_logins(),
                attempts=self._attempts,
                now_s=now_s,
                viewers=self._watchers(),
                config=self._config(),
                wear=self._machine.wear(now_s),
                hooks=self.hooks(),
            ),
        )
        return msgspec.structs.replace(seen, alarms=self._alarms.judge(seen, now_s))

    def _facts(
        self, room: Room, now_s: float, stalled: str | None, refused: str | None
    ) -> RoomFacts:
        publisher, now_ms = room.publisher, int(now_s * 1000)
        judges_line = self._meters[room.name].judges_line(now_s)
        return RoomFacts(
            room.name,
            room.title,
            room.recorder.figures(now_ms),
            room.publishes,
            None if publisher is None else publisher.since_s,
            "" if publisher is None else publisher.connection.address,
            "" if publisher is None else publisher.software,
            publisher is not None and publisher.has_media,
            room.received_bytes,
            None if publisher is None else publisher.received_s,
            room.window_ends_s,
            stalled,
            refused,
            room.takeovers.rests_for_ms(now_ms) > 0,
            room.recorder.take_spread() if judges_line else None,
            publisher.connection.tcp_info() if judges_line and publisher is not None else None,
            self.max_delay_s,
            len(room.audience),
        )
