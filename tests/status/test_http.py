"""One HTTP connection over a stream in memory: what it answers, and when it has enough."""

from __future__ import annotations

import gzip
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.status import http
from recorder.status.broadcast import Broadcast
from recorder.status.downloads import BLOCK_BYTES
from recorder.status.http import (
    BODY_BYTES,
    HEAD_BYTES,
    READ_S,
    REQUEST_S,
    SEND_S,
    HttpConnection,
)
from recorder.status.intake import MOST_HEADERS
from recorder.status.messages import Answer, only
from tests.status.fakes import Echo, FakeDownload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    Client = trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]

OK = Answer.of({"ok": True})
GET = b"GET /a%20b?x=1 HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def connected(echo: Echo) -> AsyncIterator[Client]:
    """A client's end of a connection that is served."""
    client, server = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpConnection(server, echo, who="ada").run)
        yield client
        nursery.cancel_scope.cancel()


async def everything(client: Client) -> bytes:
    """What comes until the other end has enough."""
    received = b""
    while block := await client.receive_some():
        received += block
    return received


async def one_answer(client: Client) -> tuple[int, object]:
    received = b""
    while b"\n}\n" not in received and not received.endswith(b"}\n"):
        received += await client.receive_some()
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def send_in_parts(client: Client, data: bytes, size: int) -> None:
    for at in range(0, len(data), size):
        await client.send_all(data[at : at + size])


async def test_requests_are_answered_one_after_the_other() -> None:
    echo = Echo(answer=OK)
    async with connected(echo) as client:
        for body in (b"", b'{"why": "exam"}'):
            await client.send_all(
                b"POST /a%20b?x=1 HTTP/1.1\r\nHost: x\r\n"
                + b"Content-Length: %d\r\n\r\n" % len(body)
            )
            await client.send_all(body)
            assert await one_answer(client) == (200, {"ok": True})
    first, second = echo.requests
    assert (first.method, first.path, first.body, first.who) == ("POST", "/a b", b"", "ada")
    assert second.body == b'{"why": "exam"}'


async def test_a_request_that_comes_byte_by_byte_is_one_all_the_same() -> None:
    async with connected(Echo(answer=OK)) as client:
        for byte in GET:
            await client.send_all(bytes([byte]))
        assert await one_answer(client) == (200, {"ok": True})


async def test_of_headers_that_come_twice_one_is_made() -> None:
    echo = Echo(answer=OK)
    async with connected(echo) as client:
        await client.send_all(
            b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=1\r\nX-Seen: 1\r\n"
            b"Cookie: b=2\r\nX-Seen: 2\r\n\r\n"
        )
        await one_answer(client)
    (request,) = echo.requests
    assert (request.headers["cookie"], request.headers["x-seen"]) == ("a=1; b=2", "1, 2")


async def test_who_asks_whether_to_go_on_is_told_to() -> None:
    async with connected(Echo(answer=OK)) as client:
        await client.send_all(
            b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert (await client.receive_some()).startswith(b"HTTP/1.1 100 ")
        await client.send_all(b"{}")
        assert await one_answer(client) == (200, {"ok": True})


async def test_the_headers_say_what_it_is_and_that_it_is_of_the_moment() -> None:
    async with connected(Echo(answer=only("GET"))) as client:
        await client.send_all(b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = (await everything(client)).partition(b"\r\n\r\n")[0].lower()
    assert b"content-type: application/json" in head
    assert b"cache-control: no-store" in head
    assert b"allow: get" in head


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * (2 * HEAD_BYTES), 431),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES + 1)
            + b"x" * (BODY_BYTES + 1),
            413,
        ),
    ],
)
async def test_what_is_no_request_of_ours_is_answered_and_left(
    request_bytes: bytes, status: int
) -> None:
    echo = Echo(answer=OK)
    async with connected(echo) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, request_bytes)
        answer = await everything(client)
        nursery.cancel_scope.cancel()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert echo.requests == []


@pytest.mark.parametrize(
    "front",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX:",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX:",
    ],
    ids=["header", "chunk", "trailer"],
)
@pytest.mark.parametrize("blank", [b" ", b"\t", b"\r\n "], ids=["blanks", "tabs", "folded"])
async def test_blanks_without_end_are_refused_before_anybody_tries_to_read_them(
    front: bytes, blank: bytes
) -> None:
    """Of them h11 makes a second of work, in which nobody is recorded."""
    sent = front + blank * (HEAD_BYTES // len(blank) // 2)
    async with connected(Echo(answer=OK)) as client, trio.open_nursery() as nursery:
        for part in (sent[:1000], sent[1000:] + b"\0\n\r\n\r\n"):
            nursery.start_soon(client.send_all, part)
            await trio.testing.wait_all_tasks_blocked()
        answer = await everything(client)
        nursery.cancel_scope.cancel()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"too many blanks" in answer


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("size", [1, 1000, HEAD_BYTES], ids=["bytes", "parts", "whole"])
@pytest.mark.parametrize(
    ("front", "most"),
    [(HEAD, MOST_HEADERS - 1), (CHUNKED + b"0\r\n", MOST_HEADERS + 1)],
    ids=["head", "trailers"],
)
async def test_headers_without_end_are_refused_before_anybody_reads_them(
    front: bytes, most: int, size: int
) -> None:
    """h11 reads all of them in one go, in which nobody is recorded."""
    for count, status in ((most, 200), (most + 1, 431), (4000, 431)):
        sent = front + b"a:\n" * count + b"\r\n"
        async with connected(Echo(answer=OK)) as client, trio.open_nursery() as nursery:
            nursery.start_soon(send_in_parts, client, sent, size)
            found, _ = await one_answer(client)
            nursery.cancel_scope.cancel()
        assert found == status


@pytest.mark.parametrize("lines", [b"a\n" * 1000, b"\n\n{}\n" * 1000], ids=["one", "empty"])
async def test_the_lines_of_a_body_are_no_headers(lines: bytes) -> None:
    echo, chunks = Echo(answer=OK), b"".join(b"1\r\n%c\r\n" % byte for byte in lines)
    async with connected(echo) as client, trio.open_nursery() as nursery:
        for request in (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(lines) + lines,
            CHUNKED + chunks + b"0\r\n\r\n",
        ):
            nursery.start_soon(client.send_all, request)
            assert await one_answer(client) == (200, {"ok": True})
    assert [request.body for request in echo.requests] == [lines, lines]


async def test_many_requests_at_once_are_not_one_with_many_headers() -> None:
    echo, count = Echo(answer=OK), 200
    async with connected(echo) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, GET * count + HEAD + b"Connection: close\r\n\r\n")
        answers = await everything(client)
    assert len(echo.requests) == count + 1
    assert answers.count(b"HTTP/1.1 200 ") == count + 1


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400),
        (b"Content-Length: %d\r\n\r\n" % (BODY_BYTES + 1) + b"x" * (BODY_BYTES + 1), 413),
    ],
)
async def test_a_head_that_goes_wrong_behind_its_head_is_answered_without_a_body(
    rest: bytes, status: int
) -> None:
    head, body = await exchange(Echo(answer=OK), b"HEAD / HTTP/1.1\r\nHost: x\r\n" + rest)
    assert (int(head.split()[1]), body) == (status, b"")
    # The request before says nothing of one that is none.
    good = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
    _, second = await exchange(Echo(answer=OK), good + b"nonsense\r\n\r\n")
    assert b"Bad request" in second


async def test_a_fault_of_ours_is_an_answer_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with connected(Echo(raises=ZeroDivisionError())) as client:
        await client.send_all(GET)
        status, document = await one_answer(client)
    assert status == 500
    assert document == {"error": "The recorder itself failed; its log says more."}
    assert "GET /a b failed; this is a fault of the recorder" in caplog.text


async def test_who_says_nothing_is_left_in_time(autojump_clock: trio.testing.MockClock) -> None:
    for said in (b"", GET[:5]):
        async with connected(Echo(answer=OK)) as client:
            await client.send_all(said)
            began = trio.current_time()
            assert await everything(client) == b""
            assert trio.current_time() - began == pytest.approx(REQUEST_S)


async def test_who_goes_in_the_middle_is_let_go() -> None:
    for said in (b"", GET[:5]):
        async with connected(Echo(answer=OK)) as client:
            await client.send_all(said)
            await client.aclose()
            await trio.testing.wait_all_tasks_blocked()


async def test_who_does_not_read_is_left_in_time(autojump_clock: trio.testing.MockClock) -> None:
    client, server = trio.testing.lockstep_stream_pair()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpConnection(server, Echo(answer=OK), who="").run)
        await client.send_all(GET)
    assert trio.current_time() - began == pytest.approx(SEND_S)


async def test_an_answer_that_does_not_come_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def never(_request: object) -> Answer:
        await trio.sleep_forever()
        raise AssertionError

    client, server = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpConnection(server, never, who="").run)
        await client.send_all(GET)
        status, _ = await one_answer(client)
        nursery.cancel_scope.cancel()
    assert status == 504


async def test_one_connection_gets_so_many_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_REQUESTS", 2)
    async with connected(Echo(answer=OK)) as client:
        await client.send_all(GET * 3)
        assert (await everything(client)).count(b"200") == 2


async def test_who_wants_another_protocol_is_answered_and_left() -> None:
    async with connected(Echo(answer=OK)) as client:
        await client.send_all(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert (await one_answer(client))[0] == 200


async def exchange(echo: Echo, head: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to one request on a connection that then ends."""
    async with connected(echo) as client:
        await client.send_all(head)
        await client.send_stream.aclose()
        found, _, body = (await everything(client)).partition(b"\r\n\r\n")
    return found, body


FILE = bytes(range(256)) * 2048


def download() -> tuple[Echo, FakeDownload]:
    found = FakeDownload(content=FILE)
    return Echo(answer=Answer(status=200, download=found)), found


@pytest.mark.parametrize(
    ("header", "status", "body"),
    [
        (b"", 200, FILE),
        (b"Range: bytes=300000-300009\r\n", 206, FILE[300000:300010]),
        (b"Range: bytes=-5\r\n", 206, FILE[-5:]),
        (b'Range: bytes=0-0\r\nIf-Range: "other"\r\n', 200, FILE),
        (b'If-None-Match: "5f-7"\r\n', 304, b""),
        (
            b'If-Match: "a"\r\nRange: bytes=2-\r\n',
            412,
            b'{"error": "It is not that file any more."}\n',
        ),
    ],
)
async def test_a_download_gives_the_bytes_that_were_asked_for(
    header: bytes, status: int, body: bytes
) -> None:
    echo, found = download()
    head, got = await exchange(echo, b"GET /f HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n")
    assert int(head.split()[1]) == status
    assert got == body
    assert found.closed == 1


async def test_a_range_behind_the_end_is_said() -> None:
    echo, found = download()
    head, _ = await exchange(echo, b"GET /f HTTP/1.1\r\nHost: x\r\nRange: bytes=524288-\r\n\r\n")
    assert int(head.split()[1]) == 416
    assert b"Content-Range: bytes */524288" in head
    assert found.closed == 1


async def test_head_is_the_same_without_the_body() -> None:
    echo, found = download()
    head, body = await exchange(echo, b"HEAD /f HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Content-Length: 524288" in head
    assert body == b""
    assert found.closed == 1
    echo, found = download()
    head, body = await exchange(echo, b"HEAD /f HTTP/1.1\r\nHost: x\r\nRange: bytes=9-\r\n\r\n")
    assert (head.startswith(b"HTTP/1.1 200 "), b"Content-Length: 524288" in head) == (True, True)
    head, body = await exchange(Echo(answer=OK), b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (b"Content-Length: 13" in head, body) == (True, b"")


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), None])
async def test_a_file_that_cannot_be_read_on_breaks_off(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    # Of None: it has become shorter than was promised.
    found = FakeDownload(content=FILE, raises=error, lacks=0 if error else 500_000)
    echo = Echo(answer=Answer(status=200, download=found))
    _, body = await exchange(echo, b"GET /f HTTP/1.1\r\nHost: x\r\n\r\n")
    assert len(body) < len(FILE)
    assert found.closed == 1
    assert "A download of room101_0001.flv ends" in caplog.text


async def test_a_disk_that_does_not_answer_ends_a_download_in_time(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    found = FakeDownload(content=FILE, hangs_at=BLOCK_BYTES)
    echo = Echo(answer=Answer(status=200, download=found))
    began = trio.current_time()
    _, body = await exchange(echo, b"GET /f HTTP/1.1\r\nHost: x\r\n\r\n")
    assert trio.current_time() - began == pytest.approx(READ_S)
    assert body == FILE[:BLOCK_BYTES]
    assert found.closed == 1
    assert "room101_0001.flv ends: the disk has not answered for 30 s" in caplog.text


async def test_who_does_not_read_his_download_is_dropped_and_the_file_closed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    echo, found = download()
    client, server = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpConnection(server, echo, who="ada").run)
        await client.send_all(b"GET /f HTTP/1.1\r\nHost: x\r\n\r\n")
        await trio.sleep(SEND_S + 5)
        assert found.closed == 1
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("accepts", "is_gzip"),
    [
        (b"gzip, br", True),
        (b"br;q=1, gzip; q=0.5", True),
        (b"gzip;q=0.0, br", False),
        (b"gzip; q=0", False),
        (b"br", False),
        (b"", False),
    ],
)
async def test_what_is_long_is_sent_small_to_who_takes_it(accepts: bytes, is_gzip: bool) -> None:
    echo = Echo(answer=Answer.of({"a": "b" * 5000}))
    request = b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + accepts + b"\r\n\r\n"
    head, body = await exchange(echo, request)
    assert (b"Content-Encoding: gzip" in head) is is_gzip
    assert b"Vary: Accept-Encoding" in head
    plain = gzip.decompress(body) if is_gzip else body
    assert json.loads(plain) == {"a": "b" * 5000}


async def test_every_answer_says_what_a_browser_may_do_with_it() -> None:
    for echo in (Echo(answer=OK), Echo(raises=ValueError("of ours")), download()[0]):
        head, _ = await exchange(echo, GET)
        for name in (b"Content-Security-Policy: default-src 'none'", b"nosniff", b"no-referrer"):
            assert name in head


async def test_a_connection_that_cannot_be_handed_over_is_answered() -> None:
    broadcast = Broadcast(1)
    answer = Answer(status=101, watcher=broadcast.join(is_operator=True))
    head, _ = await exchange(Echo(answer=answer), GET)
    assert head.startswith(b"HTTP/1.1 404")
    assert broadcast.watchers == 0
