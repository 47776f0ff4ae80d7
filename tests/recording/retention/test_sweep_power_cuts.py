"""The power is cut behind every operation of a deletion, in every way; KEEP comes before each."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from recorder.recording import naming
from recorder.recording.manifest import Manifest
from recorder.recording.refusals import StorageError
from recorder.recording.retention.deletion import Fate, Removed, delete_recording
from recorder.recording.retention.keeping import keep, unkeep
from recorder.recording.shelves import open_recording
from recorder.recording.storage import Storage
from tests.helpers.clock import FakeClock
from tests.helpers.power_cuts import File
from tests.helpers.promises import DIRECTORY
from tests.helpers.studio import SECOND, Studio
from tests.recording.retention.cutting import (
    RULES,
    Judge,
    contents,
    delete,
    finish,
    folder_at,
    start,
    storage_with_two,
)

if TYPE_CHECKING:
    from recorder.recording.recording import LiveRecording
    from tests.helpers.power_cuts import PowerCutDisk


def test_a_deletion_may_be_cut_off_anywhere() -> None:
    disk = storage_with_two()
    first, second = sorted(contents(disk))
    judge = Judge(disk, first)
    assert delete(disk, first).fate is Fate.GONE
    judge.done()
    assert list(contents(disk)) == [second]
    # With fewer the model, or the deletion, has become another.
    assert judge.looked > 20


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


def test_so_may_one_that_follows_one_that_the_disk_refused() -> None:
    looked = [looked_behind_a_refusal(at) for at in range(1, operations_of_a_deletion() + 1, 4)]
    assert sum(looked) > 70


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


def operations_of_a_deletion() -> int:
    disk = storage_with_two()
    count = 0

    def before(_operation: str, _label: str) -> None:
        nonlocal count
        count += 1

    first, _ = sorted(contents(disk))
    disk.before = before
    delete(disk, first)
    return count


def put_keep(disk: PowerCutDisk, path: str) -> bool:
    """A person makes the file, durably; False: there is no folder any more."""
    folder = folder_at(disk, path)
    if folder is None:
        return False
    file = File(f"{path}/KEEP")
    folder.names[naming.KEEP_FILE] = folder.durable[naming.KEEP_FILE] = file
    return True


def test_keep_stops_what_it_meets_wherever_it_comes() -> None:
    fates = [fate_with_keep(at) for at in range(1, operations_of_a_deletion() + 1)]
    assert set(fates) == {Fate.KEPT, Fate.GONE}


def fate_with_keep(at: int) -> Fate:
    """What becomes of a recording for which KEEP comes before one operation of its deletion."""
    disk = storage_with_two()
    first, second = sorted(contents(disk))
    before, unlinked = contents(disk), list[str]()
    count, was_put = 0, False

    def look(operation: str, label: str) -> None:
        nonlocal count, was_put
        count += 1
        if count == at:
            # The kernel looks whether a folder is empty, and removes it, in one.
            was_put = operation != "remove_folder" and put_keep(disk, first)
        elif was_put and operation == "unlink" and label.endswith(".flv"):
            unlinked.append(label)

    disk.before = look
    fate = delete(disk, first).fate
    disk.before = None
    # Looked for right before each: one may be on its way already.
    assert len(unlinked) <= 1
    after = contents(disk)
    assert after[second] == before[second]
    if not was_put:
        assert fate is Fate.GONE
        return fate
    assert fate is Fate.KEPT
    check_truth(after[first])
    start(disk)
    assert contents(disk) == after
    assert delete(disk, first).fate is Fate.KEPT
    assert contents(disk) == after
    return fate


def check_truth(files: dict[str, bytes]) -> None:
    """The manifest says exactly which files are gone."""
    manifest = Manifest.from_json(files[naming.MANIFEST_FILE])
    assert manifest.deleting is None
    there = {row.file for row in manifest.segments if not row.deleted}
    assert there == {name for name in files if name.endswith(".flv")}


def test_what_is_kept_is_not_touched_at_all() -> None:
    disk = storage_with_two(1)
    (path,) = contents(disk)
    put_keep(disk, path)
    with Storage.open(DIRECTORY, None, disk) as storage:
        changes = disk.changes
        assert finish(delete_recording(storage, path, "age")) == Removed(Fate.KEPT)
        assert disk.changes == changes


@pytest.mark.parametrize("times", [1, 2])
def test_a_person_s_word_is_durable_when_it_is_said(times: int) -> None:
    disk = storage_with_two(1)
    (path,) = contents(disk)
    with (
        Storage.open(DIRECTORY, None, disk) as storage,
        open_recording(disk, storage.root, path) as folder,
    ):
        said = [keep(disk, folder, who="me", when="now", why="exam") for _ in range(times)]
        kept = folder_at(disk, path)
        assert kept is not None
        assert naming.KEEP_FILE in kept.durable
        assert contents(disk)[path][naming.KEEP_FILE] == b"who: me\nwhen: now\nwhy: exam\n"
        said += [unkeep(disk, folder) for _ in range(times)]
        assert naming.KEEP_FILE not in kept.durable
    assert said == [True, *[False] * (times - 1)] * 2


# Segments of a recording that goes on.


def is_removing(recording: LiveRecording) -> bool:
    """Asked anew."""
    return recording.is_removing


def test_segments_of_a_live_recording_go_and_a_cut_leaves_the_truth() -> None:
    disk = storage_with_two(1)
    earlier = set(contents(disk))
    clock = FakeClock()
    clock.advance(3_600_000)
    with Storage.open(DIRECTORY, None, disk) as storage:
        studio = Studio(storage, RULES, clock)
        studio.arrive()
        studio.send(9 * SECOND)
        studio.work()
        studio.writer.hop()
        recording = studio.recorder.recording
        assert recording is not None
        assert [row.index for row in recording.closed_segments] == [1, 2, 3, 4]
        live = recording.path

        def check(_disk: PowerCutDisk, after: dict[str, dict[str, bytes]]) -> None:
            manifest = Manifest.from_json(after[live][naming.MANIFEST_FILE])
            there = {row.file for row in manifest.segments if not row.deleted}
            assert there == {name for name in after[live] if name.endswith(".flv")}
            assert {"0003.flv", "0004.flv"} <= there

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


@pytest.mark.parametrize("at", range(1, 30))
def test_keep_spares_what_is_left_of_them(at: int) -> None:
    disk = storage_with_two(0)
    with Storage.open(DIRECTORY, None, disk) as storage:
        studio = Studio(storage, RULES)
        studio.arrive()
        studio.send(9 * SECOND)
        studio.work()
        studio.writer.hop()
        recording = studio.recorder.recording
        assert recording is not None
        unlinked, count = list[str](), 0

        def look(operation: str, label: str) -> None:
            nonlocal count
            count += 1
            if count == at:
                put_keep(disk, recording.path)
            if count >= at and operation == "unlink" and label.endswith(".flv"):
                unlinked.append(label)

        disk.before = look
        recording.remove_segments([1, 2])
        studio.writer.hop()
        disk.before = None
        assert len(unlinked) <= 1
        put_keep(disk, recording.path)
        studio.end()
        studio.settle()
        check_truth(contents(disk)[recording.path])
    assert not is_removing(recording)


def test_segments_of_what_is_kept_are_not_even_marked() -> None:
    disk = storage_with_two(0)
    with Storage.open(DIRECTORY, None, disk) as storage:
        studio = Studio(storage, RULES)
        studio.arrive()
        studio.send(9 * SECOND)
        studio.work()
        studio.writer.hop()
        recording = studio.recorder.recording
        assert recording is not None
        put_keep(disk, recording.path)
        saves = list[str]()
        disk.before = lambda operation, label: saves.append(f"{operation} {label}")
        recording.remove_segments([1, 2])
        studio.writer.hop()
        assert not [each for each in saves if each.startswith("rename")]
        assert not [row for row in recording.manifest.segments if row.deleted]


def test_what_the_disk_does_not_let_go_goes_when_it_is_well() -> None:
    disk = storage_with_two(0)
    with Storage.open(DIRECTORY, None, disk) as storage:
        studio = Studio(storage, RULES)
        studio.arrive()
        studio.send(9 * SECOND)
        studio.work()
        studio.writer.hop()
        recording = studio.recorder.recording
        assert recording is not None
        disk.fails = lambda operation, label: operation == "unlink" and label.endswith("1.flv")
        recording.remove_segments([1])
        studio.writer.hop()
        assert studio.fault() is not None
        disk.fails = None
        assert is_removing(recording)
        studio.overcome()
        studio.writer.hop()
        assert not is_removing(recording)
        studio.end()
        studio.settle()
        assert "0001.flv" not in contents(disk)[recording.path]


def test_a_deletion_of_what_is_gone_is_done() -> None:
    disk = storage_with_two(1)
    (path,) = contents(disk)
    delete(disk, path)
    with Storage.open(DIRECTORY, None, disk) as storage:
        removed = finish(delete_recording(storage, path, "age"))
    assert removed.fate is Fate.GONE
