"""What a peer sends costs work in proportion to its bytes, counted in steps and not in seconds; and
never much before others have their turn.

A call of a function, ours or Python's, takes a twentieth to a tenth of a microsecond. What C does
behind one call is counted where it could be much: in the bytes it looks at.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import pytest

from recorder.amf import encode_values
from recorder.rtmp import (
    MORE,
    NEED_DATA,
    Counters,
    Limits,
    RemoteProtocolError,
    ServerConnection,
)
from recorder.rtmp.chunks import ChunkReader
from tests.amf.test_bounds import u29
from tests.helpers.looked import Looked
from tests.helpers.rtmp_client import C0_C1, C2, RtmpClient
from tests.helpers.work import Work
from tests.rtmp.driving import FILLER, Application, publishing, read_messages
from tests.rtmp.test_messages import tag

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS_PER_BYTE: Final = 40
"""The most that any byte may cost: a message of no byte has a header of one, and is an event."""

CALLS_AT_ONCE: Final = 250_000
"""Before others have their turn: some 20 ms."""

READ_BYTES: Final = 1 << 17


def interleaved(chunk_size: int, most_bytes: int) -> bytes:
    """Two messages that take turns, and of which neither ends."""
    client = RtmpClient()
    client.set_chunk_size(chunk_size)
    chunks = [client.chunks(csid, 9, 1, 0, bytes(most_bytes)) for csid in (3, 4)]
    client.raw(b"".join(chunk for pair in zip(*chunks, strict=True) for chunk in pair))
    return client.data_to_send()[:most_bytes]


@pytest.mark.parametrize("chunk_size", [1, 2, 7, 128])
def test_chunks_that_take_turns_are_not_looked_at_again_and_again(chunk_size: int) -> None:
    # A stranger could keep everybody waiting for ten seconds with 250 000 bytes.
    data = Looked(interleaved(chunk_size, 30_000))
    reader = ChunkReader(Limits(), Counters())
    reader.receive(data)
    assert reader.next_message() is None
    assert data.looked_at < 12 * len(data)


@pytest.mark.parametrize("row", [0, 1, 14, 15, 16, 17, 18, 40, 98])
def test_chunks_in_a_row_are_taken_up_to_what_breaks_the_row(row: int) -> None:
    body = bytes(index % 251 for index in range(1000))
    for between in (b"", body[:7], body[:25]):
        client = RtmpClient()
        client.set_chunk_size(10)
        video = client.chunks(6, 9, 1, 0, body)
        client.raw(b"".join(video[: row + 1]))
        client.message(4, 8, 1, 0, between)
        client.raw(b"".join(video[row + 1 :]))
        expected = [(8, 1, 0, between), (9, 1, 0, body)]
        assert read_messages([client.data_to_send()]) == (expected, 0)


# Whole streams, by what fills them.


def repeated(type_id: int, body: bytes = b"", *, stream_id: int = 1) -> Callable[[int], bytes]:
    """The same message over and over, with a header of one byte."""

    def fill(size: int) -> bytes:
        client = RtmpClient()
        client.set_chunk_size(1 << 20)
        client.message(3, type_id, stream_id, 0, body)
        head = client.data_to_send()
        return head + (b"\xc3" + body) * ((size - len(head)) // (1 + len(body)))

    return fill


def alone(type_id: int, fill: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """One message of such a body."""

    def whole(size: int) -> bytes:
        client = RtmpClient()
        client.set_chunk_size(1 << 20)
        client.message(3, type_id, 1, 0, fill(size))
        return client.data_to_send()

    return whole


def commands(*names_and_arguments: str | float | None) -> Callable[[int], bytes]:
    name, *arguments = names_and_arguments
    return repeated(20, encode_values(name, 0, None, *arguments))


def many_chunk_streams(size: int) -> bytes:
    """Headers in their longest form, of as many chunk streams as there may be."""
    client = RtmpClient()
    for csid in range(320, 380):
        client.message(csid, 4, 1, 0, b"")
    head = client.data_to_send()
    row = b"".join(b"\xc1" + struct.pack("<H", csid - 64) for csid in range(320, 380))
    return head + row * ((size - len(head)) // len(row))


def taken_back(size: int) -> bytes:
    """A message that is begun and aborted, over and over; it could be taken in a run."""
    client = RtmpClient()
    client.set_chunk_size(128)
    client.message(5, 9, 1, 0, b"a")
    client.message(6, 8, 1, 0, b"")
    begun = b"\x45\0\0\0" + (60_000).to_bytes(3) + b"\x09" + bytes(128)
    abort = b"\x02\0\0\0\0\0\4\2\0\0\0\0" + struct.pack(">I", 5)
    head = client.data_to_send()
    once = begun + abort + b"\xc6"
    return head + once * ((size - len(head)) // len(once))


def times_absent(size: int) -> bytes:
    """Chunks of one byte that should repeat an extended time, and do not."""
    client = RtmpClient(repeat_extended=False)
    client.set_chunk_size(1)
    client.message(5, 9, 1, 0xFFFF_FFF0, bytes(size // 2))
    return client.data_to_send()


def begun_and_ended(size: int) -> bytes:
    client = RtmpClient()
    client.set_chunk_size(4096)
    data = client.data_to_send()
    for _ in range(5):
        client.command("FCUnpublish", 0, None, "room")
        client.command("publish", 0, None, "room", "live", stream_id=1)
        client.command("play", 0, None, "room", stream_id=2)
        client.command("closeStream", 0, None, stream_id=2)
    once = client.data_to_send()
    return data + once * (size // len(once))


def encoded(*values: object) -> bytes:
    return encode_values("onMetaData", *values)  # type: ignore[arg-type]  # of tests


NAME: Final = encoded()
AMF3: Final = NAME + b"\x11"

HOSTILE: Final[dict[str, Callable[[int], bytes]]] = {
    "chunks of one byte that take turns": lambda size: interleaved(1, size),
    "chunks of one byte without their time": times_absent,
    "long headers of many chunk streams": many_chunk_streams,
    "messages taken back": taken_back,
    "chunk sizes": repeated(1, b"\0\0\1\0"),
    "aborts": repeated(2, b"\0\0\0\7"),
    "empty acknowledgements": repeated(3),
    "empty user control": repeated(4),
    "pings": repeated(4, b"\0\6time"),
    "windows": repeated(5, b"\0\0\0\1"),
    "empty bandwidths": repeated(6),
    "unknown types": repeated(0),
    "empty audio": repeated(8),
    "empty video": repeated(9),
    "audio for nobody": repeated(8, stream_id=7),
    "empty data": repeated(18),
    "empty commands": repeated(20),
    "empty aggregates": repeated(22),
    "commands that are no AMF": repeated(20, b"\xff"),
    "the shortest commands": repeated(20, b"\x02\0\0"),
    "the shortest data": repeated(18, b"\x02\0\0"),
    "answers": commands("_result"),
    "unknown commands": commands("else"),
    "calls": repeated(20, encode_values("createStream", 1)),
    "streams that are deleted": commands("deleteStream", 9),
    "streams that are deleted by name": commands("deleteStream", "x" * 900),
    "goodbyes": commands("FCUnpublish", "nobody"),
    "publishes that are refused": repeated(20, encode_values("publish", 0, None, "room")),
    "publishes and plays that begin and end": begun_and_ended,
    "an aggregate of nothing": alone(22, lambda size: tag(0, 0, b"") * (size // 15)),
    "an aggregate of audio": alone(22, lambda size: tag(8, 0, b"") * (size // 15)),
    "an aggregate of data": alone(22, lambda size: tag(18, 0, b"\x02\0\0") * (size // 18)),
    "nulls": alone(18, lambda size: NAME + b"\x05" * size),
    "numbers": alone(18, lambda size: encoded([1.0] * (size // 9))),
    "mixed numbers": alone(18, lambda size: encoded([None, 1.0] * (size // 10))),
    "empty arrays": alone(18, lambda size: NAME + b"\x0a\0\0\0\0" * (size // 5)),
    "empty objects": alone(18, lambda size: NAME + b"\x03\0\0\x09" * (size // 4)),
    "empty objects in commands": alone(20, lambda size: NAME + b"\x03\0\0\x09" * (size // 4)),
    "nested arrays": alone(18, lambda size: NAME + b"\x0a\0\0\0\1" * (size // 5)),
    "members": alone(18, lambda size: encoded({f"{each:05}": None for each in range(size // 8)})),
    "one member again and again": alone(18, lambda size: NAME + b"\3" + b"\0\1a\5" * (size // 4)),
    "long texts": alone(18, lambda size: encoded("\udcff" * size)),
    "references": alone(
        18, lambda size: NAME + b"\x0a\0\0\0\xc8" + b"\5" * 200 + b"\7\0\0" * (size // 3)
    ),
    "AMF3 nulls": alone(
        18, lambda size: AMF3 + b"\x09" + u29(2 * size + 1) + b"\x01" + b"\x01" * size
    ),
    "AMF3 references": alone(
        18,
        lambda size: AMF3 + b"\x09" + u29(size + 1) + b"\x01\x09\1\1" + b"\x09\2" * (size // 2),
    ),
    "AMF3 members": alone(
        18, lambda size: AMF3 + b"\x0a" + u29(size << 4 | 3) + b"\x03a" + bytes(size)
    ),
    "AMF3 vectors": alone(
        18, lambda size: AMF3 + b"\x0d" + u29(size // 4 << 1 | 1) + b"\0" + bytes(size)
    ),
    "AMF3 names": alone(18, lambda size: AMF3 + b"\x0a\x0b\x01" + b"\x03a\x01" * (size // 3)),
}


def stranger() -> Application:
    application = Application(ServerConnection(random=FILLER), accepts=False)
    application.feed(C0_C1 + C2)
    return application


def player() -> Application:
    client, application = RtmpClient(), Application(ServerConnection(random=FILLER))
    client.watch("room")
    application.talk(client)
    return application


STAGES: Final[dict[str, Callable[[], Application]]] = {
    "stranger": stranger,
    "player": player,
    "publisher": lambda: publishing(RtmpClient()),
}


def work_of(data: bytes, application: Application) -> tuple[int, int]:
    """The calls that these bytes cost, and the most of them before others had their turn."""
    server, calls, most = application.server, 0, 0
    for at in range(0, len(data), READ_BYTES):
        server.receive_data(data[at : at + READ_BYTES])
        event: object = MORE
        while event is not NEED_DATA:
            with Work() as work:
                try:
                    event = server.next_run(256) or server.next_event()
                except RemoteProtocolError:
                    event = NEED_DATA
            calls += work.calls
            most = max(most, work.calls)
            if event is not MORE and event is not NEED_DATA and not isinstance(event, tuple):
                application.decide(event)  # type: ignore[arg-type]  # nothing else is left
            server.data_to_send()
    return calls, most


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_byte_costs_more_than_its_share_and_nobody_waits_long(kind: str, stage: str) -> None:
    for size in (3_000, 16_000):
        data = HOSTILE[kind](size)
        assert size * 0.9 < len(data) < size * 1.1
        calls, most = work_of(data, STAGES[stage]())
        assert calls < CALLS_PER_BYTE * len(data)
        assert most < CALLS_AT_ONCE
