"""What a disk had to take, from counts that look like the kernel's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from recorder.status.house_views import WearView
from recorder.status.wear import DAY_S, STEP_S, Wear, wear_of

if TYPE_CHECKING:
    from pathlib import Path

HOUR_S = 3600.0


class _Disk:
    """A disk with a partition, under `sys`, as which the folder's own is known."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "recordings"
        self.folder.mkdir()
        device = os.stat(self.folder).st_dev
        disk = root / "sys/devices/mmc0/block/mmcblk0"
        partition = disk / "mmcblk0p2"
        partition.mkdir(parents=True)
        (partition / "partition").write_text("2\n")
        (partition / "stat").write_text("0 0 0 0 0 7 0 0 0 0 0\n")
        numbers = root / "sys/dev/block"
        numbers.mkdir(parents=True)
        (numbers / f"{os.major(device)}:{os.minor(device)}").symlink_to(partition)
        self.stat = disk / "stat"
        self.wrote(0)

    def wrote(self, total_bytes: int) -> None:
        self.stat.write_text(f"   1 2 3 4 5 6 {total_bytes // 512} 8 9 10 11 12\n")


@pytest.fixture
def disk(tmp_path: Path) -> _Disk:
    return _Disk(tmp_path)


@pytest.fixture
def wear(disk: _Disk, tmp_path: Path) -> Wear:
    (found,) = wear_of([disk.folder], tmp_path)
    return found


def _view(wear: Wear, now_s: float) -> tuple[int, float]:
    view = wear.view(now_s)
    assert view is not None
    return view.written_bytes, view.period_s


def test_it_is_the_whole_disk_that_is_counted_and_by_everybody(disk: _Disk, wear: Wear) -> None:
    disk.wrote(1 << 30)
    wear.look(100.0)
    disk.wrote(3 << 30)
    wear.look(700.0)
    # It spans what was looked at, and not what has passed since.
    for now_s, age_s in ((700.0, 0.0), (760.0, 60.0)):
        assert wear.view(now_s) == WearView(
            directory=str(disk.folder),
            written_bytes=2 << 30,
            period_s=600.0,
            total_bytes=3 << 30,
            age_s=age_s,
        )
    disk.stat.unlink()
    wear.look(800.0)
    view = wear.view(800.0)
    assert view is not None
    assert (view.period_s, view.age_s) == (600.0, 100.0)


def test_the_period_is_a_day_at_most_and_slides(disk: _Disk, wear: Wear) -> None:
    for hour in range(49):
        disk.wrote(hour << 20)
        wear.look(hour * HOUR_S)
        assert _view(wear, hour * HOUR_S) == (min(hour, 24) << 20, min(hour, 24) * HOUR_S)


def test_what_is_remembered_of_a_day_is_bounded(disk: _Disk, wear: Wear) -> None:
    for second in range(0, int(2 * DAY_S), 60):
        wear.look(float(second))
    assert len(wear._past) <= DAY_S / STEP_S + 2


def test_a_disk_that_counts_anew_is_counted_anew(disk: _Disk, wear: Wear) -> None:
    disk.wrote(5 << 30)
    wear.look(0.0)
    disk.wrote(1 << 20)
    wear.look(900.0)
    disk.wrote(3 << 20)
    wear.look(1000.0)
    assert _view(wear, 1000.0) == (2 << 20, 100.0)


def test_two_folders_on_one_disk_are_one(disk: _Disk, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    assert len(wear_of([disk.folder, state, tmp_path / "nowhere"], tmp_path)) == 1


@pytest.mark.parametrize("text", ["", "1 2 3", "1 2 3 4 5 6 x"])
def test_what_a_disk_does_not_say_is_not_guessed(disk: _Disk, wear: Wear, text: str) -> None:
    disk.stat.write_text(text)
    wear.look(0.0)
    assert wear.view(0.0) is None


def test_a_folder_without_a_disk_of_its_own_has_none(tmp_path: Path) -> None:
    assert wear_of([tmp_path], tmp_path) == []
