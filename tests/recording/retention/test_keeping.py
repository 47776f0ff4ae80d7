"""KEEP, and the deletion that it meets: before each operation, and behind a power cut at each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording import naming
from recorder.recording.durable import replace_file
from recorder.recording.manifest import Manifest
from recorder.recording.retention.deletion import Fate, delete_recording, finish
from recorder.recording.retention.keeping import keep, unkeep
from recorder.recording.shelves import open_recording
from recorder.recording.storage import Storage
from tests.helpers.promises import DIRECTORY
from tests.helpers.studio import SECOND
from tests.recording.retention.cutting import (
    Judge,
    check_truth,
    contents,
    delete,
    deleted,
    entries,
    folder_at,
    is_removing,
    lesson_under_way,
    operations_of_a_deletion,
    put_keep,
    says_deleting,
    start,
    storage_with_two,
)

if TYPE_CHECKING:
    from tests.helpers.power_cuts import PowerCutDisk


def test_keep_stops_what_it_meets_wherever_it_comes() -> None:
    fates = [fate_with_keep(at) for at in range(1, operations_of_a_deletion() + 1)]
    assert set(fates) == {Fate.KEPT, Fate.GONE}


def fate_with_keep(at: int) -> Fate:
    """What becomes of a recording for which KEEP comes before one operation of its deletion."""
    disk = storage_with_two()
    first, second = sorted(contents(disk))
    before, unlinked = contents(disk), list[str]()
    count, was_put, was_in_time = 0, False, False

    def look(operation: str, label: str) -> None:
        nonlocal count, was_put, was_in_time
        count += 1
        if count == at:
            was_in_time = not says_deleting(disk, first)
            # The kernel looks whether a folder is empty, and removes it, in one.
            was_put = operation != "remove_folder" and put_keep(disk, first)
        elif was_put and operation == "unlink" and label.endswith(".flv"):
            unlinked.append(label)

    disk.before = look
    fate = delete(disk, first).fate
    disk.before = None
    # Looked for right before each: what was on its way already is not among these.
    assert unlinked == []
    after = contents(disk)
    assert after[second] == before[second]
    if not was_put:
        assert fate is Fate.GONE
        return fate
    assert fate is Fate.KEPT
    check_truth(after[first])
    if was_in_time:
        assert after[first] == {**before[first], naming.KEEP_FILE: b""}
    assert not entries(disk)
    start(disk)
    assert contents(disk) == after
    assert delete(disk, first).fate is Fate.KEPT
    assert contents(disk) == after
    return fate


def test_keep_that_comes_behind_a_cut_ends_the_deletion() -> None:
    disk = storage_with_two()
    first, _ = sorted(contents(disk))
    whole = contents(disk)[first]
    kept = set[int]()

    def spares(left: PowerCutDisk, after: dict[str, dict[str, bytes]]) -> None:
        if first not in after:
            return
        check_truth(after[first])
        there = {name: data for name, data in after[first].items() if name.endswith(".flv")}
        assert there.items() <= whole.items()
        kept.add(len(there))
        assert not entries(left)
        assert delete(left, first).fate is Fate.KEPT
        assert contents(left) == after

    judge = Judge(disk, first, spares, comes=lambda left: put_keep(left, first))
    delete(disk, first)
    judge.done()
    assert kept == {0, 1, 2, 3}


@pytest.mark.parametrize("content", ["{", None])
def test_of_what_had_no_good_manifest_a_start_makes_one_that_tells_of_what_is_kept(
    content: str | None,
) -> None:
    disk = storage_with_two(1)
    (path,) = contents(disk)
    spoil(disk, path, content)
    with Storage.open(DIRECTORY, None, disk) as storage:
        steps = delete_recording(storage, path, "operator")
        next(steps)
        next(steps)
        put_keep(disk, path)
        assert finish(steps, lambda: None).fate is Fate.KEPT
    # Somebody must read what is left, and that is not for a deletion.
    assert entries(disk) == ["0000001"]
    start(disk)
    files = contents(disk)[path]
    check_truth(files)
    assert {name for name in files if name.endswith(".flv")} == {"0002.flv", "0003.flv"}


def test_keep_beside_a_manifest_that_cannot_be_read_leaves_all_to_a_start() -> None:
    disk = storage_with_two(1)
    (path,) = contents(disk)
    spoil(disk, path, "{")
    put_keep(disk, path)
    before = contents(disk)
    removed = delete(disk, path)
    assert (removed.fate, removed.manifest) == (Fate.KEPT, None)
    assert contents(disk) == before


def spoil(disk: PowerCutDisk, path: str, content: str | None) -> None:
    with (
        Storage.open(DIRECTORY, None, disk) as storage,
        open_recording(disk, storage.root, path) as folder,
    ):
        if content is None:
            disk.unlink(folder, naming.MANIFEST_FILE)
        else:
            replace_file(disk, folder, naming.MANIFEST_FILE, content.encode())


def test_what_is_kept_is_not_touched_at_all() -> None:
    disk = storage_with_two(1)
    (path,) = contents(disk)
    put_keep(disk, path)
    with Storage.open(DIRECTORY, None, disk) as storage:
        changes = disk.changes
        removed = finish(delete_recording(storage, path, "age"), lambda: None)
        assert disk.changes == changes
    assert removed.fate is Fate.KEPT
    # The catalogue may not know yet, and learns it from this.
    assert removed.manifest == Manifest.from_json(contents(disk)[path][naming.MANIFEST_FILE])


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


@pytest.mark.parametrize("at", range(1, 30))
@pytest.mark.parametrize("at_once", [False, True])
def test_keep_spares_what_is_left_of_them(at: int, *, at_once: bool) -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        unlinked, count = list[str](), 0

        def look(operation: str, label: str) -> None:
            nonlocal count
            count += 1
            if count > at and operation == "unlink" and label.endswith(".flv"):
                unlinked.append(label)
            if count == at:
                put_keep(disk, recording.path)

        disk.before = look
        for files in [[1, 2]] if at_once else [[1], [2]]:
            recording.remove_segments(files)
        studio.writer.hop()
        disk.before = None
        # Looked for right before each: what was on its way already is not among these.
        assert count < at or unlinked == []
        put_keep(disk, recording.path)
        studio.end()
        studio.settle()
        assert studio.writer.errors == []
        check_truth(contents(disk)[recording.path])
        assert not is_removing(recording)


def test_segments_of_what_is_kept_are_not_even_marked() -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        put_keep(disk, recording.path)
        before, marked = contents(disk)[recording.path], list[dict[str, bytes]]()
        disk.before = lambda _operation, _label: marked.append(contents(disk)[recording.path])
        recording.remove_segments([1, 2])
        studio.writer.hop()
        assert all(each == before for each in marked)
        assert deleted(recording) == []


def test_what_was_removed_before_keep_came_is_not_called_there_again() -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        # The first one goes, and the disk then refuses before anybody has heard of it.
        gone = list[str]()

        def fails(operation: str, label: str) -> bool:
            if operation == "unlink" and label.endswith(".flv"):
                gone.append(label)
            return bool(gone) and operation == "create_file"

        disk.fails = fails
        recording.remove_segments([1])
        recording.remove_segments([2])
        studio.writer.hop()
        assert len(gone) == 1
        assert studio.fault() is not None
        put_keep(disk, recording.path)
        disk.fails = None
        studio.overcome()
        studio.writer.hop()
        studio.end()
        studio.settle()
        check_truth(contents(disk)[recording.path])
        assert deleted(recording) == [1]


def test_keep_costs_no_segment_its_row() -> None:
    disk = storage_with_two(0)
    with lesson_under_way(disk) as (studio, recording):
        studio.send(2 * SECOND, hop_every=0)
        assert len(recording.manifest.segments) == 5
        put_keep(disk, recording.path)
        # In one hop with the closing of the fifth.
        recording.remove_segments([1])
        studio.writer.hop()
        files = contents(disk)[recording.path]
        assert "0005.flv" in files
        assert len(Manifest.from_json(files[naming.MANIFEST_FILE]).segments) == 5
