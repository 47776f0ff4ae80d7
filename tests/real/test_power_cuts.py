"""Power cuts by a real file system: the image as the disk had it, mounted with its journal.

The program is held for the moment in which the image is copied, so one publish gives many cuts. On
each copy the program is started, repairs, and what it had said to be safe before the cut is there.

ext4 makes a name durable with whatever is synced next on it, so a folder's sync that is missing
shows in the model of `tests/recording/test_power_cuts.py`, and not here.
"""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from tests.helpers.encoders import begin, sent_by
from tests.helpers.faults import disks
from tests.helpers.faults.disks import MIB
from tests.helpers.program import Recorder, eventually, run_recorder
from tests.real import said
from tests.real.aftermath import at_rest, check_recovery, check_safe, coverage, recordings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.packets import Tracks

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.debian]

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

CUTS = 40 if LONG else 6

ROOMS = ["hall", "lab"]


@attrs.frozen
class Cut:
    """The disk at one moment, and what had been said until then."""

    image: Path
    log: list[str]


async def test_after_a_power_cut_everything_that_was_called_safe_is_there(
    tmp_path: Path, sources: Sources
) -> None:
    source = sources.get("h264-aac", 60 if LONG else 12)
    sent = await sent_by(source, tmp_path).reference()
    cuts = await cut_again_and_again(tmp_path, source)
    safe: list[int] = []
    at_once = trio.CapacityLimiter(2)

    async def check(number: int, cut: Cut) -> None:
        async with at_once:
            folder = tmp_path / f"after{number}"
            safe.append(await check_cut(folder, cut, sent, by_hand=number % 2 == 0))

    async with trio.open_nursery() as nursery:
        for number, cut in enumerate(cuts):
            nursery.start_soon(check, number, cut)
    assert sum(safe) > CUTS, "what was safe was said"


async def cut_again_and_again(folder: Path, source: Path) -> list[Cut]:
    chance = random.Random(1)
    cuts = []
    with disks.ext4(folder / "images", folder / "disk", 64 * MIB) as disk:
        async with (
            run_recorder(
                folder,
                ROOMS,
                segments={"duration": "1s"},
                storage={"directory": str(disk), "sync_interval": "1s"},
                log={"level": "debug"},
            ) as recorder,
            trio.open_nursery() as nursery,
        ):
            for room in ROOMS:
                begin(
                    nursery, source, recorder.url(room), folder / "unused.flv", must_succeed=False
                )
            for number in range(CUTS):
                await trio.sleep(chance.uniform(0, 1.2))
                if number % 2:
                    # In the middle of what the end of a file takes.
                    seen = len(recorder.matching(said.closed()))
                    await recorder.line(said.closed(), count=seen + 1)
                cuts.append(await cut_now(recorder, disk, folder / "images" / f"{number}.img"))
            nursery.cancel_scope.cancel()
    return cuts


async def cut_now(recorder: Recorder, disk: Path, image: Path) -> Cut:
    recorder.send(signal.SIGSTOP)
    try:
        # What it said before is read, and nothing is said meanwhile.
        await trio.testing.wait_all_tasks_blocked(0.01)
        log = list(recorder.lines)
        return Cut(disks.power_cut(disk, image), log)
    finally:
        recorder.send(signal.SIGCONT)


async def check_cut(folder: Path, cut: Cut, sent: Tracks, *, by_hand: bool) -> int:
    """Start on the disk as it was; gives how many words about safe bytes were kept."""
    folder.mkdir()  # noqa: ASYNC240 — a test's own small folder
    with disks.mounted_image(cut.image, folder / "disk") as disk:
        stored = at_rest(folder, disk, ROOMS)
        if not by_hand:
            # Repaired behind a program that listens already, and stopped in between.
            async with run_recorder(
                folder, ROOMS, initialise=False, storage={"directory": str(disk)}
            ) as recorder:
                await eventually(lambda: not list(disk.rglob("*.part")), what="all parts repaired")
                await recorder.stop()
        await check_recovery(stored)
        safe = 0
        for room in ROOMS:
            for recording in recordings(disk, room):
                safe += check_safe(cut.log, recording)
                found = await coverage(sent, recording.segments)
                assert found.holes == []
        return safe
