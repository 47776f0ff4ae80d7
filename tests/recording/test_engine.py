"""The recording side as the app runs it: all that works beside the rooms, together."""

from __future__ import annotations

import errno
import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.recording.actions import SegmentRules
from recorder.recording.catalogue import Catalogue
from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.refusals import StorageGone
from recorder.recording.retention.rules import Rules
from recorder.recording.room_recorder import RoomRecorder
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from tests.helpers.clock import FakeClock
from tests.helpers.engines import engine_on, retention
from tests.helpers.media import AUDIO, VIDEO, aac_config, aac_frame, avc_config, avc_frame
from tests.helpers.studio import CLIENT, Studio, manifests, marks
from tests.recording.retention.shelf import MIB, CountingDisk
from tests.recording.ward import SickDisk

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.recovery import Recovered

RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


async def test_a_lesson_outlasts_a_failed_disk_and_ends_with_its_checksums(tmp_path: Path) -> None:
    disk, clock = SickDisk(), FakeClock()
    initialise(tmp_path, None, disk)
    sent: list[int] = []

    def send(recorder: RoomRecorder, frames: int) -> None:
        for _ in range(frames):
            mark = len(sent)
            sent.append(mark)
            body = avc_frame(key=mark % 5 == 0, mark=mark)
            recorder.media(VIDEO, mark * 200, body, clock.now_ms)
            recorder.media(AUDIO, mark * 200, aac_frame(mark=mark), clock.now_ms)
            clock.advance(200)
            recorder.flush(clock.now_ms)

    with Storage.open(tmp_path, None, disk) as storage:
        resumed = trio.Event()

        def on_good() -> None:
            recorder.resume(clock.now_ms)
            resumed.set()

        async with engine_on(
            storage, clock, retention(tmp_path, lambda: recorder.live), on_good=on_good
        ) as engine:
            engine.begin([], 1)
            services = engine.services(
                clock, encoder="test", boot="boot-1", buffer_bytes=lambda: 1 << 20
            )
            recorder = RoomRecorder("room101", RULES, services)
            recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
            recorder.media(VIDEO, 0, avc_config(), clock.now_ms)
            recorder.media(AUDIO, 0, aac_config(), clock.now_ms)
            send(recorder, 12)
            engine.writer.hurry()
            await engine.writer.next_hop()
            disk.sick = errno.EIO
            send(recorder, 5)
            engine.writer.hurry()
            await engine.writer.next_hop()
            assert recorder.fault is not None
            disk.sick = None
            await resumed.wait()
            send(recorder, 12)
            recorder.publisher_left(clock.now_ms, {})
            recorder.end("unpublished")
            while read_entries(storage):
                engine.writer.hurry()
                await trio.sleep(0.01)
            alive = json.loads((tmp_path / ".recorder/alive").read_bytes())
            assert alive["boot"] == "boot-1"
    (manifest,) = manifests(tmp_path)
    assert marks(tmp_path) == sent
    assert manifest.end_reason == "unpublished"
    assert all(row.sha256 for row in manifest.segments)
    assert (tmp_path / ".recorder/catalogue.sqlite3").exists()


async def test_a_repair_is_in_the_catalogue_also_when_the_catalogue_was_quicker(
    tmp_path: Path,
) -> None:
    initialise(tmp_path, None, OsDisk())
    with Storage.open(tmp_path, None, OsDisk()) as storage:
        studio = Studio(storage, RULES)
        studio.arrive()
        studio.send(2000)
        for files in studio.writer.queues[0].files:
            files.close()
    # And one that was cut off before its folder was made.
    (tmp_path / ".recorder/open/0000002").write_bytes(
        Entry(folder="room101/2026-11-22/0000002-103000Z").to_bytes()
    )
    with Storage.open(tmp_path, None, OsDisk()) as storage:
        async with engine_on(storage, FakeClock(), retention(tmp_path)) as engine:
            engine.begin([1, 2], 1)
            ready = trio.Event()
            engine.indexer._on_ready = ready.set
            await ready.wait()
            follow, done = engine.repairs.on_recovered, trio.Event()

            def told(found: Recovered) -> None:
                follow(found)
                if found.manifest is not None and found.is_done:
                    done.set()

            engine.repairs.on_recovered = told
            for entry in reversed(read_entries(storage)):
                assert isinstance(entry, Entry)
                engine.repairs.recover(entry.folder)
            await done.wait()
    catalogue = Catalogue.open_to_read(tmp_path / ".recorder/catalogue.sqlite3")
    assert catalogue is not None
    with closing(catalogue):
        (row,) = catalogue.page().rows
    assert (row.end_reason, row.repaired, row.missing_checksums) == ("interrupted", 1, 0)


async def test_a_disk_that_is_nearly_full_is_noticed_by_the_writer_and_rooms_are_told(
    tmp_path: Path,
) -> None:
    disk, clock, held = CountingDisk(tmp_path), FakeClock(), list[str | None]()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        async with engine_on(
            storage,
            clock,
            retention(tmp_path, on_hold=held.append, rules=Rules(deletes_oldest=False)),
        ) as engine:
            engine.begin([], 1)
            await engine.writer.between_hops(lambda: None)
            assert held == []
            disk.foreign = 990 * MIB
            await engine.writer.between_hops(lambda: None)
            assert held[0] is not None
            disk.error = OSError(errno.EIO, "sick")
            await engine.writer.between_hops(lambda: None)
            disk.error, disk.foreign = None, 0
            await engine.writer.between_hops(lambda: None)
            assert held[-1] is None
            number = (await engine.sweeper.preview()).total_bytes
            assert number == 0


async def test_a_disk_that_was_full_is_tried_at_once_when_there_is_room_again(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    async def settled() -> None:
        for _ in range(5):
            await trio.testing.wait_all_tasks_blocked()
            await trio.testing.wait_all_threads_completed()

    disk, good = CountingDisk(tmp_path), list[float]()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        async with engine_on(
            storage,
            FakeClock(),
            retention(tmp_path, rules=Rules(deletes_oldest=False)),
            on_good=lambda: good.append(trio.current_time()),
        ) as engine:
            engine.begin([], 1)
            await settled()
            disk.foreign = 1000 * MIB
            await engine.writer.between_hops(lambda: None)
            engine.guard.failed(OSError(errno.ENOSPC, "full"))
            for wait_s in (0, 1, 2, 4, 8, 16):
                mock_clock.jump(wait_s)
                await settled()
            assert good == []
            disk.foreign = 0
            # Not half a minute later: its next probe is 30 s away.
            await engine.writer.between_hops(lambda: None)
            await settled()
            assert good == [31]


async def test_without_the_disk_nobody_looks_at_what_lies_in_its_place(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    directory, other = tmp_path / "recordings", tmp_path / "other"
    initialise(directory, None, OsDisk())
    directory.rename(tmp_path / "elsewhere")
    initialise(other, None, OsDisk())
    other.rename(directory)
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    with Storage.away(directory, tmp_path / "state", OsDisk(), "It is not there.") as storage:
        # It knows another one.
        initialise(tmp_path / "elsewhere", tmp_path / "state", OsDisk())
        swept = retention(tmp_path, rules=Rules(deletes_oldest=True))
        async with engine_on(storage, FakeClock(), swept) as engine:
            for _ in range(5):
                mock_clock.jump(600)
                await trio.testing.wait_all_tasks_blocked()
                await trio.testing.wait_all_threads_completed()
            assert not engine.indexer.is_ready
            assert engine.watch.space is None
            assert engine.watch.time_left_s is None
            with pytest.raises(StorageGone, match="is the storage of another recorder"):
                await engine.sweeper.sweep()
            with pytest.raises(StorageGone):
                await engine.operator.delete(1)
            assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before
