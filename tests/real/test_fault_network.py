"""The proxy between an encoder and the recorder does what the tests with it believe."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.helpers.faults.network import From, Proxy, open_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Way:
    """Both ends of one connection through the proxy."""

    def __init__(
        self, proxy: Proxy, encoder: trio.SocketStream, program: trio.SocketStream
    ) -> None:
        self.proxy = proxy
        self.encoder = encoder
        self.program = program


@pytest.fixture
async def listener() -> AsyncIterator[trio.SocketListener]:
    (made,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    yield made
    made.socket.close()


@pytest.fixture
async def proxy(listener: trio.SocketListener, nursery: trio.Nursery) -> Proxy:
    async def serve(*, task_status: trio.TaskStatus[Proxy]) -> None:
        port: int = listener.socket.getsockname()[1]
        async with open_proxy(port, source="127.0.0.9") as made:
            task_status.started(made)
            await trio.sleep_forever()

    found: Proxy = await nursery.start(serve)
    return found


@pytest.fixture
async def way(proxy: Proxy, listener: trio.SocketListener) -> AsyncIterator[Way]:
    encoder = await trio.open_tcp_stream("127.0.0.1", proxy.port)
    program = await listener.accept()
    yield Way(proxy, encoder, program)
    encoder.socket.close()
    program.socket.close()


async def arrives(sender: trio.SocketStream, receiver: trio.SocketStream) -> bool:
    """Whether a byte that is sent now comes, or any that was held back."""
    await sender.send_all(b"x")
    with trio.move_on_after(0.2):
        return await receiver.receive_some(1000) != b""
    return False


class TestNetwork:
    async def test_bytes_and_ends_pass_in_both_directions(self, way: Way) -> None:
        assert await arrives(way.encoder, way.program)
        assert await arrives(way.program, way.encoder)
        assert way.proxy.passed_bytes == {From.ENCODER: 1, From.PROGRAM: 1}
        assert way.program.socket.getpeername()[0] == "127.0.0.9"
        await way.encoder.send_eof()
        assert await way.program.receive_some(10) == b""
        assert await arrives(way.program, way.encoder), "the other direction goes on"
        await way.program.aclose()
        assert await way.encoder.receive_some(10) == b""

    async def test_a_stall_holds_everything_back_and_loses_nothing(self, way: Way) -> None:
        way.proxy.stall()
        assert not await arrives(way.encoder, way.program)
        with trio.move_on_after(1) as timeout:
            await way.encoder.send_all(bytes(64 << 20))
        assert timeout.cancelled_caught, "the sender's window closes"
        assert not await arrives(way.program, way.encoder)
        way.proxy.resume()
        assert await way.encoder.receive_some(10) == b"x"
        received = await way.program.receive_some(1)
        assert received == b"x"

    async def test_a_halved_connection_loses_bytes_and_end_of_one_side(self, way: Way) -> None:
        way.proxy.halve(From.ENCODER)
        assert not await arrives(way.encoder, way.program)
        assert await arrives(way.program, way.encoder)
        await way.encoder.aclose()
        with trio.move_on_after(0.3) as timeout:
            await way.program.receive_some(10)
        assert timeout.cancelled_caught, "no end came"
        for _ in range(3):
            # Nobody is there to take it, and the program does not learn that either.
            await way.program.send_all(bytes(100_000))

    async def test_a_reset_is_seen_as_one_on_both_sides(self, way: Way) -> None:
        way.proxy.reset()
        for end in (way.encoder, way.program):
            with pytest.raises(trio.BrokenResourceError):
                await end.receive_some(10)

    async def test_what_was_sent_before_a_reset_arrives_before_it(self, way: Way) -> None:
        """An encoder that leaves with answers unread resets its connection, after its good-bye."""
        # So small a window that most of it waits in the proxy.
        way.program.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        await way.encoder.send_all(bytes(60_000))
        await way.program.send_all(b"an answer")
        await trio.sleep(0.1)
        await way.encoder.aclose()
        await trio.sleep(0.1)
        received_bytes = 0

        async def receive_all() -> None:
            nonlocal received_bytes
            while block := await way.program.receive_some(10_000):
                received_bytes += len(block)

        with pytest.raises(trio.BrokenResourceError):
            await receive_all()
        assert received_bytes == 60_000

    async def test_a_network_that_is_down_refuses_and_comes_back(
        self, way: Way, listener: trio.SocketListener
    ) -> None:
        port = way.proxy.port
        async with way.proxy.down():
            with pytest.raises(trio.BrokenResourceError):
                await way.program.receive_some(10)
            with pytest.raises(OSError, match="all attempts to connect"):
                await trio.open_tcp_stream("127.0.0.1", port)
        async with (
            await trio.open_tcp_stream("127.0.0.1", port) as encoder,
            await listener.accept() as program,
        ):
            assert await arrives(encoder, program)
        assert way.proxy.accepted == 2

    async def test_nobody_behind_the_proxy_is_a_reset(
        self, proxy: Proxy, listener: trio.SocketListener
    ) -> None:
        await listener.aclose()
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as encoder:
            with pytest.raises(trio.BrokenResourceError):
                await encoder.receive_some(10)
