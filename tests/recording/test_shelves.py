"""Finding and reading recordings on a real folder, with strangers and a sick disk."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

import pytest

from recorder.recording.manifest import ManifestError
from recorder.recording.rows import row_of
from recorder.recording.shelves import (
    MANIFEST_BYTES,
    Shelved,
    open_recording,
    read_manifest,
    read_row,
    walk,
)
from tests.helpers.disk import FailingDisk, PatchyDisk, RecordingDisk, open_descriptors
from tests.helpers.recordings import DATE, finished, folder_of, lay_down

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def _lay_down(directory: Path, *numbers: int, room: str = "room101") -> None:
    for number in numbers:
        lay_down(directory, finished(number, room))


def test_recordings_are_found_by_room_date_and_number(tmp_path: Path, root: int) -> None:
    _lay_down(tmp_path, 12, 3, room="b")
    _lay_down(tmp_path, 7, room="a")
    (tmp_path / "a/2026-11-21/0000099-000000Z").mkdir(parents=True)
    (tmp_path / "a/2026-11-21/10000000-000000Z").mkdir()
    assert list(walk(RecordingDisk(), root)) == [
        Shelved(99, "a/2026-11-21/0000099-000000Z"),
        Shelved(10_000_000, "a/2026-11-21/10000000-000000Z"),
        Shelved(7, folder_of(7, "a")),
        Shelved(3, folder_of(3, "b")),
        Shelved(12, folder_of(12, "b")),
    ]


def test_an_empty_storage_has_no_recordings(root: int) -> None:
    assert list(walk(RecordingDisk(), root)) == []


def test_strangers_are_passed_over(tmp_path: Path, root: int) -> None:
    _lay_down(tmp_path, 1)
    for stranger in (".recorder/open", "lost+found", "room101/notes", f"room101/{DATE}/copy of 1"):
        (tmp_path / stranger).mkdir(parents=True)
    (tmp_path / "readme").touch()
    (tmp_path / "room101/2026-11-23").touch()
    (tmp_path / "linked").symlink_to(tmp_path / "room101")
    (tmp_path / "room101/2026-11-24").symlink_to(tmp_path / "room101" / DATE)
    assert [each.number for each in walk(RecordingDisk(), root)] == [1]


def test_a_walk_opens_no_recording_and_holds_two_descriptors(tmp_path: Path, root: int) -> None:
    _lay_down(tmp_path, 1, 2, room="a")
    _lay_down(tmp_path, 3, room="b")
    disk = RecordingDisk()
    before = open_descriptors()
    assert [open_descriptors() - before for _ in walk(disk, root)] == [2, 2, 2]
    assert sum(operation.startswith("open_") for operation in disk.operations) == 4


def test_a_walk_that_is_left_gives_its_descriptors_back(tmp_path: Path, root: int) -> None:
    _lay_down(tmp_path, 1, 2)
    with contextlib.closing(walk(RecordingDisk(), root)) as found:
        assert next(found).number == 1


@pytest.mark.parametrize("operation", ["open_folder", "list_folder"])
@pytest.mark.parametrize("place", ["a", f"a/{DATE}"])
def test_a_folder_that_cannot_be_read_is_named_and_the_walk_goes_on(
    operation: str, place: str, tmp_path: Path, root: int
) -> None:
    _lay_down(tmp_path, 1, room="a")
    _lay_down(tmp_path, 2, room="b")
    skipped: list[tuple[str, int | None]] = []
    disk = _sick(operation, place)
    found = list(walk(disk, root, lambda path, error: skipped.append((path, error.errno))))
    assert [each.number for each in found] == [2]
    assert skipped == [(place, errno.EIO)]
    with pytest.raises(OSError, match="Input/output"):
        list(walk(_sick(operation, place), root))


def _sick(operation: str, place: str, error: int = errno.EIO) -> PatchyDisk:
    disk = PatchyDisk()
    disk.sick = {f"{operation} {place}": error}
    return disk


def test_a_room_that_goes_while_it_is_walked_is_passed_over(tmp_path: Path, root: int) -> None:
    _lay_down(tmp_path, 1, room="a")
    _lay_down(tmp_path, 2, room="b")
    disk = _sick("open_folder", "a", errno.ENOENT)
    assert [each.number for each in walk(disk, root)] == [2]


def test_a_storage_that_cannot_be_read_is_an_error(root: int) -> None:
    disk = FailingDisk()
    disk.arm(1)
    with pytest.raises(OSError, match="Input/output"):
        list(walk(disk, root, lambda path, error: None))


def test_a_manifest_is_read(tmp_path: Path, root: int) -> None:
    lay_down(tmp_path, finished(42))
    disk = RecordingDisk()
    with open_recording(disk, root, folder_of(42)) as folder:
        assert read_manifest(disk, folder) == finished(42)


def test_a_large_manifest_is_read_whole(tmp_path: Path, root: int) -> None:
    segments = finished(42).segments[:1] * 8_000
    large = finished(42, segments=segments)
    assert len(large.to_json()) > 1 << 20
    lay_down(tmp_path, large)
    disk = RecordingDisk()
    with open_recording(disk, root, folder_of(42)) as folder:
        assert read_manifest(disk, folder) == large


def test_a_manifest_as_large_as_no_manifest_is_not_read(tmp_path: Path, root: int) -> None:
    file = lay_down(tmp_path, finished(42)) / "recording.json"
    os.truncate(file, 100 * MANIFEST_BYTES)
    disk = RecordingDisk()
    with (
        open_recording(disk, root, folder_of(42)) as folder,
        pytest.raises(ManifestError, match="larger than"),
    ):
        read_manifest(disk, folder)
    assert sum(operation.startswith("read") for operation in disk.operations) < 100


def test_a_row_is_read(tmp_path: Path, root: int) -> None:
    folder = lay_down(tmp_path, finished(42))
    assert read_row(RecordingDisk(), root, folder_of(42)) == row_of(
        folder_of(42), finished(42), kept=False
    )
    (folder / "KEEP").touch()
    assert read_row(RecordingDisk(), root, folder_of(42)).kept


def test_a_damaged_manifest_is_a_row_that_says_so(tmp_path: Path, root: int) -> None:
    folder = lay_down(tmp_path, finished(42))
    (folder / "KEEP").touch()
    (folder / "recording.json").write_bytes(b"\0" * 100)
    row = read_row(RecordingDisk(), root, folder_of(42))
    assert row.kept
    assert row.damaged is not None
    assert row.damaged.startswith("not JSON")


def test_a_missing_manifest_is_a_row_that_says_so(tmp_path: Path, root: int) -> None:
    (lay_down(tmp_path, finished(42)) / "recording.json").unlink()
    assert read_row(RecordingDisk(), root, folder_of(42)).damaged == "there is no manifest"


@pytest.mark.parametrize(
    ("operation", "place"),
    [("open_folder", folder_of(42)), ("open_file", f"{folder_of(42)}/recording.json")],
)
def test_a_recording_that_cannot_be_read_is_a_row_that_says_so(
    operation: str, place: str, tmp_path: Path, root: int
) -> None:
    lay_down(tmp_path, finished(42))
    row = read_row(_sick(operation, place), root, folder_of(42))
    assert row.damaged == "cannot be read: Input/output error"


@pytest.mark.parametrize("gone", ["room101", f"room101/{DATE}", folder_of(42)])
def test_a_recording_that_is_gone_has_no_row(gone: str, tmp_path: Path, root: int) -> None:
    folder = lay_down(tmp_path, finished(42))
    (folder / "recording.json").unlink()
    (tmp_path / gone).rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        read_row(RecordingDisk(), root, folder_of(42))


def test_a_link_in_place_of_a_recording_is_not_followed(tmp_path: Path, root: int) -> None:
    folder = lay_down(tmp_path, finished(42))
    (tmp_path / folder_of(43)).symlink_to(folder)
    damaged = read_row(RecordingDisk(), root, folder_of(43)).damaged
    assert damaged is not None
    assert damaged.startswith("cannot be read")
