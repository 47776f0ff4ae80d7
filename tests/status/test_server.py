"""The port itself, on real sockets: TLS, limits, and that a failure stays in its connection."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing
import trustme

from recorder.passwords import hash_password
from recorder.status import places
from recorder.status import server as server_module
from recorder.status.doors import Doors
from recorder.status.login import Login
from recorder.status.messages import Answer, Request
from recorder.status.server import StatusServer, serve_status
from recorder.status.site import Site
from recorder.tls import server_context
from tests.helpers.certificates import write_certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@attrs.define
class Served:
    port: int
    server: StatusServer

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


def made(
    tls: ssl.SSLContext | None = None,
    *,
    login: Login | None = None,
    is_public: bool = False,
    clients: int = 32,
) -> StatusServer:
    async def answer(_request: Request) -> Answer:
        return Answer.of({"ok": True})

    site = Site(
        doors=Doors(hosts=frozenset(), names=frozenset()),
        login=login or Login(None, b"k", lambda: 0.0),
        is_public=is_public,
        answer=answer,
    )
    return StatusServer(site, tls, clients=clients)


@asynccontextmanager
async def served(
    tls: ssl.SSLContext | None = None, server: StatusServer | None = None
) -> AsyncIterator[Served]:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server = server or made(tls)
    async with serve_status(listeners, server):
        yield Served(listeners[0].socket.getsockname()[1], server)


async def everything(stream: trio.abc.ReceiveStream) -> bytes:
    received = b""
    try:
        while block := await stream.receive_some():
            received += block
    except trio.BrokenResourceError:
        return received
    return received


async def test_a_request_is_answered() -> None:
    async with served() as here, await here.connect() as stream:
        await stream.send_all(GET)
        assert (await everything(stream)).startswith(b"HTTP/1.1 200")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA, tmp_path: Path) -> ssl.SSLContext:
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for part in certificate.cert_chain_pems:
        part.write_to_path(tmp_path / "cert.pem", append=True)
    return server_context(tmp_path / "cert.pem", tmp_path / "key.pem")


async def test_with_a_certificate_it_is_https(
    authority: trustme.CA, context: ssl.SSLContext
) -> None:
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with served(context) as here:
        stream = trio.SSLStream(
            await here.connect(), client, server_hostname="localhost", https_compatible=True
        )
        async with stream:
            await stream.send_all(GET)
            assert b"200" in (await everything(stream))[:20]


async def test_a_certificate_that_takes_the_place_of_another_is_for_the_connections_to_come(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    renewed = trustme.CA()
    (tmp_path / "renewed").mkdir()
    files = write_certificate(renewed, tmp_path / "renewed")
    client = ssl.create_default_context()
    renewed.configure_trust(client)
    async with served(context) as here, await here.connect() as before:
        await trio.testing.wait_all_tasks_blocked()
        here.server.tls = server_context(Path(files["certificate"]), Path(files["private_key"]))
        stream = trio.SSLStream(
            await here.connect(), client, server_hostname="localhost", https_compatible=True
        )
        async with stream:
            await stream.do_handshake()
        # Who had come before still gets the one that was there.
        old = trio.SSLStream(before, client, server_hostname="localhost", https_compatible=True)
        with pytest.raises(trio.BrokenResourceError) as caught:
            await old.do_handshake()
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


async def test_who_speaks_no_tls_is_dropped_and_it_is_said(
    context: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with served(context) as here, await here.connect() as stream:
        await stream.send_all(GET)
        assert b"200" not in await everything(stream)
        assert "no TLS was spoken" in caplog.text


async def test_without_a_listener_nothing_is_served_and_nothing_fails() -> None:
    async with serve_status([], made()):
        await trio.testing.wait_all_tasks_blocked()


KEEP_ALIVE = GET.replace(b"close", b"keep-alive")


async def is_answered(stream: trio.SocketStream, cookie: str = "") -> bool:
    """Whether one more request is, and the connection stays."""
    head = f"Host: localhost\r\nCookie: {cookie}".encode()
    await stream.send_all(KEEP_ALIVE.replace(b"Host: localhost", head))
    received = b""
    while not received.endswith(b"}\n"):
        block = await stream.receive_some()
        if not block:
            return False
        received += block
    return received.startswith(b"HTTP/1.1 200")


async def test_who_is_known_keeps_his_place_and_the_next_finds_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(places, "SPARE", 0)
    # Without a password this machine is the operator.
    async with served(server=made(clients=2)) as here:
        kept = [await here.connect(), await here.connect()]
        for stream in kept:
            assert await is_answered(stream)
        async with await here.connect() as refused:
            assert await everything(refused) == b""
        assert "too many connections" in caplog.text
        assert (here.server.rejected, here.server.connections) == (1, 2)
        await kept[0].aclose()
        await trio.testing.wait_all_tasks_blocked(0.05)
        async with await here.connect() as stream:
            assert await is_answered(stream)
        await kept[1].aclose()


async def test_strangers_who_hold_every_place_keep_out_nobody_who_knows_the_password(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(places, "SPARE", 0)
    login = Login(hash_password("open", b"0123456789abcdef"), b"k", lambda: 0.0)
    cookie = login.cookie(is_tls=False).partition(";")[0]
    async with AsyncExitStack() as stack, served(server=made(login=login, clients=2)) as here:

        async def come() -> trio.SocketStream:
            stream = await stack.enter_async_context(await here.connect())
            await trio.testing.wait_all_tasks_blocked(0.05)
            return stream

        first, second = await come(), await come()
        assert await is_answered(first)
        operator = await come()
        # The oldest stranger has gone for him, answered or not.
        assert await everything(first) == b""
        assert await is_answered(operator, cookie)
        third, fourth = await come(), await come()
        assert await everything(second) == await everything(third) == b""
        assert await is_answered(operator, cookie)
        assert await is_answered(fourth)
        assert (here.server.rejected, here.server.connections) == (3, 2)
    assert caplog.text.count("gave its place at the page to a newer one") >= 1


async def test_who_only_looks_keeps_out_nobody_who_knows_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "SPARE", 2)
    login = Login(hash_password("open", b"0123456789abcdef"), b"k", lambda: 0.0)
    cookie = login.cookie(is_tls=False).partition(";")[0]
    server = made(login=login, is_public=True, clients=2)
    async with AsyncExitStack() as stack, served(server=server) as here:

        async def come() -> trio.SocketStream:
            stream = await stack.enter_async_context(await here.connect())
            await trio.testing.wait_all_tasks_blocked(0.05)
            return stream

        readers = [await come() for _ in range(4)]
        for reader in readers:
            assert await is_answered(reader)
        operator = await come()
        assert await is_answered(operator, cookie)
        assert await everything(readers[2]) == b""
        # Whoever comes now goes for the next, and those who have looked for long look on.
        for _ in range(3):
            assert await is_answered(await come())
            assert await is_answered(operator, cookie)
        assert await is_answered(readers[0])
        assert await is_answered(readers[1])


async def test_a_fault_of_ours_stays_in_its_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __init__(self, *_: object, **__: object) -> None:
            raise ValueError("of ours")

    async with served() as here:
        with monkeypatch.context() as patch:
            patch.setattr(server_module, "HttpConnection", Broken)
            async with await here.connect() as stream:
                assert await everything(stream) == b""
        async with await here.connect() as stream:
            await stream.send_all(GET)
            assert (await everything(stream)).startswith(b"HTTP/1.1 200")
    assert "this is a fault of the recorder" in caplog.text


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000,
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n" + b"a" * 200_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: \xff\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ],
    ids=["endless header", "raw path", "TLS", "huge body", "Connection of no ASCII", "two hosts"],
)
async def test_what_makes_no_sense_is_answered_or_dropped(request_bytes: bytes) -> None:
    async with served() as here:
        with trio.fail_after(5):
            async with await here.connect() as stream:
                try:
                    await stream.send_all(request_bytes)
                    await stream.send_eof()
                except trio.BrokenResourceError:
                    pass  # It had enough before we had said all.
                await everything(stream)
        async with await here.connect() as stream:
            await stream.send_all(GET)
            assert (await everything(stream)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", 431),
    ],
)
async def test_who_says_too_much_hears_why_when_he_has_said_it(
    request_bytes: bytes, status: int
) -> None:
    async with served() as here, await here.connect() as stream:
        await stream.send_all(request_bytes + b"a" * 200_000)
        assert (await everything(stream)).startswith(b"HTTP/1.1 %d " % status)
