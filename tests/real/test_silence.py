"""Publishers that say nothing: they time out, and what they sent before is kept."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers import packets
from tests.helpers.encoders import Encoder, Published, publish_command
from tests.helpers.program import key_of, run_recorder
from tests.real import raw
from tests.real.checks import check_plays, check_segment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real

TIMES = {"first_media_timeout": "1s", "idle_timeout": "1s", "reconnect_window": "500ms"}


async def test_an_encoder_that_falls_silent_is_let_go_and_its_recording_is_whole(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 12)
    async with run_recorder(tmp_path, ["hall"], recording=TIMES) as recorder:
        encoder = await trio.lowlevel.open_process(
            publish_command(Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), pace=1),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await recorder.line(r"\bhall: recording \d+ began")
            # Frozen, as by a network that is gone: its connection stands, and nothing comes.
            encoder.send_signal(signal.SIGSTOP)
            frozen_s = time.monotonic()
            await recorder.line(r"\bhall\b.*nothing received for 1 s")
            assert 0.5 < time.monotonic() - frozen_s < 4
            recording = await recorder.ended("hall")
        finally:
            encoder.kill()
            with trio.CancelScope(shield=True):
                await encoder.wait()
        await recorder.stop()
    assert recording.manifest["end_reason"] == "lost"
    assert recording.parts == []
    (path,), (row,) = recording.segments, recording.manifest["segments"]
    check_segment(path, row, first=True)
    await check_plays(path)
    sent = Published(Encoder.CURRENT_FFMPEG, source, tmp_path / "sent.flv", code=0, said="")
    (recorded,) = await packets.read_all([path])
    reference = await sent.reference()
    beginning = {name: track[: len(recorded[name])] for name, track in reference.items()}
    assert packets.compare(beginning, [recorded]).differences == []


async def test_a_publisher_without_media_is_let_go_and_leaves_nothing(tmp_path: Path) -> None:
    async with run_recorder(tmp_path, ["hall", "lab"], recording=TIMES) as recorder:
        async with trio.open_nursery() as nursery:
            for room, keeps_talking in (("hall", False), ("lab", True)):

                async def come(room: str = room, keeps_talking: bool = keeps_talking) -> None:
                    async with await recorder.connect() as stream:
                        await stream.send_all(raw.HANDSHAKE + raw.CONNECT + raw.CREATE_STREAM)
                        await stream.send_all(raw.publish(f"{room}?key={key_of(room)}"))
                        if keeps_talking:
                            # Bytes that are not media do not help.
                            ping = raw.message(raw.USER_CONTROL, raw.PING_REQUEST, csid=2)
                            await stream.send_all(ping)
                        said = await raw.received_until_closed(stream, within_s=5)
                    assert b"NetStream.Publish.Start" in said

                nursery.start_soon(come)
        for room in ("hall", "lab"):
            await recorder.line(rf"\b{room}\b.*no media within 1 s of publishing")
        await recorder.stop()
    assert recorder.recordings("hall") == []
    assert recorder.recordings("lab") == []


async def test_a_wrong_key_and_a_wrong_room_get_the_same_answer(tmp_path: Path) -> None:
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        answers: list[bytes] = []

        async def knock(name: str) -> None:
            async with await recorder.connect() as stream:
                await stream.send_all(raw.HANDSHAKE + raw.CONNECT + raw.CREATE_STREAM)
                await stream.send_all(raw.publish(name))
                said = await raw.received_until_closed(stream, within_s=5)
            # After S0, S1 and S2: S1 is random.
            answers.append(said[3073:])

        async with trio.open_nursery() as nursery:
            for name in ("hall?key=wrong-key-0123456789", "cellar?key=wrong-key-0123456789"):
                nursery.start_soon(knock, name)
        assert answers[0] == answers[1]
        assert b"NetStream.Publish.BadName" in answers[0]
        await recorder.stop()
    assert "wrong-key" not in recorder.log
    assert not recorder.recordings("hall")
