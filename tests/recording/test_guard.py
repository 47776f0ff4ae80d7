"""The guard on a disk that falls sick and gets well.

The storage is a real one, on a disk that takes orders; the probes run in real threads. The clock is
a mock that is moved by hand: with one that jumps by itself it would jump while a thread runs.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.recording.disk import Space
from recorder.recording.health import BAD_FOR_MS
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk
from tests.recording.guarding import BALLAST_BYTES, ROOMY, Bench, SickDisk, guarding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GONE = (
    "The folder {} is gone. Check that its disk is connected and mounted; recording then goes on "
    "by itself."
)

READ_ONLY = "is on a disk that takes no writes (read-only)."


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    directory = tmp_path / "recordings"
    initialise(directory, None, RecordingDisk())
    with Storage.open(directory, None, SickDisk()) as storage:
        yield storage


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


# A disk that is good.


async def test_a_good_disk_is_probed_every_30_seconds_and_nobody_told(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        assert bench.disk.probes == 1
        assert await bench.passed(29.875) == 0
        for _ in range(3):
            assert await bench.passed(0.125) == 1
            assert await bench.passed(29.875) == 0
        assert not bench.reason()
        assert bench.guard.refusal() is None
        assert bench.guard.health.last_good_ms == 90_000
    assert bench.resumed == 0
    assert _said(caplog) == []


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


# A disk that fails.


async def test_after_a_failed_write_the_disk_is_tried_at_once_and_then_ever_more_seldom(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        await bench.passed(5)
        bench.disk.errors["sync_file"] = errno.EROFS
        assert await bench.failed(_error(errno.EIO)) == 1
        assert READ_ONLY in bench.reason()
        for wait in (1, 2, 4, 8, 16, 30, 30):
            assert await bench.passed(wait - 0.125) == 0
            assert await bench.passed(0.125) == 1
        assert bench.resumed == 0
        bench.disk.errors.clear()
        assert await bench.passed(30) == 1
        assert bench.resumed == 1
        assert not bench.reason()
        assert await bench.passed(29.875) == 0
        assert await bench.passed(0.125) == 1
        assert bench.resumed == 1
    assert _said(caplog) == [
        (
            f"The disk takes no writes: The folder {storage.directory} cannot be used: "
            "Input/output error. Check the disk and its cable or card."
        ),
        "The disk takes writes again after 121 s.",
    ]


async def test_a_publish_is_refused_when_the_disk_has_failed_for_30_seconds(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.errors["sync_file"] = errno.EROFS
        await bench.failed(_error(errno.EROFS))
        await bench.passed(BAD_FOR_MS / 1000 - 0.125)
        assert bench.guard.refusal() is None
        await bench.passed(0.125)
        refusal = bench.guard.refusal()
        assert refusal is not None
        assert refusal.startswith("The recording disk takes no writes: The folder ")
        assert READ_ONLY in refusal
        bench.disk.errors.clear()
        await bench.passed(30)
        assert bench.guard.refusal() is None


async def test_a_failed_probe_is_a_failure_before_any_write_has_failed(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.errors["create_file"] = errno.EROFS
        assert await bench.passed(30) == 1
        assert bench.reason()
        assert await bench.passed(0.875) == 0
        # Others that fail meanwhile are part of it.
        assert await bench.failed(_error(errno.EROFS)) == 0
        bench.disk.errors.clear()
        assert await bench.passed(0.125) == 1
        assert bench.resumed == 1
    assert [line[:25] for line in _said(caplog)] == [
        "The disk takes no writes:", "The disk takes writes aga",
    ]  # fmt: skip


async def test_rooms_that_fail_one_after_another_are_one_failure(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        for _ in range(4):
            bench.guard.failed(_error(errno.EIO))
        assert await bench.failed(_error(errno.EIO)) == 1
        assert bench.resumed == 1
    assert len(_said(caplog)) == 2


async def test_a_disk_that_failed_for_another_reason_needs_no_room_to_be_good(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    assert isinstance(storage.disk, SickDisk)
    storage.disk.says = Space(100_000_000, BALLAST_BYTES)
    async with guarding(storage, mock_clock) as bench:
        bench.disk.errors["sync_file"] = errno.EIO
        await bench.failed(_error(errno.EIO))
        bench.disk.errors.clear()
        await bench.passed(1)
        assert not bench.reason()
        assert not bench.ballast.exists()


async def test_every_failure_is_said_and_that_it_is_over(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        for _ in range(2):
            bench.disk.errors["sync_file"] = errno.EIO
            await bench.failed(_error(errno.EIO))
            bench.disk.errors.clear()
            await bench.passed(1)
            assert not bench.reason()
            bench.guard.written()
    assert [line.partition(":")[0] for line in _said(caplog)] == [
        "The disk takes no writes", "The disk takes writes again after 1 s.",
    ] * 2  # fmt: skip


async def test_a_write_that_fails_soon_again_does_not_try_the_disk_at_once(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        assert await bench.failed(_error(errno.EIO)) == 1
        for wait in (1, 2, 4, 8, 16, 30):
            # The probe says that the disk is good, and the next write that it is not.
            assert await bench.failed(_error(errno.EIO)) == 0
            assert await bench.passed(wait - 0.125) == 0
            assert await bench.passed(0.125) == 1
        assert bench.resumed == 7
        bench.guard.written()
        assert await bench.failed(_error(errno.EIO)) == 1


async def test_who_knows_that_the_cause_is_gone_has_a_bad_disk_tried_at_once(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.guard.try_now()
        await bench.settled()
        assert bench.disk.probes == 1
        bench.disk.errors["sync_file"] = errno.ENOSPC
        await bench.failed(_error(errno.ENOSPC))
        assert await bench.passed(1) == 1
        bench.disk.errors.clear()
        bench.guard.try_now()
        await bench.settled()
        assert not bench.reason()
        assert bench.resumed == 1


async def test_what_lands_while_the_disk_is_bad_changes_nothing(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.errors["sync_file"] = errno.EIO
        await bench.failed(_error(errno.EIO))
        # As the last bytes of another room may, whose file is still taken.
        bench.guard.written()
        assert await bench.passed(1) == 1
        assert await bench.passed(1.875) == 0
        assert await bench.passed(0.125) == 1


async def test_a_fault_of_ours_is_retried_and_not_blamed_on_the_disk(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.guard.failed(KeyError("x"))
        assert "(KeyError: 'x')" in bench.reason()
        await bench.settled()
        assert bench.resumed == 1
        # One in a probe does not end the guard.
        bench.disk.errors["identity"] = ValueError("y")
        await bench.passed(30)
        assert "(ValueError: y)" in bench.reason()
        bench.disk.errors.clear()
        await bench.passed(30)
        assert not bench.reason()
    assert _said(caplog) == []


# A disk that stalls.


async def test_a_probe_that_is_pending_refuses_after_30_seconds_and_no_other_is_begun(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.gate.clear()
        await bench.passed(30)
        await bench.passed(29.875)
        assert bench.guard.refusal() is None
        await bench.passed(0.125)
        assert bench.guard.refusal() == (
            "The recording disk takes no writes: It does not answer. Check the disk and its cable "
            "or card."
        )
        before = bench.disk.probes
        bench.disk.gate.set()
        await bench.settled()
        assert bench.disk.probes == before + 1
        assert bench.guard.refusal() is None
        assert bench.guard.health.last_latency_ms == 30_000
    assert bench.resumed == 0


async def test_a_probe_that_began_before_a_write_failed_says_nothing_of_it(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.gate.clear()
        await bench.passed(30)
        bench.guard.failed(_error(errno.EIO))
        await bench.settled()
        before = bench.disk.probes
        bench.disk.gate.set()
        await bench.settled()
        # The one that was pending, and one of its own.
        assert bench.disk.probes == before + 2
        assert bench.resumed == 1


async def test_a_stop_does_not_wait_for_a_sick_disk(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    assert isinstance(storage.disk, SickDisk)
    disk = storage.disk
    try:
        async with trio.open_nursery() as nursery:
            bench = Bench(storage, disk, mock_clock)
            nursery.start_soon(bench.guard.run)
            await bench.settled()
            disk.gate.clear()
            await bench.passed(30)
            assert disk.held_up.wait(30)
            before = time.monotonic()
            nursery.cancel_scope.cancel()
        assert time.monotonic() - before < 20
    finally:
        disk.gate.set()
    await trio.testing.wait_all_threads_completed()


# A disk that is full.


async def test_a_full_disk_gets_the_ballasts_room_and_is_good_when_it_is_there_again(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        assert bench.ballast.exists()
        bench.disk.says = Space(100_000_000, BALLAST_BYTES)
        assert await bench.failed(_error(errno.ENOSPC)) == 1
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
    assert _said(caplog) == [
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
        await bench.failed(_error(errno.EIO))
        for wait in (1, 2, 4):
            await bench.passed(wait)
        assert bench.ballast.exists()
        assert await bench.failed(_error(errno.ENOSPC)) == 0
        assert not bench.ballast.exists()


async def test_a_ballast_that_cannot_be_given_back_is_said(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.disk.errors["unlink"] = errno.EROFS
        await bench.failed(_error(errno.ENOSPC))
        assert bench.ballast.exists()
    assert _said(caplog)[1].startswith(
        "The reserve that is kept for a full disk could not be given back: The folder "
    )


# A disk that goes and comes.


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
        await bench.failed(_error(errno.EIO))
        assert bench.reason().startswith(f"The folder {storage.directory} is gone.")
        assert (bench.hops, bench.resumed) == (0, 0)
        storage.directory.with_name("elsewhere").rename(storage.directory)
        _mount_anew(storage)
        await bench.passed(1)
        assert (bench.hops, bench.resumed) == (1, 1)
        storage.check_place()
        await bench.passed(30)
        assert bench.hops == 1
    assert _said(caplog)[1:] == [
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
    assert [line.partition(":")[0] for line in _said(caplog)] == [
        "The disk takes no writes",
        "The disk takes no writes",
        "The disk takes writes again after 46 s.",
    ]
