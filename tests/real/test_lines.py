"""One encoder of three on a line that delays, limits and stalls: the page says which and why, it
says when it is over, and every lesson is whole. And one that loses packets, as lines do."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.helpers.encoders import begin
from tests.helpers.faults.lossy_line import open_lossy_line
from tests.helpers.faults.slow_line import open_slow_line
from tests.helpers.pictures import check_picture
from tests.helpers.program import run_recorder
from tests.helpers.service_manager import manage
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.faults.slow_line import SlowLine
    from tests.helpers.program import Recorder

pytestmark = pytest.mark.real

ROOMS = ["slow", "hall", "lab"]
WITHIN_S = 20.0

RTMP = {"max_delay": "3s"}
"""A machine that is busy with other tests is half a second late itself, and that is good then."""

LIMIT_BYTES_PER_S = 25_000
"""Half of what the encoder sends."""

FEW, MANY = 0.003, 0.06
"""Packets that are lost: every line loses some, and too many for a score that is good."""


async def rooms(recorder: Recorder) -> dict[str, Any]:
    """Every room as the page has it now."""

    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(f"{recorder.page}/api/v1/status", timeout=5) as answer:
            picture = json.load(answer)
        check_picture(picture)
        return {room["name"]: room for room in picture["rooms"]}

    return await trio.to_thread.run_sync(ask)


async def until(
    recorder: Recorder, room: str, is_so: Callable[[dict[str, Any]], bool], what: str
) -> dict[str, Any]:
    """Look twice a second until it is so; what was seen then."""
    with trio.move_on_after(WITHIN_S):
        while True:
            found = await rooms(recorder)
            if found[room]["line"] is not None and is_so(found[room]["line"]):
                return found
            await trio.sleep(0.5)
    raise AssertionError(f"not within {WITHIN_S:g} s: {what}: {found[room]['line']}")


def is_bad_by_delay(line: dict[str, Any]) -> bool:
    return line["word"] == "bad" and "late" in line["reason"]


def is_good(line: dict[str, Any]) -> bool:
    return bool(line["word"] == "good")


def the_others_are_good(found: dict[str, Any]) -> None:
    for other in ROOMS[1:]:
        assert found[other]["line"]["word"] == "good", found[other]["line"]


async def be_late_and_stall(recorder: Recorder, line: SlowLine) -> None:
    await until(recorder, "slow", is_good, "good to begin with")
    line.delay_s = 2.6
    # First nothing comes for a while, and then everything late.
    found = await until(recorder, "slow", is_bad_by_delay, "bad by a delay")
    assert found["slow"]["quality"] < 0.5
    the_others_are_good(found)
    line.delay_s = 0
    line.stall()
    found = await until(recorder, "slow", lambda it: it["late_ms"] > 3000, "bad by a stall")
    assert found["slow"]["line"]["word"] == "bad"
    the_others_are_good(found)
    line.resume()
    found = await until(recorder, "slow", is_good, "good again behind both")
    assert found["slow"]["line"]["reason"] is None


async def carry_less(recorder: Recorder, line: SlowLine) -> None:
    await until(recorder, "slow", is_good, "good to begin with")
    line.bytes_per_s = LIMIT_BYTES_PER_S
    found = await until(recorder, "slow", lambda it: it["word"] == "bad", "bad by a limit")
    assert any(said in found["slow"]["line"]["reason"] for said in ("late", "of the time comes"))
    the_others_are_good(found)
    line.bytes_per_s = 10 * LIMIT_BYTES_PER_S
    found = await until(recorder, "slow", is_good, "good again without a limit")
    the_others_are_good(found)


@pytest.mark.parametrize(
    ("seconds", "suffer"),
    [(32, be_late_and_stall), pytest.param(40, carry_less, marks=pytest.mark.long)],
)
async def test_the_score_of_the_encoder_on_the_slow_line_falls_and_recovers(
    seconds: int,
    suffer: Callable[[Recorder, SlowLine], Awaitable[None]],
    sources: Sources,
    tmp_path: Path,
) -> None:
    source = sources.get("h264-aac", seconds)
    async with (
        run_recorder(tmp_path, ROOMS, rtmp=RTMP) as recorder,
        open_slow_line(recorder.port) as line,
    ):
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


@pytest.mark.root
@pytest.mark.debian
async def test_a_line_that_loses_a_few_packets_is_good_and_one_that_loses_many_is_not(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("heavy", 20)
    async with open_lossy_line(delay_s=0.003) as line, manage(tmp_path, names=["http"]) as manager:
        manager.sockets["rtmp"] = line.listening
        # What comes late by the losses is another part of the score.
        async with manager.start(["slow"], rtmp={"max_delay": "20s"}) as recorder:
            async with trio.open_nursery() as nursery:
                url = recorder.url("slow", port=line.port)
                line.loss = FEW
                ongoing = begin(nursery, source, url, tmp_path / "slow.flv")
                found = await until(
                    recorder, "slow", lambda it: is_good(it) and it["loss"] > 0, "good with a few"
                )
                told = found["slow"]["line"]
                # Behind each come some that are not lost.
                assert told["out_of_order"] > 2 * told["loss"]
                line.loss = MANY
                found = await until(
                    recorder, "slow", lambda it: "lost on the way" in (it["reason"] or ""), "lost"
                )
                assert FEW < found["slow"]["line"]["loss"] < 2 * MANY
                line.loss = 0
                await until(recorder, "slow", is_good, "good again without loss")
                published = await ongoing.published()
            await recorder.line(r" slow: recording \d+ ended")
            await check_recording(recorder.recording("slow"), published, was_held_back=True)
            await recorder.stop()
