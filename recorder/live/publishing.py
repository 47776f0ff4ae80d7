"""What one connection publishes: its publishers, one for each NetStream, each in a room.

Owns who of them is there, and what a room, the memory and the connection's stay are told when one
comes or goes. Synchronous: whatever ends the session, its publishers leave their rooms in
`finally`, so that no cancellation can come between. Does not decide who may publish (reception
does), and does not see what they send.
"""

from __future__ import annotations

import logging
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING

import trio

from recorder.logs import of_room

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from recorder.live.house import Timeouts
    from recorder.live.memory import MemoryBudget
    from recorder.live.publisher import Publisher
    from recorder.live.stay import Stay
    from recorder.rtmp import ServerConnection

log = logging.getLogger(__name__)


class Publishing:
    """Of one connection. True while it publishes anything.

    Attributes:
        by_stream: the publishers by the NetStream on which each sends; for others to look into.
    """

    def __init__(
        self, address: str, connection: ServerConnection, memory: MemoryBudget, stay: Stay
    ) -> None:
        self.by_stream: dict[int, Publisher] = {}
        self._address = address
        self._connection = connection
        self._memory = memory
        self._stay = stay
        self._unshared_bytes = 0

    def __bool__(self) -> bool:
        return bool(self.by_stream)

    # Who comes and goes.

    def enter(self, publisher: Publisher) -> None:
        """The room has taken it in."""
        if not self.by_stream:
            self._stay.let_in("encoder")
            self._memory.enter(self)
        publisher.counted = self._connection.counters.as_dict()
        self.by_stream[publisher.stream_id] = publisher

    def end(self, stream_id: int) -> None:
        """The peer has ended this publish cleanly."""
        publisher = self.by_stream[stream_id]
        self.flush(int(trio.current_time() * 1000))
        self.forget(publisher)
        publisher.room.end(publisher, self.counts(publisher))
        of_room(log, publisher.room.name).info("%s ended its publish", self._address)

    def leave_rooms(self) -> None:
        """The connection is over, without a word for any of them."""
        with ExitStack() as leaving:  # a fault in one room must not leave the next one occupied
            for publisher in list(self.by_stream.values()):
                self.forget(publisher)
                leaving.callback(publisher.room.lose, publisher, self.counts(publisher))

    def forget(self, publisher: Publisher) -> None:
        """It is gone; the room knows it, or will be told."""
        del self.by_stream[publisher.stream_id]
        if not self.by_stream:
            self._stay.is_free(trio.current_time())
            self._memory.leave(self)

    # What concerns all of them.

    @property
    def rooms(self) -> Collection[str]:
        """The names of the rooms it publishes into."""
        return [publisher.room.name for publisher in self.by_stream.values()]

    def flush(self, now_ms: int) -> None:
        """Hand on what this read brought."""
        for publisher in self.by_stream.values():
            publisher.room.recorder.flush(now_ms)

    def share_out(self, wire_bytes: int, now_s: float) -> None:
        """So much more was on the wire: each publisher's by what its messages hold.

        The whole connection's, for each of them, would be shown as often as there are rooms.

        Args:
            now_s: when it was read.
        """
        publishers = self.by_stream.values()
        for each in publishers:
            each.received_s = now_s
        if len(publishers) == 1:
            (only,) = publishers
            only.received_bytes += wire_bytes + self._unshared_bytes
            only.unshared_bytes = self._unshared_bytes = 0
            return
        self._unshared_bytes = self._unshared_bytes + wire_bytes if publishers else 0
        held = sum(each.unshared_bytes for each in publishers)
        if not held:
            return  # Of a message that is not whole yet it is not known whose it is.
        shared, to_share = 0, self._unshared_bytes
        for each in publishers:
            share = to_share * each.unshared_bytes // held
            each.received_bytes += share
            each.unshared_bytes = 0
            shared += share
        self._unshared_bytes -= shared

    def counts(self, publisher: Publisher) -> Mapping[str, int]:
        """The anomalies seen on the connection since this publish began, for its manifest."""
        counts = self._connection.counters.as_dict()
        return {name: number - publisher.counted.get(name, 0) for name, number in counts.items()}

    @property
    def is_watched(self) -> bool:
        """Somebody plays one of its rooms."""
        return any(publisher.room.audience for publisher in self.by_stream.values())

    # How long it may be silent.

    def deadline(self, timeouts: Timeouts) -> tuple[float, str]:
        """When a wait for bytes that begins now must end, on Trio's clock, and what it then was."""
        idle_s = trio.current_time() + timeouts.idle
        first_s = min(
            (
                publisher.since_s + publisher.excused_s + timeouts.first_media
                for publisher in self.by_stream.values()
                if not publisher.has_media
            ),
            default=math.inf,
        )
        if first_s <= idle_s:
            return first_s, f"no media within {timeouts.first_media:g} s of publishing"
        return idle_s, f"nothing received for {timeouts.idle:g} s"

    def held_back(self) -> None:
        """We read no more, until `excuse`: what then comes is late by our doing."""
        for publisher in self.by_stream.values():
            publisher.room.recorder.held_back(begins=True)

    def excuse(self, seconds: float) -> None:
        """So long we have not read: silence that we cause is not the encoder's."""
        for publisher in self.by_stream.values():
            publisher.excused_s += seconds
            publisher.room.recorder.held_back(begins=False)

    # What it holds, for the memory budget and whoever waits for it.

    @property
    def is_held_back(self) -> bool:
        """A room's buffer is full."""
        return any(publisher.room.recorder.holds_back for publisher in self.by_stream.values())

    def held_bytes(self) -> int:
        held = sum(each.room.recorder.held_bytes for each in self.by_stream.values())
        return self._connection.buffered_bytes + held

    def pending_bytes(self) -> int:
        return sum(each.room.recorder.pending_bytes for each in self.by_stream.values())
