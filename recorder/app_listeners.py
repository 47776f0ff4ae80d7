"""Sockets to listen on, and what is said when one cannot be had. A part of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from recorder.tls import server_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from recorder.config import RtmpConfig, TlsConfig


class StartError(Exception):
    """The recorder cannot start; the text is one sentence for a person."""


@attrs.frozen
class RtmpListeners:
    """Where encoders connect.

    Attributes:
        tls: of the connections to `over_tls`; None: there are none.
    """

    plain: list[trio.SocketListener]
    over_tls: list[trio.SocketListener]
    tls: ssl.SSLContext | None


async def open_rtmp(
    rtmp: RtmpConfig, listen: Callable[[str, list[str]], Awaitable[list[trio.SocketListener]]]
) -> RtmpListeners:
    """Listen for RTMP and RTMPS.

    Args:
        listen: as of `Sockets.open`.

    Raises:
        StartError: an address cannot be bound, or the certificate cannot be used.
    """
    plain = await listen("rtmp", rtmp.listen)
    if rtmp.tls is None:
        return RtmpListeners(plain, [], None)
    tls = await trio.to_thread.run_sync(certificate_context, rtmp.tls, "rtmp.tls")
    return RtmpListeners(plain, await listen("rtmps", rtmp.tls.listen), tls)


def certificate_context(tls: TlsConfig, key: str) -> ssl.SSLContext:
    """Make the context of a configured certificate. Blocking.

    Args:
        key: of the configuration, where it stands.

    Raises:
        StartError: the files cannot be used.
    """
    try:
        return server_context(tls.certificate, tls.private_key)
    except OSError as error:
        raise StartError(
            f"The certificate or its key of {key} cannot be used: {error}. "
            "Give both as PEM files that the recorder's user can read."
        ) from error


async def open_listeners(addresses: list[str], key: str) -> list[trio.SocketListener]:
    """Bind every address.

    Args:
        key: of the configuration, where they stand.

    Raises:
        StartError: one cannot be bound.
    """
    listeners: list[trio.SocketListener] = []
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            listeners += await trio.open_tcp_listeners(int(port), host=host.strip("[]") or None)
        except OSError as error:
            raise StartError(
                f"Cannot listen on {address}: {error.strerror or error}. "
                f"Stop what uses the port, or change {key}."
            ) from error
    return listeners
