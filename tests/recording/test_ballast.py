"""The ballast: made whole, given back, made again."""

from __future__ import annotations

import errno
import subprocess
from typing import TYPE_CHECKING

import pytest

from recorder.recording.ballast import MAX_BYTES, MIN_BYTES, Ballast
from recorder.recording.disk import OsDisk, Space
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.disk import FailingDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class SizedDisk(FailingDisk):
    """A disk of another size; on it, 100 MB (2 % of it are 2 MB) with all of it free."""

    def __init__(self) -> None:
        super().__init__()
        self.says = Space(100_000_000, 100_000_000)

    def space(self, folder: int) -> Space:
        super().space(folder)
        return self.says


SIZE = 2_000_000


@pytest.fixture
def disk() -> SizedDisk:
    return SizedDisk()


@pytest.fixture
def storage(tmp_path: Path, disk: SizedDisk) -> Iterator[Storage]:
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        yield storage


@pytest.fixture
def ballast(storage: Storage) -> Ballast:
    return Ballast(storage)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".recorder/ballast"


@pytest.mark.parametrize(
    ("total", "size"),
    [
        (10_000_000, MIN_BYTES),
        (100_000_000, 2_000_000),
        (3 << 30, 64424509),
        (4 << 30, MAX_BYTES),
        (1 << 40, MAX_BYTES),
    ],
)
def test_its_size_is_a_fiftieth_of_the_disk_within_bounds(
    ballast: Ballast, disk: SizedDisk, total: int, size: int
) -> None:
    disk.says = Space(total, 0)
    assert ballast.size() == size


def test_it_is_made_of_real_room_and_durable_before_it_has_its_name(
    ballast: Ballast, disk: SizedDisk, file: Path
) -> None:
    assert not ballast.is_there()
    before = len(disk.operations)
    assert ballast.make() == 0
    steps = [line for line in disk.operations[before:] if not line.startswith(("facts", "space"))]
    assert steps == [
        "unlink .recorder/ballast.tmp",
        "unlink .recorder/ballast",
        "create_file .recorder/ballast.tmp",
        "allocate .recorder/ballast.tmp",
        "sync_file .recorder/ballast.tmp",
        "close .recorder/ballast.tmp",
        "rename .recorder/ballast",
        "sync_folder .recorder",
    ]
    assert ballast.is_there()
    facts = file.stat()
    assert facts.st_size == SIZE
    assert facts.st_blocks * 512 >= SIZE


def test_making_it_twice_changes_nothing(ballast: Ballast, file: Path) -> None:
    ballast.make()
    before = file.stat()
    assert ballast.make() == 0
    assert file.stat() == before


def test_it_is_given_back_once(ballast: Ballast, file: Path) -> None:
    ballast.release()
    ballast.make()
    ballast.release()
    assert not file.exists()
    assert not ballast.is_there()
    ballast.release()


def test_it_is_made_only_with_as_much_room_beside_it(
    ballast: Ballast, disk: SizedDisk, file: Path
) -> None:
    disk.says = Space(100_000_000, 2 * SIZE - 7)
    assert ballast.make() == 7
    assert not file.exists()
    disk.says = Space(100_000_000, 2 * SIZE)
    assert ballast.make() == 0
    assert file.exists()


def test_beside_one_that_is_there_as_much_must_be_free(ballast: Ballast, disk: SizedDisk) -> None:
    ballast.make()
    disk.says = Space(100_000_000, SIZE)
    assert ballast.make() == 0
    disk.says = Space(100_000_000, SIZE - 7)
    assert ballast.make() == 7
    assert ballast.is_there()


def test_one_that_is_too_small_is_made_anew(ballast: Ballast, disk: SizedDisk, file: Path) -> None:
    file.write_bytes(b"x" * (SIZE - 1))
    assert not ballast.is_there()
    assert ballast.make() == 0
    assert file.stat().st_size == SIZE
    # One that is larger than needed keeps its room, which is what it is for.
    disk.says = Space(90_000_000, 90_000_000)
    assert ballast.is_there()


def test_one_that_was_cut_off_in_the_making_is_noticed_and_gives_its_room_back(
    ballast: Ballast, disk: SizedDisk, file: Path
) -> None:
    half = file.with_name("ballast.tmp")
    half.write_bytes(b"x" * SIZE)
    assert not ballast.is_there()
    disk.says = Space(100_000_000, 0)
    assert ballast.make() == 2 * SIZE
    assert not half.exists()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_room_that_was_not_there_after_all_is_missing_and_what_was_made_goes(
    ballast: Ballast, disk: SizedDisk, file: Path, error: int
) -> None:
    disk.arm(7, error)
    assert ballast.make() == SIZE
    assert disk.failed == "allocate .recorder/ballast.tmp"
    assert not file.with_name("ballast.tmp").exists()
    assert ballast.make() == 0


@pytest.mark.parametrize("late", [False, True])
def test_a_making_that_fails_anywhere_leaves_a_whole_one_or_none(
    ballast: Ballast, disk: SizedDisk, file: Path, late: bool
) -> None:
    before = len(disk.operations)
    ballast.make()
    steps = len(disk.operations) - before
    for n in range(1, steps + 1):
        file.unlink(missing_ok=True)
        disk.arm(n, late=late)
        with pytest.raises(OSError, match="error"):
            ballast.make()
        disk.arm(0)
        assert ballast.is_there() == file.exists(), disk.failed
        assert not file.with_name("ballast.tmp").exists() or disk.failed == (
            "unlink .recorder/ballast.tmp"
        )
        assert ballast.make() == 0
        assert ballast.is_there()


@pytest.mark.root
def test_on_a_real_small_disk_it_gives_a_full_one_room_again(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", tmp_path], check=True)
    try:
        initialise(tmp_path, None, OsDisk())
        with Storage.open(tmp_path, None, OsDisk()) as storage:
            ballast = Ballast(storage)
            assert ballast.make() == 0
            assert (tmp_path / ".recorder/ballast").stat().st_blocks * 512 == MIN_BYTES
            with pytest.raises(OSError, match="No space"):
                (tmp_path / "lesson").write_bytes(b"x" * (4 << 20))
            ballast.release()
            assert OsDisk().space(storage.root).available == MIN_BYTES
            assert ballast.make() == MIN_BYTES
            (tmp_path / "lesson").unlink()
            assert ballast.make() == 0
    finally:
        subprocess.run(["umount", tmp_path], check=True)
