"""Other names for files: never a name that something has, and the new one before the old goes."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from recorder.recording.disk import closing
from recorder.recording.final_name import NO_LINKS, give_final_name, set_aside
from tests.helpers.disk import FailingDisk, RecordingDisk, RefusingDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART = "0003.flv.part"


@contextmanager
def _folder(disk: RecordingDisk, path: Path) -> Iterator[int]:
    with closing(disk, disk.open_path(path)) as folder:
        disk.operations.clear()
        yield folder


def test_the_final_name_is_durable_before_the_part_goes(tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(b"media")
    disk = RecordingDisk()
    with _folder(disk, tmp_path) as folder:
        give_final_name(disk, folder, 3)
        assert disk.operations == ["link 0003.flv", "sync_folder ", f"unlink {PART}"]
    assert (tmp_path / "0003.flv").read_bytes() == b"media"
    assert os.listdir(tmp_path) == ["0003.flv"]


@pytest.mark.parametrize("error", sorted(NO_LINKS))
def test_without_links_the_name_is_looked_for_and_then_taken(tmp_path: Path, error: int) -> None:
    (tmp_path / PART).write_bytes(b"media")
    disk = RefusingDisk("link", error)
    with _folder(disk, tmp_path) as folder:
        give_final_name(disk, folder, 3)
        assert disk.operations == ["exists 0003.flv", "rename 0003.flv", "sync_folder "]
    assert os.listdir(tmp_path) == ["0003.flv"]


@pytest.mark.parametrize(
    "disk", [RecordingDisk(), RefusingDisk("link", errno.EPERM)], ids=["links", "no links"]
)
def test_a_name_that_is_taken_stays_with_who_has_it(tmp_path: Path, disk: RecordingDisk) -> None:
    (tmp_path / PART).write_bytes(b"media")
    (tmp_path / "0003.flv").write_bytes(b"older")
    with _folder(disk, tmp_path) as folder, pytest.raises(FileExistsError):
        give_final_name(disk, folder, 3)
    assert (tmp_path / "0003.flv").read_bytes() == b"older"
    assert (tmp_path / PART).read_bytes() == b"media"


def test_another_error_of_a_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(b"media")
    disk = RefusingDisk("link", errno.ENOSPC)
    with _folder(disk, tmp_path) as folder, pytest.raises(OSError, match="No space"):
        give_final_name(disk, folder, 3)
    assert os.listdir(tmp_path) == [PART]


def test_what_is_set_aside_overwrites_nothing(tmp_path: Path) -> None:
    disk = RecordingDisk()
    names = []
    with _folder(disk, tmp_path) as folder:
        for content in (b"1", b"2", b"3"):
            (tmp_path / PART).write_bytes(content)
            names.append(set_aside(disk, folder, PART))
    assert names == ["0003.flv.damaged", "0003.flv.damaged.2", "0003.flv.damaged.3"]
    assert [(tmp_path / name).read_bytes() for name in names] == [b"1", b"2", b"3"]
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_a_manifest_is_set_aside_by_the_same_rule(tmp_path: Path) -> None:
    (tmp_path / "recording.json").write_bytes(b"{")
    disk = RecordingDisk()
    with _folder(disk, tmp_path) as folder:
        assert set_aside(disk, folder, "recording.json") == "recording.json.damaged"


@pytest.mark.parametrize("late", [False, True], ids=["not done", "done"])
def test_setting_aside_goes_on_where_it_was_cut_off(tmp_path: Path, late: bool) -> None:
    for n in range(1, 20):
        path = tmp_path / f"{n}"
        path.mkdir()
        (path / PART).write_bytes(b"media")
        (path / "0003.flv.damaged").write_bytes(b"older")
        disk = FailingDisk()
        with _folder(disk, path) as folder:
            disk.arm(n, late=late)
            try:
                set_aside(disk, folder, PART)
            except OSError:
                assert disk.failed is not None
            failed = disk.failed
            disk.arm(0)
            if (path / PART).exists():
                set_aside(disk, folder, PART)
        assert (path / "0003.flv.damaged").read_bytes() == b"older"
        assert (path / "0003.flv.damaged.2").read_bytes() == b"media"
        assert len(os.listdir(path)) == 2
        if failed is None:
            break
    assert n > 5
