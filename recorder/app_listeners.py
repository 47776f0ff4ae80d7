"""Sockets to listen on, and what is said when one cannot be had. A part of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.config import RtmpConfig


class StartError(Exception):
    """The recorder cannot start; the text is one sentence for a person."""


@attrs.frozen
class RtmpListeners:
    """Where encoders connect."""

    plain: list[trio.SocketListener]
    over_tls: list[trio.SocketListener]


async def open_rtmp(
    rtmp: RtmpConfig, listen: Callable[[str, list[str]], Awaitable[list[trio.SocketListener]]]
) -> RtmpListeners:
    """Listen for RTMP and RTMPS.

    Args:
        listen: as of `Sockets.open`.

    Raises:
        StartError: an address cannot be bound.
    """
    plain = await listen("rtmp", rtmp.listen)
    if rtmp.tls is None:
        return RtmpListeners(plain, [])
    return RtmpListeners(plain, await listen("rtmps", rtmp.tls.listen))


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
