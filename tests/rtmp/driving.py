"""Driving the parts of `recorder.rtmp` in tests: feeding bytes, and playing the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.rtmp import (
    MORE,
    NEED_DATA,
    PAUSED,
    ConnectRequested,
    Counters,
    Event,
    Hint,
    Limits,
    PlayRequested,
    PublishRequested,
    RemoteProtocolError,
    ServerConnection,
)
from recorder.rtmp.chunks import ChunkReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recorder.rtmp.messages import Message
    from tests.helpers.rtmp_client import RtmpClient

FILLER = bytes(index % 251 for index in range(1528))


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def read_messages(
    parts: Iterable[bytes],
    *,
    limits: Limits | None = None,
    counters: Counters | None = None,
    tell_format3_apart: bool = True,
) -> tuple[list[Message], int]:
    """Return all messages in a chunk stream, and how many bytes are left."""
    reader = ChunkReader(
        limits or Limits(),
        counters or Counters(),
        tell_format3_apart=tell_format3_apart,
    )
    reader.lift_allowance()
    messages = []
    for part in parts:
        reader.receive(part)
        while (message := reader.next_message()) is not None:
            messages.append(message)
    return messages, reader.buffered_bytes


def check_reading(
    data: bytes, expected: Sequence[tuple[int, int, int, bytes]], *, limits: Limits | None = None
) -> Counters:
    """Check a chunk stream three ways: whole, byte by byte, with a tail that must stay."""
    counters, again, tailed = Counters(), Counters(), Counters()
    wanted = list(expected)
    assert read_messages([data], limits=limits, counters=counters) == (wanted, 0)
    assert read_messages(byte_by_byte(data), limits=limits, counters=again) == (wanted, 0)
    tail = b"\x03\x00\x00"
    assert read_messages([data + tail], limits=limits, counters=tailed) == (wanted, len(tail))
    assert counters == again == tailed
    return counters


def failure(data: bytes, *, limits: Limits | None = None) -> RemoteProtocolError:
    """Return the error of a chunk stream, which must be the same byte by byte."""
    with pytest.raises(RemoteProtocolError) as whole:
        read_messages([data], limits=limits)
    with pytest.raises(RemoteProtocolError) as split:
        read_messages(byte_by_byte(data), limits=limits)
    assert (whole.value.reason, whole.value.hint) == (split.value.reason, split.value.hint)
    return whole.value


@attrs.define
class Application:
    """The application's side: accepts what it is asked, and notes the events."""

    server: ServerConnection = attrs.field(
        factory=lambda: ServerConnection(random=FILLER),
    )
    events: list[Event] = attrs.field(factory=list)
    accepts: bool = True

    def feed(self, data: bytes) -> list[Event]:
        """Hand over bytes; return the events that they caused."""
        self.server.receive_data(data)
        before = len(self.events)
        while True:
            event = self.server.next_event()
            if event is NEED_DATA or event is PAUSED:
                return self.events[before:]
            if event is MORE:
                continue
            self.events.append(event)
            if self.accepts:
                self.decide(event)

    def decide(self, event: Event) -> None:
        if isinstance(event, ConnectRequested):
            self.server.accept_connect()
        elif isinstance(event, PublishRequested):
            self.server.accept_publish(event.stream_id)
        elif isinstance(event, PlayRequested):
            self.server.accept_play(event.stream_id)

    def talk(self, client: RtmpClient) -> list[Event]:
        """Carry what the client said to the server, and the answers back."""
        events = self.feed(client.data_to_send())
        client.receive(self.server.data_to_send())
        return events


@attrs.frozen
class Outcome:
    """Everything that a byte stream causes. Must not depend on how it was split."""

    events: list[Event]
    failure: tuple[str, Hint] | None
    counters: Counters
    output: bytes


def run(parts: Iterable[bytes], *, limits: Limits | None = None) -> Outcome:
    """Feed a connection; whatever but `RemoteProtocolError` it raises comes out of here."""
    application = Application(ServerConnection(limits or Limits(), random=FILLER))
    failures = []
    for part in parts:
        try:
            application.feed(part)
        except RemoteProtocolError as error:
            failures.append((error.reason, error.hint))
    assert len(set(failures)) <= 1, "errors are sticky"
    server = application.server
    failure = failures[0] if failures else None
    return Outcome(application.events, failure, server.counters, server.data_to_send())


def publishing(client: RtmpClient, server: ServerConnection | None = None) -> Application:
    """Return an application to which the client publishes "room" on NetStream 1."""
    application = Application(server or ServerConnection(random=FILLER))
    client.start("room")
    application.talk(client)
    assert client.status(1) == ["NetStream.Publish.Start"]
    application.events.clear()
    client.replies.clear()
    return application


def server(**bounds: int) -> ServerConnection:
    return ServerConnection(Limits(**bounds), random=FILLER)  # type: ignore[arg-type]


def connected(client: RtmpClient, connection: ServerConnection | None = None) -> Application:
    application = Application(connection or server())
    client.greet()
    client.connect()
    application.talk(client)
    application.events.clear()
    client.replies.clear()
    return application


def playing(client: RtmpClient, limits: Limits | None = None) -> Application:
    """An application from which the client plays "room" on NetStream 1."""
    application = Application(ServerConnection(limits or Limits(), random=FILLER))
    client.watch("room")
    application.talk(client)
    assert application.events[-1] == PlayRequested(stream_id=1, name="room")
    application.events.clear()
    return application


def failing(application: Application, data: bytes) -> Hint:
    """Return what the error hints at that these bytes make."""
    with pytest.raises(RemoteProtocolError) as caught:
        application.feed(data)
    return caught.value.hint
