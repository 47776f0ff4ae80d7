"""The RTMP listeners: sockets into sessions, and how many of them there may be.

Owns the pool of connections that do not publish yet and the total. Knows nothing of what is said
on a connection. One guard stands around each session: what goes wrong inside stays there.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

import trio

from recorder.addresses import plain_host
from recorder.live.pool import MEMBERS, MEMBERS_PER_ADDRESS, PendingPool
from recorder.live.session import Session
from recorder.live.tls import TlsStream
from recorder.live.wire import Wire, wire_of
from recorder.logs import of_connection, same

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Sequence

    from recorder.live.house import House
    from recorder.live.pulse import Pulse

log = logging.getLogger(__name__)


MOVE_ON_S = 1.0
"""Who is told of a stop goes at once, or stays until we close: a stop must not wait for it."""


KEEPALIVE: Final = (
    (trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE, 1),
    (trio.socket.IPPROTO_TCP, trio.socket.TCP_KEEPIDLE, 60),
    (trio.socket.IPPROTO_TCP, trio.socket.TCP_KEEPINTVL, 15),
    (trio.socket.IPPROTO_TCP, trio.socket.TCP_KEEPCNT, 4),
)
"""Seconds, and a number (tcp(7)). Who waits for a lesson sends nothing and is sent nothing: without
it, one whose power was cut would have its place for ever."""


CROWD: Final = (
    f"{MEMBERS_PER_ADDRESS} of an address and {MEMBERS} of all may be "
    "neither publishing nor watching"
)
LIMIT: Final = "limits.connections reached"
"""Why there is no place, for the log."""

REJECTED: Final = ("limit", "crowded")
"""`limits.connections` is reached; a newer connection has taken the place of one that did not
publish."""


class Door:
    """Lets connections in.

    Attributes:
        rejected: how many it did not let in or did not let stay, by why (REJECTED).

    Args:
        limit: `limits.connections`, publishing or not.
        tls: for the connections of `handle_tls`; another one may take its place at any time, and
            is for the connections that come then. None: they are closed at once.
    """

    def __init__(self, house: House, *, limit: int, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self._house = house
        self.limit = limit
        self._pool: PendingPool[Session] = PendingPool()
        self._inside = 0
        self._sessions: set[Session] = set()
        self.rejected: Counter[str] = Counter(dict.fromkeys(REJECTED, 0))
        self._left = trio.Event()

    @property
    def connections(self) -> int:
        """How many there are now."""
        return self._inside

    @property
    def pulses(self) -> list[Pulse]:
        """Of all sessions."""
        return [session.pulse for session in self._sessions]

    async def handle(self, stream: trio.SocketStream) -> None:
        """Serve one accepted connection to its end; raises nothing but cancellation."""
        await self._handle(stream, stream)

    async def handle_tls(self, stream: trio.SocketStream) -> None:
        """The same for one of RTMPS."""
        if self.tls is None:
            # At once, so that an encoder which tries another server next does so now.
            log.warning("RTMPS is off, and an encoder was turned away.", extra=same("rtmps off"))
            await trio.aclose_forcefully(stream)
            return
        tls = TlsStream(stream, self.tls)
        await self._handle(stream, tls, lambda: tls.taken_bytes)

    async def _handle(
        self,
        plain: trio.SocketStream,
        stream: trio.abc.HalfCloseableStream,
        taken_bytes: Callable[[], int] | None = None,
    ) -> None:
        try:
            host, port = plain.socket.getpeername()[:2]
            for level, option, value in KEEPALIVE:
                plain.setsockopt(level, option, value)
        except OSError:
            return  # gone between its arrival and our first look
        address = plain_host(host)
        with of_connection(address, port):
            await self.welcome(
                stream,
                address,
                wire_of(plain.socket, taken_bytes),
            )

    async def welcome(
        self,
        stream: trio.abc.HalfCloseableStream,
        address: str,
        wire: Wire | None = None,
    ) -> None:
        """Serve a connection from this address, if there is a place for it."""
        if self._inside >= self.limit and not self._make_place():
            self.rejected["limit"] += 1
            # From many addresses in a moment: one line says it.
            log.warning("%s: refused: %s", address, LIMIT, extra=same("full"))
            return
        session = Session(
            stream,
            address,
            self._house,
            on_pending=lambda pending: self._move(session, pending),
            on_heard=lambda: self._pool.hear(session),
            wire=wire or Wire(),
        )
        self._inside += 1
        self._sessions.add(session)
        try:
            for crowded_out in self._pool.enter(session, address):
                self._crowd_out(crowded_out, CROWD)
            await session.run()
        except* Exception:
            # The one place where anything is caught: a fault of ours in one connection must not
            # end the others (promise 7).
            log.exception(
                "%s: the session failed; this is a fault of the recorder",
                address,
                extra=same("fault", address),
            )
        finally:
            self._pool.leave(session)
            self._sessions.remove(session)
            self._left.set()
            self._inside -= 1

    async def move_on(self) -> None:
        """Ask every encoder that understands it to connect anew, tell everybody who watches that it
        is over, and give them a moment to go."""
        asked = {session for session in self._sessions if session.ask_to_reconnect()}
        asked |= {session for session in self._sessions if session.is_watching}
        for room in self._house.reception.rooms.all:
            room.audience.end("the recorder stops")
        with trio.move_on_after(MOVE_ON_S):
            while asked & self._sessions:
                self._left = trio.Event()
                await self._left.wait()

    async def catch_up(self) -> None:
        """Handle all that the encoders have sent by now; a moment at most."""
        async with trio.open_nursery() as nursery:
            for session in self._sessions:
                nursery.start_soon(session.catch_up)

    def _make_place(self) -> bool:
        """One that does not publish yet goes for one that may be about to."""
        oldest = self._pool.pop_oldest()
        if oldest is not None:
            self._crowd_out(oldest, LIMIT)
        return oldest is not None

    def _crowd_out(self, session: Session, why: str) -> None:
        self.rejected["crowded"] += session.crowd_out(why)

    def _move(self, session: Session, pending: bool) -> None:
        """Publishing connections never compete with the others for a place."""
        if not pending:
            self._pool.leave(session)
            return
        # It has had its turn: it goes before one that is about to publish, after its farewell.
        for leaving in self._pool.enter(session, session.address, as_oldest=True):
            if leaving is session:
                self.rejected["crowded"] += 1
                leaving.dismiss(f"gave its place to a newer connection: {CROWD}")
            else:
                self._crowd_out(leaving, CROWD)


async def serve(
    listeners: list[trio.SocketListener],
    door: Door,
    stop: trio.Event,
    *,
    tls_listeners: Sequence[trio.SocketListener] = (),
) -> None:
    """Accept connections until `stop` is set; then close the listeners, then the sessions.

    A session's last segment is handed to the writer in its own cleanup, which does not wait: the
    sessions need no time of grace, the writer behind them does.
    """
    async with trio.open_nursery() as sessions:
        async with trio.open_nursery() as accepting:
            accepting.start_soon(_accept, door.handle, listeners, sessions)
            if tls_listeners:
                accepting.start_soon(_accept, door.handle_tls, tls_listeners, sessions)
            await stop.wait()
            accepting.cancel_scope.cancel()
        await door.move_on()
        await door.catch_up()
        sessions.cancel_scope.cancel()


async def _accept(
    handle: Callable[[trio.SocketStream], Awaitable[None]],
    listeners: Sequence[trio.SocketListener],
    sessions: trio.Nursery,
) -> None:
    await trio.serve_listeners(handle, list(listeners), handler_nursery=sessions)
