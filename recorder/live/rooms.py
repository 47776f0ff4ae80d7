"""Rooms: who publishes where, and what becomes of a recording when a publisher goes.

Owns every room's present publisher and its reconnect window. A lost publisher leaves its
recording open until the window ends; a clean end closes it at once (design §2). Does not decide
who may publish (reception does) and does not know how a message is read (the session does).

Everything but `run` is synchronous: a session's cleanup can call it while it is cancelled.
"""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

from recorder.live.audience import Audience
from recorder.live.takeover import TakeoverHistory
from recorder.logs import about, of_room

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from recorder.live.tcp_info import TcpInfo
    from recorder.recording.actions import Media, StreamHead
    from recorder.recording.figures import RoomFigures
    from recorder.recording.manifest import Client
    from recorder.recording.recording import LiveRecording

log = logging.getLogger(__name__)


class NotNowError(Exception):
    """What an operator asks of a room cannot be done now; the text is one sentence."""


class Recorder(Protocol):
    """What a room asks of the recording side: `RoomRecorder` is the real one."""

    @property
    def number(self) -> int | None: ...

    @property
    def is_open(self) -> bool: ...

    @property
    def is_settled(self) -> bool: ...

    @property
    def holds_back(self) -> bool: ...

    @property
    def pending_bytes(self) -> int: ...

    @property
    def backlog_bytes(self) -> int: ...

    @property
    def held_bytes(self) -> int: ...

    @property
    def unwritten_ms(self) -> int: ...

    @property
    def is_stopped(self) -> bool: ...

    def figures(self, now_ms: int) -> RoomFigures: ...

    @property
    def frames(self) -> Mapping[str, int]: ...

    def split(self) -> None: ...

    def stop(self, now_ms: int, counts: Mapping[str, int]) -> None: ...

    def start(self, now_ms: int) -> None: ...

    def publisher_arrived(self, client: Client, *, gap_reason: str) -> None: ...

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None: ...

    def media_run(self, media: Sequence[Media], now_ms: int) -> None: ...

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None: ...

    def flush(self, now_ms: int) -> None: ...

    def publisher_left(self, now_ms: int, counts: Mapping[str, int]) -> None: ...

    def end(self, reason: str) -> None: ...

    def leave(self, reason: str) -> None: ...

    def resume(self, now_ms: int) -> None: ...

    def hold(self, reason: str) -> None: ...

    def release(self, now_ms: int) -> None: ...

    @property
    def live(self) -> Sequence[LiveRecording]: ...

    @property
    def stream_head(self) -> StreamHead: ...

    def clock_stepped(self, ms: int) -> None: ...


class Connection(Protocol):
    """What a room may ask of the session that publishes into it."""

    address: str

    @property
    def received_bytes(self) -> int:
        """All that the peer has sent, in bytes."""

    def counts(self, publisher: Publisher) -> Mapping[str, int]:
        """The anomalies seen on the connection since this publish began."""

    def tcp_info(self) -> TcpInfo | None:
        """What the kernel knows of the line; None: nothing."""

    def silent_ms(self) -> int:
        """How long the peer has sent nothing while we were reading, in ms."""

    async def catch_up(self) -> None:
        """Return when all that the peer has sent by now is handled, or soon."""

    def evict(self, publisher: Publisher, reason: str) -> None:
        """This publish is over; the room has already let go of it."""


@attrs.define(eq=False)
class Publisher:
    """One accepted publish."""

    room: Room
    connection: Connection
    stream_id: int
    since_s: float
    """When it was accepted, on Trio's clock."""
    software: str = ""
    has_media: bool = False
    counted: Mapping[str, int] = attrs.field(factory=dict)
    """The connection's anomalies when the publish began."""
    received_before: int = 0
    """Bytes that the connection had received when the publish began."""


class Room:
    """One room and what happens in it. `on_change` is called when its window opens or closes."""

    def __init__(
        self,
        name: str,
        recorder: Recorder,
        *,
        reconnect_window_s: float,
        on_change: Callable[[], None],
        title: str | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self._log = of_room(log, name)
        self.recorder = recorder
        self.audience = Audience(lambda: recorder.stream_head)
        self.takeovers = TakeoverHistory()
        self.publisher: Publisher | None = None
        self._past_bytes = 0
        self.window_ends_s = math.inf
        self.reconnect_window_s = reconnect_window_s
        self._on_change = on_change

    @property
    def in_use(self) -> bool:
        return self.publisher is not None or self.recorder.is_open or not self.recorder.is_settled

    @property
    def received_bytes(self) -> int:
        """All that publishers have sent into it since the start of the process, in bytes."""
        publisher = self.publisher
        if publisher is None:
            return self._past_bytes
        return self._past_bytes + publisher.connection.received_bytes - publisher.received_before

    def begin(self, publisher: Publisher, client: Client, *, gap_reason: str) -> None:
        """A publisher was accepted; the room must be free of any other."""
        publisher.received_before = publisher.connection.received_bytes
        self.publisher = publisher
        self.recorder.publisher_arrived(client, gap_reason=gap_reason)
        self.window_ends_s = math.inf
        publisher.software = client.software
        self._on_change()
        self._log.info("%s publishes with %s", client.address, client.software)

    def end(self, publisher: Publisher, counts: Mapping[str, int]) -> None:
        """The publisher ended it cleanly: so does the recording."""
        if self.publisher is publisher:
            self._let_go(counts)
            self.recorder.end("unpublished")
            self._on_change()

    def replace(self, publisher: Publisher, counts: Mapping[str, int]) -> None:
        """Another publisher takes its place at once; the recording goes on."""
        if self.publisher is publisher:
            self._let_go(counts)

    def lose(self, publisher: Publisher, counts: Mapping[str, int]) -> None:
        """The publisher is gone without a word: its recording waits for it to come back."""
        if self.publisher is publisher:
            self._let_go(counts)
            if self.recorder.is_open:
                self.wait(self.reconnect_window_s)
            self._on_change()

    def wait(self, seconds: float) -> None:
        """The open recording waits so long for its publisher."""
        self.window_ends_s = trio.current_time() + seconds
        number = self.recorder.number
        which = "the recording" if number is None else f"recording {number}"
        self._log.info("%s waits %.0f s for its publisher", which, seconds)
        self._on_change()

    # What its publisher sends: to be recorded first, then to whoever watches.

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """One audio or video message; `kind` is its FLV tag type, `timestamp` as on the wire."""
        self.recorder.media(kind, timestamp, body, now_ms)
        if self.audience:
            self._relay(partial(self.audience.media, kind, timestamp, body, now_ms))

    def media_run(self, media: Sequence[Media], now_ms: int) -> None:
        """Audio and video messages in the order of arrival."""
        if self.audience:
            # One by one: a viewer begins with the headers that stand before its first keyframe.
            for kind, timestamp, _, _, pieces in media:
                self.media(kind, timestamp, b"".join(pieces), now_ms)
        else:
            self.recorder.media_run(media, now_ms)

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None:
        """One data message, AMF0 from its handler's name on."""
        self.recorder.data(name, payload, timestamp, now_ms)
        if self.audience:
            self._relay(partial(self.audience.data, timestamp, payload, now_ms))

    def _relay(self, relay: Callable[[], None]) -> None:
        try:
            relay()
        except Exception:
            # A fault of ours in what viewers get must not cost the recording (promise 7).
            log.exception(
                "%s: what its viewers get failed; this is a fault of the recorder",
                self.name,
                extra=about(self.name),
            )
            self.audience.end("a fault of the recorder")

    # What an operator asks. Each raises NotNowError.

    def split(self) -> None:
        """Another recording begins at the next keyframe, without a gap."""
        if self.publisher is None or self.recorder.is_stopped or not self.recorder.is_open:
            raise NotNowError(f"{self.name}: nothing is being recorded that could be split.")
        self.recorder.split()
        self._log.info("split by an operator")

    def stop(self) -> None:
        """The recording ends; nothing is recorded until `start`, or until the publisher leaves."""
        if self.recorder.is_stopped:
            raise NotNowError(f"{self.name}: it is stopped already.")
        if self.publisher is None:
            if not self.recorder.is_open:
                raise NotNowError(f"{self.name}: nobody publishes, so nothing can be stopped.")
            self.close("stopped")
            self._on_change()
            return
        publisher = self.publisher
        counts = publisher.connection.counts(publisher)
        self.recorder.stop(int(trio.current_time() * 1000), counts)
        # The next recording has its own.
        publisher.counted = {
            name: publisher.counted.get(name, 0) + number for name, number in counts.items()
        }
        self._log.warning("stopped by an operator; nothing is recorded until start")

    def start(self) -> None:
        """Another recording begins at the next keyframe."""
        if not self.recorder.is_stopped:
            raise NotNowError(f"{self.name}: it is not stopped.")
        self.recorder.start(int(trio.current_time() * 1000))
        self._log.info("started by an operator")

    def close(self, reason: str) -> None:
        """End the recording that waits, if one does."""
        self.window_ends_s = math.inf
        self.recorder.end(reason)

    def _let_go(self, counts: Mapping[str, int]) -> None:
        self._past_bytes = self.received_bytes
        self.publisher = None
        self.recorder.publisher_left(int(trio.current_time() * 1000), counts)
        self.audience.end("nobody publishes any more")


class Rooms:
    """Every room there is. Rooms that only `*` admits exist while they are in use. `on_change` is
    called when a publisher has come or gone, and when a window opens or closes.

    Args:
        titles: the configured rooms, and what people call them.
        limit: `limits.rooms`.
    """

    def __init__(
        self,
        titles: Mapping[str, str | None],
        new_recorder: Callable[[str], Recorder],
        *,
        reconnect_window_s: float,
        limit: int,
    ) -> None:
        self._new_recorder = new_recorder
        self._reconnect_window_s = reconnect_window_s
        self._limit = limit
        self._changed = trio.Event()
        self._held: str | None = None
        self._is_closed = False
        self.on_change: Callable[[], None] = lambda: None
        self._titles = titles
        self._rooms: dict[str, Room] = {}
        self._make_configured()

    def follow(
        self, titles: Mapping[str, str | None], *, reconnect_window_s: float, limit: int
    ) -> None:
        """The configuration has changed; the arguments are those of the constructor. A room that
        is not configured any more stays while it is in use, a window that is open keeps its end."""
        self._titles, self._limit = titles, limit
        self._reconnect_window_s = reconnect_window_s
        self._make_configured()
        for room in self._rooms.values():
            room.title = titles.get(room.name, room.title)
            room.reconnect_window_s = reconnect_window_s
        self._on_change()

    def find(self, name: str) -> Room | None:
        """The room of this name, made if it must be; None when there are too many, or one that
        differs only in case: on some disks both would be one folder."""
        room = self._rooms.get(name)
        if room is None and self._may_add(name):
            room = self._rooms[name] = self._make(name)
        return room

    def get(self, name: str) -> Room | None:
        """The room of this name, if there is one now."""
        return self._rooms.get(name)

    @property
    def all(self) -> list[Room]:
        """Every room there is now."""
        return list(self._rooms.values())

    @property
    def is_settled(self) -> bool:
        """Everything that was recorded is on the disk."""
        return all(room.recorder.is_settled for room in self._rooms.values())

    @property
    def unwritten(self) -> dict[str, int]:
        """Rooms of which something is not on the disk, and how much media of it, in ms."""
        return {
            name: room.recorder.unwritten_ms
            for name, room in self._rooms.items()
            if not room.recorder.is_settled
        }

    @property
    def backlog_bytes(self) -> int:
        """Memory of all media that wait for a disk which takes nothing."""
        return sum(room.recorder.backlog_bytes for room in self._rooms.values())

    def resume(self) -> None:
        """The disk takes writes again."""
        now_ms = int(trio.current_time() * 1000)
        for room in self._rooms.values():
            try:
                room.recorder.resume(now_ms)
            except Exception:
                # A fault of ours in one room must not keep the others from recording (promise 7).
                log.exception(
                    "%s: resuming failed; this is a fault of the recorder",
                    room.name,
                    extra=about(room.name),
                )
        self._on_change()

    def hold(self, reason: str | None) -> None:
        """Nothing shall be written, by a policy, for a reason in words; None: it may be again.
        Publishers stay, and what they send is kept in memory as far as it goes."""
        if self._is_closed:
            return
        self._held = reason
        now_ms = int(trio.current_time() * 1000)
        for room in self._rooms.values():
            if reason is None:
                room.recorder.release(now_ms)
            else:
                room.recorder.hold(reason)
        self._on_change()

    @property
    def live(self) -> list[LiveRecording]:
        """The recordings of all rooms that may still change."""
        return [each for room in self._rooms.values() for each in room.recorder.live]

    def clock_stepped(self, ms: int) -> None:
        """The wall clock was set by so much."""
        for room in self._rooms.values():
            room.recorder.clock_stepped(ms)

    @property
    def viewers(self) -> int:
        return sum(len(room.audience) for room in self._rooms.values())

    @property
    def publishers(self) -> int:
        return sum(room.publisher is not None for room in self._rooms.values())

    async def run(self) -> None:
        """Close recordings whose window has ended, until cancelled."""
        while True:
            self._tidy()
            deadline = min((r.window_ends_s for r in self._rooms.values()), default=math.inf)
            with trio.move_on_at(deadline):
                await self._changed.wait()

    def close(self, reason: str, *, to_be_continued: bool = False) -> None:
        """End every recording, for good. The sessions are over; what a policy has kept in memory
        is written at last.

        Args:
            to_be_continued: the next start goes on with those whose publishers come back to it.
        """
        if self._held is not None:
            self.hold(None)
        self._is_closed = True
        for room in self._rooms.values():
            if to_be_continued:
                room.recorder.leave(reason)
            room.close(reason)

    def _may_add(self, name: str) -> bool:
        folded = {other.casefold() for other in self._rooms}
        return len(self._rooms) < self._limit and name.casefold() not in folded

    def _make_configured(self) -> None:
        """Every configured room is there, in the order of the configuration. One that differs only
        in case from a room in use, which `*` has let in, comes when that is gone."""
        folded = {name.casefold() for name in self._rooms}
        missing = [name for name in self._titles if name.casefold() not in folded]
        rooms = self._rooms | {name: self._make(name) for name in missing}
        first = {name: rooms.pop(name) for name in self._titles if name in rooms}
        self._rooms = first | rooms

    def _make(self, name: str) -> Room:
        room = Room(
            name,
            self._new_recorder(name),
            reconnect_window_s=self._reconnect_window_s,
            on_change=self._on_change,
            title=self._titles.get(name),
        )
        if self._held is not None:
            room.recorder.hold(self._held)
        return room

    def _on_change(self) -> None:
        self._changed.set()
        self.on_change()

    def _tidy(self) -> None:
        self._changed = trio.Event()
        now = trio.current_time()
        for room in self._rooms.values():
            if room.window_ends_s <= now:
                room.close("lost")
        self._rooms = {
            name: room for name, room in self._rooms.items() if room.in_use or name in self._titles
        }
        self._make_configured()
