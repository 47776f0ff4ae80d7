"""An encoder that leaves while much of what it said is still on the way."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers.media import AUDIO, VIDEO, aac_config, aac_frame, avc_config, avc_frame
from tests.helpers.program import Recorder, key_of, run_recorder
from tests.helpers.rtmp_client import RtmpClient
from tests.real.checks import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

pytestmark = pytest.mark.real

FRAMES = 400
FRAME_BYTES = 20_000
"""8 MB: several acknowledgements become due in it, and no system holds it all for us."""


ROOMS = [f"room{number}" for number in range(5)]


WINDOW_BYTES = 2_500_000
"""Who announces it wants acknowledgements."""

SILENCE_S = 1.0
"""Longer than the recorder waits for a moment in which an acknowledgement does no harm."""


def say_all_and_close(recorder: Recorder, room: str) -> None:
    """The last byte goes to the system, and the socket is closed behind it, without a look at what
    the server may still say."""
    client = RtmpClient()
    with socket.create_connection(("127.0.0.1", recorder.port)) as peer:
        client.start(f"{room}?key={key_of(room)}")
        client.set_chunk_size(65536)
        client.window_ack_size(WINDOW_BYTES)
        client.video(0, avc_config())
        client.audio(0, aac_config())
        for number in range(FRAMES):
            say_frames(client, [number])
            peer.sendall(client.data_to_send())
            hear_all(peer)
        client.finish(room)
        peer.sendall(client.data_to_send())
        hear_all(peer)


def say_all_without_listening(recorder: Recorder, room: str) -> None:
    """As ffmpeg does, which reads one message for each ten that it sends: what comes before the
    last ones is unread when the socket is closed."""
    client = RtmpClient()
    with socket.create_connection(("127.0.0.1", recorder.port)) as peer:
        client.start(f"{room}?key={key_of(room)}")
        client.set_chunk_size(65536)
        client.video(0, avc_config())
        client.audio(0, aac_config())
        say_frames(client, range(FRAMES - 5))
        peer.sendall(client.data_to_send())
        hear_all(peer)
        select.select([peer], [], [], SILENCE_S)
        for number in range(FRAMES - 5, FRAMES):
            say_frames(client, [number])
            peer.sendall(client.data_to_send())
        client.finish(room)
        peer.sendall(client.data_to_send())


def say_frames(client: RtmpClient, numbers: Iterable[int]) -> None:
    for number in numbers:
        client.video(number * 40, avc_frame(key=number % 25 == 0, size=FRAME_BYTES))
        client.audio(number * 40, aac_frame())


def hear_all(peer: socket.socket) -> None:
    try:
        while peer.recv(65536, socket.MSG_DONTWAIT):
            pass
    except BlockingIOError:
        pass


@pytest.mark.parametrize("say", [say_all_and_close, say_all_without_listening])
async def test_what_an_encoder_sent_before_it_closed_is_recorded_to_the_last_frame(
    tmp_path: Path, say: Callable[[Recorder, str], None]
) -> None:
    """An answer that comes to a closed socket, or lies unread in it when it is closed, makes its
    system forget what it has not sent yet."""
    async with run_recorder(tmp_path, ROOMS) as recorder:
        for room in ROOMS:
            await trio.to_thread.run_sync(say, recorder, room)
        for room in ROOMS:
            await recorder.line(rf" {room}: recording \d+ ended \(unpublished\)")
            segments = [scan(path) for path in recorder.recording(room).segments]
            frames = sum(len(each.frames(kind)) for each in segments for kind in (VIDEO, AUDIO))
            assert frames == 2 * FRAMES
        assert not recorder.matching("the connection broke")
