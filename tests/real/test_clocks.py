"""A real encoder whose clock begins late and passes the places where RTMP times break.

24 bits are full after 4 h 39 m (the extended timestamp begins), 31 bits after 24.8 days (ffmpeg
begins again at 0, each track for itself); protocol §2.3, §2.4.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers import packets
from tests.helpers.program import run_recorder
from tests.real.checks import check_plays

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    "begins_at_s",
    [
        pytest.param(16_773, id="24 bits"),
        pytest.param(2_147_479, id="31 bits"),
    ],
)
async def test_a_clock_that_passes_its_end_leaves_no_trace_in_the_files(
    tmp_path: Path, sources: Sources, begins_at_s: int
) -> None:
    source = sources.get("h264-aac", 8)
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        with trio.fail_after(30):
            await trio.run_process(
                [
                    *(packets.current_ffmpeg(), "-v", "error", "-nostdin", "-i", str(source)),
                    *("-c", "copy", "-output_ts_offset", str(begins_at_s), "-f", "flv"),
                    recorder.url("hall"),
                ],
                stdin=subprocess.DEVNULL,
            )
        recording = await recorder.ended("hall")
    comparison = packets.compare(
        await packets.read_tracks(source), await packets.read_all(recording.segments)
    )
    assert comparison.differences == []
    assert recording.manifest["counts"] == {}
    assert len(recording.segments) > 1
    for path in recording.segments:
        await check_plays(path)
