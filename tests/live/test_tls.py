"""TLS around a connection, against Trio's own client side of it."""

from __future__ import annotations

import logging
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from recorder.live import tls as tls_module
from recorder.live.session import FAREWELL_S
from recorder.live.stay import HANDSHAKE_S
from recorder.live.tls import TlsError, TlsStream
from tests.helpers.rtmp_client import C0_C1

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio.testing import MockClock

    from tests.live.conftest import Building, Tls

MEDIA = bytes(range(256)) * 1024
"""256 KiB: sixteen records."""


@attrs.frozen
class Pair:
    """The two ends: ours over TLS, and the peer's, below and above its own TLS."""

    ours: TlsStream
    plain: trio.abc.HalfCloseableStream
    peer: trio.SSLStream[trio.abc.Stream]


def pair(tls: Tls) -> Pair:
    below, plain = trio.testing.memory_stream_pair()
    return Pair(TlsStream(below, tls.server), plain, tls.client_stream(plain))


@asynccontextmanager
async def sending(pair: Pair, data: bytes) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pair.peer.send_all, data)
        yield


async def read(stream: trio.abc.ReceiveStream, size: int) -> bytes:
    found = b""
    while len(found) < size and (data := await stream.receive_some(1 << 20)):
        found += data
    return found


async def test_one_read_gives_all_that_has_arrived(tls: Tls) -> None:
    both = pair(tls)
    async with sending(both, MEDIA):
        first = await both.ours.receive_some(1 << 20)
        await trio.testing.wait_all_tasks_blocked()
        rest = await read(both.ours, len(MEDIA) - len(first))
    assert first + rest == MEDIA
    await both.peer.send_all(MEDIA)
    assert await both.ours.receive_some(1 << 20) == MEDIA
    assert both.ours.taken_bytes > 2 * len(MEDIA)


async def test_a_read_of_less_leaves_the_rest_for_the_next(tls: Tls) -> None:
    both = pair(tls)
    async with sending(both, b"hello"):
        assert await both.ours.receive_some() == b"hello"
    await both.peer.send_all(MEDIA)
    quarter = len(MEDIA) // 4
    first = await both.ours.receive_some(quarter)
    assert 0 <= len(first) - quarter < tls_module.RECORD_BYTES
    taken = both.ours.taken_bytes
    second = await both.ours.receive_some(quarter)
    assert both.ours.taken_bytes == taken, "what was there already is not waited for"
    left = len(MEDIA) - len(first + second)
    assert first + second + await read(both.ours, left) == MEDIA


async def test_both_sides_are_heard(tls: Tls) -> None:
    both = pair(tls)
    async with sending(both, b"from the peer"):
        assert await both.ours.receive_some() == b"from the peer"
    await both.ours.wait_send_all_might_not_block()
    await both.ours.send_all(b"from us")
    assert await both.peer.receive_some() == b"from us"
    # Half closed: the peer reads our end, and what it still said is read.
    await both.ours.send_eof()
    await both.peer.send_all(b"last words")
    assert await both.peer.receive_some() == b""
    assert await both.ours.receive_some() == b"last words"
    await both.peer.aclose()
    assert await both.ours.receive_some() == b""
    assert await both.ours.receive_some() == b""
    await both.ours.aclose()


async def test_records_may_come_a_byte_at_a_time(tls: Tls) -> None:
    below, plain = trio.testing.memory_stream_pair()
    above, towards = trio.testing.memory_stream_pair()
    peer = tls.client_stream(above)
    ours = TlsStream(below, tls.server)

    async def dribble() -> None:
        async for data in towards:
            for byte in data:
                await plain.send_all(bytes([byte]))

    async def carry_back() -> None:
        async for data in plain:
            await towards.send_all(data)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(dribble)
        nursery.start_soon(carry_back)
        nursery.start_soon(peer.send_all, MEDIA[:1000])
        assert await read(ours, 1000) == MEDIA[:1000]
        nursery.cancel_scope.cancel()


async def test_a_close_notify_is_the_end(tls: Tls) -> None:
    below, plain = trio.testing.memory_stream_pair()
    peer = trio.SSLStream(plain, tls.client, server_hostname="localhost")
    ours = TlsStream(below, tls.server)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.send_all, b"bye")
        assert await ours.receive_some() == b"bye"
    await peer.aclose()
    assert await ours.receive_some() == b""
    assert await ours.receive_some() == b""


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (C0_C1, "RTMP without TLS on the port for RTMPS; set the encoder to rtmps://"),
        (b"GET / HTTP/1.1\r\n\r\n", "no TLS on the port for RTMPS"),
        (b"", "the encoder left in the TLS handshake"),
        (b"\x16\x03\x01", "the encoder left in the TLS handshake"),
        (b"\x16\x03\x01\x00\x04abcd", "TLS failed: "),
    ],
)
async def test_who_speaks_no_tls_is_told_apart(tls: Tls, first: bytes, said: str) -> None:
    below, plain = trio.testing.memory_stream_pair()
    ours = TlsStream(below, tls.server)
    if first:
        await plain.send_all(first)
    await plain.send_eof()
    with pytest.raises(TlsError, match=f"^{said}"):
        await ours.receive_some()
    with pytest.raises(TlsError):
        await ours.receive_some()


async def distrust(stream: trio.abc.Stream) -> None:
    """Shake hands as far as the certificate, and say why not; Trio's own would say nothing."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    while True:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            await stream.send_all(outgoing.read())
            incoming.write(await stream.receive_some())
        except ssl.SSLCertVerificationError:
            await stream.send_all(outgoing.read())
            return


async def test_who_does_not_trust_the_certificate_is_named(tls: Tls) -> None:
    both = pair(tls)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(distrust, both.plain)
        with pytest.raises(TlsError, match="the encoder does not trust the certificate of rtmp"):
            await both.ours.receive_some()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_who_is_too_old_is_told_so(tls: Tls) -> None:
    below, plain = trio.testing.memory_stream_pair()
    ours = TlsStream(below, tls.server)
    old = ssl.create_default_context()
    # Of what OpenSSL can still be made to say, the last that we refuse.
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    peer = trio.SSLStream(plain, old, server_hostname="localhost")
    async with trio.open_nursery() as nursery:

        async def be_refused() -> None:
            with pytest.raises(trio.BrokenResourceError) as caught:
                await peer.send_all(b"hello")
            assert "protocol version" in str(caught.value.__cause__), "by the alert"

        nursery.start_soon(be_refused)
        with pytest.raises(TlsError, match=r"the encoder must speak TLS 1\.2 or later"):
            await ours.receive_some()


async def test_a_record_that_was_changed_on_its_way_breaks_the_connection_behind_the_good_ones(
    tls: Tls,
) -> None:
    both = pair(tls)
    async with sending(both, b"hello"):
        assert await both.ours.receive_some() == b"hello"
    await both.peer.send_all(b"good")
    await both.plain.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert await both.ours.receive_some() == b"good"
    with pytest.raises(TlsError, match="TLS failed: decryption failed"):
        await both.ours.receive_some()


async def test_behind_a_broken_record_a_send_breaks_like_that_of_any_connection(tls: Tls) -> None:
    both = pair(tls)
    async with sending(both, b"hello"):
        assert await both.ours.receive_some() == b"hello"
    await both.plain.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(TlsError):
        await both.ours.receive_some()
    with pytest.raises(TlsError):
        await both.ours.send_all(b"answer")


async def test_who_asks_for_answers_without_end_is_dropped(tls: Tls) -> None:
    both = pair(tls)
    async with sending(both, b"hello"):
        assert await both.ours.receive_some() == b"hello"
    # What OpenSSL leaves there for each key update that is asked for.
    both.ours._outgoing.write(bytes(tls_module.MOST_OWED_BYTES + 1))
    await both.peer.send_all(b"more")
    with pytest.raises(TlsError, match="asks TLS for more answers than it takes"):
        await both.ours.receive_some()


async def test_a_tls_handshake_that_never_ends_has_the_time_of_the_other_one(
    building: Building,
    tls: Tls,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: MockClock,
) -> None:
    caplog.set_level(logging.INFO)
    both = pair(tls)
    await both.plain.send_all(b"\x16\x03\x01\x02\x00\x01")
    began_s = trio.current_time()
    await building.door.welcome(both.ours, "10.0.0.1")
    assert trio.current_time() - began_s <= HANDSHAKE_S + FAREWELL_S
    assert caplog.messages == ["10.0.0.1: no RTMP handshake within 10 s"]
