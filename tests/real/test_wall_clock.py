"""The wall clock is set while a recording goes on: an event in the manifest, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers.encoders import Encoder, begin, publish
from tests.helpers.faults.wall_clock import WallClock
from tests.helpers.program import run_recorder
from tests.real import said
from tests.real.aftermath import fingerprints, finished
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = [pytest.mark.real, pytest.mark.debian]

STEP_S = 2 * 3600


@pytest.mark.long
async def test_a_clock_step_in_either_direction_is_an_event_and_changes_nothing(
    tmp_path: Path, sources: Sources
) -> None:
    source = sources.get("h264-aac", 10)
    clock = WallClock(tmp_path / "offset")
    async with run_recorder(
        tmp_path, ["hall", "lab"], env=clock.environment, clock={"trust": "always"}
    ) as recorder:
        # One that was finished before.
        earlier = await publish(
            Encoder.CURRENT_FFMPEG, source, recorder.url("lab"), tmp_path / "earlier.flv"
        )
        await recorder.ended("lab")
        async with trio.open_nursery() as nursery:
            hall = begin(nursery, source, recorder.url("hall"), tmp_path / "hall.flv")
            await recorder.line(said.closed("hall", "0001.flv"))
            before = fingerprints(recorder.storage / "lab")
            clock.set_to(STEP_S)
            await recorder.line(said.CLOCK_WAS_SET)
            await recorder.line(said.closed("hall", "0002.flv"))
            clock.set_to(0)
            await recorder.line(said.CLOCK_WAS_SET, count=2)
            published = await hall.published()
        await recorder.ended("hall")
        await finished(recorder)
    assert not recorder.matching(said.not_recorded())
    assert fingerprints(recorder.storage / "lab") == before
    await check_recording(recorder.recording("lab"), earlier)
    recording = recorder.recording("hall")
    await check_recording(recording, published, end_reason="unpublished")
    events = recording.manifest["events"]
    assert [event["kind"] for event in events] == ["clock_step", "clock_step"]
    for event, step_s in zip(events, (STEP_S, -STEP_S), strict=True):
        assert abs(event["ms"] - step_s * 1000) < 2000
    first, second = (event["at_ms"] for event in events)
    # Each behind its file's end. A recording begins up to a second later than its media, which are
    # held until it is known how; and a step is seen within about a second.
    assert 2000 <= first < second - 2000
    assert 5000 <= second <= 10_000
