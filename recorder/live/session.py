"""One connection: bytes from a stream into the protocol core, its events into rooms.

Owns the connection's life: how its parts are put together, the turn from one read to the next, and
its end; and nothing that outlives it. Each part has a rule of its own: when to read (`Reading`),
who an event concerns (`Dispatch`), how a request is answered (`Requests`), what it publishes and
watches (`Publishing`, `Watching`), when it waits for the disk (`Backpressure`), and how long it may
do nothing (`Stay`). The core decides what bytes mean, reception who may publish, the room what
becomes of a recording; the session only carries.

Its failures stay in it: whatever ends it, its publishers leave their rooms in `finally`,
synchronously, so that no cancellation can come between.
"""

from __future__ import annotations

import contextvars
import logging
import math
from typing import TYPE_CHECKING, Final

import trio

from recorder.live.backpressure import Backpressure
from recorder.live.dispatch import Dispatch
from recorder.live.ending import ConnectionOver, broken_by, log_end
from recorder.live.publishing import Publishing
from recorder.live.pulse import Pulse
from recorder.live.reading import LATE_S, Reading
from recorder.live.requests import Requests
from recorder.live.sender import Sender
from recorder.live.stay import Stay
from recorder.live.watching import Watching
from recorder.logs import same
from recorder.rtmp import Limits, RemoteProtocolError, ServerConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recorder.live.house import House
    from recorder.live.publisher import Publisher
    from recorder.live.tcp_info import TcpInfo
    from recorder.live.wire import Wire

log = logging.getLogger(__name__)

CATCH_UP_S: Final = 1.0
"""Twice a pause; a peer that sends faster than we can read must not keep anybody waiting."""

FAREWELL_S: Final = 2.0
"""To say why and to let the peer read it before the close (protocol §4.4)."""


class Session:
    """Serves one connection until it is over. `run` never raises for what a peer does.

    Attributes:
        pulse: whether it runs. Not of the sender beside it, whom a peer may keep waiting for hours.

    Args:
        address: the peer's IP address, without port.
        wire: what is below the stream.
        on_pending: as of `Stay`.
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
        now_s = trio.current_time()
        self.address = address
        self.pulse = Pulse(address, now_s)
        self._stream = stream
        self._wire = wire
        self._house = house
        self._on_heard = on_heard
        self._context = contextvars.copy_context()
        """Whose connection a line of the log is of, also where another one is the reason."""
        self._lifetime = trio.CancelScope()
        self._is_over = False
        self._connection = ServerConnection(Limits(), random=house.random(1528))
        self._sender = Sender(stream, self._connection, wire.acked_bytes)
        self._reading = Reading(stream, wire, self._connection, self._sender)
        self._stay = Stay(now_s, on_pending=on_pending, on_dismissed=self._reading.interrupt)
        self._publishing = Publishing(address, self._connection, house.memory, self._stay)
        self._watching = Watching(
            address, house, self._connection, self._sender, self._publishing, self._stay
        )
        self._backpressure = Backpressure(house, self._publishing, self._reading, self.pulse)
        self._dispatch = Dispatch(
            self._connection,
            requests=Requests(
                session=self,
                connection=self._connection,
                reception=house.reception,
                publishing=self._publishing,
                watching=self._watching,
                stay=self._stay,
                pulse=self.pulse,
                lifetime=self._lifetime,
            ),
            publishing=self._publishing,
            watching=self._watching,
            backpressure=self._backpressure,
            pulse=self.pulse,
        )

    # What others may ask.

    def tcp_info(self) -> TcpInfo | None:
        """What the kernel knows of the line; None: nothing."""
        return self._wire.tcp_info()

    def silent_ms(self) -> int:
        """How long the peer has sent nothing while we were reading, in ms."""
        return self._reading.silent_ms()

    def counts(self, publisher: Publisher) -> Mapping[str, int]:
        """The anomalies seen on this connection since the publish began, for its manifest."""
        return self._publishing.counts(publisher)

    async def catch_up(self) -> None:
        """Return when all that the peer has sent by now is handled, or after CATCH_UP_S: between
        two reads it lies in the socket, and whoever ends the session would lose it."""
        if not self._publishing:
            return  # It has nothing for anybody, and may be gone with its socket.
        with trio.move_on_after(CATCH_UP_S):
            arrived_bytes = self._reading.arrived_bytes
            while self._publishing and not self._reading.has_come_to(arrived_bytes):
                await self._reading.hurry()

    @property
    def is_watching(self) -> bool:
        """It plays a room."""
        return bool(self._watching)

    def ask_to_reconnect(self) -> bool:
        """Ask the encoder to come again; False: it would not understand."""
        is_asked = bool(self._publishing) and self._connection.request_reconnect()
        self._sender.poke()
        return is_asked

    def evict(self, publisher: Publisher, reason: str) -> None:
        """The room has let go of this publisher: tell the encoder, and go if it was the last."""
        self._publishing.forget(publisher)
        self._connection.end_publish(
            publisher.stream_id,
            code="NetStream.Publish.BadName",
            description="Another encoder has taken this room over.",
            level="error",
        )
        self._sender.poke()
        if not self._publishing:
            self.dismiss(f"{publisher.room.name}: {reason}", publisher.room.name)

    def dismiss(self, reason: str, room: str | None = None) -> None:
        """End when it next reads, with a farewell, unless it publishes by then."""
        self._stay.dismiss(ConnectionOver(reason, room))

    def crowd_out(self, why: str) -> bool:
        """End at once: somebody newer needs the place. Only for a session that does not publish;
        whatever it waits for, the delay before a refusal included, it waits no longer.

        Args:
            why: there is no place for both.

        Returns:
            False if it was over, and only its farewell is cut short.
        """
        was_there = not self._is_over
        if was_there:
            self._context.run(
                log.info,
                "%s: gave its place to a newer connection: %s",
                self.address,
                why,
                # A crowd from a hundred addresses is one event: one line, and a count.
                extra=same("crowded out"),
            )
        self._lifetime.cancel()
        return was_there

    # Its life.

    async def run(self) -> None:
        with self._lifetime:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sender.run, name="sender")
                await self._serve_to_its_end()
                await self._say_farewell()
                nursery.cancel_scope.cancel()

    async def _serve_to_its_end(self) -> None:
        try:
            await self._serve()
        except ConnectionOver as over:
            log_end(over, self.address, self._publishing.rooms)
        except RemoteProtocolError as error:
            self._house.reception.broke_protocol(self._publishing.rooms)
            log_end(broken_by(error), self.address, self._publishing.rooms)
        finally:
            self._publishing.leave_rooms()
            self._watching.stop()
            self._reading.wake_waiting()
            self._is_over = True
            self._stay.is_over()

    async def _serve(self) -> None:
        while True:
            data = await self._read()
            now_s = trio.current_time()
            self.pulse.works(now_s)
            if data and not self._reading.handled_bytes:
                self._on_heard()
            await self._dispatch.handle(data, now_s)
            if not data:
                raise ConnectionOver(f"the {self._stay.peer} closed the connection")
            self._publishing.share_out(self._reading.has_handled(len(data)), now_s)
            if self._connection.has_answer_to_send:
                self._sender.poke()
            await self._backpressure.wait()
            if self._publishing:
                self._reading.pause(len(data), now_s, is_watched=self._publishing.is_watched)

    async def _read(self) -> bytes | bytearray:
        self._go_if_dismissed()
        deadline_s, reason = self._deadline()
        self.pulse.waits_until(deadline_s)
        data = await self._reading.take(deadline_s)
        if data is None:
            self._go_if_dismissed()
            raise ConnectionOver(reason)
        if self._reading.late_s >= LATE_S:
            self._publishing.excuse(self._reading.late_s)
        return data

    def _go_if_dismissed(self) -> None:
        if self._stay.dismissal is not None and not self._publishing:
            raise self._stay.dismissal

    def _deadline(self) -> tuple[float, str]:
        """When the present wait for bytes must end, on Trio's clock, and what it then was."""
        if self._publishing:
            return self._publishing.deadline(self._house.timeouts)
        if self._watching:
            return math.inf, ""
        return self._stay.deadline(handshake_done=self._connection.handshake_done)

    async def _say_farewell(self) -> None:
        """Send what is due, then close so that the peer can read it: an RST that meets unread
        input would destroy the last message on its way (protocol §4.4)."""
        self._sender.poke()
        self.pulse.waits_until(trio.current_time() + FAREWELL_S)
        with trio.move_on_after(FAREWELL_S):
            await self._sender.sent()
            self._stay.has_heard()
            try:
                await self._stream.send_eof()
                await self._reading.to_its_end()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
