"""What one connection watches: one room at a time, or nothing.

Owns that it is one, and what its beginning and its end mean for the connection. What a viewer is
sent, and when it is too slow, is the business of `Viewing` and of the room's audience.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs
import trio

from recorder.live.ending import ConnectionOver
from recorder.live.viewing import Viewing
from recorder.logs import of_room, same

if TYPE_CHECKING:
    from recorder.live.house import House
    from recorder.live.publishing import Publishing
    from recorder.live.room import Room
    from recorder.live.sender import Sender
    from recorder.live.stay import Stay
    from recorder.rtmp import PlayChanged, ServerConnection

log = logging.getLogger(__name__)


@attrs.define
class Watching:
    """Of one connection. True while it watches."""

    address: str
    house: House
    connection: ServerConnection
    sender: Sender
    publishing: Publishing
    stay: Stay
    _viewing: Viewing | None = None

    def __bool__(self) -> bool:
        return self._viewing is not None

    def begin(self, room: Room, stream_id: int, unwanted: frozenset[int]) -> None:
        """It may watch this room, but for these kinds, and watches nothing yet."""
        self.connection.accept_play(stream_id)
        self._viewing = Viewing(
            room,
            stream_id,
            self.connection,
            self.sender,
            unwanted=unwanted,
            queue_bytes=self.house.viewer_bytes,
            on_over=self._is_over,
        )
        if not self.publishing:
            self.stay.let_in("player")
        of_room(log, room.name).info("%s watches", self.address, extra=same("watches", room.name))

    def change(self, change: PlayChanged) -> None:
        """The viewer wants something else of what it watches."""
        if self._viewing is not None:
            self._viewing.change(change)

    def make_way(self, stream_id: int) -> None:
        """On this NetStream another play is asked for: what it watches there is over."""
        if self._viewing is not None and self._viewing.stream_id == stream_id:
            self._viewing.leave()
            self._forget("it asks for another play")

    def stop(self) -> None:
        """The viewer ends it, or is gone."""
        if self._viewing is not None:
            self._viewing.leave()
            self._forget("it left")
            self._be_free()

    def _is_over(self, reason: str) -> None:
        self._forget(reason)
        self._be_free()
        if not self.publishing:
            # A wait for its bytes began without a limit.
            self.stay.dismiss(ConnectionOver("nothing more to watch"))

    def _forget(self, reason: str) -> None:
        viewing, self._viewing = self._viewing, None
        assert viewing is not None, "told once"
        name = viewing.room.name
        key = same("watched", name)
        of_room(log, name).info("%s watches no more: %s", self.address, reason, extra=key)

    def _be_free(self) -> None:
        if not self.publishing:
            self.stay.is_free(trio.current_time())
