"""One connection that watches a room: between the room's audience and the connection's sender.

Owns the order of what a viewer is sent: first what the protocol has to say, then its media, at
last that it is over. Sends nothing itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from recorder.live.audience import ViewerQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.live.room import Room
    from recorder.live.sender import Sender
    from recorder.rtmp import PlayChanged, ServerConnection

PATIENCE_S: Final = 10.0
"""Who takes next to nothing for so long does not watch."""


class Viewing:
    """From the accepted play to its end; the connection itself may go on.

    Args:
        unwanted: the kinds of media that it shall not be sent.
        queue_bytes: what may wait for the viewer.
        on_over: told why, when the room has no more for it, or it takes nothing. The
            viewer has been told the same, if it listens.
    """

    def __init__(
        self,
        room: Room,
        stream_id: int,
        connection: ServerConnection,
        sender: Sender,
        *,
        unwanted: frozenset[int],
        queue_bytes: int,
        on_over: Callable[[str], None],
    ) -> None:
        self.room = room
        self.stream_id = stream_id
        self._connection = connection
        self._sender = sender
        self._on_over = on_over
        self._over: str | None = None
        self._is_paused = False
        self._queue = ViewerQueue(
            stream_id,
            queue_bytes,
            on_more=sender.more_media,
            on_over=self._end,
            is_sending=lambda: sender.is_sending,
            unwanted=unwanted,
        )
        sender.relay(self._take, patience_s=PATIENCE_S, on_stuck=self._be_stuck)
        room.audience.join(self._queue)

    def leave(self) -> None:
        """The viewer has gone, or asks for something else."""
        self.room.audience.leave(self._queue)
        self._sender.relay_nothing()

    def change(self, change: PlayChanged) -> None:
        """The viewer wants something else of the room: a part of it, to pause, to begin anew."""
        if self._over is not None:
            return
        self._queue.unwanted = change.unwanted
        if change.is_paused is not self._is_paused:
            self._is_paused = change.is_paused
            # Players that pause stop reading as well: what is on its way may lie there for hours.
            self._sender.be_patient(math.inf if self._is_paused else PATIENCE_S)
        if self._is_paused:
            self.room.audience.hold(self._queue)
        elif change.anew:
            self._queue.begin_anew()
            self.room.audience.join(self._queue)

    def _end(self, reason: str) -> None:
        self._over = reason
        if self._is_paused:
            self._sender.be_patient(PATIENCE_S)
        self._sender.more_media()

    def _be_stuck(self) -> None:
        self.leave()
        self._on_over(f"it took next to nothing for {PATIENCE_S:g} s")

    def _take(self) -> bytes:
        if (media := self._queue.take()) or self._over is None:
            return media
        self.leave()
        self._connection.end_play(self.stream_id, f"{self._over[0].upper()}{self._over[1:]}.")
        self._on_over(self._over)
        return self._connection.data_to_send()
