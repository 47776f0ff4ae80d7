"""The power is cut behind every operation of a deletion, in every way. KEEP: `test_keeping`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from recorder.recording import naming
from recorder.recording.manifest import Manifest
from recorder.recording.refusals import StorageError
from recorder.recording.retention.deletion import Fate, delete_recording, remove_empty_day
from recorder.recording.storage import Storage
from tests.helpers.promises import DIRECTORY
from tests.helpers.studio import SECOND, Studio
from tests.recording.retention.cutting import (
    RULES,
    Judge,
    check_truth,
    contents,
    delete,
    deleted,
    folder_at,
    is_removing,
    lesson_under_way,
    operations_of_a_deletion,
    start,
    storage_with_two,
)

if TYPE_CHECKING:
    from tests.helpers.power_cuts import PowerCutDisk


@pytest.mark.unmeasured
def test_a_deletion_may_be_cut_off_anywhere() -> None:
    disk = storage_with_two()
    first, second = sorted(contents(disk))
    judge = Judge(disk, first)
    assert delete(disk, first).fate is Fate.GONE
    judge.done()
    assert list(contents(disk)) == [second]
    # With fewer the model, or the deletion, has become another.
    assert judge.looked > 20


@pytest.mark.unmeasured
def test_so_may_one_that_goes_on_behind_a_cut() -> None:
    disk = storage_with_two()
    first, _ = sorted(contents(disk))
    with Storage.open(DIRECTORY, None, disk) as storage:
        steps = delete_recording(storage, first, "age")
        next(steps)
        next(steps)
        steps.close()
    half = disk.killed()
    judge = Judge(half, first)
    judge.before[first] = contents(storage_with_two())[first]
    assert delete(half, first).fate is Fate.GONE
    judge.done()
    assert judge.looked > 15


@pytest.mark.unmeasured
def test_so_may_one_that_follows_one_that_the_disk_refused() -> None:
    looked = [looked_behind_a_refusal(at) for at in range(1, operations_of_a_deletion() + 1, 2)]
    assert sum(looked) > 140


def looked_behind_a_refusal(at: int) -> int:
    """The disk refuses one operation of a deletion; the next one is judged."""
    disk = storage_with_two()
    first, _ = sorted(contents(disk))
    before, count = contents(disk), 0

    def fails(_operation: str, _label: str) -> bool:
        nonlocal count
        count += 1
        return count == at

    disk.fails = fails
    with suppress(OSError, StorageError):
        delete(disk, first)
    disk.fails = None
    judge = Judge(disk, first)
    judge.before = before
    assert delete(disk, first).fate is Fate.GONE
    judge.done()
    return judge.looked


@pytest.mark.unmeasured
def test_so_may_the_start_that_goes_on_with_it() -> None:
    looked = [looked_behind_a_start(steps) for steps in range(1, 4)]
    assert sum(looked) > 40


def looked_behind_a_start(steps: int) -> int:
    """The process is killed behind so many steps of a deletion; the next start is judged."""
    disk = storage_with_two()
    first, second = sorted(contents(disk))
    with Storage.open(DIRECTORY, None, disk) as storage:
        deletion = delete_recording(storage, first, "operator")
        for _ in range(steps):
            next(deletion)
        deletion.close()
    half = disk.killed()
    judge = Judge(half, first)
    # Only killed: some of it is not durable, and may be whole again.
    judge.before[first] = contents(storage_with_two())[first]
    start(half)
    judge.done()
    assert list(contents(half)) == [second]
    return judge.looked


def test_an_empty_day_may_be_removed_by_halves() -> None:
    disk = storage_with_two(1)
    (path,) = contents(disk)
    delete(disk, path)
    disk = disk.killed()

    def records_on(left: PowerCutDisk, after: dict[str, dict[str, bytes]]) -> None:
        assert after == {}
        with Storage.open(DIRECTORY, None, left) as storage:
            studio = Studio(storage, RULES)
            studio.arrive()
            studio.send(3 * SECOND)
            studio.end()
            studio.settle()
        (files,) = contents(left).values()
        check_truth(files)

    judge = Judge(disk, path, records_on)
    with Storage.open(DIRECTORY, None, disk) as storage:
        remove_empty_day(storage, path)
    judge.done()
    assert judge.looked >= 2


# Segments of a recording that goes on.


@pytest.mark.unmeasured
def test_segments_of_a_live_recording_go_and_a_cut_leaves_the_truth() -> None:
    disk = storage_with_two(1)
    earlier = set(contents(disk))
    with lesson_under_way(disk) as (studio, recording):
        live = recording.path

        def check(_disk: PowerCutDisk, after: dict[str, dict[str, bytes]]) -> None:
            check_truth(after[live])
            assert {"0003.flv", "0004.flv"} <= after[live].keys()

        judge = Judge(disk, live, check)
        recording.remove_segments([1, 2])
        assert is_removing(recording)
        studio.writer.hop()
        assert not is_removing(recording)
        judge.done()
        assert judge.looked > 20
        assert [row.index for row in recording.closed_segments] == [3, 4]
        assert set(contents(disk)[live]) == {
            "0003.flv", "0004.flv", "0005.flv.part", "recording.json",
        }  # fmt: skip
        studio.end()
        studio.settle()
    manifest = Manifest.from_json(contents(disk)[live][naming.MANIFEST_FILE])
    assert [row.deleted for row in manifest.segments] == [True, True, False, False, False]
    assert earlier < set(contents(disk))


@pytest.mark.unmeasured
def test_a_recording_that_ends_with_the_removal_may_be_cut_off_anywhere() -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk, 3) as (studio, recording):
        live = recording.path

        def check(_disk: PowerCutDisk, after: dict[str, dict[str, bytes]]) -> None:
            check_truth(after[live])

        judge = Judge(disk, live, check)
        recording.remove_segments([1])
        studio.end()
        studio.settle()
        judge.done()
        assert judge.looked > 20
        assert recording.is_over
    check_truth(contents(disk)[live])
    assert "0001.flv" not in contents(disk)[live]


def test_a_file_that_the_disk_does_not_let_go_stops_no_lesson(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        disk.fails = lambda operation, label: operation == "unlink" and label.endswith("1.flv")
        recording.remove_segments([1, 2])
        studio.writer.hop()
        assert studio.fault() is None
        assert not is_removing(recording)
        assert deleted(recording) == [2]
        assert "0001.flv cannot be deleted: [Errno 5]" in caplog.text
        studio.end()
        studio.settle()
        assert studio.writer.errors == []
        check_truth(contents(disk)[recording.path])


def test_a_file_that_somebody_has_removed_already_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        folder = folder_at(disk, recording.path)
        assert folder is not None
        del folder.names["0001.flv"]
        recording.remove_segments([1, 2])
        studio.writer.hop()
        assert deleted(recording) == [1, 2]
        assert "cannot be deleted" not in caplog.text
        studio.end()
        studio.settle()
        assert studio.writer.errors == []
        check_truth(contents(disk)[recording.path])


def test_where_the_disk_takes_no_manifest_they_go_when_it_is_well() -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        disk.fails = lambda operation, label: operation == "rename" and "recording" in label
        recording.remove_segments([1])
        studio.writer.hop()
        assert studio.fault() is not None
        assert is_removing(recording)
        assert "0001.flv" in contents(disk)[recording.path]
        # While it takes nothing, nothing is to be removed.
        assert recording.closed_segments == []
        recording.remove_segments([2])
        disk.fails = None
        studio.overcome()
        studio.writer.hop()
        assert not is_removing(recording)
        assert len(studio.writer.errors) == 1
        studio.end()
        studio.settle()
        check_truth(contents(disk)[recording.path])
        assert deleted(recording) == [1]


def test_one_that_has_ended_keeps_them() -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        studio.end()
        recording.remove_segments([1])
        studio.settle()
        # Nothing of it is open any more: an operation would meet a folder that is closed.
        recording.remove_segments([2])
        studio.writer.hop()
        assert studio.writer.errors == []
        assert deleted(recording) == []
        check_truth(contents(disk)[recording.path])


def test_a_checksum_that_comes_too_late_is_nobody_s_trouble(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        studio.send(2 * SECOND)
        # Its checksum is asked for, and not computed yet.
        recording.remove_segments([5])
        studio.writer.hop()
        studio.end()
        studio.settle()
        assert recording.is_over
        assert deleted(recording) == [5]
        assert "no checksum" not in caplog.text


def test_files_from_before_a_restart_stay_while_they_are_repaired() -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk, 5) as (studio, recording):
        entry, manifest = recording._entry, recording.manifest
        for queue in studio.writer.queues:
            for files in queue.files:
                files.close()
    with Storage.open(DIRECTORY, None, disk) as storage:
        studio = Studio(storage, RULES)
        goes_on = studio.recorder.continue_recording(
            manifest, entry, last_file=3, began_ms=0, silent_since_ms=0
        )
        studio.writer.hop()
        assert goes_on.closed_segments == []
        goes_on.recovered([])
        assert [row.index for row in goes_on.closed_segments] == [1, 2]
