"""Asking the recorder how it is, over its control socket.

Owns one GET over a Unix socket, bounded in bytes and, by the caller, in time. It is how whoever
delivers in another process learns that the recorder's loop runs: a file that it would have to write
every minute wears the card, and says less.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

import h11
import trio

from recorder.addresses import CONTROL_SOCKET

if TYPE_CHECKING:
    from pathlib import Path

ANSWER_BYTES: Final = 8 * 1024 * 1024
"""The picture of a hundred rooms is a hundredth of it."""

_READ_BYTES: Final = 64 * 1024


async def ask(state: Path, path: str) -> dict[str, Any] | None:
    """The document at this path; None: no recorder runs with this state, or it does not answer so.

    Args:
        state: the state folder.
    """
    try:
        folder = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM) as socket:
                # By the folder's descriptor: the path of a Unix socket is short (unix(7)).
                await socket.connect(f"/proc/self/fd/{folder}/{CONTROL_SOCKET}")
                return await _get(trio.SocketStream(socket), path)
        finally:
            os.close(folder)
    except (OSError, trio.BrokenResourceError, h11.RemoteProtocolError, ValueError):
        return None


async def _get(stream: trio.SocketStream, path: str) -> dict[str, Any] | None:
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(method="GET", target=path, headers=[("Host", "localhost")])
    data = connection.send(request) or b""
    await stream.send_all(data + (connection.send(h11.EndOfMessage()) or b""))
    body, status = bytearray(), 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(_READ_BYTES)))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > ANSWER_BYTES:
                return None
        elif isinstance(event, h11.EndOfMessage):
            document = json.loads(body)
            return document if status == 200 and isinstance(document, dict) else None
        elif isinstance(event, h11.ConnectionClosed):
            return None
