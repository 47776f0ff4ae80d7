"""The live socket: a real WebSocket client of another task on a stream in memory, or raw bytes."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

import pytest
import trio
import trio.testing
import trio_websocket

from recorder.status.broadcast import Broadcast, text_frame
from recorder.status.http import HttpConnection
from recorder.status.live import (
    HANDSHAKE_S,
    MOST_BYTES,
    MOST_MESSAGES,
    PING_EVERY_S,
    SEND_S,
    ReplayStream,
    serve_live,
)
from recorder.status.operations import Operations
from tests.status.fakes import FakeActions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

UPGRADE = (
    b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

PING, PONG = b"\x89\x80\x00\x00\x00\x00", b"\x8a\x00"
TEXT = b"\x81\x80\x00\x00\x00\x00"


@asynccontextmanager
async def served(broadcast: Broadcast, *, lockstep: bool = False) -> AsyncIterator[trio.abc.Stream]:
    """A client's end of a connection on which the API is served."""
    pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
    client, server = pair()
    answer = Operations(FakeActions(broadcast=broadcast)).answer
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpConnection(server, answer, who="ada", upgrade=serve_live).run)
        yield client
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def on_sockets(broadcast: Broadcast) -> AsyncIterator[trio.SocketStream]:
    """As `served`, behind the handshake, on real sockets: frames go past Trio."""
    client, server = (trio.SocketStream(each) for each in trio.socket.socketpair())
    answer = Operations(FakeActions(broadcast=broadcast)).answer
    upgrade = partial(serve_live, socket=server)
    async with client, server, trio.open_nursery() as nursery:
        nursery.start_soon(HttpConnection(server, answer, who="ada", upgrade=upgrade).run)
        await client.send_all(UPGRADE)
        assert (await client.receive_some(4096)).startswith(b"HTTP/1.1 101")
        await trio.testing.wait_all_tasks_blocked()
        yield client
        nursery.cancel_scope.cancel()


async def read(stream: trio.abc.ReceiveStream, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += await stream.receive_some(size - len(received))
    return received


@asynccontextmanager
async def viewer(broadcast: Broadcast) -> AsyncIterator[trio_websocket.WebSocketConnection]:
    async with served(broadcast) as stream, trio.open_nursery() as nursery:
        # Any stream will do, whatever the types say.
        socket = cast("trio.SocketStream", stream)
        yield await trio_websocket.wrap_client_stream(nursery, socket, "x", "/api/v1/live")
        nursery.cancel_scope.cancel()


async def test_a_viewer_gets_a_picture_of_now_at_once_and_then_each() -> None:
    broadcast = Broadcast(32, lambda: broadcast.publish(b"first"))
    broadcast.publish(b"old")
    async with viewer(broadcast) as socket:
        assert await socket.get_message() == "first"
        assert broadcast.watchers == 1
        broadcast.publish(b"second")
        assert await socket.get_message() == "second"
        await socket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert broadcast.watchers == 0


async def test_who_begins_to_watch_is_told_to_who_makes_the_pictures() -> None:
    joined: list[int] = []
    broadcast = Broadcast(32, lambda: joined.append(broadcast.watchers))
    async with viewer(broadcast):
        await trio.testing.wait_all_tasks_blocked()
        assert joined == [1]


async def test_a_viewer_that_is_dismissed_has_to_come_in_again() -> None:
    broadcast = Broadcast(32, lambda: broadcast.publish(b"first"))
    async with viewer(broadcast) as socket:
        assert await socket.get_message() == "first"
        broadcast.dismiss()
        with pytest.raises(trio_websocket.ConnectionClosed, match="1008"):
            await socket.get_message()
        await trio.testing.wait_all_tasks_blocked()
        assert broadcast.watchers == 0
    async with viewer(broadcast) as socket:
        assert await socket.get_message() == "first"


async def test_a_viewer_that_never_reads_is_dropped(autojump_clock: trio.testing.MockClock) -> None:
    broadcast = Broadcast(32)
    async with served(broadcast, lockstep=True) as stream:
        await stream.send_all(UPGRADE)
        assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 101")
        await trio.testing.wait_all_tasks_blocked()
        assert broadcast.watchers == 1
        broadcast.publish(b"x" * 100_000)
        await trio.sleep(SEND_S + 5)
        assert broadcast.watchers == 0


async def test_a_pong_waits_for_the_end_of_a_picture() -> None:
    broadcast = Broadcast(32)
    async with served(broadcast, lockstep=True) as stream:
        await stream.send_all(UPGRADE)
        assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 101")
        await trio.testing.wait_all_tasks_blocked()
        broadcast.publish(b"x" * 100_000)
        received = bytes(await stream.receive_some(10))
        await stream.send_all(PING)
        await trio.testing.wait_all_tasks_blocked()
        expected = text_frame(b"x" * 100_000) + PONG
        while len(received) < len(expected):
            received += await stream.receive_some(len(expected) - len(received))
        assert received == expected


async def test_a_viewer_that_has_said_farewell_is_sent_no_more() -> None:
    broadcast = Broadcast(32)
    async with viewer(broadcast) as socket:
        await trio.testing.wait_all_tasks_blocked()
        await socket.aclose()
        broadcast.publish(b"late")
        await trio.testing.wait_all_tasks_blocked()
        assert broadcast.watchers == 0


async def test_a_picture_goes_to_a_socket_at_once() -> None:
    broadcast = Broadcast(32)
    async with on_sockets(broadcast) as client:
        for text in (b"first", b"second"):
            broadcast.publish(text)
            # Before any other task has had a turn.
            frame = os.read(client.socket.fileno(), 4096)
            assert frame == text_frame(text)


async def test_the_rest_of_a_picture_goes_before_anything_else() -> None:
    broadcast, large = Broadcast(32), text_frame(b"x" * 4_000_000)
    async with on_sockets(broadcast) as client:
        broadcast.publish(b"x" * 4_000_000)
        await client.send_all(PING)
        await trio.testing.wait_all_tasks_blocked()
        # Never more than the newest.
        broadcast.publish(b"skipped")
        broadcast.publish(b"newest")
        with trio.fail_after(10):
            assert await read(client, len(large)) == large
            behind = {PONG + text_frame(b"newest"), text_frame(b"newest") + PONG}
            assert await read(client, len(PONG + text_frame(b"newest"))) in behind


async def test_a_picture_waits_for_what_is_being_sent(nursery: trio.Nursery) -> None:
    client, server = (trio.SocketStream(each) for each in trio.socket.socketpair())
    stream = ReplayStream(b"", server, server)
    async with client, server:
        nursery.start_soon(stream.send_all, b"x" * 4_000_000)
        await trio.testing.wait_all_tasks_blocked()
        # The socket has room again, and who sends has not had a turn.
        drained = os.read(client.socket.fileno(), 1_000_000)
        assert not stream.begin(b"frame")
        nursery.start_soon(stream.send_all, b"")
        with trio.fail_after(10):
            rest = await read(client, 4_000_000 - len(drained) + 5)
    assert drained + rest == b"x" * 4_000_000 + b"frame"


@pytest.mark.parametrize("size", [3_000, 110_000], ids=["one room", "a hundred rooms"])
async def test_a_socket_takes_a_picture_and_hardly_more_than_two_that_nobody_reads(
    size: int,
) -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    reader = trio.socket.socket()
    reader.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
    await reader.connect(listener.socket.getsockname())
    async with listener, await listener.accept() as server, trio.SocketStream(reader):
        stream = ReplayStream(b"", server, server)
        # Each a little larger than the one before, as where a lesson begins in every room.
        whole = next(number for number in range(100) if not stream.begin(bytes(size + number)))
        assert 1 <= whole <= 3


async def test_behind_our_farewell_no_picture_goes() -> None:
    broadcast = Broadcast(32)
    async with on_sockets(broadcast) as client:
        await client.send_all(MOST_MESSAGES * TEXT)
        assert (await client.receive_some(4096))[:1] == b"\x88"
        assert broadcast.watchers == 1
        broadcast.publish(b"late")
        with pytest.raises(BlockingIOError):
            os.read(client.socket.fileno(), 4096)


async def test_a_viewer_that_never_reads_its_socket_is_dropped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    broadcast = Broadcast(32)
    async with on_sockets(broadcast):
        broadcast.publish(b"x" * 4_000_000)
        await trio.sleep(SEND_S - 1)
        assert (broadcast.watchers, broadcast.waiting) == (1, 0)
        await trio.sleep(2)
        assert broadcast.watchers == 0


async def test_a_viewer_that_is_gone_keeps_no_picture_from_others() -> None:
    broadcast = Broadcast(32)
    async with on_sockets(broadcast) as client, on_sockets(broadcast) as gone:
        # Without a word, and nobody has noticed yet.
        gone.socket.shutdown(trio.socket.SHUT_RDWR)
        broadcast.publish(b"picture")
        assert os.read(client.socket.fileno(), 4096) == text_frame(b"picture")
        await trio.testing.wait_all_tasks_blocked()
        assert broadcast.watchers == 1


async def test_a_viewer_that_does_not_answer_a_ping_is_dropped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    broadcast = Broadcast(32)
    async with served(broadcast) as stream:
        await stream.send_all(UPGRADE)
        await stream.receive_some(4096)
        await trio.sleep(PING_EVERY_S + SEND_S + 5)
        assert broadcast.watchers == 0


async def test_a_viewer_that_floods_is_dropped() -> None:
    broadcast = Broadcast(32)
    async with viewer(broadcast) as socket:
        with suppress(trio_websocket.ConnectionClosed):
            for _ in range(MOST_MESSAGES + 50):
                await socket.send_message("x")
        with pytest.raises(trio_websocket.ConnectionClosed, match="1008"):
            await socket.get_message()
        await trio.testing.wait_all_tasks_blocked()
        assert broadcast.watchers == 0


@pytest.mark.parametrize(
    "frame",
    [PING, b"\x8a\x80\x00\x00\x00\x00", b"\x00\x80\x00\x00\x00\x00"],
    ids=["pings", "pongs", "a message of empty parts without end"],
)
async def test_who_floods_with_what_is_no_message_is_dropped(frame: bytes) -> None:
    broadcast = Broadcast(32)
    async with served(broadcast) as stream:
        await stream.send_all(UPGRADE)
        await stream.receive_some(4096)
        # Of a message: its first part.
        await stream.send_all(b"\x02\x80\x00\x00\x00\x00" if frame[0] == 0 else frame)
        with suppress(trio.BrokenResourceError):
            for _ in range(10 * MOST_BYTES // (1000 * len(frame))):
                await stream.send_all(1000 * frame)
                await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()
        assert broadcast.watchers == 0


async def test_a_viewer_that_answers_pings_for_a_day_may_stay(
    autojump_clock: trio.testing.MockClock,
) -> None:
    broadcast = Broadcast(32)
    async with viewer(broadcast) as socket:
        await trio.sleep(86_400)
        assert broadcast.watchers == 1
        assert socket.closed is None


async def test_a_huge_message_ends_it() -> None:
    broadcast = Broadcast(32)
    async with viewer(broadcast) as socket:
        await socket.send_message("x" * 100_000)
        with pytest.raises(trio_websocket.ConnectionClosed):
            await socket.get_message()
    assert broadcast.watchers == 0


async def test_frames_behind_the_upgrade_are_refused() -> None:
    broadcast = Broadcast(32)
    async with served(broadcast) as stream:
        await stream.send_all(UPGRADE + b"\x81\x80\x00\x00\x00\x00")
        assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 400")
        await trio.testing.wait_all_tasks_blocked()
        assert broadcast.watchers == 0


async def test_broken_frames_end_it() -> None:
    broadcast = Broadcast(32)
    async with served(broadcast) as stream:
        await stream.send_all(UPGRADE)
        await stream.receive_some(4096)
        # Not masked (RFC 6455 §5.1).
        await stream.send_all(b"\xff\xff\xff\xff" * 10)
        while await stream.receive_some(4096):
            pass
    assert broadcast.watchers == 0


async def test_a_handshake_that_hangs_is_given_up(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(trio_websocket, "wrap_server_stream", hang)
    began_s = trio.current_time()
    async with served(Broadcast(32)) as stream:
        await stream.send_all(UPGRADE)
        assert await stream.receive_some(4096) == b""
    assert trio.current_time() - began_s == pytest.approx(HANDSHAKE_S)
