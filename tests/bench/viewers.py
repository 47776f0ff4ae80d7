"""People who watch: `python -m tests.bench.viewers PORT COUNT`, a process of their own.

Each holds a WebSocket of the status page and reads every picture, as a browser does; with
--never-read in place of the count there is one who opens it and takes nothing. With --play STREAM
before the count they play a room over RTMP, and one more asks to play and takes nothing. Says
"ready" once all are let in. At the end of its input it says how many pictures, or bytes, each has
got, and leaves.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import TYPE_CHECKING, Final

import trio
import trio_websocket

from tests.helpers.rtmp_client import RtmpClient

if TYPE_CHECKING:
    from collections.abc import Sequence

UPGRADE: Final = (
    b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

LET_IN_BYTES: Final = 100_000
"""Behind the handshake and all answers: media come."""

SMALL_BYTES: Final = 4096
"""Of what the kernel takes for who does not read."""


async def watch(port: int, count: int) -> None:
    """Read in many places until the input ends."""
    pictures = [0] * count
    all_in = trio.Event()

    async def read(number: int) -> None:
        url = f"ws://localhost:{port}/api/v1/live"
        async with trio_websocket.open_websocket_url(url) as viewer:
            while True:
                await viewer.get_message()
                pictures[number] += 1
                if all(pictures):
                    all_in.set()

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(read, number)
        await all_in.wait()
        before = list(pictures)
        _say("ready")
        await trio.to_thread.run_sync(sys.stdin.read)
        _say(json.dumps([now - then for now, then in zip(pictures, before, strict=True)]))
        nursery.cancel_scope.cancel()


def never_read(port: int) -> None:
    """Take no byte behind the answer's first, until the input ends."""
    with socket.socket() as stuck:
        # Before connecting: it bounds the window that is announced.
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        stuck.connect(("127.0.0.1", port))
        stuck.sendall(UPGRADE)
        answer = stuck.recv(12)
        assert answer == b"HTTP/1.1 101", answer
        _say("ready")
        sys.stdin.read()
        _say("[]")


async def play(port: int, stream: str, count: int) -> None:
    """Play a room in many places, and in one more without taking it, until the input ends."""
    taken = [0] * count
    all_in = trio.Event()
    client = RtmpClient()
    client.watch(stream)
    request = client.data_to_send()

    async def read(number: int) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", port) as player:
            await player.send_all(request)
            async for data in player:
                taken[number] += len(data)
                if min(taken) > LET_IN_BYTES:
                    all_in.set()

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(read, number)
        stuck = socket.socket()
        nursery.start_soon(_never_take, stuck, port, request)
        await all_in.wait()
        before = list(taken)
        _say("ready")
        await trio.to_thread.run_sync(sys.stdin.read)
        _say(json.dumps([now - then for now, then in zip(taken, before, strict=True)]))
        nursery.cancel_scope.cancel()


async def _never_take(stuck: socket.socket, port: int, request: bytes) -> None:
    with stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        stuck.connect(("127.0.0.1", port))
        stuck.sendall(request)
        await trio.sleep_forever()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    match arguments:
        case [port, "--never-read"]:
            never_read(int(port))
        case [port, "--play", stream, count]:
            trio.run(play, int(port), stream, int(count))
        case [port, count]:
            trio.run(watch, int(port), int(count))


if __name__ == "__main__":
    main(sys.argv[1:])
