"""One encoder of three on a line that delays, limits and stalls: the page says which and why, it
says when it is over, and every lesson is whole."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.helpers.encoders import begin
from tests.helpers.faults.slow_line import open_slow_line
from tests.helpers.program import run_recorder
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.faults.slow_line import SlowLine
    from tests.helpers.program import Recorder

pytestmark = pytest.mark.real

IS_LONG = "RECORDER_LONG_TESTS" in os.environ
ROOMS = ["slow", "hall", "lab"]
WITHIN_S = 20.0

LIMIT_BYTES_PER_S = 25_000
"""Half of what the encoder sends."""


async def rooms(recorder: Recorder) -> dict[str, Any]:
    """Every room as the page has it now."""

    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(f"{recorder.page}/api/v1/status", timeout=5) as answer:
            return {room["name"]: room for room in json.load(answer)["rooms"]}

    return await trio.to_thread.run_sync(ask)


async def until(
    recorder: Recorder, room: str, is_so: Callable[[dict[str, Any]], bool], what: str
) -> dict[str, Any]:
    """Look twice a second until it is so; the others are good all the time."""
    with trio.move_on_after(WITHIN_S):
        while True:
            found = await rooms(recorder)
            if found[room]["line"] is not None and is_so(found[room]["line"]):
                return found
            await trio.sleep(0.5)
    raise AssertionError(f"not within {WITHIN_S:g} s: {what}: {found[room]['line']}")


def is_good(line: dict[str, Any]) -> bool:
    return bool(line["word"] == "good")


async def suffer(recorder: Recorder, line: SlowLine) -> None:
    await until(recorder, "slow", is_good, "good to begin with")
    line.delay_s = 1.6
    # First nothing comes for a while, and then everything late.
    found = await until(recorder, "slow", lambda it: "late" in (it["reason"] or ""), "late")
    assert found["slow"]["line"]["word"] == "bad"
    assert found["slow"]["quality"] < 0.5
    for other in ("hall", "lab"):
        assert found[other]["line"]["word"] == "good", found[other]["line"]
    line.delay_s = 0
    await until(recorder, "slow", is_good, "good again without delay")
    line.stall()
    found = await until(recorder, "slow", lambda it: it["word"] == "bad", "bad by a stall")
    assert found["hall"]["line"]["word"] == "good"
    line.resume()
    found = await until(recorder, "slow", is_good, "good again behind the stall")
    assert found["slow"]["line"]["reason"] is None
    if IS_LONG:
        line.bytes_per_s = LIMIT_BYTES_PER_S
        found = await until(recorder, "slow", lambda it: it["word"] == "bad", "bad by a limit")
        assert found["slow"]["line"]["reason"]
        line.bytes_per_s = 10 * LIMIT_BYTES_PER_S
        await until(recorder, "slow", is_good, "good again without a limit")


@pytest.mark.long
async def test_the_score_of_the_encoder_on_the_slow_line_falls_and_recovers(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 60 if IS_LONG else 25)
    async with run_recorder(tmp_path, ROOMS) as recorder, open_slow_line(recorder.port) as line:
        async with trio.open_nursery() as nursery:
            ongoing = {
                room: begin(
                    nursery,
                    source,
                    recorder.url(room, port=line.port if room == "slow" else None),
                    tmp_path / f"{room}.flv",
                )
                for room in ROOMS
            }
            await suffer(recorder, line)
            published = {room: await each.published() for room, each in ongoing.items()}
        for room in ROOMS:
            await recorder.line(rf" {room}: recording \d+ ended")
            await check_recording(
                recorder.recording(room), published[room], was_held_back=room == "slow"
            )
        await recorder.stop()
