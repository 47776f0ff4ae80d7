"""The Unix socket in the state folder, over which the command line speaks to a running recorder.

Owns the socket's file and who may use it: root, and the user the recorder runs as. The kernel says
who that is (SO_PEERCRED), so nothing needs to be proven. It serves the API like every other door.

The path of a Unix socket has 107 bytes at most (unix(7)); a state folder may lie deeper, so it is
reached through the descriptor of its folder.
"""

from __future__ import annotations

import logging
import os
import pwd
import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import trio

from recorder.addresses import CONTROL_SOCKET
from recorder.status.http import HttpConnection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from recorder.status.messages import Answer, Request

log = logging.getLogger(__name__)

MOST = 16
"""Connections at once; further ones wait for their turn."""

_ROOT = 0
_CREDENTIALS = struct.Struct("=3i")
"""struct ucred of unix(7): process, user, group."""


async def make_socket(state: Path) -> socket.socket | None:
    """A control socket that listens. Where none can be made (a FAT disk has no sockets) the
    recorder records all the same, and says that commands will not reach it; None.

    Args:
        state: the state folder.
    """
    try:
        return await trio.to_thread.run_sync(_listen, state)
    except OSError as error:
        log.warning(
            "No control socket in %s: %s. Commands such as `recorder keep` work only while the "
            "recorder is stopped.",
            state,
            error.strerror or error,
        )
        return None


@asynccontextmanager
async def serve_control(
    listening: socket.socket | None, answer: Callable[[Request], Awaitable[Answer]]
) -> AsyncIterator[None]:
    """Serve it, if there is one; it is closed at the end."""
    if listening is None:
        yield
        return
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
    places = trio.CapacityLimiter(MOST)

    async def handle(stream: trio.SocketStream) -> None:
        async with places:
            await _serve(stream, answer)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, [listener])
        try:
            yield
        finally:
            # The file stays: the loop must not wait for a disk that does not answer, and who
            # connects to a socket without a recorder is told so by the kernel.
            nursery.cancel_scope.cancel()


def _listen(state: Path) -> socket.socket:
    """In a thread. Raises OSError."""
    folder = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # What the recorder before this one left. Only the holder of the storage's lock comes here.
        with suppress(FileNotFoundError):
            os.unlink(CONTROL_SOCKET, dir_fd=folder)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Before anybody can connect: the file is made with this.
            os.fchmod(listening.fileno(), 0o600)
            listening.bind(f"/proc/self/fd/{folder}/{CONTROL_SOCKET}")
            listening.listen(MOST)
        except BaseException:
            listening.close()
            raise
        return listening
    finally:
        os.close(folder)


async def _serve(stream: trio.SocketStream, answer: Callable[[Request], Awaitable[Answer]]) -> None:
    size = _CREDENTIALS.size
    raw = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, user, _ = _CREDENTIALS.unpack(raw)
    if user not in (_ROOT, os.geteuid()):
        log.warning("User %d may not use the control socket.", user)
        await stream.aclose()
        return
    try:
        await HttpConnection(stream, answer, who=_name_of(user)).run()
    except Exception:
        await trio.aclose_forcefully(stream)
        # A fault of ours on one connection must not end what records (promise 7).
        log.exception("The control socket failed; this is a fault of the recorder")


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"
