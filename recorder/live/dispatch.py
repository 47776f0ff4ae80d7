"""From the bytes of one read to whom each event in them concerns.

Owns the order: one event after the other, each handled to its end before the next is parsed, and
what came is handed on to the recorder at the end of every read. Owns how much of a read is handled
before others have their turn, and how many messages a second are let through. The core decides
what bytes mean; what an event means is decided where it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

import trio

from recorder.rtmp import (
    ConnectRequested,
    DataReceived,
    MediaReceived,
    PlayChanged,
    PlayEnded,
    PlayRequested,
    PublishEnded,
    PublishRequested,
    Wait,
)

if TYPE_CHECKING:
    from recorder.live.backpressure import Backpressure
    from recorder.live.publishing import Publishing
    from recorder.live.pulse import Pulse
    from recorder.live.requests import Requests
    from recorder.live.watching import Watching
    from recorder.rtmp import ServerConnection

MESSAGES_AT_ONCE: Final = 256
"""So many of one read, and then the others have their turn: a read can hold a hundred thousand of
no byte."""

DATA_BYTES: Final = 64
"""A data message counts once more for each so many bytes: metadata are decoded to be written into
the heads of files, and each byte may be a value."""

DATA_PER_S: Final = 50
"""Data messages. OBS sends 47 a second when a second audio track rides in them (protocol §5.7);
what is more is a flood, beyond the burst that the core allows."""


PLAYER_PER_S: Final = 100
"""Other messages of who does not publish. rtmpdump acknowledges every quarter of a MB: so often in
a room of 200 Mbit/s."""


class Dispatch:
    """On one connection."""

    def __init__(
        self,
        connection: ServerConnection,
        *,
        requests: Requests,
        publishing: Publishing,
        watching: Watching,
        backpressure: Backpressure,
        pulse: Pulse,
    ) -> None:
        self._connection = connection
        self._requests = requests
        self._publishing = publishing
        self._watching = watching
        self._backpressure = backpressure
        self._pulse = pulse
        self._allowed_s = trio.current_time()

    async def handle(self, data: bytes | bytearray, now_s: float) -> None:
        """Handle every event that these bytes complete; b"" brings none of its own.

        Args:
            now_s: when they were read, on Trio's clock.

        Raises:
            ConnectionOver: an event ends the connection.
            RemoteProtocolError: the peer broke the protocol. What stood before is handled.
        """
        now_ms = int(now_s * 1000)
        if data:
            self._connection.receive_data(data)
        self._allow(now_s)
        try:
            await self._handle_events(now_ms)
        finally:
            # Also what stood before a broken message was sent, and is recorded.
            self._publishing.flush(now_ms)

    def _allow(self, now_s: float) -> None:
        messages = int((now_s - self._allowed_s) * DATA_PER_S)
        self._allowed_s += messages / DATA_PER_S
        self._connection.allow_data(messages)
        self._connection.allow_player(messages * PLAYER_PER_S // DATA_PER_S)

    async def _handle_events(self, now_ms: int) -> None:
        publishers = self._publishing.by_stream
        left = MESSAGES_AT_ONCE
        while True:
            if left <= 0:
                left = MESSAGES_AT_ONCE
                self._publishing.flush(now_ms)
                await self._backpressure.wait()
                await trio.lowlevel.checkpoint()
                self._pulse.works(trio.current_time())
            run = self._connection.next_run(left)
            if run is not None:
                stream_id, media = run
                publisher = publishers[stream_id]
                publisher.has_media = True
                if len(publishers) > 1:
                    publisher.unshared_bytes += sum(size for _, _, size, _, _ in media)
                publisher.room.media_run(media, now_ms)
                left -= len(media)
                continue
            left -= 1
            event = self._connection.next_event()
            match event:
                case MediaReceived():
                    publisher = publishers[event.stream_id]
                    publisher.has_media = True
                    publisher.unshared_bytes += len(event.payload)
                    publisher.room.media(event.kind, event.timestamp, event.payload, now_ms)
                case DataReceived():
                    publisher = publishers[event.stream_id]
                    publisher.unshared_bytes += len(event.payload)
                    publisher.room.data(event.name, event.payload, event.timestamp, now_ms)
                    left -= len(event.payload) // DATA_BYTES
                case ConnectRequested():
                    await self._requests.connect(event)
                case PublishRequested():
                    await self._requests.publish(event)
                case PublishEnded():
                    self._publishing.end(event.stream_id)
                case PlayRequested():
                    await self._requests.play(event)
                case PlayChanged():
                    self._watching.change(event)
                case PlayEnded():
                    self._watching.stop()
                case Wait.MORE:
                    left = 0
                case Wait.NEED_DATA | Wait.PAUSED:
                    return
                case _:
                    assert_never(event)
