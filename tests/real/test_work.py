"""How much work a running recorder is: system calls and wake-ups, counted and not timed.

In real time these are what recording costs (design §4). The rates follow from clocks, so they do
not depend on how fast the machine is or what else it does; a budget is about twice of what is
measured, and half of what a recorder without pauses and ticks would need, or less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
import trio

from tests.bench import load
from tests.bench.capture import capture, make_media
from tests.bench.counting import missing_frames
from tests.bench.load import Entry
from tests.bench.weigh import switches
from tests.helpers.encoders import Encoder
from tests.helpers.faults.tracing import counted, traced
from tests.helpers.program import key_of, run_recorder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.capture import Capture
    from tests.helpers.program import Recorder

pytestmark = [pytest.mark.real, pytest.mark.debian]

ROOMS: Final = [f"room{number}" for number in range(20)]
SECONDS: Final = 6.0
WATCHED_S: Final = 4.0

END_S: Final = 3.0
"""Of a publish, behind what is watched."""

LEARNT_S: Final = 2.0
"""By then every encoder's rate is known."""

RECEIVES_PER_ROOM: Final = 90
"""In `SECONDS`. Two to four a second, and some 40 while the rate is learnt: 62 were measured. One
for each message makes 430."""

WRITES_PER_ROOM: Final = 50
"""One for each read that brings media, the file's head at the start and at the end, the manifest
and the like: 33 were measured."""

SYNCS_PER_ROOM: Final = 26
"""One in five seconds, and 19 that make a recording's beginning and end durable."""

WAKE_UPS: Final = 100
"""A second, of the loop and the writer for all rooms together, syncs included: 12 to 45 were
measured; without pauses 1400."""

IDLE_WAKE_UPS: Final = 4
"""A second, of twenty: of ten seconds it depends on whether one or two looks at the disk and the
machine fall into them, each of which takes 17 by itself. 2.7 were measured."""

IDLE_S: Final = 20.0

FAST_SECONDS: Final = 8.0
"""By then pauses are as long as they become."""

HELD_BACK_S: Final = 0.75
"""Where the window is too small for a pause an encoder falls behind ever more, by seconds."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """1 Mbit/s as ffmpeg sends it."""
    folder = tmp_path_factory.mktemp("capture")
    return capture(Encoder.DEBIAN_FFMPEG, make_media(folder, 1000), chunk_size=4096)


async def send(
    recorder: Recorder, sent: Capture, rooms: list[str], seconds: float, speed: float = 1.0
) -> load.Outcome:
    """Publish into all rooms in real time; nothing may be missing on the disk."""
    plan = load.Plan(
        capture=sent,
        port=recorder.port,
        entries=[Entry("live", f"{room}?key={key_of(room)}") for room in rooms],
        seconds=seconds,
        is_paced=True,
        speed=speed,
    )
    outcome = await trio.to_thread.run_sync(load.run, plan)
    for room in rooms:
        await recorder.ended(room)
    files = [list((recorder.storage / room).glob("*/*/*.flv")) for room in rooms]
    assert missing_frames(files, outcome.sent) == 0
    return outcome


@pytest.mark.long
async def test_rooms_in_real_time_are_read_written_and_synced_seldom(
    tmp_path: Path, small: Capture
) -> None:
    trace = tmp_path / "trace"
    calls = "recvfrom,pwrite64,fdatasync,fsync"
    async with run_recorder(
        tmp_path, ROOMS, wrapper=traced(trace, calls=calls), segments={"duration": "10m"}
    ) as recorder:
        await send(recorder, small, ROOMS, SECONDS)
        await recorder.stop()
    made = counted(trace)
    rooms = len(ROOMS)
    assert made["recvfrom"] <= RECEIVES_PER_ROOM * rooms, made
    assert made["pwrite64"] <= WRITES_PER_ROOM * rooms, made
    assert made["fdatasync"] + made["fsync"] <= SYNCS_PER_ROOM * rooms, made


async def test_many_rooms_wake_the_recorder_together_and_an_idle_one_sleeps(
    tmp_path: Path, small: Capture, nursery: trio.Nursery
) -> None:
    for name in ("busy", "idle"):
        (tmp_path / name).mkdir()
    async with (
        run_recorder(tmp_path / "busy", ROOMS, segments={"duration": "10m"}) as recorder,
        run_recorder(tmp_path / "idle", ["hall"]) as idle,
    ):
        # So long that its end, which is all syncs, lies behind what is watched.
        nursery.start_soon(send, recorder, small, ROOMS, LEARNT_S + WATCHED_S + END_S)
        await recorder.line("recording 20 began")
        await trio.sleep(LEARNT_S)
        async with trio.open_nursery() as watching:
            rates: dict[Recorder, float] = {}
            for each, seconds in ((recorder, WATCHED_S), (idle, IDLE_S)):
                watching.start_soon(watch, each, seconds, rates)
        for room in ROOMS:
            await recorder.ended(room)
    assert rates[recorder] <= WAKE_UPS
    assert rates[idle] <= IDLE_WAKE_UPS


async def watch(recorder: Recorder, seconds: float, rates: dict[Recorder, float]) -> None:
    """How often it wakes up a second."""
    before = switches(recorder.process.pid)
    await trio.sleep(seconds)
    after = switches(recorder.process.pid)
    woken = sum(number - before.get(thread, 0) for thread, number in after.items())
    rates[recorder] = woken / seconds


@pytest.mark.long
async def test_encoders_of_16_and_50_mbit_a_second_go_at_their_own_pace(tmp_path: Path) -> None:
    fast = capture(Encoder.DEBIAN_FFMPEG, make_media(tmp_path, 4000), chunk_size=4096)
    outcomes: dict[float, load.Outcome] = {}

    async def send_at(recorder: Recorder, room: str, speed: float) -> None:
        outcomes[speed] = await send(recorder, fast, [room], FAST_SECONDS, speed)

    async with (
        run_recorder(tmp_path, ["hall", "lab"], segments={"duration": "10m"}) as recorder,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(send_at, recorder, "hall", 4.0)
        nursery.start_soon(send_at, recorder, "lab", 12.5)
    for speed, outcome in outcomes.items():
        assert outcome.gigabytes > 0.8 * FAST_SECONDS * speed * 4e6 / 8 / 1e9
        assert outcome.late_s < HELD_BACK_S
