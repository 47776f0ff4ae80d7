"""Captures of real clients: what is found in them, and that they can follow themselves."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from recorder.rtmp import Counters, Limits
from recorder.rtmp.chunks import ChunkReader
from tests.bench.capture import capture, make_media
from tests.bench.counting import frames_in
from tests.bench.load import Sent
from tests.bench.wire import CaptureError, messages
from tests.helpers import media
from tests.helpers.encoders import Encoder
from tests.helpers.rtmp_client import RtmpClient, Style

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.capture import Capture


def test_messages_are_found_with_their_times_and_sizes() -> None:
    client = RtmpClient(style=Style.SPEC)
    client.set_chunk_size(100)
    client.video(0, media.avc_config())
    for number in range(4):
        client.video(40 * number, media.avc_frame(key=number == 0, size=300))
        client.audio(40 * number, media.aac_frame())
    found = list(messages(client.data_to_send(), 128))
    assert [(span.type_id, span.timestamp, span.is_frame) for span in found] == [
        (1, 0, False),
        (9, 0, False),
        *((kind, 40 * number, True) for number in range(4) for kind in (9, 8)),
    ]
    assert [span.is_keyframe for span in found if span.type_id == 9] == [
        False, True, False, False, False,
    ]  # fmt: skip


def test_interleaved_messages_cannot_be_replayed() -> None:
    client = RtmpClient()
    video = client.chunks(6, 9, 1, 0, bytes(300))
    audio = client.chunks(4, 8, 1, 0, bytes(10))
    with pytest.raises(CaptureError, match="interleaved"):
        list(messages(video[0] + audio[0] + b"".join(video[1:]), 128))


@pytest.mark.real
@pytest.mark.debian
@pytest.mark.parametrize(
    ("encoder", "chunk_size"), [(Encoder.DEBIAN_FFMPEG, 4096), (Encoder.RTMP2SINK, 128)]
)
def test_the_loop_of_a_real_client_s_publish_follows_itself_as_one_stream(
    tmp_path: Path, encoder: Encoder, chunk_size: int
) -> None:
    made = capture(encoder, make_media(tmp_path, 1000), chunk_size=4096)
    sent = Sent()
    data = bytearray()
    for part in (made.head, made.loop, made.loop, made.loop):
        data += part.data
        sent.add(part)
    assert made.chunk_size in {128, chunk_size}
    frames = frames_of(made, bytes(data))
    assert len(frames) == sent.frames
    assert sum(size for _, _, size in frames) == sent.frame_bytes
    for kind in (8, 9):
        times = [ms for each, ms, _ in frames if each == kind]
        steps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert min(steps) >= 0
        assert max(steps) < 100
        # Sound and picture have not drifted apart.
        assert abs(times[-1] - frames[-1][1]) < 200


def frames_of(made: Capture, data: bytes) -> list[tuple[int, int, int]]:
    """Kind, time and size of every frame, as the recorder's own reader sees the stream."""
    reader = ChunkReader(Limits(), Counters())
    reader.lift_allowance()
    client = RtmpClient()
    if made.chunk_size != client.chunk_size:
        client.set_chunk_size(made.chunk_size)
    reader.receive(client.data_to_send() + data)
    frames = []
    while (message := reader.next_message()) is not None:
        if message.type_id in {8, 9} and message.payload[1] == 1:
            frames.append((message.type_id, message.timestamp, len(message.payload)))
    return frames


def test_frames_are_counted_and_sequence_headers_are_not(tmp_path: Path) -> None:
    def tag(kind: int, body: bytes) -> bytes:
        return (
            bytes([kind]) + len(body).to_bytes(3) + bytes(7) + body + (len(body) + 11).to_bytes(4)
        )

    path = tmp_path / "a.flv"
    whole = b"FLV\x01\x05\0\0\0\x09\0\0\0\0" + b"".join(
        [
            tag(18, b"script"),
            tag(9, media.avc_config()),
            tag(9, media.avc_frame()),
            tag(8, media.aac_config()),
            tag(8, media.aac_frame()),
        ]
    )
    path.write_bytes(whole)
    assert frames_in([path]) == (2, len(media.avc_frame()) + len(media.aac_frame()))
    path.write_bytes(whole[:-1])
    assert frames_in([path]) == (1, len(media.avc_frame()))
    path.write_bytes(b"")
    assert frames_in([path]) == (0, 0)
