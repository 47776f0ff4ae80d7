"""The guard on a disk that falls sick and gets well.

The storage is a real one, on a disk that takes orders; the probes run in real threads. The clock is
a mock that is moved by hand: with one that jumps by itself it would jump while a thread runs.
"""

from __future__ import annotations

import errno
import logging
import time
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.recording.disk import Space
from recorder.recording.health import BAD_FOR_MS
from tests.recording.guarding import (
    BALLAST_BYTES,
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

    from recorder.recording.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with sick_storage(tmp_path) as storage:
        yield storage


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
    assert said(caplog) == []


# A disk that fails.


async def test_after_a_failed_write_the_disk_is_tried_at_once_and_then_ever_more_seldom(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        await bench.passed(5)
        bench.disk.errors["sync_file"] = errno.EROFS
        assert await bench.failed(error(errno.EIO)) == 1
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
    assert said(caplog) == [
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
        await bench.failed(error(errno.EROFS))
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
        assert await bench.failed(error(errno.EROFS)) == 0
        bench.disk.errors.clear()
        assert await bench.passed(0.125) == 1
        assert bench.resumed == 1
    assert [line[:25] for line in said(caplog)] == [
        "The disk takes no writes:", "The disk takes writes aga",
    ]  # fmt: skip


async def test_rooms_that_fail_one_after_another_are_one_failure(
    storage: Storage, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarding(storage, mock_clock) as bench:
        for _ in range(4):
            bench.guard.failed(error(errno.EIO))
        assert await bench.failed(error(errno.EIO)) == 1
        assert bench.resumed == 1
    assert len(said(caplog)) == 2


async def test_a_disk_that_failed_for_another_reason_needs_no_room_to_be_good(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    assert isinstance(storage.disk, SickDisk)
    storage.disk.says = Space(100_000_000, BALLAST_BYTES)
    async with guarding(storage, mock_clock) as bench:
        bench.disk.errors["sync_file"] = errno.EIO
        await bench.failed(error(errno.EIO))
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
            await bench.failed(error(errno.EIO))
            bench.disk.errors.clear()
            await bench.passed(1)
            assert not bench.reason()
            bench.guard.written()
    assert [line.partition(":")[0] for line in said(caplog)] == [
        "The disk takes no writes", "The disk takes writes again after 1 s.",
    ] * 2  # fmt: skip


async def test_a_write_that_fails_soon_again_does_not_try_the_disk_at_once(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        assert await bench.failed(error(errno.EIO)) == 1
        for wait in (1, 2, 4, 8, 16, 30):
            # The probe says that the disk is good, and the next write that it is not.
            assert await bench.failed(error(errno.EIO)) == 0
            assert await bench.passed(wait - 0.125) == 0
            assert await bench.passed(0.125) == 1
        assert bench.resumed == 7
        bench.guard.written()
        assert await bench.failed(error(errno.EIO)) == 1


async def test_who_knows_that_the_cause_is_gone_has_a_bad_disk_tried_at_once(
    storage: Storage, mock_clock: trio.testing.MockClock
) -> None:
    async with guarding(storage, mock_clock) as bench:
        bench.guard.try_now()
        await bench.settled()
        assert bench.disk.probes == 1
        bench.disk.errors["sync_file"] = errno.ENOSPC
        await bench.failed(error(errno.ENOSPC))
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
        await bench.failed(error(errno.EIO))
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
    assert said(caplog) == []


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
        bench.guard.failed(error(errno.EIO))
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
