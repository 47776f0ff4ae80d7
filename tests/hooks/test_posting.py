"""One POST against receivers of every kind, over real sockets and real TLS."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from recorder.hooks.patience import Outcome, Result
from recorder.hooks.posting import RESPONSE_BYTES, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

BODY = b'{"version":1}\n'
BLANKS = b"HTTP/1.1 200 OK\r\nX:" + b" " * 16_000
"""With a bad end behind them, h11 makes a second of work of it, in which nobody else is told."""
PLAIN = ssl.create_default_context()


def answers(response: bytes) -> Callable[[trio.abc.Stream], Awaitable[None]]:
    """A receiver that takes the request and answers so, whatever it is."""

    async def handle(stream: trio.abc.Stream) -> None:
        got = b""
        while not got.endswith(BODY):
            got += bytes(await stream.receive_some(4096))
        await stream.send_all(response)

    return handle


@asynccontextmanager
async def receiver(
    handle: Callable[[trio.abc.Stream], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Gives its port."""

    async def serve(stream: trio.SocketStream) -> None:
        talk: trio.abc.Stream = stream
        if tls is not None:
            talk = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
        try:
            await handle(talk)
        except trio.BrokenResourceError:
            # It was answered enough, or not at all.
            pass
        finally:
            await trio.aclose_forcefully(talk)

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await nursery.start(trio.serve_listeners, serve, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def posted(url: str, *, timeout_s: float = 10.0, tls: ssl.SSLContext = PLAIN) -> Result:
    return await post(url, BODY, [("X-Mark", "7")], timeout_s=timeout_s, tls=tls)


async def test_the_receiver_gets_the_body_with_its_headers() -> None:
    got = bytearray()

    async def handle(stream: trio.abc.Stream) -> None:
        while not got.endswith(BODY):
            got.extend(await stream.receive_some(4096))
        await stream.send_all(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with receiver(handle) as port:
        result = await posted(f"http://127.0.0.1:{port}/hook/t0ken?a=b")
    assert result == Result(Outcome.DONE)
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /hook/t0ken?a=b HTTP/1.1"
    headers = {name.lower(): value for name, value in (line.split(": ") for line in lines)}
    assert headers["host"] == f"127.0.0.1:{port}"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(BODY))
    assert headers["x-mark"] == "7"
    assert headers["user-agent"].startswith("recorder/")
    assert body == BODY


@pytest.mark.parametrize(
    ("response", "outcome", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", Outcome.DONE, ""),
        (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Made\r\n\r\n", Outcome.DONE, ""),
        (b"HTTP/1.0 200 OK\r\n\r\n", Outcome.DONE, ""),
        (b"HTTP/1.1 301 Moved\r\nLocation: /t0ken\r\n\r\n", Outcome.REFUSED,
         "it answers 301, and redirects are not followed"),
        (b"HTTP/1.1 400 Bad\r\n\r\n", Outcome.REFUSED, "it answers 400"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", Outcome.REFUSED, "it answers 410"),
        (b"HTTP/1.1 408 Slow\r\n\r\n", Outcome.FAILED, "it answers 408"),
        (b"HTTP/1.1 429 Much\r\n\r\n", Outcome.FAILED, "it answers 429"),
        (b"HTTP/1.1 500 Oh\r\n\r\n", Outcome.FAILED, "it answers 500"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", Outcome.FAILED, "it answers 503"),
        (b"", Outcome.FAILED, "it closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Outcome.FAILED, "illegal status line"),
        (BLANKS + b"\0\r\n\r\n", Outcome.FAILED, "too many blanks in a row"),
        (BLANKS.replace(b" 200 OK", b" 100 Go on"), Outcome.FAILED, "too many blanks in a row"),
        (b"POST /t0ken HTTP/1.1\r\n\r\n", Outcome.FAILED, "illegal status line"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000, Outcome.FAILED, "too long"),
        (b"HTTP/1.1 100 Go on\r\n\r\n" * RESPONSE_BYTES, Outcome.FAILED, "with too much"),
    ],
)  # fmt: skip
async def test_what_it_answers_decides(response: bytes, outcome: Outcome, reason: str) -> None:
    async with receiver(answers(response)) as port:
        result = await posted(f"http://127.0.0.1:{port}/t0ken")
    assert result.outcome is outcome, result
    assert reason in result.reason
    assert "t0ken" not in result.reason
    assert bool(result.reason) == (outcome is not Outcome.DONE)


async def test_one_that_takes_and_says_nothing_has_so_much_time_and_no_more() -> None:
    async def say_nothing(stream: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    async with receiver(say_nothing) as port:
        result = await posted(f"http://127.0.0.1:{port}/", timeout_s=0.2)
    assert result == Result(Outcome.FAILED, "no answer within 0.2 s")


async def test_nobody_there_and_no_such_name_may_be_different_later() -> None:
    async with receiver(answers(b"")) as port:
        pass
    result = await posted(f"http://127.0.0.1:{port}/t0ken")
    assert result.outcome is Outcome.FAILED
    assert "127.0.0.1" in result.reason
    assert "t0ken" not in result.reason
    result = await posted("http://no-such-host.invalid/t0ken", timeout_s=20)
    assert result.outcome is Outcome.FAILED
    assert "t0ken" not in result.reason


async def test_tls_is_spoken_and_the_certificate_verified() -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    known, unknown = ssl.create_default_context(), ssl.create_default_context()
    authority.configure_trust(known)
    stranger.configure_trust(unknown)
    async with receiver(answers(b"HTTP/1.1 200 OK\r\n\r\n"), server) as port:
        assert await posted(f"https://localhost:{port}/", tls=known) == Result(Outcome.DONE)
        result = await posted(f"https://localhost:{port}/t0ken", tls=unknown)
        assert result.outcome is Outcome.FAILED
        assert "certificate" in result.reason
        other_name = await posted(f"https://127.0.0.1:{port}/", tls=known)
        assert other_name.outcome is Outcome.FAILED
