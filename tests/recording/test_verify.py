"""Recordings on a real folder: what is whole, and what is no damage."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from recorder.recording.disk import OsDisk
from recorder.recording.findings import Kind
from recorder.recording.refusals import StorageError
from recorder.recording.verify import LOOKING, VERIFYING, verify_folder
from tests.helpers.disk import RecordingDisk
from tests.helpers.recorded import record, rewrite_manifest, rewrite_row
from tests.recording.verifying import (
    FOLDER,
    NAMES,
    Watched,
    findings,
    made,
    told,
    unfinished,
    verify,
)


@pytest.fixture
def folder(directory: Path) -> Path:
    """A finished recording."""
    return record(directory, made())


# What is whole.


def test_a_storage_as_it_was_recorded_gives_no_finding(directory: Path, folder: Path) -> None:
    record(directory, made(), room="b")
    first, second = verify(directory)
    assert (first.findings, second.findings) == ((), ())
    assert [each.path for each in (first, second)] == ["b/2026-11-22/0000002-103000Z", FOLDER]
    sizes = [(folder / name).stat().st_size for name in NAMES]
    assert (second.segments, second.bytes, second.is_recording) == (4, sum(sizes), True)


@pytest.mark.parametrize("below", ["", "room101", "room101/2026-11-22", FOLDER])
def test_a_part_of_a_storage_can_be_named(below: str, directory: Path, folder: Path) -> None:
    (folder / "0002.flv").unlink()
    (verified,) = verify(directory / below)
    assert verified.path == FOLDER
    assert [each.file for each in verified.damage] == ["0002.flv"]


@pytest.mark.parametrize(
    ("below", "copy", "path"),
    [
        ("", "backup", FOLDER),
        ("room101", "old room", "2026-11-22/0000001-103000Z"),
        ("room101/2026-11-22", "2026-11-22", "0000001-103000Z"),
        ("room101/2026-11-22", "a day", "0000001-103000Z"),
        (FOLDER, "0000001-103000Z", "0000001-103000Z"),
        (FOLDER, "lesson", "lesson"),
    ],
)
def test_a_copy_of_any_part_can_be_named(
    below: str, copy: str, path: str, directory: Path, folder: Path, tmp_path: Path
) -> None:
    shutil.rmtree(directory / ".recorder")
    shutil.copytree(directory / below, tmp_path / "away" / copy)
    (verified,) = verify(tmp_path / "away" / copy)
    assert (verified.path, verified.findings, verified.segments) == (path, (), 4)


def test_a_copy_without_its_manifest_is_still_a_recording(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "lesson")
    (tmp_path / "lesson/recording.json").unlink()
    assert told(tmp_path / "lesson") == [(Kind.MANIFEST, "recording.json")]


def test_a_recording_at_the_root_of_a_disk_has_no_storage_around_it(folder: Path) -> None:
    class Elsewhere(RecordingDisk):
        def open_path(self, path: Path, *, follow: bool = False) -> int:
            return super().open_path(folder)

    (verified,) = verify(Path("/0000001-103000Z"), Elsewhere())
    assert (verified.path, verified.findings) == ("0000001-103000Z", ())


def test_a_copy_in_a_storage_is_no_recording_of_the_storage(directory: Path) -> None:
    copy = directory / "room101/2026-11-22/lesson"
    shutil.copytree(unfinished(directory), copy)
    assert (Kind.UNFINISHED, "") in told(copy)
    assert [each.path for each in verify(directory)] == [FOLDER]


def test_a_storage_without_recordings_is_good(directory: Path) -> None:
    assert verify(directory) == []
    (directory / "room101/2026-11-22").mkdir(parents=True)
    assert verify(directory / "room101") == []


def test_a_folder_that_holds_no_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Check that its disk is mounted"):
        verify(tmp_path)
    with pytest.raises(StorageError, match="does not exist"):
        verify(tmp_path / "missing")


def test_the_progress_counts_every_byte_once(directory: Path, folder: Path) -> None:
    record(directory, made(), room="b")
    (folder / "0002.flv").write_bytes(b"no FLV" * 400_000)
    watched = Watched()
    list(verify_folder(OsDisk(), directory, watch=watched))
    files = [file.stat().st_size for file in directory.rglob("*.flv")]
    assert watched.done == {LOOKING: [2, 2], VERIFYING: [sum(files), sum(files)]}


def test_every_file_is_read_once_from_the_disk_and_nothing_is_written(
    directory: Path, folder: Path
) -> None:
    disk = RecordingDisk()
    verify(directory, disk)
    kinds = {operation.split()[0] for operation in disk.operations}
    assert kinds <= {
        "open_path", "open_folder", "list_folder", "facts", "open_file", "forget_cache", "size",
        "read", "close",
    }  # fmt: skip
    for name in NAMES:
        its = [each.split()[0] for each in disk.operations if each.endswith(f"{FOLDER}/{name}")]
        assert its == [
            "facts", "open_file", "size", "forget_cache", "read", "read", "forget_cache", "close",
        ]  # fmt: skip


def test_it_can_be_left_before_its_end(directory: Path, folder: Path) -> None:
    record(directory, made(), room="b")
    with contextlib.closing(verify_folder(OsDisk(), directory, watch=Watched())) as found:
        assert next(found).findings == ()


# What is no damage.


def test_checksums_that_are_not_computed_yet_are_counted(directory: Path) -> None:
    folder = record(directory, made(), is_hashed=False)
    assert told(folder) == [(Kind.NOT_HASHED, name) for name in NAMES]
    (verified,) = verify(folder)
    assert verified.damage == []


def test_a_suspect_segment_is_told(folder: Path) -> None:
    rewrite_row(folder, 2, suspect=True)
    (found,) = findings(folder)
    assert (found.kind, found.file, found.is_damage) == (Kind.SUSPECT, "0002.flv", False)


def test_a_deleted_segment_is_not_missing(folder: Path) -> None:
    rewrite_row(folder, 2, deleted=True)
    assert told(folder) == [(Kind.LEFT_OVER, "0002.flv")]
    (folder / "0002.flv").unlink()
    (verified,) = verify(folder)
    assert (verified.findings, verified.segments) == ((), 3)


def test_what_is_being_deleted_has_nothing_missing(folder: Path) -> None:
    rewrite_manifest(folder, deleting="age")
    for name in ("0001.flv", "0002.flv"):
        (folder / name).unlink()
    (verified,) = verify(folder)
    (found,) = verified.findings
    assert (found.kind, found.is_damage) == (Kind.OPEN, False)
    assert "is being deleted" in found.text


def test_a_part_beside_its_final_name_is_left_over(folder: Path) -> None:
    os.link(folder / "0002.flv", folder / "0002.flv.part")
    assert told(folder) == [(Kind.LEFT_OVER, "0002.flv.part")]
