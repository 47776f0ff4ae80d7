"""A disk that refuses writes, under the real program: what is said, what is kept, what goes on.

The refusal is a real one, by the kernel: a limit on the size of files, which a process can be
given and relieved of while it runs. What a full disk says (ENOSPC) differs in its number only.
"""

from __future__ import annotations

import resource
import signal
from typing import TYPE_CHECKING

import pytest

from recorder.flv.scanner import scan_file
from tests.helpers.encoders import Encoder, publish
from tests.helpers.program import Recorder, run_recorder
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from pathlib import Path

    import trio

    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real

FAST = 4.0


def refuse_beyond(recorder: Recorder, file_bytes: int) -> None:
    limit = (file_bytes, resource.RLIM_INFINITY)
    resource.prlimit(recorder.process.pid, resource.RLIMIT_FSIZE, limit)


async def test_a_refusing_disk_is_said_and_the_encoder_is_recorded_when_it_comes_back(
    tmp_path: Path, sources: Sources
) -> None:
    source = sources.get("h264-aac", 8)
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        refuse_beyond(recorder, 100_000)
        await publish(
            Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "cut.flv",
            pace=FAST, must_succeed=False,
        )  # fmt: skip
        await recorder.line("ERROR +hall: recording 1 is cut off.*File too large")
        await recorder.line(
            "ERROR +hall: 127.0.0.1: not recorded, the disk refused.*File too large"
        )
        refuse_beyond(recorder, resource.RLIM_INFINITY)
        published = await publish(
            Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "whole.flv"
        )
        await recorder.line("hall: recording 2 ended")
        cut, whole = recorder.recordings("hall")
        await check_recording(whole, published)
    (part,) = cut.parts
    with part.open("rb") as file:
        assert list(scan_file(file)), "what was written can be read"


async def test_a_segment_that_cannot_be_finished_at_the_stop_makes_the_exit_code_1(
    tmp_path: Path, sources: Sources, nursery: trio.Nursery
) -> None:
    source = sources.get("h264-aac", 8)

    async def teach(recorder: Recorder) -> None:
        await publish(
            Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "sent.flv",
            pace=1, must_succeed=False,
        )  # fmt: skip

    async with run_recorder(tmp_path, ["hall"]) as recorder:
        nursery.start_soon(teach, recorder)
        await recorder.line("hall: recording 1 began")
        refuse_beyond(recorder, 1000)
        recorder.send(signal.SIGTERM)
        assert await recorder.gone() == 1
    assert recorder.matching("ERROR +hall: recording 1 is cut off")
    assert len(recorder.recording("hall").parts) == 1
