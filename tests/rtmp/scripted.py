"""What scripted clients say and look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.amf import EcmaArray, Value
from recorder.rtmp import Event, MediaReceived
from tests.helpers.rtmp_client import C2, Reply, RtmpClient

if TYPE_CHECKING:
    from tests.rtmp.driving import Application

AVC_CONFIG = bytes.fromhex("17 00 000000 01640028")
AVC_KEYFRAME = bytes.fromhex("17 01 000000") + b"k" * 900
AVC_FRAME = bytes.fromhex("27 01 000050") + b"f" * 250
AVC_END = bytes.fromhex("17 02 000000")
AAC_CONFIG = bytes.fromhex("af 00 1190")
AAC_FRAME = bytes.fromhex("af 01") + b"a" * 180

OBS_METADATA: dict[str, Value] = EcmaArray(
    {
        "duration": 0.0,
        "fileSize": 0.0,
        "width": 1920.0,
        "height": 1080.0,
        "videocodecid": 7.0,
        "videodatarate": 2500.0,
        "framerate": 30.0,
        "audiocodecid": 10.0,
        "audiodatarate": 160.0,
        "audiosamplerate": 48000.0,
        "audiosamplesize": 16.0,
        "audiochannels": 2.0,
        "stereo": True,
        "2.1": False,
        "3.1": False,
        "4.0": False,
        "4.1": False,
        "5.1": False,
        "7.1": False,
        "encoder": "obs-output module (libobs version 31.0.0)",
    }
)


def send_media(client: RtmpClient, *, stream_id: int = 1, base: int = 0) -> list[Event]:
    """Say a second of media, headers at 0; return the events that it must become."""
    sent: list[Event] = []

    def say(kind: int, timestamp: int, body: bytes) -> None:
        (client.video if kind == 9 else client.audio)(timestamp, body, stream_id=stream_id)
        sent.append(
            MediaReceived(stream_id=stream_id, kind=kind, timestamp=timestamp, payload=body)
        )

    say(9, 0, AVC_CONFIG)
    say(8, 0, AAC_CONFIG)
    for index in range(25):
        say(9, base + 40 * index, AVC_FRAME if index % 12 else AVC_KEYFRAME)
        say(8, base + 40 * index + 3, AAC_FRAME)
        say(8, base + 40 * index + 24, AAC_FRAME)
    return sent


def result(replies: list[Reply], transaction: float) -> Reply:
    """Return the one `_result` of a transaction."""
    [reply] = [r for r in replies if r.name == "_result" and r.values[1] == transaction]
    return reply


def created(replies: list[Reply], transaction: float) -> int:
    """Return the id in a createStream answer, checked as GStreamer checks it."""
    values = result(replies, transaction).values
    assert values[2] is None
    assert isinstance(values[3], float)
    assert values[3] >= 1
    return int(values[3])


def assert_started(replies: list[Reply], stream_id: int) -> None:
    """Check the status as HaishinKit does: the first command on the stream's own id."""
    first = next(reply for reply in replies if reply.stream_id == stream_id and reply.name)
    assert first.values[:3] == ["onStatus", 0.0, None]
    assert first.information["level"] == "status"
    assert first.code == "NetStream.Publish.Start"


def shake_hands(client: RtmpClient, application: Application) -> None:
    """C0C1, then the whole answer, then C2."""
    client.hello()
    application.talk(client)
    assert len(client.handshake_answer) == 3073
    assert client.unread_bytes == 0
    client.raw(C2)
