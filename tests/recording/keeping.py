"""The catalogue's keeper on a storage of a test, and what stands in its catalogue."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, TypeVar

import pytest
import trio

from recorder.recording.catalogue import Catalogue
from recorder.recording.indexing import PAUSE_S, Indexer
from tests.helpers.disk import PatchyDisk
from tests.helpers.settling import pass_time, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from typing import Any

    from trio.testing import MockClock

    from recorder.recording.rows import Row

T = TypeVar("T")


class Keeping:
    """Runs keepers of one storage, one after the other, each until the end of its block.

    Who uses it names `mock_clock` too: a clock runs only in the tests that name it.
    """

    def __init__(self, storage: Path, root: int, clock: MockClock) -> None:
        self.storage = storage
        self.path = storage / ".recorder/catalogue.sqlite3"
        self.clock = clock
        self.disk = WaitingDisk()
        self.ready = 0
        self._root = root

    def indexer(self, **options: Any) -> Indexer:
        return Indexer(
            self.storage, self.disk, lambda: self._root, on_ready=self._on_ready, **options
        )

    def rows(self) -> dict[int, Row]:
        """What a listing would find in the catalogue."""
        reader = Catalogue.open_to_read(self.path)
        assert reader is not None, "no catalogue that can be read"
        with closing(reader):
            return {row.number: row for row in reader.page(limit=100_000).rows}

    def _on_ready(self) -> None:
        self.ready += 1

    @asynccontextmanager
    async def running(self, indexer: Indexer | None = None) -> AsyncIterator[Indexer]:
        indexer = indexer or self.indexer()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(indexer.run)
            await settle()
            yield indexer
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def filled(self, indexer: Indexer | None = None) -> AsyncIterator[Indexer]:
        async with self.running(indexer) as running:
            await self.until_ready(running)
            yield running

    async def until_ready(self, indexer: Indexer) -> None:
        for _ in range(100):
            if indexer.is_ready:
                return
            await pass_time(self.clock, PAUSE_S)
        pytest.fail("the catalogue does not become complete")


class WaitingDisk(PatchyDisk):
    """A disk of which one operation waits until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = ""
        self.reached = threading.Event()
        self.gate = threading.Event()

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if self.line(operation, subject) == self.waiting:
            self.reached.set()
            assert self.gate.wait(30)
        return super().perform(operation, subject, action)

    def read_manifests(self) -> list[int]:
        """The numbers of the recordings whose manifests were read, in that order."""
        return [
            int(operation.split("/")[-2][:7])
            for operation in self.operations
            if operation.startswith("open_file") and operation.endswith("/recording.json")
        ]


def state_of(row: Row) -> tuple[int, bool]:
    return row.segments, row.end_utc is not None


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
