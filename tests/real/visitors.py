"""Bad visitors of the page's port: each is refused or dropped by itself, in bounded time.

Bytes by hand, for what no browser would say. A visitor who does not read and must be seen to be
dropped reads at last: a connection that was kept would never end. Knows the outward face of the
program only; `test_neighbours` lets them in beside a recording.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

import trio

from recorder.passwords import hash_password
from tests.real import raw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PASSWORD = "correct horse"
STATUS = {"password": hash_password(PASSWORD, b"0123456789abcdef")}

HOST = b"Host: localhost\r\n"
BASIC = b"Authorization: Basic %s\r\n" % base64.b64encode(f"x:{PASSWORD}".encode())
WRONG = b"Authorization: Basic %s\r\n" % base64.b64encode(b"x:wrong")
LAST = b"Connection: close\r\n"
UPGRADE = (
    b"GET /api/v1/live HTTP/1.1\r\n" + HOST + BASIC + b"Upgrade: websocket\r\nConnection: Upgrade"
    b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
FRAME = b"\x81\x81\0\0\0\0x"
"""A masked text of one letter."""

BEGUN, GOES_ON = b"\x02\x80\0\0\0\0", b"\x00\x80\0\0\0\0"
"""The first part of a message of several, and a further one that is not the last; both empty."""

PONG = b"\x8a\x80\0\0\0\0"

EMPTY_ROOMS = [f"empty{number}" for number in range(100)]
"""So many that no picture fits into what the kernel holds for who does not read."""

REQUEST_S = 10.0
"""How long a request may take to come, and a picture to be taken."""

DOTS = [
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/%2E%2E%2Fetc%2Fpasswd",
    "/%252e%252e/%252e%252e/etc/passwd",
    "/..%5c..%5cetc%5cpasswd",
    "/..%c0%afetc%c0%afpasswd",
    "/%c0%ae%c0%ae/etc/passwd",
    "/....//....//etc/passwd",
    "//etc/passwd",
    "/app.js/../../config.yaml",
    "/app.js%00.html",
    "/recordings/../config.yaml",
    "/recordings/%2e%2e/config.yaml",
    "/recordings/..%2fconfig.yaml",
    "/recordings/.recorder/id",
    "/recordings/hall/2026-11-22/0000001-103000Z/../../../../config.yaml",
    "/recordings/hall/2026-11-22/0000001-103000Z/%2e%2e%2f0001.flv",
    "/api/v1/recordings/../../../config.yaml",
    "http://localhost/../config.yaml",
]
"""Of somebody who has logged in: nobody else gets as far as the path."""

GUESSERS, GUESSES = 40, 25
"""A thousand wrong passwords, forty at a time."""

GUESSING_S, FEWEST_GUESSES = 8.0, 500
"""Nobody begins another one later, so that all are gone before the lessons beside them end: a busy
machine answers fewer."""


async def _answered(stream: trio.SocketStream, request: bytes, *statuses: int) -> bytes:
    """Say it, and get one of these answers, and the end of the connection."""
    await stream.send_all(request)
    answer = await raw.received_until_closed(stream, within_s=5)
    assert answer[:9] == b"HTTP/1.1 ", (request[:80], answer[:80])
    assert int(answer[9:12]) in statuses, (request[:80], answer[:200])
    return answer


async def send_slow_headers(stream: trio.SocketStream) -> None:
    """A letter a second: each in time, and the request's deadline is not moved by any."""
    await stream.send_all(b"GET / HTTP/1.1\r\n" + HOST + b"X: ")
    with trio.fail_after(REQUEST_S + 2):
        while True:
            try:
                await stream.send_all(b"a")
                await raw.received_until_closed(stream, within_s=1)
            except trio.TooSlowError:
                continue
            except trio.BrokenResourceError:
                pass
            return


async def send_headers_without_end(stream: trio.SocketStream) -> None:
    await stream.send_all(b"GET / HTTP/1.1\r\n" + HOST)
    await raw.send_until_closed(stream, b"X: " + b"a" * 1000 + b"\r\n", within_s=5)


async def send_one_header_without_end(stream: trio.SocketStream) -> None:
    await stream.send_all(b"GET / HTTP/1.1\r\n" + HOST + b"X: ")
    await raw.send_until_closed(stream, b"a" * 10_000, within_s=5)


async def send_a_huge_body(stream: trio.SocketStream) -> None:
    await stream.send_all(
        b"POST /api/v1/login HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000000000\r\n\r\n"
    )
    await raw.send_until_closed(stream, b"a" * 10_000, within_s=5)


async def send_a_body_without_end(stream: trio.SocketStream) -> None:
    await stream.send_all(
        b"POST /api/v1/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    )
    await raw.send_until_closed(stream, b"3e8\r\n" + b"a" * 1000 + b"\r\n", within_s=5)


async def ask_for_ranges_out_of_range(stream: trio.SocketStream) -> None:
    """Of something that is no file: ranges are of downloads alone."""
    request = b"GET / HTTP/1.1\r\n" + HOST + b"Range: bytes=99999999999999999999-\r\n" + LAST
    await _answered(stream, request + b"\r\n", 200, 416)


async def say_a_connection_of_no_ascii(stream: trio.SocketStream) -> None:
    request = UPGRADE.replace(b"Connection: Upgrade", b"Connection: \xff")
    # It is answered and may ask again: a bad request is no reason to hang up, silence is.
    await stream.send_all(request + b"\r\n" + b"GET / HTTP/1.1\r\n" + HOST + LAST + b"\r\n")
    answers = await raw.received_until_closed(stream, within_s=5)
    assert answers.startswith(b"HTTP/1.1 400 ")


async def come_from_another_site(stream: trio.SocketStream) -> None:
    request = b"GET /api/v1/status HTTP/1.1\r\n" + HOST + BASIC + LAST
    await _answered(stream, request + b"Origin: http://evil.example\r\n\r\n", 403)


async def watch_from_another_site(stream: trio.SocketStream) -> None:
    await stream.send_all(UPGRADE + b"Origin: http://evil.example\r\n\r\n")
    await stream.send_all(b"GET / HTTP/1.1\r\n" + HOST + LAST + b"\r\n")
    assert (await raw.received_until_closed(stream, within_s=5)).startswith(b"HTTP/1.1 403 ")


async def call_it_by_another_name(stream: trio.SocketStream) -> None:
    request = b"GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n" + BASIC + LAST
    await _answered(stream, request + b"\r\n", 421)


async def send_frames_behind_the_upgrade(stream: trio.SocketStream) -> None:
    await _answered(stream, UPGRADE + b"\r\n" + FRAME, 400)


async def flood(stream: trio.SocketStream) -> None:
    await _watch(stream)
    await raw.send_until_closed(stream, FRAME * 1000, within_s=5)


async def flood_with_pongs(stream: trio.SocketStream) -> None:
    """They are no messages, and nobody has asked for them."""
    await _watch(stream)
    await raw.send_until_closed(stream, PONG * 1000, within_s=5)


async def begin_a_message_without_end(stream: trio.SocketStream) -> None:
    """Its parts are empty: however many there are, the message is not too large."""
    await _watch(stream)
    await stream.send_all(BEGUN)
    await raw.send_until_closed(stream, GOES_ON * 1000, within_s=5)


async def never_read_pictures(stream: trio.SocketStream) -> None:
    await _watch(stream)
    await trio.sleep(REQUEST_S + 1.5)
    # What the kernel held for him, and the end; whoever still watches is sent more every second.
    await raw.received_until_closed(stream, within_s=1)


async def _watch(stream: trio.SocketStream) -> None:
    await stream.send_all(UPGRADE + b"\r\n")
    with trio.fail_after(5):
        assert (await stream.receive_some(12)).startswith(b"HTTP/1.1 101")


VISITORS: list[Callable[[trio.SocketStream], Awaitable[None]]] = [
    send_slow_headers,
    send_headers_without_end,
    send_one_header_without_end,
    send_a_huge_body,
    send_a_body_without_end,
    ask_for_ranges_out_of_range,
    say_a_connection_of_no_ascii,
    come_from_another_site,
    watch_from_another_site,
    call_it_by_another_name,
    send_frames_behind_the_upgrade,
    flood,
    flood_with_pongs,
    begin_a_message_without_end,
    never_read_pictures,
]


async def visit_all(port: int) -> None:
    """All at once, each from an address of its own."""
    # An operator who was let in stays so while somebody guesses.
    async with await raw.connect_from(port, "127.0.6.1") as stream:
        await _answered(stream, b"GET / HTTP/1.1\r\n" + HOST + BASIC + LAST + b"\r\n", 200)
    answered: list[bytes] = []
    async with trio.open_nursery() as nursery:
        for number, visit in enumerate(VISITORS, 1):
            nursery.start_soon(_visit, port, f"127.0.5.{number}", visit)
        nursery.start_soon(_climb, port)
        for _ in range(GUESSERS):
            nursery.start_soon(_guess, port, answered)
    assert len(answered) >= FEWEST_GUESSES


async def _visit(
    port: int, address: str, visit: Callable[[trio.SocketStream], Awaitable[None]]
) -> None:
    async with await raw.connect_from(port, address) as stream:
        try:
            await visit(stream)
        except trio.TooSlowError:
            raise AssertionError(f"{visit.__name__} was let stay") from None


async def _climb(port: int) -> None:
    """`..` in every encoding, by somebody who may ask for anything."""
    for path in DOTS:
        async with await raw.connect_from(port, "127.0.6.1") as stream:
            request = f"GET {path} HTTP/1.1\r\n".encode() + HOST + BASIC + LAST + b"\r\n"
            answer = await _answered(stream, request, 400, 404)
            assert b"key-of-" not in answer
            assert b"root:" not in answer


async def _guess(port: int, answered: list[bytes]) -> None:
    """One after the other over one connection, by Basic and by the login in turn."""
    login = json.dumps({"password": "wrong"}).encode()
    form = b"Origin: http://localhost\r\nContent-Length: %d\r\n\r\n" % len(login) + login
    ends_s = trio.current_time() + GUESSING_S
    async with await raw.connect_from(port, "127.0.7.1") as stream:
        for number in range(GUESSES):
            if trio.current_time() > ends_s:
                return
            if number % 2:
                request = b"POST /api/v1/login HTTP/1.1\r\n" + HOST + form
            else:
                request = b"GET /api/v1/status HTTP/1.1\r\n" + HOST + WRONG + b"\r\n"
            with trio.fail_after(REQUEST_S):
                await stream.send_all(request)
                answer = b""
                while b"}\n" not in answer:
                    block = await stream.receive_some(4096)
                    assert block, answer
                    answer += block
            assert re.match(rb"HTTP/1\.1 (401|429) ", answer), answer
            answered.append(answer)
