"""What Prometheus is told beside the picture: counters, from whoever keeps them.

A part of the app: it reads the live side, the recording side and the page, and remembers nothing.
Everything here is counted anyway; a scrape only looks, and takes values that nobody changes, so
that a thread can write them down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.histogram import WAITS_S, Histogram
from recorder.recording.writer import NAMED_ERRORS, OTHER_ERROR
from recorder.status.metrics import Counters, RoomCounters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder.live.attempts import Attempts
    from recorder.live.listener import Door
    from recorder.live.room import Room
    from recorder.live.rooms import Rooms
    from recorder.recording.engine import Engine
    from recorder.status.broadcast import Broadcast
    from recorder.status.server import StatusServer

DROPPED = {"buffer": 0, "policy": 0}
"""A counter that appears with its first loss would hide that one from every rate."""

ERRORS = dict.fromkeys((*NAMED_ERRORS, OTHER_ERROR), 0)
"""As of `DROPPED`: often the first error is the only one."""


@attrs.define(kw_only=True)
class Sources:
    """Attributes:
    write_seconds: by call, as of `TimedDisk`.
    lag: how late the event loop was, in seconds, by whoever is woken once a second.
    clock_steps: so often the wall clock was set.
    door: None: encoders cannot come yet.
    server: of the page, as of `door`; `broadcast` who watches it.
    """

    engine: Engine
    rooms: Rooms
    attempts: Attempts
    write_seconds: Mapping[str, Histogram]
    lag: Histogram = attrs.field(factory=lambda: Histogram(WAITS_S))
    clock_steps: int = 0
    door: Door | None = None
    server: StatusServer | None = None
    broadcast: Broadcast | None = None

    def counters(self, now_ms: int) -> Counters:
        """All of them.

        Args:
            now_ms: on Trio's clock.
        """
        watch, door, server = self.engine.watch, self.door, self.server
        rejected, connections = dict[str, int](), dict[str, int]()
        if door is not None:
            rejected |= door.rejected
            connections["rtmp"] = door.connections
        if server is not None:
            rejected["page"] = server.rejected
            connections["http"] = server.connections
        if self.broadcast is not None:
            rejected["clients"] = self.broadcast.refused
        return Counters(
            rooms={room.name: _of_room(room, now_ms) for room in self.rooms.all},
            write_errors={**ERRORS, **self.engine.writer.failures},
            write_seconds={call: each.buckets for call, each in self.write_seconds.items()},
            deleted_bytes=dict(watch.deleted_bytes),
            blocked=watch.blocked_by,
            others_bytes=watch.others_bytes,
            refused=dict(self.attempts.counts),
            publishes=dict(self.attempts.results),
            rejected=rejected,
            connections=connections,
            clock_steps=self.clock_steps,
            lag_seconds=self.lag.buckets,
        )


def _of_room(room: Room, now_ms: int) -> RoomCounters:
    totals = room.recorder.totals(now_ms)
    return RoomCounters(
        received_bytes=room.received_bytes,
        frames=totals.frames,
        clock_jumps=totals.clock_jumps,
        segments=totals.ended,
        segment_bytes=totals.segment_bytes,
        segment_seconds=totals.segment_seconds,
        gaps=totals.gaps,
        dropped_bytes=DROPPED | dict(totals.dropped_bytes),
        queue_seconds=totals.waits_s,
        takeovers=room.takeovers.total,
    )
