"""The guard on a disk that goes and comes, or is not there at the start.

The clock is a mock that is moved by hand, as in `test_guard`.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from typing import TYPE_CHECKING

import pytest
import trio

from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk
from tests.recording.guarding import (
    GONE,
    READ_ONLY,
    Bench,
    SickDisk,
    error,
    guarding,
    said,
    sick_storage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trio.testing


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with sick_storage(tmp_path) as storage:
        yield storage


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def _mount_anew(storage: Storage) -> None:
    """A copy has the same marker and another identity, as a disk has that is mounted anew."""
    away = storage.directory.with_name("away")
    storage.directory.rename(away)
    shutil.copytree(away, storage.directory)


async def test_the_same_disk_mounted_anew_is_gone_over_to_between_two_hops(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        storage.directory.rename(storage.directory.with_name("elsewhere"))
        await bench.failed(error(errno.EIO))
        assert bench.reason().startswith(f"The folder {storage.directory} is gone.")
        assert (bench.hops, bench.resumed) == (0, 0)
        storage.directory.with_name("elsewhere").rename(storage.directory)
        _mount_anew(storage)
        await bench.passed(1)
        assert (bench.hops, bench.resumed) == (1, 1)
        storage.check_place()
        await bench.passed(30)
        assert bench.hops == 1
    assert said(caplog)[1:] == [
        f"The disk takes no writes: {GONE.format(storage.directory)}",
        "The disk takes writes again after 1 s.",
    ]


async def test_a_disk_mounted_anew_that_takes_no_writes_is_tried_again(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        _mount_anew(storage)
        bench.disk.errors["sync_file"] = errno.EROFS
        await bench.passed(30)
        assert READ_ONLY in bench.reason()
        assert (bench.hops, bench.resumed) == (1, 0)
        bench.disk.errors.clear()
        await bench.passed(1)
        assert (bench.hops, bench.resumed) == (2, 1)


# A disk that is not there at the start.


async def test_a_disk_that_comes_late_is_looked_for_every_few_seconds_and_said_once(
    tmp_path: Path, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    directory, elsewhere = tmp_path / "recordings", tmp_path / "elsewhere"
    initialise(directory, tmp_path / "state", RecordingDisk())
    directory.rename(elsewhere)
    with Storage.away(directory, tmp_path / "state", SickDisk(), "It is not there.") as storage:
        assert isinstance(storage.disk, SickDisk)
        # Nobody has looked yet, and it is not said to be good.
        bench = Bench(storage, storage.disk, mock_clock)
        assert bench.reason() == "It is not there."
        async with guarding(storage, mock_clock) as bench:
            gone = GONE.format(directory)
            assert bench.reason() == gone
            for wait in (1, 2, 4, 4, 4):
                assert await bench.passed(wait - 0.125) == 0
                assert await bench.passed(0.125) == 1
            # What is sent in the first half minute is kept in memory, as when a disk fails later.
            assert bench.guard.refusal() is None
            await bench.passed(15)
            assert bench.guard.refusal() == f"The recording disk takes no writes: {gone}"
            directory.mkdir()
            await bench.passed(4)
            assert "has no marker" in bench.reason()
            await bench.passed(8)
            assert (bench.hops, bench.resumed) == (0, 0)
            assert os.listdir(directory) == []
            directory.rmdir()
            elsewhere.rename(directory)
            await bench.passed(4)
            assert (bench.hops, bench.resumed) == (1, 1)
            assert bench.guard.refusal() is None
            assert bench.ballast.exists()
    assert [line.partition(":")[0] for line in said(caplog)] == [
        "The disk takes no writes",
        "The disk takes no writes",
        "The disk takes writes again after 46 s.",
    ]
