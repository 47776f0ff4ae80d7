"""Small files are old or new, whole, whatever fails in between; folders are there to stay."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from recorder.recording.disk import FILE_MODE, PRIVATE_FILE_MODE, OsDisk, closing
from recorder.recording.durable import ensure_folder, read_small_file, replace_file
from tests.helpers.disk import FailingDisk, RecordingDisk, open_descriptors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISK = OsDisk()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    with closing(DISK, DISK.open_path(tmp_path)) as descriptor:
        yield descriptor


def test_a_small_file_is_read_whole(folder: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    assert read_small_file(DISK, folder, "a") == b"text"
    (tmp_path / "empty").touch()
    assert read_small_file(DISK, folder, "empty") == b""


def test_a_file_that_is_not_small_is_refused(folder: int, tmp_path: Path) -> None:
    before = open_descriptors()
    (tmp_path / "a").write_bytes(bytes(1 << 20))
    assert len(read_small_file(DISK, folder, "a")) == 1 << 20
    (tmp_path / "a").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(OSError, match="too large"):
        read_small_file(DISK, folder, "a")
    assert open_descriptors() == before


def test_a_file_is_replaced_through_a_synced_neighbour(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    disk = RecordingDisk()
    with closing(disk, disk.open_path(tmp_path)) as folder:
        disk.operations.clear()
        replace_file(disk, folder, "a", b"new", PRIVATE_FILE_MODE)
    assert disk.operations[:-1] == [
        "unlink a.tmp",
        "create_file a.tmp",
        "write a.tmp",
        "sync_file a.tmp",
        "close a.tmp",
        "rename a",
        "sync_folder ",
    ]
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == PRIVATE_FILE_MODE
    assert os.listdir(tmp_path) == ["a"]


def test_a_new_file_has_the_common_mode_unless_told(folder: int, tmp_path: Path) -> None:
    replace_file(DISK, folder, "a", b"")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == FILE_MODE


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("n", range(1, 8))
def test_a_file_is_old_or_new_whatever_fails(tmp_path: Path, n: int, late: bool) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a.tmp").write_bytes(b"left from an earlier attempt, and longer")
    before = open_descriptors()
    disk = FailingDisk()
    with closing(disk, disk.open_path(tmp_path)) as folder:
        disk.arm(n, late=late)
        with pytest.raises(OSError, match="error"):
            replace_file(disk, folder, "a", b"new")
        assert (tmp_path / "a").read_bytes() in {b"old", b"new"}
        # And the next attempt is not hindered by what this one left.
        replace_file(disk, folder, "a", b"newer")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"newer"
    assert open_descriptors() == before


def test_a_folder_that_is_there_is_opened_and_its_name_synced(tmp_path: Path) -> None:
    disk = RecordingDisk()
    with closing(disk, disk.open_path(tmp_path)) as folder:
        for _ in range(2):
            disk.operations.clear()
            disk.close(ensure_folder(disk, folder, "a"))
            assert disk.operations == [
                "make_folder a",
                "sync_folder ",
                "open_folder a",
                "close a",
            ]
