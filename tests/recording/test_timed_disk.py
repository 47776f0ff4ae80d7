"""The real disk with a watch beside it: every slow call is in its own histogram, failed or not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from recorder.recording.disk import OsDisk
from recorder.recording.durable import replace_file
from recorder.recording.final_name import give_final_name
from recorder.recording.timed_disk import CALLS, TimedDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = OsDisk().open_path(tmp_path)
    yield descriptor
    os.close(descriptor)


def counted(disk: TimedDisk) -> dict[str, int]:
    return {call: histogram.buckets.counts[-1] for call, histogram in disk.seconds.items()}


def test_each_call_is_counted_under_its_name(folder: int, tmp_path: Path) -> None:
    disk = TimedDisk()
    replace_file(disk, folder, "recording.json", b"{}")
    assert counted(disk) == {
        "write": 1, "fdatasync": 1, "fsync": 1, "link": 0, "rename": 1, "unlink": 1,
    }  # fmt: skip
    assert (tmp_path / "recording.json").read_bytes() == b"{}"
    (tmp_path / "0001.flv.part").write_bytes(b"FLV")
    give_final_name(disk, folder, 1)
    assert counted(disk)["link"] == 1
    assert (tmp_path / "0001.flv").exists()
    assert set(counted(disk)) == set(CALLS)


def test_a_call_that_fails_took_its_time_as_well(folder: int) -> None:
    disk = TimedDisk()
    with pytest.raises(OSError, match="Bad file descriptor"):
        disk.write(-1, b"x", 0)
    assert counted(disk)["write"] == 1


def test_its_time_is_that_of_the_call(folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, moments = TimedDisk(), iter([100.0, 103.0])
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    disk.sync_folder(folder)
    assert disk.seconds["fsync"].buckets.total == 3.0
