"""A guard on a disk that takes orders."""

from __future__ import annotations

import os
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

import trio
import trio.testing

from recorder.recording.disk import Space
from recorder.recording.guard import Guard
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    import pytest

T = TypeVar("T")

ROOMY = Space(100_000_000, 100_000_000)
BALLAST_BYTES = 2_000_000

GONE = (
    "The folder {} is gone. Check that its disk is connected and mounted; recording then goes on "
    "by itself."
)

READ_ONLY = "is on a disk that takes no writes (read-only)."


class SickDisk(RecordingDisk):
    """A disk that does what it is told.

    Attributes:
        errors: what an operation raises, by its name: an error number, or an exception.
        gate: operations wait here while it is closed.
        held_up: set while one does.
        says: what `space` answers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[str, int | Exception] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.held_up = threading.Event()
        self.says = ROOMY

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if not self.gate.is_set():
            self.held_up.set()
            assert self.gate.wait(30)
            self.held_up.clear()
        error = self.errors.get(operation)
        if isinstance(error, int):
            raise OSError(error, os.strerror(error), subject)
        if error is not None:
            raise error
        return super().perform(operation, subject, action)

    def space(self, folder: int) -> Space:
        super().space(folder)
        return self.says

    @property
    def probes(self) -> int:
        """How many have begun: each opens the storage's folder by its path."""
        opened = (line for line in self.operations if line.startswith("open_path "))
        return sum(not line.endswith("/state") for line in opened)


@contextmanager
def sick_storage(folder: Path) -> Iterator[Storage]:
    """A real storage on such a disk."""
    directory = folder / "recordings"
    initialise(directory, None, RecordingDisk())
    with Storage.open(directory, None, SickDisk()) as storage:
        yield storage


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


class Bench:
    """A guard, its storage, and what it called."""

    def __init__(self, storage: Storage, disk: SickDisk, clock: trio.testing.MockClock) -> None:
        self.disk = disk
        self.storage = storage
        self.resumed = 0
        self.hops = 0
        self._clock = clock
        self.guard = Guard(
            storage,
            now_ms=lambda: int(trio.current_time() * 1000),
            between_hops=self._between_hops,
            on_good=self._on_good,
        )
        self.ballast = storage.directory / ".recorder/ballast"

    def _on_good(self) -> None:
        self.resumed += 1

    async def _between_hops(self, work: Callable[[], None]) -> None:
        self.hops += 1
        await trio.to_thread.run_sync(work)

    def reason(self) -> str:
        return self.guard.reason or ""

    async def settled(self) -> None:
        """Until the guard waits for time, or for a disk that does not answer."""
        for _ in range(10):
            await trio.testing.wait_all_tasks_blocked()
            if self.disk.gate.is_set():
                await trio.testing.wait_all_threads_completed()
        await trio.testing.wait_all_tasks_blocked()

    async def passed(self, seconds: float) -> int:
        """Let time pass; returns how many probes began in it."""
        before = self.disk.probes
        self._clock.jump(seconds)
        await self.settled()
        return self.disk.probes - before

    async def failed(self, error: BaseException) -> int:
        before = self.disk.probes
        self.guard.failed(error)
        await self.settled()
        return self.disk.probes - before


@asynccontextmanager
async def guarding(storage: Storage, clock: trio.testing.MockClock) -> AsyncIterator[Bench]:
    assert isinstance(storage.disk, SickDisk)
    storage.disk.operations.clear()
    async with trio.open_nursery() as nursery:
        bench = Bench(storage, storage.disk, clock)
        nursery.start_soon(bench.guard.run)
        await bench.settled()
        try:
            yield bench
        finally:
            storage.disk.gate.set()
            nursery.cancel_scope.cancel()
