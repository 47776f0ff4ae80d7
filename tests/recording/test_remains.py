"""A part of which a card has lost a page in the middle: what stands behind it is kept."""

from __future__ import annotations

import errno
import os
from functools import cache
from typing import TYPE_CHECKING

import pytest

from recorder.flv.scanner import Scanner
from recorder.recording.disk import Space, closing
from recorder.recording.remains import PAGE_BYTES
from recorder.recording.salvage import Salvaged, salvage_part
from tests.helpers.cut_off import CREATOR, actions
from tests.helpers.disk import FailingDisk, RecordingDisk
from tests.helpers.segments import carry_out

if TYPE_CHECKING:
    from pathlib import Path

PART = "0001.flv.part"
KEPT = "0001.flv.damaged"


@cache
def lesson() -> tuple[bytes, int]:
    """A part of a second, and where a tag begins behind half of it."""
    segment = carry_out(actions(end_ms=1_000, size=20_000))[0]
    ends = [found.end for found in segment.tags()]
    return bytes(segment.data), ends[len(ends) // 2]


def spoiled(behind: bytes) -> tuple[bytes, int]:
    """The lesson, a lost page, and something behind it; where the page begins."""
    data, at = lesson()
    return data[:at] + bytes(4096) + behind, at


LONG = os.urandom(1 << 20) * 9


def salvage(path: Path, disk: RecordingDisk, landed_bytes: int | None = None) -> Salvaged:
    with closing(disk, disk.open_path(path)) as folder:
        return salvage_part(disk, folder, 1, creator=CREATOR, after_ms=0, landed_bytes=landed_bytes)


def check_front(path: Path, size: int) -> None:
    data = (path / "0001.flv").read_bytes()
    scanner = Scanner()
    scanner.feed(data)
    scanner.finish()
    assert scanner.broken is None
    assert len(data) == size


def test_what_stands_behind_a_damage_is_kept_before_it_is_cut_off(tmp_path: Path) -> None:
    content, at = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    disk = RecordingDisk()
    salvaged = salvage(tmp_path, disk)
    assert salvaged.row is not None
    assert (salvaged.row.bytes, salvaged.damaged) == (at, True)
    check_front(tmp_path, at)
    assert (tmp_path / KEPT).read_bytes() == content[at:]
    made = [each for each in disk.operations if each.split()[0] not in ("read", "size", "exists")]
    copied = made.index(f"sync_file {KEPT}")
    assert made[copied + 2] == "sync_folder "
    assert copied + 2 < made.index(f"truncate {PART}")


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(os.urandom(300_000), id="no more than a cut leaves"),
        pytest.param(os.urandom(200_000) + bytes(9 << 20), id="a torn tag and zeros"),
    ],
)
def test_what_a_cut_leaves_is_cut_off(tmp_path: Path, behind: bytes) -> None:
    content, at = spoiled(behind)
    (tmp_path / PART).write_bytes(content)
    assert not salvage(tmp_path, RecordingDisk()).damaged
    check_front(tmp_path, at)
    assert os.listdir(tmp_path) == ["0001.flv"]


def test_what_is_in_another_segment_too_is_not_kept(tmp_path: Path) -> None:
    content, at = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    assert not salvage(tmp_path, RecordingDisk(), landed_bytes=at + 4096).damaged
    assert os.listdir(tmp_path) == ["0001.flv"]


def test_without_room_nothing_is_cut_off(tmp_path: Path) -> None:
    class Full(RecordingDisk):
        def space(self, folder: int) -> Space:
            return Space(1 << 30, len(LONG))

    content, _ = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    with pytest.raises(OSError, match="No space left") as raised:
        salvage(tmp_path, Full())
    assert raised.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == [PART]
    assert (tmp_path / PART).read_bytes() == content


def test_a_copy_for_which_the_room_does_not_last_takes_none_of_it(tmp_path: Path) -> None:
    """Others write meanwhile, and they would have to go on without what it has taken."""

    class Filling(RecordingDisk):
        def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
            if self._names[file] == KEPT and offset >= 2 << 20:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), KEPT)
            return super().write(file, data, offset)

    content, _ = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    with pytest.raises(OSError, match="No space left"):
        salvage(tmp_path, Filling())
    assert os.listdir(tmp_path) == [PART]
    assert (tmp_path / PART).read_bytes() == content


@pytest.mark.parametrize("late", [False, True], ids=["not done", "done"])
def test_whatever_fails_it_is_kept_once_and_whole(tmp_path: Path, late: bool) -> None:
    content, at = spoiled(LONG)
    failed = list[str]()
    for n in range(1, 60):
        path = tmp_path / f"{n}"
        path.mkdir()
        (path / PART).write_bytes(content)
        disk = FailingDisk()
        disk.arm(n, errno.EIO, late=late)
        try:
            salvage(path, disk)
        except OSError:
            assert disk.failed is not None
            failed.append(disk.failed)
        else:
            break
        disk.arm(0)
        if PART in os.listdir(path) and "0001.flv" not in os.listdir(path):
            salvage(path, disk)
        assert set(os.listdir(path)) - {PART, "0001.flv"} == {KEPT}
        assert (path / KEPT).read_bytes() == content[at:]
        check_front(path, at)
    assert f"sync_file {KEPT}" in failed


class _KilledError(Exception):
    """A process that is killed cleans nothing up."""


class _Killed(RecordingDisk):
    """A disk under whose n-th write the process dies: half of it is written."""

    def __init__(self, nth: int) -> None:
        super().__init__()
        self.left = nth

    def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
        self.left -= 1
        if not self.left:
            super().write(file, data[: len(data) // 2], offset)
            raise _KilledError
        return super().write(file, data, offset)


@pytest.mark.parametrize("nth", [1, 2, 9])
def test_a_copy_that_a_kill_cut_off_is_gone_on_with(tmp_path: Path, nth: int) -> None:
    content, at = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    with pytest.raises(_KilledError):
        salvage(tmp_path, _Killed(nth))
    assert 0 < (tmp_path / KEPT).stat().st_size < len(content) - at
    assert salvage(tmp_path, RecordingDisk()).damaged
    assert sorted(os.listdir(tmp_path)) == ["0001.flv", KEPT]
    assert (tmp_path / KEPT).read_bytes() == content[at:]


@pytest.mark.parametrize("size", [3 << 20, None], ids=["a part of it", "all of it"])
def test_a_copy_of_which_a_power_cut_left_pages_is_written_again(
    tmp_path: Path, size: int | None
) -> None:
    """Also where it has its whole length: that says nothing of what is in it."""
    content, at = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    torn = bytearray(content[at:][:size])
    torn[4096 * 9 : 4096 * 20] = bytes(4096 * 11)
    (tmp_path / KEPT).write_bytes(torn)
    disk = RecordingDisk()
    salvage(tmp_path, disk)
    assert (tmp_path / KEPT).read_bytes() == content[at:]
    assert disk.operations.index(f"sync_file {KEPT}") < disk.operations.index(f"truncate {PART}")


def test_what_is_kept_already_and_is_something_else_stays(tmp_path: Path) -> None:
    content, at = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    # As long as whole pages: what is more in the one is told by its length alone.
    assert (len(content) - at) % PAGE_BYTES == 0
    longer, other = content[at:] + bytes(PAGE_BYTES), bytearray(content[at:][: 2 << 20])
    other[-1] ^= 1
    (tmp_path / KEPT).write_bytes(longer)
    (tmp_path / f"{KEPT}.2").write_bytes(other)
    salvage(tmp_path, RecordingDisk())
    assert (tmp_path / KEPT).read_bytes() == longer
    assert (tmp_path / f"{KEPT}.2").read_bytes() == other
    assert (tmp_path / f"{KEPT}.3").read_bytes() == content[at:]


def test_what_is_kept_already_and_may_not_be_written_stays(tmp_path: Path) -> None:
    """As what `recorder recover` has left that somebody called as root. Root itself may write
    anything, but follows no link either."""
    content, at = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    (tmp_path / "other").write_bytes(content[at:][: 1 << 20])
    (tmp_path / KEPT).symlink_to("other")
    salvage(tmp_path, RecordingDisk())
    assert (tmp_path / "other").read_bytes() == content[at:][: 1 << 20]
    assert (tmp_path / f"{KEPT}.2").read_bytes() == content[at:]


def test_a_copy_with_a_bad_sector_costs_only_itself(tmp_path: Path) -> None:
    class BadSector(RecordingDisk):
        def read(self, file: int, size: int, offset: int) -> bytes:
            if self._names[file] == KEPT:
                raise OSError(errno.EIO, "cannot be read")
            return super().read(file, size, offset)

    content, at = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    (tmp_path / KEPT).write_bytes(content[at:][: 1 << 20])
    salvage(tmp_path, BadSector())
    check_front(tmp_path, at)
    assert (tmp_path / f"{KEPT}.2").read_bytes() == content[at:]


def test_a_copy_that_was_begun_needs_only_the_rest_of_the_room(tmp_path: Path) -> None:
    class Narrow(RecordingDisk):
        def space(self, folder: int) -> Space:
            return Space(1 << 30, len(LONG) // 2)

    content, at = spoiled(LONG)
    (tmp_path / PART).write_bytes(content)
    (tmp_path / KEPT).write_bytes(content[at:][: len(LONG) * 2 // 3])
    salvage(tmp_path, Narrow())
    assert (tmp_path / KEPT).read_bytes() == content[at:]
