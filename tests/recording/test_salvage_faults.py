"""Salvage step by step: in which order, and what is left when any of them fails."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from recorder.recording.salvage import Salvaged, salvage_part
from tests.helpers.cut_off import CREATOR, tree
from tests.helpers.disk import FailingDisk, RecordingDisk, RefusingDisk
from tests.recording.salvaging import (
    FINAL,
    INDEX,
    PART,
    made,
    part,
    salvage,
    unclosed,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_steps_are_those_of_the_design(tmp_path: Path) -> None:
    disk = RecordingDisk()
    salvage(tmp_path, unclosed() + bytes(100), disk=disk)
    assert disk.operations[:-1] == [
        f"open_to_repair {PART}",
        f"forget_cache {PART}",
        f"size {PART}",
        f"read {PART}",
        f"truncate {PART}",
        f"sync_file {PART}",
        f"write {PART}",
        f"write {PART}",
        f"sync_file {PART}",
        f"close {PART}",
        f"link {FINAL}",
        "sync_folder ",
        f"unlink {PART}",
    ]


@pytest.mark.parametrize("content", ["tail", "nothing", "damaged", "whole"])
@pytest.mark.parametrize("late", [False, True], ids=["not done", "done"])
def test_whatever_fails_the_next_time_gives_the_same(
    tmp_path: Path, late: bool, content: str
) -> None:
    data = {
        "tail": unclosed() + bytes(100),
        "nothing": made().opened.head + bytes(100),
        "damaged": b"something else",
        "whole": bytes(made().data),
    }[content]
    (tmp_path / "good").mkdir()
    expected = salvage(tmp_path / "good", data)
    failed: list[str] = []
    for n in range(1, 50):
        path = tmp_path / f"{n}"
        path.mkdir()
        disk = FailingDisk()
        salvaged = None
        with part(disk, path, data) as folder:
            disk.arm(n, errno.EIO, late=late)
            try:
                salvaged = salvage_part(disk, folder, INDEX, creator=CREATOR, after_ms=77)
            except OSError:
                assert disk.failed is not None
                failed.append(disk.failed)
            else:
                assert disk.failed is None
            disk.arm(0)
            if salvaged is None:
                again = _once_more(disk, path, folder)
                if again is not None:
                    assert again.row is None or again.row == expected.row
        assert tree(path) == tree(tmp_path / "good")
        if salvaged is not None:
            break
    assert salvaged == expected
    assert len(failed) >= 4


def _once_more(disk: RecordingDisk, path: Path, folder: int) -> Salvaged | None:
    """As recovery does it: both names are one file, whose part then goes."""
    names = set(os.listdir(path))
    if names >= {PART, FINAL}:
        disk.sync_folder(folder)
        disk.unlink(folder, PART)
    elif PART in names:
        return salvage_part(disk, folder, INDEX, creator=CREATOR, after_ms=77)
    return None


def test_where_there_are_no_links_the_part_is_renamed(tmp_path: Path) -> None:
    disk = RefusingDisk("link", errno.EPERM)
    assert salvage(tmp_path, unclosed(), disk=disk).row is not None
    assert os.listdir(tmp_path) == [FINAL]


def test_it_does_not_take_a_name_that_something_else_has(tmp_path: Path) -> None:
    (tmp_path / FINAL).write_bytes(b"older")
    with pytest.raises(FileExistsError):
        salvage(tmp_path, unclosed())
    assert (tmp_path / FINAL).read_bytes() == b"older"
    assert len((tmp_path / PART).read_bytes()) == len(unclosed())
