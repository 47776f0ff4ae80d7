"""Sockets to listen on, and what is said when one cannot be had. A part of the app."""

from __future__ import annotations

import trio


class StartError(Exception):
    """The recorder cannot start; the text is one sentence for a person."""


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
