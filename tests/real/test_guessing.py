"""A crowd that guesses keys and passwords, over real sockets, from the address of honest encoders:
these get in at once, a recording beside it loses no frame, and memory stays what it was.

With RECORDER_LONG_TESTS=1 in the environment it is ten thousand guesses.
"""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers import secrets
from tests.helpers.encoders import Encoder, begin, publish
from tests.helpers.program import key_of, run_recorder
from tests.real import raw
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.program import Recorder

pytestmark = pytest.mark.real

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"
GUESSES = 10_000 if LONG else 300
GUESSERS = 40
GROWTH_BYTES = 24 << 20

WRONG_KEY = raw.HANDSHAKE + raw.CONNECT + raw.CREATE_STREAM + raw.publish("lab?key=guess")
WRONG_LOGIN = raw.HANDSHAKE + raw.message(
    raw.COMMAND,
    raw.amf(
        "connect",
        1,
        {"app": "login?authmod=adobe&user=lab&challenge=0badcafe&response=guess&opaque=guess"},
    ),
)


class Crowd:
    """Guesses without waiting for its answers, until it is told to stop and has done its share."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.guesses = itertools.count()
        self.done = 0
        self.may_stop = False

    async def guess(self) -> None:
        while not self.may_stop or self.done < GUESSES:
            said = WRONG_LOGIN if next(self.guesses) % 2 else WRONG_KEY
            with suppress(OSError, trio.BrokenResourceError):
                async with await trio.open_tcp_stream("127.0.0.1", self.recorder.port) as stream:
                    await stream.send_all(said)
                    with trio.move_on_after(0.1):
                        while await stream.receive_some(65536):
                            pass
            self.done += 1


@pytest.mark.long
async def test_a_crowd_that_guesses_keeps_nobody_out_and_costs_nothing(
    sources: Sources, tmp_path: Path
) -> None:
    lesson, short = sources.get("h264-aac", 9), sources.get("h264-aac", 7)
    async with run_recorder(tmp_path, ["hall", "lab", "studio"]) as recorder:
        crowd = Crowd(recorder)
        login = f"rtmp://studio:{key_of('studio')}@127.0.0.1:{recorder.port}/login/x"
        async with trio.open_nursery() as nursery:
            ongoing = begin(nursery, lesson, recorder.url("hall"), tmp_path / "hall.flv")
            await recorder.line("hall: recording 1 began")
            before = recorder.memory_peak_bytes()
            for _ in range(GUESSERS):
                nursery.start_soon(crowd.guess)
            await recorder.line("refused: lab: unknown room or wrong key")
            await recorder.line("refused: lab: a login with a challenge that is not ours")
            done = {
                room: await publish(Encoder.CURRENT_FFMPEG, short, url, tmp_path / f"{room}.flv")
                for room, url in (("lab", recorder.url("lab")), ("studio", login))
            }
            said = await secrets.answers(recorder.page)
            done["hall"] = await ongoing.published()
            crowd.may_stop = True
        assert recorder.memory_peak_bytes() - before < GROWTH_BYTES
        assert b'"kind":"failed_publishes"' in said
        assert b'rec_publishes_refused_total{reason="key"}' in said
        await recorder.stop()
    for room, published in done.items():
        await check_recording(recorder.recording(room), published)
