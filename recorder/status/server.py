"""The one port: listens for browsers, and serves each connection until it is over.

Owns who has a place, and the TLS around it. A connection's failure stays in it. Who watches is
counted elsewhere: `limits.clients` is theirs, and the places here leave room for all of them.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from recorder.addresses import plain_host
from recorder.logs import of_connection, same
from recorder.neighbours import address_group
from recorder.status.http import HttpConnection
from recorder.status.live import serve_live
from recorder.status.places import NoPlaceError, Places
from recorder.status.site import Peer
from recorder.status.turns import Turns, TurnStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Sequence

    from recorder.status.site import Site

log = logging.getLogger(__name__)

TLS_HANDSHAKE_S: Final = 10.0


class StatusServer:
    """Serves the page's connections.

    Args:
        tls: None: HTTP without it. It may be exchanged; the next connection has the new one.
        clients: `limits.clients`.

    Attributes:
        places: who is here.
        rejected: connections for which there was no place, or none any more.
    """

    def __init__(self, site: Site, tls: ssl.SSLContext | None, *, clients: int) -> None:
        self._site = site
        self.tls = tls
        self.places: Places[trio.CancelScope] = Places(clients)
        self.rejected = 0
        self._turns = Turns()

    @property
    def connections(self) -> int:
        """How many there are now, those of WebSockets included."""
        return len(self.places)

    async def handle(self, stream: trio.SocketStream) -> None:
        """One connection. Raises nothing but cancellation."""
        address, port, local = _addresses(stream)
        with of_connection(address, port):
            await self._welcome(stream, address, local)

    async def _welcome(self, stream: trio.SocketStream, address: str, local: str) -> None:
        place = trio.CancelScope()
        try:
            crowded_out = self.places.enter(place, address)
        except NoPlaceError:
            key = same("page", address_group(address))
            log.warning("%s: too many connections to the page", address, extra=key)
            self.rejected += 1
            await trio.aclose_forcefully(stream)
            return
        if crowded_out is not None:
            self.rejected += 1
            crowded_out.cancel()
        try:
            with place:
                await self._serve(stream, address, local, place)
        except Exception:
            # A fault of ours on one connection must not end what records (promise 7).
            log.exception("%s: the page failed; this is a fault of the recorder", address)
        finally:
            await trio.aclose_forcefully(stream)
            self.places.leave(place)
        if place.cancelled_caught:
            key = same("page crowded", address_group(address))
            log.warning("%s: gave its place at the page to a newer one", address, extra=key)

    async def _serve(
        self, plain: trio.SocketStream, address: str, local: str, place: trio.CancelScope
    ) -> None:
        stream: trio.abc.Stream = TurnStream(plain, self._turns)
        context = self.tls
        if context is not None:
            stream = tls = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
            try:
                with trio.fail_after(TLS_HANDSHAKE_S):
                    await tls.do_handshake()
            except (trio.BrokenResourceError, trio.TooSlowError):
                key = same("tls", address_group(address))
                log.info("%s: no TLS was spoken at the page", address, extra=key)
                return
        peer = Peer(
            address=address,
            local=local,
            is_tls=context is not None,
            on_level=partial(self.places.meet, place),
        )
        await HttpConnection(
            stream,
            partial(self._site.receive, peer=peer),
            who=address,
            turn=self._turns.take,
            upgrade=partial(serve_live, socket=plain if context is None else None),
        ).run()


@asynccontextmanager
async def serve_status(
    listeners: Sequence[trio.SocketListener], server: StatusServer
) -> AsyncIterator[None]:
    """Serve until the `with` is left; connections end with it."""
    async with trio.open_nursery() as nursery:
        # They listen already; waiting here would keep encoders waiting. Without any (the port was
        # in use) there is nothing to serve, and Trio would take that for a fault.
        if listeners:
            nursery.start_soon(  # noqa: ASYNC113
                trio.serve_listeners, server.handle, list(listeners)
            )
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


def _addresses(stream: trio.SocketStream) -> tuple[str, int, str]:
    """The peer's address and port, and ours."""
    try:
        peer, port = stream.socket.getpeername()[:2]
        local = stream.socket.getsockname()[0]
    except OSError:
        return "", 0, ""  # It is gone already, which the first read says.
    return plain_host(peer), port, plain_host(local)
