"""The guard on a disk that is full, and the room it keeps for that.

The clock is a mock that is moved by hand, as in `test_guard`.
"""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING

import pytest
import trio

from recorder.recording.disk import Space
from tests.recording.guarding import (
    BALLAST_BYTES,
    ROOMY,
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

    from recorder.recording.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with sick_storage(tmp_path) as storage:
        yield storage


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def test_the_first_probe_makes_the_ballast(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        assert bench.ballast.stat().st_size == BALLAST_BYTES


async def test_a_disk_without_room_for_the_ballast_is_good_while_it_takes_writes(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    assert isinstance(storage.disk, SickDisk)
    storage.disk.says = Space(100_000_000, BALLAST_BYTES)
    async with guarding(storage, mock_clock) as bench:
        assert not bench.ballast.exists()
        assert not bench.reason()
        bench.disk.says = ROOMY
        await bench.passed(30)
        assert bench.ballast.exists()


async def test_a_full_disk_gets_the_ballasts_room_and_is_good_when_it_is_there_again(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        assert bench.ballast.exists()
        bench.disk.says = Space(100_000_000, BALLAST_BYTES)
        assert await bench.failed(error(errno.ENOSPC)) == 1
        assert not bench.ballast.exists()
        # The probe's few bytes go into the ballast's room, and prove nothing.
        assert bench.resumed == 0
        assert bench.reason() == (
            f"The disk of the folder {storage.directory} is full. Free 2 MiB more on it; "
            "recording then goes on by itself."
        )
        bench.disk.says = Space(100_000_000, 2 * BALLAST_BYTES)
        assert await bench.passed(1) == 1
        assert bench.ballast.exists()
        assert bench.resumed == 1
        # From here on it is like any other disk.
        bench.disk.says = Space(100_000_000, 0)
        await bench.passed(30)
        assert not bench.reason()
    assert said(caplog) == [
        (
            f"The disk takes no writes: The disk of the folder {storage.directory} is full. "
            "Free some space on it."
        ),
        "The disk takes writes again after 1 s.",
    ]


async def test_a_probe_that_finds_the_disk_full_needs_the_ballast_too(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.says = Space(100_000_000, 0)
        bench.disk.errors["write"] = errno.ENOSPC
        await bench.passed(30)
        bench.disk.errors.clear()
        await bench.passed(1)
        assert "is full. Free 2 MiB more" in bench.reason()
        bench.disk.says = ROOMY
        await bench.passed(2)
        assert not bench.reason()


async def test_the_ballast_is_given_back_also_while_the_next_probe_is_far(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.errors["sync_file"] = errno.EIO
        await bench.failed(error(errno.EIO))
        for wait in (1, 2, 4):
            await bench.passed(wait)
        assert bench.ballast.exists()
        assert await bench.failed(error(errno.ENOSPC)) == 0
        assert not bench.ballast.exists()


async def test_a_ballast_that_cannot_be_given_back_issaid(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.errors["unlink"] = errno.EROFS
        await bench.failed(error(errno.ENOSPC))
        assert bench.ballast.exists()
    assert said(caplog)[1].startswith(
        "The reserve that is kept for a full disk could not be given back: The folder "
    )
