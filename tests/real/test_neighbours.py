"""Bad neighbours: whatever else knocks at the ports, a recording beside it loses no frame.

Each is refused or timed out by itself and costs bounded memory. Every neighbour of the encoders
comes from its own loopback address, by which its one line in the log is found. Those that come to
the page (`visitors`) leave none: anybody's browser is there.

With RECORDER_LONG_TESTS=1 in the environment also those that only the deadline of 20 s for
reaching a publish ends.
"""

from __future__ import annotations

import os
import random
import re
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.helpers.encoders import Encoder, publish
from tests.helpers.program import Recorder, key_of, run_recorder
from tests.real import raw, visitors
from tests.real.lessons import CODECS, Lesson, check_all, one_each, record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.helpers.encoders import Published, Sources

pytestmark = pytest.mark.real

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

MEMORY_BYTES = 64 << 20
"""`limits.memory` of these tests; the process may grow by that and not more."""

POOL = 64
"""Connections that do not publish yet: the program keeps no more of them."""

CROWD = 500
"""Connections from one address at once, and as many from a hundred addresses."""


def client_hello() -> bytes:
    """What an encoder set to rtmps:// says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


async def scan(stream: trio.SocketStream) -> None:
    """A port scanner: there, and gone."""
    await stream.aclose()


async def browse(stream: trio.SocketStream) -> None:
    await stream.send_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
    await raw.received_until_closed(stream, within_s=5)


async def greet_in_tls(stream: trio.SocketStream) -> None:
    await stream.send_all(client_hello())
    await raw.received_until_closed(stream, within_s=5)


async def talk_nonsense(stream: trio.SocketStream) -> None:
    noise = random.Random(2)
    await stream.send_all(bytes([0x80]) + noise.randbytes(100_000))
    await raw.received_until_closed(stream, within_s=5)


async def talk_nonsense_after_the_handshake(stream: trio.SocketStream) -> None:
    noise = random.Random(3)
    await stream.send_all(raw.HANDSHAKE)
    await raw.send_until_closed(stream, noise.randbytes(10_000), within_s=5)


async def drip(stream: trio.SocketStream) -> None:
    """One byte every nine seconds: every byte is in time, but the handshake's deadline is not
    moved by any of them."""
    await stream.send_all(b"\x03")
    try:
        await raw.received_until_closed(stream, within_s=9)
    except trio.TooSlowError:
        await stream.send_all(b"\0")
        await raw.received_until_closed(stream, within_s=3)


async def never_read(stream: trio.SocketStream) -> None:
    """Ask and ask, and take no answer."""
    await stream.send_all(raw.HANDSHAKE + raw.CONNECT)
    await raw.send_until_closed(stream, raw.CREATE_STREAM * 100)


async def never_read_while_publishing(stream: trio.SocketStream) -> None:
    """A publisher, with a good key, that pings and does not take the pongs."""
    await enter(stream, "studio")
    ping = raw.message(raw.USER_CONTROL, raw.PING_REQUEST, csid=2)
    await raw.send_until_closed(stream, ping * 1000)


async def announce_16_mib(stream: trio.SocketStream) -> None:
    """A command of 16 MiB from a stranger."""
    await stream.send_all(raw.HANDSHAKE + raw.CONNECT)
    await stream.send_all(raw.chunk_header(raw.COMMAND, 0xFFFFFF) + bytes(100))
    await raw.received_until_closed(stream)


async def announce_16_mib_of_video(stream: trio.SocketStream) -> None:
    """Eight frames of 16 MiB each from a publisher, and then nothing more."""
    await enter(stream, "attic")
    for csid in range(4, 12):
        header = raw.chunk_header(raw.VIDEO, 0xFFFFFF, stream_id=1, csid=csid)
        await stream.send_all(header + b"\x17\x01" + bytes(raw.CHUNK_BYTES - 2))
    await raw.received_until_closed(stream)


async def drip_after_the_handshake(stream: trio.SocketStream) -> None:
    await stream.send_all(raw.HANDSHAKE + raw.CONNECT + raw.chunk_header(raw.VIDEO, 1000))
    for _ in range(2):
        try:
            await raw.received_until_closed(stream, within_s=9)
        except trio.TooSlowError:
            await stream.send_all(b"\0")
    await raw.received_until_closed(stream, within_s=4)


async def say_nothing(stream: trio.SocketStream) -> None:
    await raw.received_until_closed(stream)


async def enter(stream: trio.SocketStream, room: str) -> None:
    """Publish into the room by hand, without waiting for any answer."""
    await stream.send_all(
        raw.HANDSHAKE + raw.CONNECT + raw.CREATE_STREAM + raw.publish(f"{room}?key={key_of(room)}")
    )


NEIGHBOURS: list[Callable[[trio.SocketStream], Awaitable[None]]] = [
    scan,
    browse,
    greet_in_tls,
    talk_nonsense,
    talk_nonsense_after_the_handshake,
    drip,
    never_read,
    never_read_while_publishing,
    announce_16_mib,
    announce_16_mib_of_video,
    say_nothing,
    *([drip_after_the_handshake] if LONG else []),
]

LIMITS = {"memory": f"{MEMORY_BYTES >> 20}MiB"}

SHORT_TIMES: dict[str, Any] = {"idle_timeout": "3s", "first_media_timeout": "3s"}


def times_said(lines: list[str]) -> int:
    """How many events the lines speak of: a line counts one, "(and 7 more like this)" seven."""
    folded = [re.search(r"\(and (\d+) more like this\)", line) for line in lines]
    return sum(1 if found is None else int(found[1]) for found in folded)


async def record_beside(
    recorder: Recorder,
    lessons: list[Lesson],
    sources: Sources,
    seconds: int,
    neighbours: Callable[[], Awaitable[None]],
) -> None:
    """Record in real time, let the neighbours in once all publishes have begun, check them."""
    published: dict[Lesson, Published] = {}
    for lesson in lessons:
        sources.get(lesson.recipe, seconds)  # made before anybody waits for it
    async with trio.open_nursery() as nursery:

        async def teach() -> None:
            published.update(await record(recorder, lessons, sources, seconds=seconds, pace=1))

        nursery.start_soon(teach)
        await recorder.line("publishes with", count=len(lessons))
        before = recorder.memory_peak_bytes()
        await neighbours()
        assert recorder.memory_peak_bytes() - before < MEMORY_BYTES
        assert published == {}, "the neighbours were to be gone before the lessons end"
    await check_all(recorder, published)


async def test_bad_neighbours_cost_a_recording_nothing(sources: Sources, tmp_path: Path) -> None:
    """Beside them every codec is recorded in real time."""
    addresses = {f"127.0.2.{number}": visit for number, visit in enumerate(NEIGHBOURS, 1)}
    lessons = one_each(CODECS)

    async def come_all(recorder: Recorder) -> None:
        async def come(address: str, visit: Callable[[Any], Awaitable[None]]) -> None:
            async with await raw.connect_from(recorder.port, address) as stream:
                try:
                    await visit(stream)
                except trio.TooSlowError:
                    raise AssertionError(f"{visit.__name__} was let stay") from None

        async with trio.open_nursery() as nursery:
            for address, visit in addresses.items():
                nursery.start_soon(come, address, visit)
            nursery.start_soon(visitors.visit_all, int(recorder.page.rpartition(":")[2]))

    async with run_recorder(
        tmp_path,
        ["studio", "attic", *(lesson.room for lesson in lessons), *visitors.EMPTY_ROOMS],
        recording=SHORT_TIMES,
        limits=LIMITS | {"rooms": 128},
        status=visitors.STATUS,
    ) as recorder:
        seconds = 24 if LONG else 14
        await record_beside(recorder, lessons, sources, seconds, lambda: come_all(recorder))
        await recorder.stop()
    for address, visit in addresses.items():
        said = recorder.matching(rf"\b{re.escape(address)}\b")
        # The two that publish also have the line that says so.
        published = [line for line in said if "publishes with" in line]
        assert len(said) - len(published) == 1, f"{visit.__name__}: {said}"
        assert len(published) == (visit in {never_read_while_publishing, announce_16_mib_of_video})
    for word in ("HTTP", "TLS"):
        assert recorder.matching(word), f"{word} is named in the log"


async def test_a_thousand_connections_at_once_cost_a_recording_nothing(
    sources: Sources, tmp_path: Path
) -> None:
    lesson = Lesson("hall", Encoder.CURRENT_FFMPEG, "h264-aac")
    crowd = ["127.0.3.1"] * CROWD + [f"127.0.4.{1 + n % 100}" for n in range(CROWD)]

    async def crowd_in(recorder: Recorder) -> None:
        """All at once; they stay until they are put out, or, the last of them, until all others
        are: those that fill the pool of connections that do not publish."""
        inside = len(crowd)

        async def come(address: str, rest: trio.CancelScope) -> None:
            nonlocal inside
            async with await raw.connect_from(recorder.port, address) as stream:
                await raw.received_until_closed(stream)
            inside -= 1
            if inside == POOL:
                rest.cancel()

        async with trio.open_nursery() as nursery:
            for address in crowd:
                nursery.start_soon(come, address, nursery.cancel_scope)
        assert inside == POOL
        # Of our process, the program's own lingering and the pool's there are no more.
        assert recorder.open_files() < POOL + 100

    async with run_recorder(tmp_path, ["hall"], limits=LIMITS) as recorder:
        await record_beside(recorder, [lesson], sources, 10, lambda: crowd_in(recorder))
        await recorder.stop()
    one = recorder.matching(r"\b127\.0\.3\.1\b")
    many = recorder.matching(r"\b127\.0\.4\.\d+\b")
    assert times_said(one) + times_said(many) == len(crowd), [*one, *many]
    assert len(one) <= 6, one


async def test_an_encoder_gets_in_while_another_address_crowds_the_door(
    sources: Sources, tmp_path: Path
) -> None:
    """Connections that were told to go and do not, take no place from those who come."""
    async with run_recorder(tmp_path, ["hall"], limits=LIMITS) as recorder:
        async with trio.open_nursery() as nursery:

            async def stay() -> None:
                async with await raw.connect_from(recorder.port, "127.0.3.1"):
                    await trio.sleep_forever()

            for _ in range(CROWD):
                nursery.start_soon(stay)
            await recorder.line(r"\b127\.0\.3\.1\b")
            await publish(
                Encoder.CURRENT_FFMPEG,
                sources.get("h264-aac", 5),
                recorder.url("hall"),
                tmp_path / "sent.flv",
            )
            await recorder.ended("hall")
            nursery.cancel_scope.cancel()
        await recorder.stop()
