"""A disk that fills up, under real encoders: what goes, what stays, and that nobody notices.

The disks are real ones, small, and filled several times over. How much is free is measured from
outside, by who knows nothing of the recorder.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.helpers.encoders import PUBLISH_S, Encoder, begin, publish
from tests.helpers.faults import disks
from tests.helpers.faults.wall_clock import WallClock
from tests.helpers.program import command, eventually, run_recorder
from tests.real import said
from tests.real.aftermath import coverage, recordings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.helpers.encoders import Ongoing, Sources
    from tests.helpers.program import Recorder, Recording

pytestmark = [pytest.mark.real, pytest.mark.debian, pytest.mark.root]

MIB = 1 << 20

DISK_BYTES = 96 * MIB

SMALL_BYTES = 80 * MIB
"""As small as a disk can be on which 16 MiB stay free whatever is configured."""

ROOMS = ["hall", "lab", "gym", "aula"]

PACE = 2
"""Times real time: four cameras write 4 MB/s together."""

LONG = bool(os.environ.get("RECORDER_LONG_TESTS"))

SOURCE_S = 400 if LONG else 40
"""Of 4 Mbit/s: 20 MB for each of four rooms are more than the disk, and 200 MB ten times."""

LOOK_S = 0.02


class LowWater:
    """The least that was free."""

    def __init__(self, at: Path) -> None:
        self._at = at
        self.bytes = math.inf

    async def watch(self) -> None:
        while True:
            self.bytes = min(self.bytes, disks.available_bytes(self._at))
            await trio.sleep(LOOK_S)


async def sweep_report(recorder: Recorder) -> dict[str, Any]:
    """What `recorder sweep --dry-run --json` says of the running recorder."""
    config = recorder.folder / "config.yaml"
    done = await command("sweep", "--dry-run", "--json", "--config", config, cwd=recorder.folder)
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert isinstance(report, dict)
    return report


@asynccontextmanager
async def filling(
    tmp_path: Path, sources: Sources, recording: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[Recorder, list[Ongoing], LowWater]]:
    """Four encoders publish onto a disk that is too small for them."""
    source = await sources.made("heavy", SOURCE_S)
    at = tmp_path / "disk"
    with disks.ext4(tmp_path / "images", at, SMALL_BYTES) as disk:
        async with (
            run_recorder(
                tmp_path,
                ROOMS,
                storage={"directory": str(disk / "recordings")},
                segments={"duration": "3s"},
                recording=recording or {},
            ) as recorder,
            trio.open_nursery() as nursery,
        ):
            water = LowWater(at)
            nursery.start_soon(water.watch)
            async with trio.open_nursery() as encoders:
                publishes = [
                    begin(
                        encoders,
                        source,
                        recorder.url(room),
                        tmp_path / f"{room}.flv",
                        pace=PACE,
                        within_s=PUBLISH_S + SOURCE_S / PACE,
                    )
                    for room in ROOMS
                ]
                yield recorder, publishes, water
            nursery.cancel_scope.cancel()


async def check_newest(
    recorder: Recorder, room: str, publish: Ongoing, folder: Path
) -> list[Recording]:
    """What is left of a room's publish is its end, without a hole, and plays; and less than all."""
    published = await publish.published()
    kept = recordings(recorder.storage, room)
    segments = [path for recording in kept for path in recording.segments]
    found = await coverage(await published.reference(), segments)
    assert found.is_whole, room
    assert found.holes, f"{room}: nothing was deleted"
    # All of them before the first segment that is left.
    first_of = {hole.track: hole for hole in found.holes}
    assert len(first_of) == len(found.holes), found.holes
    return kept


def check_rows(recording: Recording) -> int:
    """The manifest says exactly which files are gone; gives how many."""
    rows = recording.manifest["segments"]
    there = {path.name for path in recording.segments}
    assert {row["file"] for row in rows if not row["deleted"]} == there
    gone = [row["file"] for row in rows if row["deleted"]]
    assert gone == [row["file"] for row in rows][: len(gone)], "not the oldest"
    return len(gone)


async def makes_room_by_whole_recordings(tmp_path: Path, sources: Sources) -> None:
    async with filling(tmp_path, sources, recording={"max_duration": "6s"}) as (
        recorder,
        publishes,
        water,
    ):
        for publish in publishes:
            await publish.published()
        for room in ROOMS:
            await recorder.line(rf" {room}: recording \d+ ended \(unpublished\)")
        floor = (await sweep_report(recorder))["floor_bytes"]
        assert floor >= 16 * MIB
        assert water.bytes >= floor
        assert not recorder.matching("not recorded")
        assert not recorder.matching("ERROR|Data that are not recordings")
        deleted = recorder.matching(r"recording \d+ deleted \(the disk is nearly full\)")
        assert len(deleted) >= 8
        for room, publish in zip(ROOMS, publishes, strict=True):
            kept = await check_newest(recorder, room, publish, tmp_path)
            # Whole recordings go, as long as there are any.
            assert [check_rows(recording) for recording in kept] == [0] * len(kept)
        await verify(recorder)


async def verify(recorder: Recorder) -> None:
    config = recorder.folder / "config.yaml"
    verified = await command("verify", "--config", config, cwd=recorder.folder)
    assert verified.code == 0, verified.out + verified.err


async def makes_room_within_four_long_live_recordings(tmp_path: Path, sources: Sources) -> None:
    async with filling(tmp_path, sources) as (recorder, publishes, water):
        for publish in publishes:
            await publish.published()
        for room in ROOMS:
            await recorder.line(rf" {room}: recording \d+ ended \(unpublished\)")
        floor = (await sweep_report(recorder))["floor_bytes"]
        assert water.bytes >= floor
        assert not recorder.matching("not recorded")
        assert not recorder.matching("ERROR|Data that are not recordings")
        for room, publish in zip(ROOMS, publishes, strict=True):
            (recording,) = await check_newest(recorder, room, publish, tmp_path)
            assert check_rows(recording) >= 2
        await verify(recorder)


def stops_when_full(folder: Path, disk: Path) -> AbstractAsyncContextManager[Recorder]:
    rules: dict[str, object] = {"when_full": "stop-recording", "min_free": {"size": "30MiB"}}
    storage = {"directory": str(disk / "recordings")}
    return run_recorder(folder, ["hall"], storage=storage, retention=rules)


async def stops_at_the_floor_and_goes_on_by_itself(tmp_path: Path, sources: Sources) -> None:
    source = await sources.made("h264-aac", 20)
    at = tmp_path / "disk"
    with disks.ext4(tmp_path / "images", at, DISK_BYTES) as disk:
        async with stops_when_full(tmp_path, disk) as recorder, trio.open_nursery() as nursery:
            publish = begin(nursery, source, recorder.url("hall"), tmp_path / "hall.flv")
            await recorder.line(said.closed("hall", "0001.flv"))
            with disks.filled(at, but_bytes=28 * MIB):
                await recorder.line("ERROR +Recording stops: .* is nearly full: .* Free ")
                await recorder.line("ERROR +hall: not recorded: ")
                recording = recorder.recording("hall")
                await eventually(lambda: not recording.parts, what="the open segment closed")
                # Not the manifest: that the segment has ended is being written into it.
                before = sorted(recording.folder.glob("*.flv*"))
                await trio.sleep(3)
                assert not publish.is_over, "the encoder was sent away"
                assert sorted(recording.folder.glob("*.flv*")) == before
                report = await sweep_report(recorder)
                assert report["held"] is not None
                assert report["recordings"] == report["segments"] == []
            await recorder.line("There is room on the disk again")
            await recorder.line("hall: recorded again")
            published = await publish.published()
            await recorder.ended("hall")
            await recorder.stop()
        recording = recorder.recording("hall")
        assert not recording.parts
        # What came meanwhile was kept in memory: not even a hole.
        found = await coverage(await published.reference(), recording.segments)
        assert found.holes == []
        assert found.is_whole
        assert not recorder.matching("not written")


async def is_stopped_while_it_does_not_record(tmp_path: Path, sources: Sources) -> None:
    source = await sources.made("h264-aac", 20)
    at = tmp_path / "disk"
    with disks.ext4(tmp_path / "images", at, DISK_BYTES) as disk:
        async with stops_when_full(tmp_path, disk) as recorder, trio.open_nursery() as nursery:
            begin(nursery, source, recorder.url("hall"), tmp_path / "hall.flv", must_succeed=False)
            await recorder.line(said.closed("hall", "0001.flv"))
            with disks.filled(at, but_bytes=28 * MIB):
                await recorder.line("ERROR +hall: not recorded: ")
                await trio.sleep(3)
                # With 0 and in time, which means that what was kept in memory is written.
                await recorder.stop()
        recording = recorder.recording("hall")
        assert not recording.parts
        assert len(recording.segments) >= 2


async def names_the_data_of_others_that_fill_it(tmp_path: Path, sources: Sources) -> None:
    source = await sources.made("heavy", 8)
    at = tmp_path / "disk"
    with disks.ext4(tmp_path / "images", at, DISK_BYTES) as disk:
        async with run_recorder(
            tmp_path,
            ["hall"],
            storage={"directory": str(disk / "recordings")},
            retention={"min_free": {"size": "40MiB"}},
        ) as recorder:
            for _ in range(6):
                async with trio.open_nursery() as nursery:
                    # Not at full speed: ffmpeg 9 leaves while its last bytes are on their way.
                    begin(nursery, source, recorder.url("hall"), tmp_path / "x.flv", pace=8)
            await recorder.line(r"recording 6 ended")
            assert (await sweep_report(recorder))["foreign_fills"] is False
            with disks.filled(at, but_bytes=20 * MIB):
                # Nobody records, so nobody needs room.
                await recorder.line("CRITICAL +Data that are not recordings fill the disk")
                report = await sweep_report(recorder)
                assert report["foreign_fills"] is True
                assert report["recordings"] == []
                assert len(recordings(recorder.storage)) == 6
            assert not recorder.matching(r"recording \d+ deleted")


YEAR_S = 365 * 86_400


async def is_not_emptied_by_a_clock_that_jumps(tmp_path: Path, sources: Sources) -> None:
    """From 1970 to now, ten years ahead, and back; between two starts and within one."""
    source = await sources.made("h264-aac", 8)
    clock = WallClock(tmp_path / "offset")
    sections: dict[str, Any] = {
        "env": clock.environment,
        "clock": {"trust": "always"},
        "retention": {"max_age": "30d"},
    }

    async def sweep(recorder: Recorder) -> bool:
        """Whether ages counted."""
        config = recorder.folder / "config.yaml"
        done = await command("sweep", "--json", "--config", config, cwd=tmp_path)
        assert done.code == 0, done.err
        counted = json.loads(done.out)["ages_count"]
        assert isinstance(counted, bool)
        return counted

    async with run_recorder(tmp_path, ["hall"], **sections) as recorder:
        await publish(Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "hall.flv")
        await recorder.ended("hall")
        for offset_s in (10 * YEAR_S, 0, -50 * YEAR_S, 0):
            clock.set_to(offset_s)
            # Back where it was before anybody has looked, it was never wrong.
            assert not await sweep(recorder) or offset_s == 0
            assert len(recordings(recorder.storage)) == 1
    storage = recorder.storage
    for offset_s in (-50 * YEAR_S, 10 * YEAR_S):
        # Trust that was withdrawn would hide what is to be seen here.
        (storage / ".recorder" / "clock.json").unlink(missing_ok=True)
        clock.set_to(offset_s)
        async with run_recorder(tmp_path, ["hall"], initialise=False, **sections) as recorder:
            if offset_s > 0:
                await recorder.line("clock is not trusted")
            assert not await sweep(recorder)
    assert len(recordings(storage)) == 1
    # And so it can be seen that it would have gone.
    (storage / ".recorder" / "clock.json").unlink(missing_ok=True)
    clock.set_to(60 * 86_400)
    async with run_recorder(tmp_path, ["hall"], initialise=False, **sections) as recorder:
        with trio.fail_after(20):
            while not await sweep(recorder):  # noqa: ASYNC110 - another process has no events
                await trio.sleep(0.5)
        await recorder.line(r"recording 1 deleted \(older than max_age\)")
    assert recordings(storage) == []


SCENARIOS = [
    is_not_emptied_by_a_clock_that_jumps,
    makes_room_by_whole_recordings,
    makes_room_within_four_long_live_recordings,
    stops_at_the_floor_and_goes_on_by_itself,
    is_stopped_while_it_does_not_record,
    names_the_data_of_others_that_fill_it,
]


@pytest.mark.long
async def test_a_disk_that_is_too_small(tmp_path: Path, sources: Sources) -> None:
    """All at once, each on a disk of its own."""
    async with trio.open_nursery() as nursery:
        for scenario in SCENARIOS:
            folder = tmp_path / scenario.__name__
            folder.mkdir()
            nursery.start_soon(scenario, folder, sources, name=scenario.__name__)
