"""What the disk does not give is tried for a minute. Then a part is set aside, and a segment stays
as it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
import trio.lowlevel
import trio.testing

from recorder.recording.bad_sectors import PATIENCE
from recorder.recording.initialise import initialise
from recorder.recording.salvage import Salvaged
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from recorder.recording.written_off import WrittenOff
from tests.helpers.studio import manifests, marks
from tests.recording.repairing import FOLDER, BadSector, killed, running, set_when_done

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recorder.recording.manifest import Segment
    from recorder.recording.recovery import Recovered
    from recorder.recording.repairs import Repairs


def _spoil(tmp_path: Path, disk: BadSector) -> bytes:
    content = (tmp_path / FOLDER / "0002.flv.part").read_bytes()
    disk.good_bytes = len(content) - 100
    return content


@pytest.fixture
def bad(tmp_path: Path) -> Iterator[tuple[Storage, BadSector]]:
    disk = BadSector()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        yield storage, disk


async def _until(done: trio.Event, repairs: Repairs) -> None:
    """Hurry what waits for a disk that is not well."""
    with trio.fail_after(20):
        while not done.is_set():
            repairs.retry()
            await trio.lowlevel.checkpoint()


async def test_a_part_with_a_bad_sector_keeps_its_recording_from_nothing(
    bad: tuple[Storage, BadSector], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a power cut leaves one in what was being written."""
    storage, disk = bad
    killed(storage, seconds=5)
    content = _spoil(tmp_path, disk)
    done = trio.Event()
    async with running(storage) as repairs:
        repairs.recover(FOLDER, partial(set_when_done, done))
        await _until(done, repairs)
        await trio.testing.wait_all_tasks_blocked()
        assert repairs.in_hand == set()
    assert disk.asked == PATIENCE + 1
    (manifest,) = manifests(tmp_path)
    assert (manifest.end_reason, manifest.counts) == ("interrupted", {"damaged_segments": 1})
    assert [row.file for row in manifest.segments if row.sha256] == ["0001.flv"]
    assert (tmp_path / FOLDER / "0002.flv.damaged").read_bytes() == content
    assert "1 segments, 0 of them salvaged, 1 damaged" in caplog.text
    assert read_entries(storage) == []


async def test_a_manifest_that_the_disk_does_not_give_is_made_anew(
    bad: tuple[Storage, BadSector], tmp_path: Path
) -> None:
    storage, disk = bad
    studio = killed(storage, seconds=5)
    manifest = tmp_path / FOLDER / "recording.json"
    content = manifest.read_bytes()
    disk.good_bytes, disk.bad = 100, "recording.json"
    done = trio.Event()

    def made(found: Recovered) -> None:
        # The sector stays where it is, with the file that was set aside.
        disk.good_bytes = None
        set_when_done(done, found)

    async with running(storage) as repairs:
        repairs.recover(FOLDER, made)
        await _until(done, repairs)
    assert disk.asked >= PATIENCE
    assert manifests(tmp_path)[0].end_reason == "interrupted"
    assert manifest.with_name("recording.json.damaged").read_bytes() == content
    manifest.with_name("recording.json.damaged").unlink()
    assert marks(tmp_path) == studio.sent


@pytest.mark.parametrize("has_manifest", [True, False])
async def test_a_segment_with_a_bad_sector_stays_as_it_is(
    bad: tuple[Storage, BadSector],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    has_manifest: bool,
) -> None:
    """What is in front of the sector can be played, and its recording is over all the same."""
    storage, disk = bad
    killed(storage, seconds=5)
    segment, done = tmp_path / FOLDER / "0001.flv", trio.Event()
    content = segment.read_bytes()
    disk.good_bytes, disk.bad = len(content) - 100, segment.name
    if not has_manifest:
        (tmp_path / FOLDER / "recording.json").unlink()
    async with running(storage) as repairs:
        repairs.recover(FOLDER, partial(set_when_done, done))
        await _until(done, repairs)
        await trio.testing.wait_all_tasks_blocked()
        assert repairs.in_hand == set()
    (manifest,) = manifests(tmp_path)
    first, second = manifest.segments
    assert (manifest.end_reason, manifest.counts) == ("interrupted", {"repaired_segments": 1})
    assert (first.file, first.bytes, first.sha256) == ("0001.flv", len(content), None)
    assert 2500 <= first.duration_ms <= 3000
    assert second.sha256 is not None
    assert segment.read_bytes() == content
    assert "recording 1: the disk does not give all of 0001.flv, which stays" in caplog.text
    assert read_entries(storage) == []


async def test_a_part_that_the_disk_gives_after_all_is_salvaged(
    bad: tuple[Storage, BadSector], tmp_path: Path
) -> None:
    storage, disk = bad
    studio = killed(storage, seconds=5)
    _spoil(tmp_path, disk)
    done = trio.Event()
    async with running(storage) as repairs:
        repairs.recover(FOLDER, partial(set_when_done, done))
        while disk.asked < PATIENCE:
            repairs.retry()
            await trio.lowlevel.checkpoint()
        disk.good_bytes = None
        await _until(done, repairs)
    assert marks(tmp_path) == studio.sent


async def test_of_a_recording_that_goes_on_a_part_with_a_bad_sector_is_counted(
    bad: tuple[Storage, BadSector], tmp_path: Path
) -> None:
    storage, disk = bad
    killed(storage, seconds=5)
    _spoil(tmp_path, disk)
    told: list[tuple[Sequence[Segment], int]] = []
    done = trio.Event()

    def deliver(rows: Sequence[Segment], damaged: int) -> None:
        told.append((rows, damaged))
        done.set()

    async with running(storage) as repairs:
        repairs.go_on_behind(FOLDER, 3, deliver)
        await _until(done, repairs)
    assert told == [([], 1)]


async def test_a_segment_that_was_written_off_and_cannot_be_read_is_kept_and_none(
    bad: tuple[Storage, BadSector], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage, disk = bad
    killed(storage, seconds=5)
    content = _spoil(tmp_path, disk)
    part = WrittenOff(path=FOLDER, file=2, landed_bytes=1 << 30, is_suspect=True, position_ms=0)
    whole: list[Salvaged] = []
    done = trio.Event()

    def deliver(found: Salvaged) -> None:
        whole.append(found)
        done.set()

    async with running(storage) as repairs:
        repairs.repair(part, deliver)
        await _until(done, repairs)
    assert whole == [Salvaged(None, damaged=True)]
    assert (tmp_path / FOLDER / "0002.flv.damaged").read_bytes() == content
    assert f"{FOLDER}/0002.flv.part not all can be read, and what cannot is kept" in caplog.text


async def test_of_a_recording_that_goes_on_the_manifest_may_have_a_bad_sector(
    bad: tuple[Storage, BadSector], tmp_path: Path
) -> None:
    """It is read to know which segments have rows. Its owner has it in memory, and else would wait
    for what was cut off until its own end, and longer."""
    storage, disk = bad
    killed(storage, seconds=5)
    manifest = tmp_path / FOLDER / "recording.json"
    content = manifest.read_bytes()
    disk.good_bytes, disk.bad = 100, manifest.name
    told: list[tuple[Sequence[Segment], int]] = []
    done = trio.Event()

    def deliver(rows: Sequence[Segment], damaged: int) -> None:
        told.append((rows, damaged))
        done.set()

    async with running(storage) as repairs:
        repairs.go_on_behind(FOLDER, 3, deliver)
        await _until(done, repairs)
    assert [([row.file for row in rows], damaged) for rows, damaged in told] == [
        (["0001.flv", "0002.flv"], 0)
    ]
    assert manifest.read_bytes() == content
