"""Repairs behind the running recorder: in their own thread, again and again, for one owner."""

from __future__ import annotations

import errno
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from recorder.recording import repairs as repairs_module
from recorder.recording.bad_sectors import RETRY_S
from recorder.recording.initialise import initialise
from recorder.recording.retention.deletion import delete_recording
from recorder.recording.salvage import Salvaged
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from recorder.recording.written_off import WrittenOff, make_whole
from tests.helpers.disk import FailingDisk
from tests.helpers.studio import SECOND, Studio, manifests, marks
from tests.recording.repairing import FOLDER, RULES, killed, running, set_when_done

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recorder.recording.manifest import Segment
    from recorder.recording.recovery import Recovered


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@pytest.fixture
def storage(tmp_path: Path, disk: FailingDisk) -> Iterator[Storage]:
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        yield storage


async def test_a_segment_that_was_written_off_becomes_whole(
    storage: Storage, tmp_path: Path
) -> None:
    studio = killed(storage)
    part = WrittenOff(path=FOLDER, file=1, landed_bytes=1 << 30, is_suspect=True, position_ms=0)
    whole: list[Salvaged] = []
    done = trio.Event()

    def deliver(found: Salvaged) -> None:
        whole.append(found)
        done.set()

    async with running(storage) as repairs:
        repairs.repair(part, deliver)
        await done.wait()
    (row,) = [found.row for found in whole]
    assert row is not None
    assert (row.file, row.repaired, row.suspect) == ("0001.flv", True, True)
    assert marks(tmp_path) == studio.sent


def test_a_part_that_is_none_is_not_done_with_before_it_is_gone_from_the_disk(
    storage: Storage, disk: FailingDisk, tmp_path: Path
) -> None:
    """On a disk that is still sick the removal stays in memory, and the part would be back."""
    killed(storage)
    part = WrittenOff(path=FOLDER, file=1, landed_bytes=0, is_suspect=False, position_ms=0)
    file = tmp_path / FOLDER / "0001.flv.part"
    file.write_bytes(b"")
    disk.operations.clear()
    assert make_whole(storage, part, creator="test") == Salvaged(None)
    made = [operation.partition(" ")[0] for operation in disk.operations]
    removed = made.index("unlink")
    assert made[removed + 1] == "sync_folder"
    file.write_bytes(b"")
    disk.arm(removed + 2)
    with pytest.raises(OSError, match="Input/output"):
        make_whole(storage, part, creator="test")
    assert make_whole(storage, part, creator="test") == Salvaged(None)


async def test_a_recording_nobody_goes_on_with_is_finished_and_then_gets_its_checksums(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    studio = killed(storage, seconds=5)
    with (tmp_path / FOLDER / "0002.flv.part").open("ab") as part:
        part.write(b"half a tag")
    found: list[Recovered] = []
    done = trio.Event()

    def deliver(recovered: Recovered) -> None:
        found.append(recovered)
        if recovered.is_done:
            done.set()

    async with running(storage) as repairs:
        repairs.recover(FOLDER, deliver)
        await done.wait()
        assert repairs.waiting == 0
    assert [each.is_done for each in found] == [False, True]
    (manifest,) = manifests(tmp_path)
    assert manifest.end_reason == "interrupted"
    assert all(row.sha256 for row in manifest.segments)
    assert marks(tmp_path) == studio.sent
    assert read_entries(storage) == []
    assert (
        "room101: recording 1 was cut off: repaired, 2 segments, 1 of them salvaged, 0 damaged, "
        "10 bytes cut off"
    ) in caplog.text


async def test_a_recording_that_was_left_open_in_order_was_not_cut_off(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    studio = Studio(storage, RULES)
    studio.arrive()
    studio.send(2 * SECOND)
    studio.lose()
    studio.recorder.leave("shutdown")
    studio.writer.hop()
    for files in studio.writer.queues[0].files:
        files.close()
    done = trio.Event()
    async with running(storage) as repairs:
        repairs.recover(FOLDER, partial(set_when_done, done))
        await done.wait()
    assert "recording 1 ended (shutdown), 2.0 s, 1 file" in caplog.text
    assert "cut off" not in caplog.text
    assert manifests(tmp_path)[0].end_reason == "shutdown"


async def test_a_recording_of_which_nothing_was_recorded_goes(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / FOLDER).mkdir(parents=True)
    entry = tmp_path / ".recorder/open/0000001"
    entry.write_text(f'{{"folder": "{FOLDER}"}}')
    (tmp_path / ".recorder/open/0000002").write_bytes(b"")
    done = trio.Event()
    async with running(storage) as repairs:
        repairs.forget("0000002")
        repairs.recover(FOLDER, lambda _: done.set())
        await done.wait()
    assert read_entries(storage) == []
    assert "nothing is there of recording 1, which was cut off" in caplog.text


@pytest.mark.parametrize("content", [b"", bytes(4096), b'{"folder": "room1'])
async def test_a_recording_whose_entry_was_damaged_is_made_whole_all_the_same(
    storage: Storage, tmp_path: Path, content: bytes
) -> None:
    """A card that lost the block of an entry, as cheap ones do, has not lost the lesson."""
    studio = killed(storage)
    (tmp_path / ".recorder/open/0000001").write_bytes(content)
    (name,) = read_entries(storage)
    assert isinstance(name, str)
    found: list[Recovered] = []
    done = trio.Event()

    def deliver(recovered: Recovered) -> None:
        found.append(recovered)
        set_when_done(done, recovered)

    async with running(storage) as repairs:
        repairs.on_recovered = deliver
        repairs.forget(name)
        with trio.fail_after(10):
            await done.wait()
    assert [each.path for each in found] == [FOLDER, FOLDER]
    assert manifests(tmp_path)[0].end_reason == "interrupted"
    assert marks(tmp_path) == studio.sent
    assert read_entries(storage) == []


async def test_a_deletion_that_was_cut_off_is_finished_and_said(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    studio = Studio(storage, RULES)
    studio.arrive()
    studio.send(2 * SECOND)
    studio.end()
    studio.settle()
    next(delete_recording(storage, FOLDER, "operator"))
    found: list[Recovered] = []
    done = trio.Event()
    async with running(storage) as repairs:
        repairs.on_recovered = found.append
        repairs.recover(FOLDER, lambda _: done.set())
        await done.wait()
    assert [(each.was_deleted, each.manifest) for each in found] == [(True, None)]
    assert not (tmp_path / FOLDER).exists()
    assert read_entries(storage) == []
    assert "room101: recording 1 deleted: this had been cut off" in caplog.text
    assert "nothing is there" not in caplog.text


async def test_rows_of_a_recording_that_goes_on_go_to_its_owner(
    storage: Storage, tmp_path: Path
) -> None:
    killed(storage, seconds=5)
    manifest = manifests(tmp_path)[0]
    rows: list[Segment] = []
    done = trio.Event()

    def deliver(found: Sequence[Segment], damaged: int) -> None:
        assert damaged == 0
        rows.extend(found)
        done.set()

    async with running(storage) as repairs:
        repairs.go_on_behind(FOLDER, 3, deliver)
        await done.wait()
    assert [row.file for row in rows] == ["0002.flv"]
    assert manifests(tmp_path)[0] == manifest  # not ours to write


async def test_what_the_disk_refuses_is_tried_again_when_it_is_well(
    storage: Storage,
    tmp_path: Path,
    disk: FailingDisk,
    caplog: pytest.LogCaptureFixture,
    mock_clock: trio.testing.MockClock,
) -> None:
    studio = killed(storage)
    async with running(storage) as repairs:
        for again in (repairs.retry, lambda: mock_clock.jump(RETRY_S)):
            done = trio.Event()
            disk.arm(2)
            repairs.recover(FOLDER, partial(set_when_done, done))
            for _ in range(100_000):
                await trio.lowlevel.checkpoint()
                if disk.failed is not None and repairs.waiting:
                    break
            await trio.testing.wait_all_tasks_blocked()
            assert not done.is_set()
            again()
            await done.wait()
    assert f"{FOLDER} cannot be repaired now: " in caplog.text
    assert marks(tmp_path) == studio.sent


class _Blind(FailingDisk):
    """A disk that cannot read segments, the first few times."""

    refusals = 3

    def open_file(self, folder: int, name: str) -> int:
        if name.endswith(".flv") and self.refusals:
            self.refusals -= 1
            raise OSError(errno.EIO, "cannot be read", name)
        return super().open_file(folder, name)


async def test_a_checksum_that_cannot_be_computed_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = _Blind()
    initialise(tmp_path, None, disk)
    done = trio.Event()
    with Storage.open(tmp_path, None, disk) as storage:
        killed(storage)
        async with running(storage) as repairs:
            repairs.recover(FOLDER, lambda found: done.set() if found.is_done else None)
            for _ in range(100_000):
                if done.is_set():
                    break
                repairs.retry()
                await trio.lowlevel.checkpoint()
    assert not disk.refusals
    assert f"{FOLDER} cannot be repaired now: [Errno 5] cannot be read" in caplog.text
    assert manifests(tmp_path)[0].segments[0].sha256 is not None


async def test_a_fault_of_ours_over_one_folder_ends_nothing_and_it_stays_in_hand(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(repairs_module, "make_whole", fail)
    killed(storage)
    killed(storage)
    part = WrittenOff(path=FOLDER, file=1, landed_bytes=1 << 30, is_suspect=False, position_ms=0)
    done = trio.Event()
    async with running(storage) as repairs:
        repairs.repair(part, lambda _: None)
        # In the telling of what was repaired.
        repairs.go_on_behind(FOLDER, 2, fail)
        repairs.recover(FOLDER.replace("0000001", "0000002"), partial(set_when_done, done))
        await done.wait()
        await trio.testing.wait_all_tasks_blocked()
        # Nobody deletes what nobody has understood.
        assert repairs.in_hand == {f"{FOLDER}/0001.flv", FOLDER}
        assert repairs.waiting == 0
    said = "cannot be repaired; this is a fault of the recorder. It is left as it is."
    assert caplog.text.count(said) == 2


async def test_what_is_in_hand_is_told_until_it_is_done(storage: Storage) -> None:
    killed(storage)
    done = trio.Event()
    async with running(storage) as repairs:
        repairs.recover(FOLDER, partial(set_when_done, done))
        assert repairs.in_hand == {FOLDER}
        await done.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert repairs.in_hand == set()
