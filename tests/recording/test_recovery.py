"""Recordings that were cut off are made whole again, wherever that was, and recovery too.

The recordings are those of the real segmenter and the real files; the disk is the real one, with
every operation written down or one of them failing.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from functools import cache, partial
from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.flv.parts import Role
from recorder.flv.scanner import Scanner
from recorder.recording.actions import Appended, Opened
from recorder.recording.disk import OsDisk, closing
from recorder.recording.entries import Entry
from recorder.recording.hashing import sha256_of
from recorder.recording.manifest import Gap, Manifest
from recorder.recording.recovery import (
    Recovered,
    Repaired,
    look,
    recover_folder,
    recover_recording,
    repair_files,
)
from recorder.recording.shelves import open_recording
from recorder.recording.storage import Storage, initialise
from recorder.recording.unfinished import read_entries
from tests.helpers.cut_off import CREATOR, FOLDER, YOUNG, actions, cut_off, tree
from tests.helpers.disk import FailingDisk, RecordingDisk, open_descriptors
from tests.helpers.segments import carry_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.recording.actions import Action
    from recorder.recording.disk import Disk

ENTRY = ".recorder/open/0000001"
MANIFEST = f"{FOLDER}/recording.json"


def _storage(directory: Path) -> Path:
    initialise(directory, None, OsDisk())
    return directory


@cache
def made() -> list[Action]:
    return actions()


def recover(directory: Path, disk: Disk | None = None, path: str = FOLDER) -> Recovered:
    disk = disk or OsDisk()
    with Storage.open(directory, None, disk) as storage:
        if isinstance(disk, RecordingDisk):
            disk.operations.clear()
        return recover_recording(
            storage,
            path,
            creator=CREATOR,
            checksum=partial(sha256_of, disk),
        )


def manifest_of(directory: Path) -> Manifest:
    return Manifest.from_json((directory / MANIFEST).read_bytes())


def check_recovered(directory: Path, expected: Recovered | None = None) -> None:
    """Every promise about a recording that recovery is done with."""
    assert not (directory / ENTRY).exists()
    if not (directory / FOLDER).exists():
        return
    manifest = manifest_of(directory)
    assert manifest.end is not None
    names = set(os.listdir(directory / FOLDER))
    damaged = {name for name in names if ".damaged" in name}
    assert names - damaged == {"recording.json", *(row.file for row in manifest.segments)}
    for row in manifest.segments:
        data = (directory / FOLDER / row.file).read_bytes()
        assert row.sha256 == hashlib.sha256(data).hexdigest()
        assert row.bytes == len(data)
        scanner = Scanner()
        scanner.feed(data)
        scanner.finish()
        assert scanner.broken is None
    before = tree(directory)
    again = recover(directory)
    assert tree(directory) == before
    assert again.files == Repaired()
    assert (again.made_anew, again.was_ended, again.checksums) == (False, False, 0)
    if expected is not None:
        assert expected.manifest == manifest == again.manifest


# Wherever it was cut.


@pytest.mark.parametrize("after", range(len(actions()) + 1))
def test_wherever_a_recording_was_cut_off_it_is_made_whole(directory: Path, after: int) -> None:
    before = cut_off(directory, made()[:after])
    recovered = recover(directory)
    check_recovered(directory, recovered)
    manifest = manifest_of(directory)
    assert manifest.end_reason == "interrupted"
    kept = [attrs.evolve(row, sha256=None) for row in manifest.segments if not row.repaired]
    assert kept == list(before.segments)
    opened = [
        (f"{each.segment + 1:04}.flv", each.position_ms, each.reason.value)
        for each in made()
        if isinstance(each, Opened)
    ]
    rows = [(row.file, row.start_ms, row.reason) for row in manifest.segments]
    assert rows == opened[: len(rows)]
    # Everything that was written is there, and the numbers show no hole.
    written = [bytes(segment.data) for segment in carry_out(made()[:after])]
    found = [path.read_bytes() for path in sorted((directory / FOLDER).glob("*.flv"))]
    assert list(map(_frames, found)) == [count for count in map(_frames, written) if count]
    assert all(row.gap is None for row in manifest.segments)


def _frames(data: bytes) -> int:
    found = Scanner().feed(data)
    return sum(part.role is Role.FRAME for each in found for part in each.parts)


def test_a_recording_that_was_cut_off_ends_where_its_media_end(directory: Path) -> None:
    cut_off(directory, made()[:-1])
    recover(directory)
    manifest = manifest_of(directory)
    assert [row.repaired for row in manifest.segments] == [False, False, False, True]
    assert manifest.counts["repaired_segments"] == 1
    assert manifest.duration_ms == 3_520
    assert manifest.end == "2026-11-22T10:30:03.520Z"
    assert all(row.gap is None for row in manifest.segments)


def test_nothing_was_recorded_where_there_is_no_segment(directory: Path) -> None:
    cut_off(directory, made()[:0])
    recovered = recover(directory)
    assert recovered.manifest is not None
    assert (recovered.manifest.segments, recovered.was_ended) == ((), True)
    check_recovered(directory, recovered)


def test_what_goes_on_keeps_its_entry_until_its_checksums_are_there(directory: Path) -> None:
    cut_off(directory, made())
    with Storage.open(directory, None, OsDisk()) as storage:
        recovered = recover_recording(storage, FOLDER, creator=CREATOR)
    assert not recovered.is_done
    assert manifest_of(directory).end is not None
    assert (directory / ENTRY).exists()
    assert recover(directory).checksums == len(manifest_of(directory).segments)
    check_recovered(directory)


def test_progress_is_what_was_scanned(directory: Path) -> None:
    cut_off(directory, made()[:2])
    size = (directory / FOLDER / "0001.flv.part").stat().st_size
    read: list[int] = []
    with Storage.open(directory, None, OsDisk()) as storage:
        recover_recording(storage, FOLDER, creator=CREATOR, progress=read.append)
    assert sum(read) == size


TORN = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)


@TORN
@given(data=st.data())
def test_whatever_the_power_cut_left_of_the_parts(tmp_path: Path, data: st.DataObject) -> None:
    directory = _storage(tmp_path / f"{len(os.listdir(tmp_path))}")
    cut_off(directory, made()[: data.draw(st.integers(1, len(made())))])
    for part in sorted((directory / FOLDER).glob("*.part")):
        content = bytearray(part.read_bytes())
        at = data.draw(st.integers(0, len(content)))
        match data.draw(st.sampled_from(["whole", "cut", "zeros", "hole", "garbage"])):
            case "cut":
                del content[at:]
            case "zeros":
                content[at:] = bytes(len(content) - at)
            case "hole":
                content[at : at + 4096] = bytes(len(content[at : at + 4096]))
            case "garbage":
                noise = data.draw(st.binary(min_size=1, max_size=40))
                content[at : at + len(noise)] = noise
        part.write_bytes(content)
    check_recovered(directory, recover(directory))


# Names.


def test_both_names_of_one_file_are_understood(directory: Path) -> None:
    cut_off(directory, made())
    folder = directory / FOLDER
    os.link(folder / "0002.flv", folder / "0002.flv.part")
    disk = RecordingDisk()
    recovered = recover(directory, disk)
    assert recovered.files == Repaired()
    check_recovered(directory)
    # The final name may not have been durable: it is before the other goes.
    unlink = disk.operations.index(f"unlink {FOLDER}/0002.flv.part")
    assert disk.operations[unlink - 1] == f"sync_folder {FOLDER}"


def test_another_file_under_the_final_name_is_not_touched(directory: Path) -> None:
    cut_off(directory, made())
    folder = directory / FOLDER
    before = (folder / "0002.flv").read_bytes()
    (folder / "0002.flv.part").write_bytes(b"another")
    recovered = recover(directory)
    assert recovered.files.damaged == 1
    assert (folder / "0002.flv").read_bytes() == before
    assert (folder / "0002.flv.damaged").read_bytes() == b"another"
    assert manifest_of(directory).counts == {"damaged_segments": 1}
    check_recovered(directory, recovered)


def test_a_segment_that_no_manifest_mentions_is_added(directory: Path) -> None:
    manifest = cut_off(directory, made())
    rows = list(manifest.segments)
    forgotten = attrs.evolve(manifest, segments=(rows[0], rows[2]))
    (directory / MANIFEST).write_bytes(forgotten.to_json())
    recovered = recover(directory)
    assert recovered.files.added == len(rows) - 2
    found = [attrs.evolve(row, sha256=None) for row in manifest_of(directory).segments]
    assert found == rows
    check_recovered(directory, recovered)


def test_a_row_without_a_file_stays(directory: Path) -> None:
    cut_off(directory, made())
    (directory / FOLDER / "0002.flv").unlink()
    manifest = recover(directory).manifest
    assert manifest is not None
    assert [row.sha256 is None for row in manifest.segments] == [False, True, False, False]


def test_what_is_not_ours_stays(directory: Path) -> None:
    cut_off(directory, made()[:3])
    (directory / FOLDER / "notes.txt").write_bytes(b"of a person")
    (directory / FOLDER / "0009.flv.part").mkdir()
    (directory / FOLDER / "recording.json.tmp").write_bytes(b"{")
    recover(directory)
    assert (directory / FOLDER / "notes.txt").read_bytes() == b"of a person"
    assert (directory / FOLDER / "0009.flv.part").is_dir()
    assert not (directory / FOLDER / "recording.json.tmp").exists()


def test_a_part_that_cannot_be_read_is_kept_and_counted(directory: Path) -> None:
    cut_off(directory, made()[:3])
    (directory / FOLDER / "0001.flv.part").write_bytes(b"what is this?")
    recovered = recover(directory)
    assert recovered.files.damaged == 1
    assert manifest_of(directory).counts == {"damaged_segments": 1}
    check_recovered(directory, recovered)


def test_a_part_without_a_frame_goes(directory: Path) -> None:
    cut_off(directory, made()[:1])
    recovered = recover(directory)
    assert (recovered.files.empty, recovered.files.rows) == (1, [])
    check_recovered(directory, recovered)


# Manifests.


def test_a_missing_manifest_is_made_anew(directory: Path) -> None:
    cut_off(directory, made()[:-1])
    (directory / MANIFEST).unlink()
    recovered = recover(directory)
    assert (recovered.made_anew, recovered.was_damaged) == (True, False)
    manifest = manifest_of(directory)
    assert (manifest.room, manifest.number, manifest.start) == (
        YOUNG.room,
        YOUNG.number,
        YOUNG.start,
    )
    assert [row.start_ms for row in manifest.segments] == [0, 1000, 2000, 3000]
    check_recovered(directory, recovered)


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 2}', bytes(65 << 20)])
def test_a_damaged_manifest_is_kept_and_made_anew(directory: Path, content: bytes) -> None:
    cut_off(directory, made())
    (directory / MANIFEST).write_bytes(content)
    recovered = recover(directory)
    assert recovered.was_damaged
    assert len(manifest_of(directory).segments) == 4
    assert (directory / f"{MANIFEST}.damaged").read_bytes() == content
    check_recovered(directory, recovered)


def test_a_damaged_manifest_without_segments_is_made_anew_too(directory: Path) -> None:
    cut_off(directory, made()[:0])
    (directory / MANIFEST).rename(directory / f"{MANIFEST}.damaged")
    recovered = recover(directory)
    assert recovered.manifest is not None
    check_recovered(directory, recovered)


def test_an_empty_folder_goes(directory: Path) -> None:
    cut_off(directory, made()[:0])
    (directory / MANIFEST).unlink()
    disk = RecordingDisk()
    recovered = recover(directory, disk)
    assert recovered.manifest is None
    assert not (directory / FOLDER).exists()
    assert not (directory / ENTRY).exists()
    date = FOLDER.rpartition("/")[0]
    effects = [each for each in disk.operations if each.split()[0] not in _READING]
    assert effects == [
        f"remove_folder {FOLDER}",
        f"sync_folder {date}",
        *_FORGOTTEN,
    ]


_READING = {
    "open_folder", "open_file", "open_to_repair", "close",
    "list_folder", "facts", "read", "size", "exists", "forget_cache",
}  # fmt: skip

_FORGOTTEN = [f"unlink {ENTRY}", f"unlink {ENTRY}.tmp", "sync_folder .recorder/open"]


def test_a_recording_whose_folder_was_never_made_is_forgotten(directory: Path) -> None:
    (directory / ENTRY).write_bytes(Entry(folder=FOLDER).to_bytes())
    assert recover(directory).manifest is None
    assert os.listdir(directory / ".recorder/open") == []
    assert recover(directory).manifest is None


def test_a_file_in_place_of_a_folder_is_an_error(directory: Path) -> None:
    (directory / "room101").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        recover(directory)


# In which order, and when something fails.


def test_the_entry_goes_when_everything_is_durable(directory: Path) -> None:
    cut_off(directory, made()[:2])
    disk = RecordingDisk()
    recover(directory, disk)
    effects = [each for each in disk.operations if each.split()[0] not in _READING]
    replaced = [
        f"create_file {MANIFEST}.tmp",
        f"write {MANIFEST}.tmp",
        f"sync_file {MANIFEST}.tmp",
        f"rename {MANIFEST}",
        f"sync_folder {FOLDER}",
    ]
    assert [each for each in effects if not each.startswith(f"unlink {MANIFEST}")] == [
        f"sync_file {FOLDER}/0001.flv.part",
        f"write {FOLDER}/0001.flv.part",
        f"write {FOLDER}/0001.flv.part",
        f"sync_file {FOLDER}/0001.flv.part",
        f"link {FOLDER}/0001.flv",
        f"sync_folder {FOLDER}",
        f"unlink {FOLDER}/0001.flv.part",
        *replaced,
        *replaced,
        *_FORGOTTEN,
    ]


def test_what_was_complete_is_synced_before_it_is_forgotten(directory: Path) -> None:
    cut_off(directory, made())
    recover(directory)
    (directory / ENTRY).write_bytes(Entry(folder=FOLDER).to_bytes())
    disk = RecordingDisk()
    recover(directory, disk)
    effects = [each for each in disk.operations if each.split()[0] not in _READING]
    assert effects == [f"sync_folder {FOLDER}", *_FORGOTTEN]


def _two_parts(directory: Path) -> None:
    cut_off(directory, _two_open())
    assert len(list((directory / FOLDER).glob("*.part"))) == 2


def _two_open() -> list[Action]:
    """The second segment and the third are open, both with frames."""
    third = [n for n, each in enumerate(made()) if isinstance(each, Opened)][2]
    assert isinstance(made()[third + 2], Appended)
    return [*made()[: third + 1], made()[third + 2]]


def _damaged(directory: Path) -> None:
    cut_off(directory, made()[:3])
    (directory / MANIFEST).write_bytes(b"{")
    part = directory / FOLDER / "0001.flv.part"
    (directory / FOLDER / "0002.flv.part").write_bytes(b"what is this?")
    (directory / FOLDER / "recording.json.tmp").write_bytes(b"{")
    part.write_bytes(part.read_bytes() + bytes(5000))


def _nothing(directory: Path) -> None:
    cut_off(directory, made()[:1])
    (directory / MANIFEST).unlink()


@pytest.mark.parametrize("late", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("prepare", [_damaged, _nothing, _two_parts])
def test_whatever_fails_the_next_recovery_gives_the_same(
    tmp_path: Path, prepare: Callable[[Path], None], late: bool
) -> None:
    good = _storage(tmp_path / "good")
    prepare(good)
    recover(good)
    failed: list[str] = []
    for n in range(1, 200):
        directory = _storage(tmp_path / f"{n}")
        prepare(directory)
        disk = FailingDisk()
        descriptors = open_descriptors()
        with Storage.open(directory, None, disk) as storage:
            disk.arm(n, errno.EIO, late=late)
            try:
                recover_recording(
                    storage,
                    FOLDER,
                    creator=CREATOR,
                    checksum=partial(sha256_of, disk),
                )
            except OSError:
                assert disk.failed is not None
                failed.append(disk.failed)
            is_over = disk.failed is None
            disk.arm(0)
        assert open_descriptors() == descriptors
        recover(directory)
        assert _comparable(directory) == _comparable(good), failed[-1:]
        if is_over:
            break
    assert is_over
    assert len(failed) > 15
    check_recovered(directory)


def _comparable(directory: Path) -> dict[str, bytes | None]:
    return {
        name: content
        for name, content in tree(directory).items()
        if name not in {".recorder/id", ".recorder/lock"}
    }


@pytest.mark.parametrize("late", [False, True], ids=["not done", "done"])
def test_wherever_a_disk_failed_under_a_recording_it_is_made_whole(
    tmp_path: Path, late: bool
) -> None:
    for n in range(1, 200):
        directory = _storage(tmp_path / f"{n}")
        disk = FailingDisk()
        failed = None
        try:
            cut_off(directory, made(), disk, ready=partial(disk.arm, n, late=late))
        except OSError:
            failed = disk.failed
        disk.arm(0)
        check_recovered(directory, recover(directory))
        if failed is None:
            break
    assert n > 50


# While the recording goes on.


def test_the_files_of_a_recording_that_goes_on_are_repaired_and_its_manifest_is_not_touched(
    directory: Path,
) -> None:
    manifest = cut_off(directory, _two_open())
    (directory / FOLDER / "0009.flv.part").write_bytes(b"being written")
    (directory / FOLDER / "recording.json.tmp").write_bytes(b"being replaced")
    before = (directory / MANIFEST).read_bytes()
    disk = OsDisk()
    with (
        Storage.open(directory, None, disk) as storage,
        open_recording(disk, storage.root, FOLDER) as folder,
    ):
        repaired = repair_files(disk, folder, below=9, creator=CREATOR)
        again = repair_files(disk, folder, below=3, creator=CREATOR)
    assert [row.index for row in repaired.rows] == [2, 3]
    assert again == Repaired(rows=repaired.rows[:1], added=1)
    assert repaired.salvaged == 2
    assert [row.file for row in manifest.segments] == ["0001.flv"]
    assert (directory / MANIFEST).read_bytes() == before
    assert (directory / FOLDER / "0009.flv.part").read_bytes() == b"being written"
    assert (directory / FOLDER / "recording.json.tmp").exists()


# Entries.


def test_entries_come_by_number_and_those_that_were_cut_short_by_name(directory: Path) -> None:
    entries = directory / ".recorder/open"
    for number in (10_000_000, 2):
        folder = f"room101/2026-11-22/{number:07}-103000Z"
        (entries / f"{number:07}").write_bytes(Entry(folder=folder).to_bytes())
    (entries / "0000003").write_bytes(b"")
    (entries / "0000004").write_bytes(Entry(folder=FOLDER).to_bytes())
    (entries / "notes").write_bytes(b"")
    with Storage.open(directory, None, OsDisk()) as storage:
        found = [each if isinstance(each, str) else each.number for each in read_entries(storage)]
    assert found == [2, "0000003", "0000004", 10_000_000]


def test_an_entry_that_the_disk_does_not_give_keeps_no_other_from_being_read(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        folder = f"room101/2026-11-22/{number:07}-103000Z"
        entry = directory / f".recorder/open/{number:07}"
        entry.write_bytes(Entry(folder=folder).to_bytes())
    disk = FailingDisk()
    with Storage.open(directory, None, disk) as storage, caplog.at_level(logging.WARNING):
        disk.arm(2)
        found = read_entries(storage)
    assert [each.number for each in found if isinstance(each, Entry)] == [2]
    assert caplog.messages == [
        (
            "The entry 0000001 of an unfinished recording cannot be read: "
            "[Errno 5] Input/output error: '.recorder/open/0000001'"
        )
    ]


# Outside of a storage.


def test_a_recording_that_was_copied_out_is_made_whole_where_it_lies(
    directory: Path, tmp_path: Path
) -> None:
    cut_off(directory, made()[:3])
    disk = OsDisk()
    with closing(disk, disk.open_path(directory / FOLDER)) as folder:
        found = look(disk, folder)
        assert not found.is_finished
        recovered = recover_folder(
            disk,
            folder,
            FOLDER,
            creator=CREATOR,
            checksum=partial(sha256_of, disk),
        )
        assert look(disk, folder).is_finished
    assert recovered.is_done
    assert (directory / ENTRY).exists()


def test_gaps_of_a_recording_that_lost_a_segment_are_told(directory: Path) -> None:
    cut_off(directory, made())
    (directory / MANIFEST).unlink()
    (directory / FOLDER / "0002.flv").unlink()
    recover(directory)
    gaps = [row.gap for row in manifest_of(directory).segments]
    assert gaps == [None, Gap(reason="lost", ms=1000), None]
