"""The counter on a disk that was away: no number twice, whoever recorded onto it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.counter import Counter
from recorder.recording.disk import closing
from tests.helpers.disk import FailingDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@pytest.fixture
def meta(tmp_path: Path, disk: FailingDisk) -> Iterator[int]:
    """The folder of the file, on the disk as it was mounted first."""
    (tmp_path / "first").mkdir()
    with closing(disk, disk.open_path(tmp_path / "first")) as folder:
        yield folder


@pytest.fixture
def anew(tmp_path: Path, disk: FailingDisk) -> Iterator[int]:
    """The same, as it is mounted again."""
    (tmp_path / "anew").mkdir()
    with closing(disk, disk.open_path(tmp_path / "anew")) as folder:
        yield folder


def _said(tmp_path: Path) -> str | None:
    file = tmp_path / "anew/next"
    return file.read_text() if file.exists() else None


def test_a_disk_that_nobody_else_had_changes_nothing(
    tmp_path: Path, disk: FailingDisk, meta: int, anew: int
) -> None:
    counter = Counter(disk, following=5, persisted=5)
    numbers = [counter.take(), counter.take()]
    counter.persist(meta, numbers[1])
    counter.carry_over(anew, 7, 7)
    assert _said(tmp_path) is None, "it says what it has to"
    # Taken before and started after: nobody else has it.
    counter.persist(anew, numbers[0])
    assert counter.take() == 7


def test_numbers_go_on_above_those_that_another_recorder_gave(
    tmp_path: Path, disk: FailingDisk, anew: int
) -> None:
    counter = Counter(disk, following=5, persisted=5)
    taken = counter.take()
    counter.carry_over(anew, 9, 9)
    # What was taken before may stand on the disk by now.
    with pytest.raises(OSError, match="the number 5 was given while the disk was away"):
        counter.persist(anew, taken)
    assert _said(tmp_path) is None
    assert counter.take() == 9
    counter.persist(anew, 9)
    assert _said(tmp_path) == "10\n"


def test_numbers_go_on_above_ours_where_the_disk_has_forgotten_them(
    tmp_path: Path, disk: FailingDisk, meta: int, anew: int
) -> None:
    counter = Counter(disk, following=5, persisted=5)
    counter.persist(meta, counter.take())
    counter.carry_over(anew, 3, 3)
    assert _said(tmp_path) == "6\n"
    assert counter.take() == 6


def test_a_counter_that_is_lost_on_the_disk_is_written_again(
    tmp_path: Path, disk: FailingDisk, meta: int, anew: int
) -> None:
    counter = Counter(disk, following=5, persisted=5)
    counter.carry_over(anew, 9, 0)
    assert _said(tmp_path) == "9\n"
    assert counter.take() == 9


def test_a_number_that_was_lost_at_the_start_may_be_used_after_a_reopening(
    tmp_path: Path, disk: FailingDisk, anew: int
) -> None:
    counter = Counter(disk, following=5, persisted=0)
    taken = counter.take()
    counter.carry_over(anew, 5, 0)
    counter.persist(anew, taken)
    assert _said(tmp_path) == "6\n"


def test_a_carrying_over_that_failed_never_lets_the_file_go_back(
    tmp_path: Path, disk: FailingDisk, meta: int, anew: int
) -> None:
    for late in (False, True):
        for n in range(1, 7):
            counter = Counter(disk, following=5, persisted=5)
            disk.arm(n, late=late)
            with pytest.raises(OSError, match="error"):
                counter.carry_over(anew, 9, 0)
            disk.arm(0)
            # Still on the disk as it was mounted first: what holds for the new one holds for it.
            number = counter.take()
            assert number == 9
            with pytest.raises(OSError, match="given while the disk was away"):
                counter.persist(meta, 5)
            counter.carry_over(anew, 9, 0)
            assert _said(tmp_path) == "9\n"
