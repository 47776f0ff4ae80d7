"""Runs: the short way through the chunk stream says what the general way says, and only sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.rtmp import (
    Counters,
    Limits,
    MediaReceived,
    PublishRequested,
    RemoteProtocolError,
)
from recorder.rtmp.chunks import ChunkReader
from recorder.rtmp.runs import FRONT_BYTES, VIEW_FROM_BYTES
from tests.helpers.rtmp_client import RtmpClient, Style
from tests.rtmp.driving import byte_by_byte, publishing

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from recorder.rtmp.runs import Media

Said = tuple[int, int, int, bytes]
"""Type, NetStream, timestamp, body."""


class Reading:
    """What a reader says of a stream that comes in these parts.

    Args:
        publishing: NetStreams whose media may take the short way; none: all goes the general one.
    """

    def __init__(
        self, parts: Iterable[bytes], publishing: Container[int], limits: Limits | None = None
    ) -> None:
        self.counters = Counters()
        self.reader = ChunkReader(limits or Limits(), self.counters)
        self.reader.lift_allowance()
        self.said: list[Said] = []
        self.in_runs = 0
        self.error: tuple[str, object] | None = None
        self._publishing = publishing
        try:
            for part in parts:
                self.reader.receive(part)
                self._read()
        except RemoteProtocolError as error:
            self.error = (error.reason, error.hint)

    def _read(self) -> None:
        while True:
            while (run := self.reader.next_run(self._publishing, 3)) is not None:
                stream_id, media = run
                assert 0 < len(media) <= 3
                self.said += [said(stream_id, each) for each in media]
                self.in_runs += len(media)
            message = self.reader.next_message()
            if message is None:
                return
            type_id, stream_id, timestamp, payload = message
            self.said.append((type_id, stream_id, timestamp, payload))


def said(stream_id: int, media: Media) -> Said:
    kind, timestamp, size, front, body = media
    payload = b"".join(body)
    assert len(payload) == size
    assert payload.startswith(front[: min(size, FRONT_BYTES)])
    return kind, stream_id, timestamp, payload


def published(client: RtmpClient, frames: int = 4, size: int = 5000) -> list[Said]:
    """Say so many video frames, each with two of audio, and return what was said."""
    sent: list[Said] = []
    for number in range(frames):
        video = bytes([number]) * (size + number)
        client.video(40 * number, video)
        sent.append((9, 1, 40 * number, video))
        for audio in range(2):
            body = bytes([200 + number]) * (300 + number + audio)
            client.audio(40 * number + 20 * audio, body)
            sent.append((8, 1, 40 * number + 20 * audio, body))
    return sent


@pytest.mark.parametrize("chunk_size", [128, 1024, 4096, 65536])
def test_ordinary_media_come_in_runs(chunk_size: int) -> None:
    client = RtmpClient(style=Style.DELTA)
    client.set_chunk_size(chunk_size)
    sent = published(client)
    reading = Reading([client.data_to_send()], {1})
    assert reading.said == sent
    # The first of each chunk stream has an absolute time.
    assert reading.in_runs == len(sent) - 2


def test_media_that_nobody_wants_come_in_no_run() -> None:
    client = RtmpClient(style=Style.DELTA)
    sent = published(client)
    reading = Reading([client.data_to_send()], {2})
    assert (reading.said, reading.in_runs) == (sent, 0)


def test_a_stranger_s_media_come_in_no_run() -> None:
    client = RtmpClient(style=Style.DELTA)
    published(client)
    reader = ChunkReader(Limits(), Counters())
    reader.receive(client.data_to_send())
    while reader.next_message() is not None:
        assert reader.next_run({1}, 9) is None


def test_a_run_has_the_media_of_one_netstream() -> None:
    client = RtmpClient(style=Style.DELTA)
    for stream_id, csid in ((1, 6), (2, 7), (1, 6), (1, 6), (2, 7), (2, 7)):
        client.message(csid, 9, stream_id, 0, b"frame")
    reader = ChunkReader(Limits(), Counters())
    reader.lift_allowance()
    reader.receive(client.data_to_send())
    assert [reader.next_message(), reader.next_message()] == [
        (9, 1, 0, b"frame"),
        (9, 2, 0, b"frame"),
    ]
    for stream_id in (1, 2):
        run = reader.next_run({1, 2}, 9)
        assert run is not None
        assert (run[0], len(run[1])) == (stream_id, 2)
    assert reader.next_run({1, 2}, 9) is None


@pytest.mark.parametrize(
    "odd",
    [
        b"\x46" + bytes.fromhex("ffffff 000001 09 00ffffff 00"),  # an extended time
        b"\x46" + bytes.fromhex("000028 000001 12 00"),  # data
        b"\x06" + bytes.fromhex("000028 000001 09 01000000 00"),  # format 0
        b"\x86" + bytes.fromhex("000028 00"),  # format 2
    ],
    ids=["extended time", "data", "format 0", "format 2"],
)
def test_what_is_out_of_the_ordinary_is_left_to_the_general_way(odd: bytes) -> None:
    start = b"\x06" + bytes.fromhex("000000 000001 09 01000000 00")
    frame = b"\x46" + bytes.fromhex("000028 000001 09 00")
    data = start + frame + odd + frame
    short, general = Reading([data], {1}), Reading([data], ())
    assert short.said == general.said
    assert len(short.said) == 4
    assert short.in_runs == 2


def test_a_message_that_is_interleaved_is_left_to_the_general_way() -> None:
    client = RtmpClient(style=Style.DELTA)
    client.video(0, b"first")
    client.audio(0, b"first")
    data = client.data_to_send()
    video = client.chunks(6, 9, 1, 40, b"v" * 300)
    audio = client.chunks(4, 8, 1, 23, b"a" * 127)
    data += video[0] + audio[0] + b"".join(video[1:])
    short, general = Reading([data], {1}), Reading([data], ())
    assert short.said == general.said
    assert short.said[2:] == [(8, 1, 23, b"a" * 127), (9, 1, 40, b"v" * 300)]


def test_a_message_beyond_its_limit_is_refused_as_ever() -> None:
    start = b"\x06" + bytes.fromhex("000000 000001 08 01000000 00")
    data = start + b"\x46" + bytes.fromhex("000028 000009 08") + bytes(9)
    limits = Limits(audio_bytes=8)
    short, general = Reading([data], {1}, limits), Reading([data], (), limits)
    assert short.error == general.error is not None


def test_a_large_piece_is_a_view_and_a_small_one_a_copy() -> None:
    client = RtmpClient(style=Style.DELTA)
    client.set_chunk_size(4096)
    client.video(0, b"first")
    client.video(40, bytes(3 * 4096 + 1))
    client.video(80, bytes(VIEW_FROM_BYTES - 1))
    reader = ChunkReader(Limits(), Counters())
    reader.lift_allowance()
    reader.receive(client.data_to_send())
    assert reader.next_message() is not None
    run = reader.next_run({1}, 9)
    assert run is not None
    (*_, large), (*_, small) = run[1]
    assert [type(piece) for piece in large] == [memoryview] * 4
    assert [type(piece) for piece in small] == [bytes]


def test_a_connection_gives_runs_of_what_is_published_and_of_nothing_else() -> None:
    client = RtmpClient(style=Style.DELTA)
    application = publishing(client)
    client.video(0, b"first")
    application.talk(client)
    for number in range(3):
        client.video(40 * number, b"frame")
    application.server.receive_data(client.data_to_send())
    run = application.server.next_run(2)
    assert run is not None
    assert [said(run[0], each) for each in run[1]] == [(9, 1, 0, b"frame"), (9, 1, 40, b"frame")]
    # While somebody else asks to publish on the same connection nothing is parsed.
    client.command("createStream", 8, None)
    client.publish("another", stream_id=2)
    client.video(120, b"later")
    application.server.receive_data(client.data_to_send())
    assert application.server.next_run(9) is not None
    while not isinstance(event := application.server.next_event(), PublishRequested):
        pass
    assert application.server.next_run(9) is None
    application.server.accept_publish(event.stream_id)
    run = application.server.next_run(9)
    assert run is not None
    assert [said(run[0], each) for each in run[1]] == [(9, 1, 120, b"later")]


def test_the_rest_of_an_aggregate_comes_before_the_next_run() -> None:
    client = RtmpClient(style=Style.DELTA)
    application = publishing(client)
    client.video(0, b"first")
    application.talk(client)
    tag = bytes.fromhex("09 000001 000000 00 000000 61 0000000c")
    client.message(4, 22, 1, 0, tag * 2)
    client.video(40, b"next")
    application.server.receive_data(client.data_to_send())
    assert isinstance(application.server.next_event(), MediaReceived)
    assert application.server.next_run(9) is None
    assert isinstance(application.server.next_event(), MediaReceived)
    assert application.server.next_event() == MediaReceived(
        stream_id=1, kind=9, timestamp=40, payload=b"next"
    )


BODIES = st.one_of(
    st.integers(0, 12), st.integers(120, 140), st.integers(250, 270), st.integers(4090, 4110)
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """What several odd senders might say on one connection, some of it damaged."""
    client = RtmpClient(
        style=draw(st.sampled_from(Style)),
        repeat_extended=draw(st.booleans()),
        video_csid=draw(st.sampled_from([6, 63, 64])),
    )
    client.set_chunk_size(draw(st.sampled_from([1, 5, 127, 128, 129, 2048, 4096, 65536])))
    pending: list[bytes] = []
    parts: list[bytes] = []
    time = 0
    for number in range(draw(st.integers(1, 14))):
        time += draw(st.sampled_from([0, 0, 20, 40, 40, 40, 0xFFFFFF]))
        body = bytes([number + 1]) * draw(BODIES)
        match draw(st.sampled_from("vvvvvvaaaaaacsbi")):
            case "v":
                client.video(time, body)
            case "a":
                client.audio(time, body)
            case "c":
                client.command("ping", number, None)
            case "s":
                client.set_chunk_size(draw(st.sampled_from([127, 128, 4096])))
            case "b":
                client.control(2, (6).to_bytes(4))
            case _:
                pending = client.chunks(9, 9, 1, time, body)
        parts.append(client.data_to_send())
        if pending:
            parts.append(pending.pop(0))
    parts += pending
    data = bytearray(b"".join(parts))
    if draw(st.integers(0, 3)) == 0:
        data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@settings(max_examples=120, deadline=None)
@given(streams(), st.data())
def test_both_ways_say_the_same_however_a_stream_is_split(
    data: bytes, draws: st.DataObject
) -> None:
    limits = draws.draw(
        st.sampled_from([Limits(), Limits(partial_bytes=400), Limits(message_bytes=4096)])
    )
    cuts = sorted(draws.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    general = Reading(byte_by_byte(data), (), limits)
    for short in (Reading(parts, {1}, limits), Reading([data], {1}, limits)):
        assert short.said == general.said
        assert short.error == general.error
        assert short.counters == general.counters
        if general.error is None:
            assert short.reader.buffered_bytes == general.reader.buffered_bytes
