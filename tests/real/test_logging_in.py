"""Real encoders log in by user name and password: three connections, and a recording.

ffmpeg and rtmp2sink take them from the address. Debian's librtmp, which rtmpsink is, crashes while
it computes its answer (protocol §4.6), so it is not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers.encoders import Encoder, publish
from tests.helpers.program import key_of, run_recorder
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Published, Sources
    from tests.helpers.program import Recorder

pytestmark = [pytest.mark.real, pytest.mark.debian]

LOGINS = {
    "current": (Encoder.CURRENT_FFMPEG, "login"),
    "debian": (Encoder.DEBIAN_FFMPEG, "login"),
    "gstreamer": (Encoder.RTMP2SINK, "login"),
    # Limelight's challenge, which no encoder asks for by itself
    "limelight": (Encoder.CURRENT_FFMPEG, "llnw"),
}

REFUSALS = {
    "current": "Incorrect username/password",
    "debian": "Incorrect username/password",
    "gstreamer": "authentication failed; wrong credentials?",
    "limelight": "Incorrect username/password",
}


async def publish_each(
    recorder: Recorder, source: Path, *, password: str | None = None
) -> dict[str, Published]:
    """Every encoder into a room of its own, with the room's key or with this password."""
    done: dict[str, Published] = {}

    async def one(room: str, encoder: Encoder, application: str) -> None:
        account = f"{room}:{password or key_of(room)}"
        url = f"rtmp://{account}@127.0.0.1:{recorder.port}/{application}/lesson"
        muxed = recorder.folder / f"{room}.flv"
        done[room] = await publish(encoder, source, url, muxed, must_succeed=password is None)

    async with trio.open_nursery() as nursery:
        for room, (encoder, application) in LOGINS.items():
            nursery.start_soon(one, room, encoder, application)
    return done


async def test_user_and_password_in_the_address_are_three_rounds_and_a_recording(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 7)
    async with run_recorder(tmp_path, LOGINS, log={"level": "debug"}) as recorder:
        done = await publish_each(recorder, source)
        for room in done:
            await recorder.line(rf" {room}: recording \d+ ended")
        await recorder.stop()
    for room, published in done.items():
        await check_recording(recorder.recording(room), published)
    for words in ("asked for user name and password", "was given a challenge"):
        # Repeats of a line are counted.
        (first, *rest) = recorder.matching(words)
        assert " (and 3 more like this)" in "".join([first, *rest])


async def test_a_wrong_password_is_what_the_encoder_says(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", 7)
    async with run_recorder(tmp_path, LOGINS) as recorder:
        done = await publish_each(recorder, source, password="wrong")
        for room, published in done.items():
            assert REFUSALS[room] in published.said
            await recorder.line(f"127.0.0.1: refused: {room}: wrong user name or password")
            assert recorder.recordings(room) == []


async def test_an_encoder_without_a_user_name_shows_which_server_is_right(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 7)
    async with run_recorder(tmp_path, ["room101"]) as recorder:
        url = f"rtmp://127.0.0.1:{recorder.port}/movies/{key_of('room101')}"
        published = await publish(
            Encoder.CURRENT_FFMPEG, source, url, tmp_path / "muxed.flv", must_succeed=False
        )
        assert "The server is rtmp://HOST/live" in published.said
