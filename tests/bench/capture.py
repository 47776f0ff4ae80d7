"""What a real client sends, made on the spot: an encoder publishes generated media to a server
here, and every byte of its chunk stream is kept.

Owns how a capture becomes a stream of any length: a head up to a keyframe, then a loop from that
keyframe to a later one, whose headers say nothing but differences, so that it can follow itself.
One difference in it is corrected, or audio and video would drift apart with every turn.
"""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING, Final

import attrs

from recorder.rtmp import (
    NEED_DATA,
    ConnectRequested,
    Limits,
    PublishEnded,
    PublishRequested,
    ServerConnection,
)
from tests.bench.wire import AUDIO, COMMAND, VIDEO, CaptureError, Span, messages
from tests.helpers.encoders import Encoder, publish_command

if TYPE_CHECKING:
    from pathlib import Path

HANDSHAKE_BYTES: Final = 1 + 1536 + 1536
"""C0, C1, C2: what stands before the client's chunk stream."""

MEDIA_S: Final = 24
"""Length of the generated media."""

LOOP_MS: Final = 16_000
"""At least so much of it is repeated."""

ENCODE_S: Final = 120.0


@attrs.frozen(kw_only=True)
class Message:
    """A message of a capture: its bytes on the wire, and when an encoder sends it."""

    start: int
    end: int
    ms: int
    """Since the beginning of the head, or of the loop."""
    frame_bytes: int | None
    """The size of its body if it is a frame."""


@attrs.frozen(kw_only=True)
class Part:
    """A stretch of a client's chunk stream."""

    data: bytes
    messages: list[Message]

    @property
    def frames(self) -> int:
        return sum(message.frame_bytes is not None for message in self.messages)

    @property
    def frame_bytes(self) -> int:
        """Of all bodies of frames."""
        return sum(message.frame_bytes or 0 for message in self.messages)


@attrs.frozen(kw_only=True)
class Capture:
    """A publish of any length: the head once, then the loop as often as wanted."""

    chunk_size: int
    """The client's, in force where the head begins."""
    head: Part
    loop: Part
    head_ms: int
    loop_ms: int


def make_media(folder: Path, kilobits: int) -> Path:
    """An FLV file of H.264 and AAC that has this bitrate: noise, which nothing compresses."""
    path = folder / f"media-{kilobits}k.flv"
    size, noise = ("640x360", 60) if kilobits > 2000 else ("320x180", 40)
    if not path.exists():
        subprocess.run(
            [
                *("ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i"),
                f"testsrc2=size={size}:rate=25,noise=alls={noise}:allf=t",
                *("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"),
                *("-t", str(MEDIA_S), "-c:v", "libx264", "-preset", "veryfast", "-g", "50"),
                *("-keyint_min", "50", "-sc_threshold", "0", "-bf", "2", "-b:v", f"{kilobits}k"),
                *("-minrate", f"{kilobits}k", "-maxrate", f"{kilobits}k"),
                *("-bufsize", f"{kilobits}k", "-c:a", "aac", "-b:a", "128k", "-f", "flv"),
                str(path),
            ],
            check=True,
            timeout=ENCODE_S,
        )
    return path


def capture(encoder: Encoder, media: Path, *, chunk_size: int) -> Capture:
    """Let an encoder publish, and keep what it sends.

    Args:
        chunk_size: what the server announces; ffmpeg then sends so, GStreamer sends as it likes.

    Raises:
        CaptureError: what it sent cannot be replayed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"rtmp://127.0.0.1:{listener.getsockname()[1]}/live/room?key=benchmark"
        tee = media.with_suffix(".tee")
        client = subprocess.Popen(
            publish_command(encoder, media, url, tee=tee),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            listener.settimeout(ENCODE_S)
            peer, _ = listener.accept()
            with peer:
                data = _receive_all(peer, chunk_size)
        finally:
            client.kill()
            client.wait()
            tee.unlink(missing_ok=True)
    return _cut(data[HANDSHAKE_BYTES:])


def _receive_all(peer: socket.socket, chunk_size: int) -> bytes:
    """Say yes to everything; returns all bytes until the client has ended its publish.

    Once it publishes nothing is said any more, acknowledgements neither: a client that leaves
    without having read them resets the connection, and its last bytes would be lost.
    """
    connection = ServerConnection(Limits(chunk_size=chunk_size), random=bytes(1528))
    received = bytearray()
    is_publishing = False
    while block := peer.recv(1 << 18):
        received += block
        connection.receive_data(block)
        while (event := connection.next_event()) is not NEED_DATA:
            match event:
                case ConnectRequested():
                    connection.accept_connect()
                case PublishRequested():
                    connection.accept_publish(event.stream_id)
                    peer.sendall(connection.data_to_send())
                    is_publishing = True
                case PublishEnded():
                    return bytes(received)
                case _:
                    pass
        if not is_publishing:
            peer.sendall(connection.data_to_send())
    return bytes(received)


def _cut(data: bytes) -> Capture:
    """Find the head and a loop in a whole publish."""
    spans = list(messages(data, 128))
    chunk_size = 128
    for at, span in enumerate(spans):
        if span.type_id == 1:
            chunk_size = int.from_bytes(span.front[:4])
        if span.type_id == COMMAND and span.front[3:10] == b"publish":
            media = [each for each in spans[at + 1 :] if each.type_id != COMMAND]
            return _loop(data, media, chunk_size)
    raise CaptureError("the client did not publish")


def _loop(data: bytes, spans: list[Span], chunk_size: int) -> Capture:
    keys = [at for at, span in enumerate(spans) if span.is_keyframe]
    for first in keys[1:]:
        last = next((k for k in keys if spans[k].timestamp >= spans[first].timestamp + LOOP_MS), 0)
        body = spans[first:last]
        if body and _can_follow_itself(body):
            head = spans[:first]
            part = _part(data, body)
            return Capture(
                chunk_size=chunk_size,
                head=_part(data, head),
                loop=attrs.evolve(part, data=_without_drift(part.data, body, spans)),
                head_ms=body[0].timestamp - head[0].timestamp,
                loop_ms=spans[last].timestamp - body[0].timestamp,
            )
    raise CaptureError("no stretch of the capture can follow itself")


def _can_follow_itself(body: list[Span]) -> bool:
    """Whether every header means the same behind the loop's end as behind the head: what a first
    header of a chunk stream inherits is what the last one says, and no absolute time follows. That
    of media says its difference in time."""
    firsts = {span.csid: span for span in reversed(body)}
    lasts = {span.csid: span for span in body}
    inherits = all(
        first.header_format == 1
        or (first.size, first.type_id) == (lasts[csid].size, lasts[csid].type_id)
        for csid, first in firsts.items()
    )
    media = {span.type_id: span for span in firsts.values() if span.type_id in {AUDIO, VIDEO}}
    return (
        inherits
        and len(media) == 2
        and all(span.header_format < 3 for span in media.values())
        and all(span.header_format for span in body)
    )


def _part(data: bytes, spans: list[Span]) -> Part:
    began, at = spans[0].timestamp, spans[0].start
    return Part(
        data=data[at : spans[-1].end],
        messages=[
            Message(
                start=span.start - at,
                end=span.end - at,
                ms=max(0, span.timestamp - began),
                frame_bytes=span.size if span.is_frame else None,
            )
            for span in spans
        ],
    )


def _without_drift(data: bytes, body: list[Span], spans: list[Span]) -> bytes:
    """The loop with the first audio message's difference corrected, so that a turn takes as long
    for audio as for video."""
    before = {
        kind: next(s for s in reversed(spans) if s.type_id == kind and s.start < body[0].start)
        for kind in (AUDIO, VIDEO)
    }
    last = {kind: next(s for s in reversed(body) if s.type_id == kind) for kind in (AUDIO, VIDEO)}
    turn = {kind: last[kind].timestamp - before[kind].timestamp for kind in (AUDIO, VIDEO)}
    audio = next(span for span in body if span.type_id == AUDIO)
    old = audio.timestamp - before[AUDIO].timestamp
    at = audio.start - body[0].start + 1
    corrected = old + turn[VIDEO] - turn[AUDIO]
    if not 0 <= corrected < 1000:
        raise CaptureError("audio and video of the capture do not last equally long")
    return data[:at] + corrected.to_bytes(3) + data[at + 3 :]
