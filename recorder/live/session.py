"""One connection: bytes from a stream into the protocol core, its events into rooms.

Owns the connection's time limits and its publishers, and nothing that outlives it. The core
decides what bytes mean, reception who may publish, the room what becomes of a recording; the
session only carries. Its failures stay in it: whatever ends it, its publishers leave their rooms
in `finally`, synchronously, so that no cancellation can come between.

The reading waits for the disk (the room's buffer) and for nothing else; TCP holds the encoder
back meanwhile, and silence that we cause is not counted against it.
"""

from __future__ import annotations

import logging
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, assert_never

import attrs
import trio

from recorder.live.attempts import FIRST_PAUSE_S
from recorder.live.pace import ReadPace
from recorder.live.pool import address_group
from recorder.live.pulse import Pulse
from recorder.live.reception import PublishRequest, Refusal
from recorder.live.sender import Sender
from recorder.live.tls import TlsError
from recorder.live.viewing import Viewing
from recorder.logs import about, of_room, same
from recorder.rtmp import (
    ConnectRequested,
    DataReceived,
    Hint,
    Limits,
    MediaReceived,
    PlayEnded,
    PlayRequested,
    PublishEnded,
    PublishRequested,
    RemoteProtocolError,
    ServerConnection,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.live.access import LoggedIn
    from recorder.live.memory import MemoryBudget
    from recorder.live.reception import Reception
    from recorder.live.rooms import Publisher, Room
    from recorder.live.tcp_info import TcpInfo
    from recorder.live.wire import Wire

log = logging.getLogger(__name__)

READ_BYTES = 1 << 20
"""One read takes all a fast sender has in flight, and all that gathers in a pause: fewer wake-ups,
one parse (design §4). At full speed 256 KiB cost a fifth more CPU; above 1 MiB nothing is won."""

GATHERED_BYTES = 1 << 19
"""Behind a pause: few encoders fill more, and a MiB for each of 50 rooms leaves holes in memory
that nobody else fits into (98 MB at their peak, against 82). What is left is read at once."""

QUIET_S = 0.1
"""Who has more to send is not silent for so long; who waits for an acknowledgement is. And whom
we leave alone for so long sends slower than we read."""

HANDSHAKE_S = 10.0
"""From the connection to the end of the handshake, whatever arrives (protocol §1.4.7)."""

CATCH_UP_S = 1.0
"""Twice a pause; a peer that sends faster than we can read must not keep anybody waiting."""

PUBLISH_S = 20.0
"""From the connection, or the end of its last publish, to a publish; an absolute limit, so that
a byte now and then does not keep a place (protocol §6 row 33)."""

MESSAGES_AT_ONCE = 256
"""So many of one read, and then the others have their turn: a read can hold a hundred thousand of
no byte."""

DATA_PER_S = 50
"""Data messages. OBS sends 47 a second when a second audio track rides in them (protocol §5.7);
what is more is a flood, beyond the burst that the core allows."""

FAREWELL_S = 2.0
"""To say why and to let the peer read it before the close (protocol §4.4)."""

MEMORY_PATIENCE_S = 10.0
"""How long a publisher above its share of a full memory may wait for relief that only its own
half-received messages could give."""


_ADVICE = {
    Hint.TLS: "; set the encoder to rtmp://, or to the port of rtmp.tls",
    Hint.RTMPE: " (RTMPE); set the encoder to rtmp://",
    Hint.HTTP: "; this is the port for encoders",
}
"""What a technician can do about a peer that speaks something else (protocol §1.4 rule 6)."""


@attrs.frozen(kw_only=True)
class Timeouts:
    """Seconds; the names are those of the configuration's `recording`."""

    first_media: float
    idle: float


@attrs.define(kw_only=True)
class House:
    """What every session shares. `timeouts` may be exchanged; the next read has the new ones."""

    reception: Reception
    memory: MemoryBudget
    next_hop: Callable[[], Awaitable[None]]
    """Returns when the batch on its way to the disk has landed, or was given up."""
    timeouts: Timeouts
    viewer_bytes: int
    """What may wait for one viewer."""
    random: Callable[[int], bytes]


class ConnectionOver(Exception):  # noqa: N818 — an end is no error
    """The session has a reason to end; its text is for the log. None: that has it already.

    Args:
        room: that it concerns, of a peer that publishes nowhere any more.
    """

    def __init__(self, reason: str | None, room: str | None = None) -> None:
        super().__init__(reason)
        self.room = room
        self.reason = reason


class Session:
    """Serves one connection until it is over. `run` never raises for what a peer does.

    Attributes:
        pulse: whether it runs. Not of the sender beside it, whom a peer may keep waiting for hours.

    Args:
        address: the peer's IP address, without port.
        wire: what is below the stream.
        on_pending: told with False when the connection begins to publish or is over, with True
            when it has had its turn: its last publish has ended, or it never gets one (the pools of
            design §7).
        on_heard: told when the peer has said something.
    """

    def __init__(
        self,
        stream: trio.abc.HalfCloseableStream,
        address: str,
        house: House,
        *,
        on_pending: Callable[[bool], None],
        on_heard: Callable[[], None],
        wire: Wire,
    ) -> None:
        self.address = address
        self.pulse = Pulse(address, trio.current_time())
        self._wire = wire
        self._hurry = trio.Event()
        self._handled = trio.Event()
        self._handled_bytes = 0
        self._taken_bytes = wire.taken_bytes or (lambda: self._handled_bytes)
        self._settled_bytes = 0
        self._pace = ReadPace(trio.current_time())
        self._next_read_s = -math.inf
        self._data_allowed_s = trio.current_time()
        self._read_bytes = READ_BYTES
        self._stream = stream
        self._house = house
        self._on_pending = on_pending
        self._on_heard = on_heard
        self._connection = ServerConnection(Limits(), random=house.random(1528))
        self._sender = Sender(stream, self._connection)
        self._publishers: dict[int, Publisher] = {}
        self._viewing: Viewing | None = None
        self._connect: ConnectRequested | None = None
        self._handshake_by_s = trio.current_time() + HANDSHAKE_S
        self._publish_by_s = trio.current_time() + PUBLISH_S
        self._reading_since_s: float | None = None
        self._lifetime = trio.CancelScope()
        self._read_scope = trio.CancelScope()
        self._dismissal: ConnectionOver | None = None
        self._login: LoggedIn | None = None
        self._was_let_in = False
        self._is_over = False

    # What others may ask.

    @property
    def received_bytes(self) -> int:
        """All that the peer has sent and we have handled, in bytes."""
        return self._handled_bytes

    def tcp_info(self) -> TcpInfo | None:
        """What the kernel knows of the line; None: nothing."""
        return self._wire.tcp_info()

    def silent_ms(self) -> int:
        """How long the peer has sent nothing while we were reading, in ms."""
        if self._reading_since_s is None:
            return 0
        return int((trio.current_time() - self._reading_since_s) * 1000)

    def evict(self, publisher: Publisher, reason: str) -> None:
        """The room has let go of this publisher: tell the encoder, and go if it was the last."""
        self._forget(publisher)
        self._connection.end_publish(
            publisher.stream_id,
            code="NetStream.Publish.BadName",
            description="Another encoder has taken this room over.",
            level="error",
        )
        self._sender.poke()
        if not self._publishers:
            self.dismiss(f"{publisher.room.name}: {reason}", publisher.room.name)

    def dismiss(self, reason: str, room: str | None = None) -> None:
        """End when it next reads, with a farewell, unless it publishes by then."""
        self._dismissal = ConnectionOver(reason, room)
        self._read_scope.cancel()

    async def catch_up(self) -> None:
        """Return when all that the peer has sent by now is handled, or after CATCH_UP_S: between
        two reads it lies in the socket, and whoever ends the session would lose it."""
        if not self._publishers:
            return  # It has nothing for anybody, and may be gone with its socket.
        with trio.move_on_after(CATCH_UP_S):
            until_bytes = self._taken_bytes() + self._wire.unread_bytes()
            while self._publishers and self._settled_bytes < until_bytes:
                self._hurry.set()
                await self._handled.wait()

    def ask_to_reconnect(self) -> bool:
        """Ask the encoder to come again; False: it would not understand."""
        is_asked = bool(self._publishers) and self._connection.request_reconnect()
        self._sender.poke()
        return is_asked

    def counts(self, publisher: Publisher) -> dict[str, int]:
        """The anomalies seen on this connection since the publish began, for its manifest."""
        counts = self._connection.counters.as_dict()
        return {name: number - publisher.counted.get(name, 0) for name, number in counts.items()}

    def crowd_out(self) -> None:
        """End at once: somebody newer needs the place. Only for a session that does not publish;
        whatever it waits for, the delay before a refusal included, it waits no longer."""
        if not self._is_over:
            log.info(
                "%s: gave its place to a newer connection",
                self.address,
                # A crowd from a hundred addresses is one event: one line, and a count.
                extra=same("crowded out"),
            )
        self._lifetime.cancel()

    # Its life.

    async def run(self) -> None:
        with self._lifetime:
            await self._run()

    async def _run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sender.run, name="sender")
            try:
                await self._serve()
            except ConnectionOver as over:
                if over.reason is not None:
                    self._log_end(over.reason, room=over.room)
            except RemoteProtocolError as error:
                self._log_end(error.reason + _ADVICE.get(error.hint, ""), error.hint)
            finally:
                self._leave_rooms()
                self._stop_viewing()
                self._handled.set()
                self._is_over = True
                if self._was_let_in:
                    self._on_pending(False)
            await self._say_farewell()
            nursery.cancel_scope.cancel()

    def _leave_rooms(self) -> None:
        with ExitStack() as leaving:  # a fault in one room must not leave the next one occupied
            for publisher in list(self._publishers.values()):
                self._forget(publisher)
                leaving.callback(publisher.room.lose, publisher, self.counts(publisher))

    async def _serve(self) -> None:
        while True:
            data = await self._read()
            now_s = trio.current_time()
            self.pulse.works(now_s)
            now_ms = int(now_s * 1000)
            if data:
                if not self._handled_bytes:
                    self._on_heard()
                self._connection.receive_data(data)
            messages = int((now_s - self._data_allowed_s) * DATA_PER_S)
            self._data_allowed_s += messages / DATA_PER_S
            self._connection.allow_data(messages)
            try:
                await self._handle_events(now_ms)
            finally:
                # Also what stood before a broken message was sent, and is recorded.
                self._flush(now_ms)
            if not data:
                raise ConnectionOver("the encoder closed the connection")
            self._handled_bytes += len(data)
            self._settled_bytes = self._taken_bytes()
            handled, self._handled = self._handled, trio.Event()
            handled.set()
            if self._connection.has_answer_to_send:
                self._sender.poke()
            await self._wait_for_buffers()
            if self._publishers and not self._is_watched():
                self._next_read_s = self._pace.next_read_s(
                    len(data), now_s, self._wire.buffer_bytes, is_all=len(data) < self._read_bytes
                )

    async def _read(self) -> bytes | bytearray:
        deadline, reason = self._deadline()
        if self._dismissal is not None and not self._publishers:
            raise self._dismissal
        self._reading_since_s = trio.current_time()
        self.pulse.waits_until(deadline)
        with trio.CancelScope(deadline=deadline) as self._read_scope:
            try:
                return await self._receive()
            except TlsError as error:
                raise ConnectionOver(str(error)) from None
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                raise ConnectionOver("the connection broke") from None
            finally:
                self._reading_since_s = None
        if self._dismissal is not None and not self._publishers:
            raise self._dismissal
        raise ConnectionOver(reason)

    async def _receive(self) -> bytes | bytearray:
        """An acknowledgement goes out only while the peer is slow or quiet. One that reaches a
        socket closed behind its last byte (ffmpeg) is answered by a reset, and the peer's system
        forgets what it has not sent yet (RFC 1122, section 4.2.2.13)."""
        self._read_bytes = READ_BYTES
        pause_s = self._next_read_s - trio.current_time()
        if pause_s > 0:
            self._read_bytes = GATHERED_BYTES
            with trio.move_on_at(self._next_read_s):
                await self._hurry.wait()
        self._hurry = trio.Event()
        if pause_s < QUIET_S and self._connection.has_data_to_send:
            with trio.move_on_after(QUIET_S):
                return await self._stream.receive_some(self._read_bytes)
        self._sender.poke()
        return await self._stream.receive_some(self._read_bytes)

    def _deadline(self) -> tuple[float, str]:
        """When the present wait for bytes must end, on Trio's clock, and what it then was."""
        if not self._publishers:
            if self._viewing is not None:
                return math.inf, ""
            if not self._connection.handshake_done:
                return self._handshake_by_s, f"no RTMP handshake within {HANDSHAKE_S:g} s"
            return self._publish_by_s, f"no publish within {PUBLISH_S:g} s"
        timeouts = self._house.timeouts
        idle = trio.current_time() + timeouts.idle
        first = min(
            (
                p.since_s + timeouts.first_media
                for p in self._publishers.values()
                if not p.has_media
            ),
            default=math.inf,
        )
        if first <= idle:
            return first, f"no media within {timeouts.first_media:g} s of publishing"
        return idle, f"nothing received for {timeouts.idle:g} s"

    async def _wait_for_buffers(self) -> None:
        """Hold the encoder back while its room's buffer, or the memory of all, is full."""
        if not self._must_wait():
            return
        began_s = trio.current_time()
        while self._publishers and self._must_wait():
            with trio.move_on_after(MEMORY_PATIENCE_S) as patience:
                # Also on a disk that stalls for an hour it has its turn so often.
                self.pulse.waits_until(patience.deadline)
                await self._house.next_hop()
            if patience.cancelled_caught and self._keeps_memory_full():
                raise ConnectionOver("limits.memory is reached and this publisher holds the most")
        self.pulse.works(trio.current_time())
        self._pace.measure_anew(trio.current_time())
        for publisher in self._publishers.values():
            # Silence that we cause is not the encoder's.
            publisher.since_s += trio.current_time() - began_s

    def _must_wait(self) -> bool:
        is_held_back = any(
            publisher.room.recorder.holds_back for publisher in self._publishers.values()
        )
        return is_held_back or not self._house.memory.may_read(self)

    def _keeps_memory_full(self) -> bool:
        """Whether no disk can help: what fills the memory are this peer's unfinished messages."""
        memory = self._house.memory
        return memory.exhausted and self.held_bytes() > memory.share_bytes

    # What the memory budget asks.

    def held_bytes(self) -> int:
        held = sum(p.room.recorder.held_bytes for p in self._publishers.values())
        return self._connection.buffered_bytes + held

    def pending_bytes(self) -> int:
        return sum(p.room.recorder.pending_bytes for p in self._publishers.values())

    # What the core says.

    async def _handle_events(self, now_ms: int) -> None:
        left = MESSAGES_AT_ONCE
        while True:
            if left <= 0:
                left = MESSAGES_AT_ONCE
                self._flush(now_ms)
                await self._wait_for_buffers()
                await trio.lowlevel.checkpoint()
                self.pulse.works(trio.current_time())
            run = self._connection.next_run(left)
            if run is not None:
                stream_id, media = run
                publisher = self._publishers[stream_id]
                publisher.has_media = True
                publisher.room.media_run(media, now_ms)
                left -= len(media)
                continue
            left -= 1
            event = self._connection.next_event()
            match event:
                case MediaReceived():
                    publisher = self._publishers[event.stream_id]
                    publisher.has_media = True
                    publisher.room.media(event.kind, event.timestamp, event.payload, now_ms)
                case DataReceived():
                    room = self._publishers[event.stream_id].room
                    room.data(event.name, event.payload, event.timestamp, now_ms)
                case ConnectRequested():
                    await self._handle_connect(event)
                case PublishRequested():
                    await self._handle_publish(event)
                case PublishEnded():
                    self._end_publish(self._publishers[event.stream_id])
                case PlayRequested():
                    await self._handle_play(event)
                case PlayEnded():
                    self._stop_viewing()
                case Wait():
                    return
                case _:
                    assert_never(event)

    async def _handle_connect(self, event: ConnectRequested) -> None:
        self._connect = event
        answer = self._house.reception.decide_connect(event, self.address)
        if isinstance(answer, Refusal):
            await self._pause_before(answer)
            self._connection.reject_connect(answer.description)
            raise ConnectionOver(None)
        self._login = answer
        self._connection.accept_connect()

    async def _handle_publish(self, event: PublishRequested) -> None:
        assert self._connect is not None, "the core lets nobody publish before connect"
        if self._lifetime.cancel_called:
            await trio.lowlevel.checkpoint()  # crowded out while its bytes came: it takes no room
        request = PublishRequest(
            connection=self,
            stream_id=event.stream_id,
            application=self._connect.app,
            stream=event.name,
            tc_url=self._connect.tc_url,
            software=self._connect.flash_version,
            login=self._login,
            publish_type=event.publish_type,
        )
        incumbent = self._house.reception.incumbent(request)
        if incumbent is not None and incumbent.connection is not self:
            # It may have said good-bye already, or more of the lesson.
            await incumbent.connection.catch_up()
        answer = self._house.reception.decide(request)
        if isinstance(answer, Refusal):
            await self._pause_before(answer)
            self._connection.reject_publish(
                event.stream_id, code="NetStream.Publish.BadName", description=answer.description
            )
            if not self._publishers:
                raise ConnectionOver(None)
            return  # Other streams of this connection are being recorded: they go on.
        self._connection.accept_publish(event.stream_id)
        if not self._publishers:
            self._on_pending(False)
            self._was_let_in = True
            self._dismissal = None
            self._house.memory.enter(self)
        answer.counted = self._connection.counters.as_dict()
        self._publishers[event.stream_id] = answer

    async def _pause_before(self, refusal: Refusal) -> None:
        """The log has it at once, the peer after a while: who guesses shall not guess quickly."""
        key = same(address_group(self.address), refusal.reason)
        level = logging.DEBUG if refusal.is_routine else logging.INFO
        key |= about(refusal.room)
        log.log(level, "%s: refused: %s", self.address, refusal.reason, extra=key)
        self.pulse.waits_until(trio.current_time() + refusal.pause_s)
        if not refusal.pause_s:
            await trio.lowlevel.checkpoint()
        elif self._publishers or self._viewing is not None:
            # What else the connection publishes waits meanwhile.
            await trio.sleep(min(refusal.pause_s, FIRST_PAUSE_S))
        else:
            self._on_pending(True)
            await trio.sleep(refusal.pause_s)

    async def _handle_play(self, event: PlayRequested) -> None:
        assert self._connect is not None, "the core lets nobody play before connect"
        code, answer = (
            "NetStream.Play.Failed",
            Refusal("One at a time.", "it watches already", FIRST_PAUSE_S),
        )
        if self._viewing is None:
            code = "NetStream.Play.StreamNotFound"
            connect = self._connect
            found = self._house.reception.decide_play(
                connect.app, event.name, connect.tc_url, self.address
            )
            if not isinstance(found, Refusal):
                self._begin_viewing(found, event.stream_id)
                return
            answer = found
        await self._pause_before(answer)
        self._connection.reject_play(event.stream_id, code, answer.description)
        if not self._publishers and self._viewing is None:
            raise ConnectionOver(None)

    def _begin_viewing(self, room: Room, stream_id: int) -> None:
        self._connection.accept_play(stream_id)
        self._viewing = Viewing(
            room,
            stream_id,
            self._connection,
            self._sender,
            queue_bytes=self._house.viewer_bytes,
            on_over=self._viewing_is_over,
        )
        if not self._publishers:
            self._on_pending(False)
            self._was_let_in = True
            self._dismissal = None
        of_room(log, room.name).info("%s watches", self.address, extra=same("watches", room.name))

    def _stop_viewing(self) -> None:
        """The viewer ends it, or is gone."""
        if self._viewing is not None:
            self._viewing.leave()
            self._viewing_is_over("it left")

    def _viewing_is_over(self, reason: str) -> None:
        viewing, self._viewing = self._viewing, None
        assert viewing is not None, "told once"
        name = viewing.room.name
        key = same("watched", name)
        of_room(log, name).info("%s watches no more: %s", self.address, reason, extra=key)
        if not self._publishers:
            self._publish_by_s = trio.current_time() + PUBLISH_S
            self._on_pending(True)
            # A wait for its bytes began without a limit.
            self.dismiss("nothing more to watch")

    def _end_publish(self, publisher: Publisher) -> None:
        self._flush(int(trio.current_time() * 1000))
        self._forget(publisher)
        publisher.room.end(publisher, self.counts(publisher))
        of_room(log, publisher.room.name).info("%s ended its publish", self.address)

    def _flush(self, now_ms: int) -> None:
        """Hand on what this read brought."""
        for publisher in self._publishers.values():
            publisher.room.recorder.flush(now_ms)

    def _forget(self, publisher: Publisher) -> None:
        del self._publishers[publisher.stream_id]
        if not self._publishers:
            self._publish_by_s = trio.current_time() + PUBLISH_S
            self._on_pending(True)
            self._house.memory.leave(self)

    def _is_watched(self) -> bool:
        """Who watches live does not wait for bytes to gather."""
        return any(publisher.room.audience for publisher in self._publishers.values())

    # How it ends.

    async def _say_farewell(self) -> None:
        """Send what is due, then close so that the peer can read it: an RST that meets unread
        input would destroy the last message on its way (protocol §4.4)."""
        self._sender.poke()
        self.pulse.waits_until(trio.current_time() + FAREWELL_S)
        with trio.move_on_after(FAREWELL_S):
            await self._sender.sent()
            if not self._was_let_in:
                # It has its answer. A stranger keeps its place until it is gone: a crowd that lets
                # us wait for it must not fill the house.
                self._on_pending(True)
            try:
                await self._stream.send_eof()
                while await self._stream.receive_some(READ_BYTES):
                    pass
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return

    def _log_end(self, reason: str, kind: object = None, *, room: str | None = None) -> None:
        """One line for each room. Of strangers, repeats from one place and of one kind are
        counted."""
        for publisher in self._publishers.values():
            of_room(log, publisher.room.name).warning("%s: %s", self.address, reason)
        if not self._publishers:
            key = same(address_group(self.address), kind or reason) | about(room)
            log.info("%s: %s", self.address, reason, extra=key)
