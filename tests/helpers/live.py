"""Fakes of our own for the live side: a recorder that remembers, a connection that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from recorder.live.publisher import Publisher
from recorder.recording.actions import StreamHead
from recorder.recording.manifest import Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder.live.room import Room
    from recorder.recording.actions import Media
    from recorder.recording.figures import RoomFigures, RoomTotals
    from recorder.recording.lateness import Spread
    from recorder.recording.recording import LiveRecording


@attrs.define
class FakeRecorder:
    """Stands where a `RoomRecorder` does and writes down what it is told.

    `held_bytes`, `pending_bytes`, `holds_back`, `unwritten_ms` and `raises` are what a test sets;
    media opens a recording, as the real one does, and `recordings` counts them.
    """

    name: str
    calls: list[str] = attrs.field(factory=list)
    clients: list[Client] = attrs.field(factory=list)
    media_seen: list[tuple[int, int, bytes]] = attrs.field(factory=list)
    data_seen: list[tuple[str | None, bytes]] = attrs.field(factory=list)
    held_bytes: int = 0
    pending_bytes: int = 0
    backlog_bytes: int = 0
    unwritten_ms: int = 0
    holds_back: bool = False
    is_settled: bool = True
    raises: Exception | None = None
    number: int | None = None
    recordings: int = 0
    counts: dict[str, int] = attrs.field(factory=dict)
    live: list[LiveRecording] = attrs.field(factory=list)

    is_stopped: bool = False

    @property
    def is_open(self) -> bool:
        return self.number is not None

    @property
    def stream_head(self) -> StreamHead:
        """The sequence headers among what it has seen."""
        headers = [(kind, body) for kind, _, body in self.media_seen if body[1:2] == b"\0"]
        metadata = [payload for name, payload in self.data_seen if name == "onMetaData"]
        kind = max((kind for kind, _, _ in self.media_seen), default=0)
        entry = (kind, 0) if kind else None
        return StreamHead(metadata[-1] if metadata else None, tuple(headers), entry)

    def figures(self, now_ms: int) -> RoomFigures:
        raise NotImplementedError

    def take_spread(self) -> Spread:
        raise NotImplementedError

    def totals(self, now_ms: int) -> RoomTotals:
        raise NotImplementedError

    def split(self) -> None:
        self.calls.append("split")

    def stop(self, now_ms: int, counts: Mapping[str, int]) -> None:
        self.counts.update(counts)
        self.calls.append("stop")
        self.number = None
        self.is_stopped = True

    def start(self, now_ms: int) -> None:
        self.calls.append("start")
        self.is_stopped = False

    def publisher_arrived(self, client: Client, *, gap_reason: str) -> None:
        self.calls.append(f"arrived {client.address} {gap_reason}")
        self.clients.append(client)

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        self._fail()
        if self.number is None:
            self.recordings += 1
            self.number = self.recordings
        self.media_seen.append((kind, timestamp, body))

    def media_run(self, media: Sequence[Media], now_ms: int) -> None:
        for kind, timestamp, _, _, body in media:
            self.media(kind, timestamp, b"".join(body), now_ms)

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None:
        self.data_seen.append((name, payload))

    def held_back(self, *, begins: bool) -> None:
        self.calls.append("is held back" if begins else "is held back no more")

    def flush(self, now_ms: int) -> None:
        pass

    def publisher_left(self, now_ms: int, counts: Mapping[str, int]) -> None:
        self.counts.update(counts)
        self.calls.append("left")

    def end(self, reason: str) -> None:
        self._fail()
        if self.number is not None:
            self.calls.append(f"end {reason}")
            self.number = None

    def leave(self, reason: str) -> None:
        self._fail()
        if self.number is not None:
            self.calls.append(f"leave {reason}")
            self.number = None

    def resume(self, now_ms: int) -> None:
        self._fail()
        self.calls.append("resume")

    def hold(self, reason: str) -> None:
        self._fail()
        self.calls.append(f"hold {reason}")

    def release(self, now_ms: int) -> None:
        self._fail()
        self.calls.append("release")

    def clock_stepped(self, ms: int) -> None:
        self._fail()
        self.calls.append(f"clock stepped {ms}")

    def _fail(self) -> None:
        if self.raises is not None:
            raise self.raises


@attrs.define(eq=False)
class FakeConnection:
    """A session as a room sees it."""

    address: str
    silence_ms: int = 0
    evictions: list[str] = attrs.field(factory=list)

    def counts(self, publisher: Publisher) -> dict[str, int]:
        return {"unknown_messages": 1}

    def tcp_info(self) -> None:
        return None

    def silent_ms(self) -> int:
        return self.silence_ms

    async def catch_up(self) -> None:
        await trio.lowlevel.checkpoint()

    def evict(self, publisher: Publisher, reason: str) -> None:
        self.evictions.append(reason)


def publish(room: Room, address: str = "10.0.0.1") -> Publisher:
    """What a session does when reception has let it in."""
    publisher = Publisher(room, FakeConnection(address), 1, trio.current_time())
    room.begin(publisher, Client(address=address, software="test"), gap_reason="reconnect")
    return publisher
