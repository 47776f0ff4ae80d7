"""The catalogue's keeper: it fills, it follows, and no failure of it leaves it."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, TypeVar

import pytest
import trio

from recorder.recording import catalogue_file
from recorder.recording.catalogue import Catalogue, Page
from recorder.recording.catalogue_file import VERSION, remove
from recorder.recording.indexing import (
    BATCH_S,
    CLOSE_S,
    MAX_RETRY_S,
    PAUSE_S,
    RETRY_S,
    STEP,
    Indexer,
)
from tests.helpers.disk import PatchyDisk, open_descriptors
from tests.helpers.recordings import (
    START_MS,
    finished,
    folder_of,
    going_on,
    lay_down,
    segment,
)
from tests.helpers.settling import pass_time, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path
    from typing import Any

    from trio.testing import MockClock

    from recorder.recording.rows import Row

T = TypeVar("T")


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    (tmp_path / ".recorder").mkdir()
    return tmp_path


@pytest.fixture
def path(storage: Path) -> Path:
    return storage / ".recorder/catalogue.sqlite3"


@pytest.fixture
def root(storage: Path) -> Iterator[int]:
    before = open_descriptors()
    descriptor = os.open(storage, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)
    assert open_descriptors() == before


class Keeping:
    """Runs keepers of one storage, one after the other, each until the end of its block.

    Who uses it names `mock_clock` too: a clock runs only in the tests that name it.
    """

    def __init__(self, storage: Path, root: int, clock: MockClock) -> None:
        self.storage = storage
        self.clock = clock
        self.disk = WaitingDisk()
        self.ready = 0
        self._root = root

    def indexer(self, **options: Any) -> Indexer:
        return Indexer(
            self.storage, self.disk, lambda: self._root, on_ready=self._on_ready, **options
        )

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


@pytest.fixture
def keeping(storage: Path, root: int, mock_clock: MockClock) -> Keeping:
    return Keeping(storage, root, mock_clock)


def _rows(path: Path) -> dict[int, Row]:
    """What a listing would find in the catalogue."""
    reader = Catalogue.open_to_read(path)
    assert reader is not None, "no catalogue that can be read"
    with closing(reader):
        return {row.number: row for row in reader.page(limit=100_000).rows}


def _state(row: Row) -> tuple[int, bool]:
    return row.segments, row.end_utc is not None


# Filling.


async def test_a_missing_catalogue_is_made_from_the_manifests(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    lay_down(keeping.storage, going_on(2, "room102"))
    async with keeping.filled() as indexer:
        assert set(_rows(path)) == {1, 2}
        assert indexer.newest_start_utc_ms == START_MS
    assert keeping.ready == 1
    assert set(_rows(path)) == {1, 2}


async def test_a_storage_without_recordings_has_an_empty_catalogue(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    async with keeping.filled() as indexer:
        assert indexer.newest_start_utc_ms is None
        assert _rows(path) == {}


async def test_one_damaged_manifest_among_good_ones_is_a_row_like_the_others(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    for number in range(1, 6):
        lay_down(keeping.storage, finished(number))
    (keeping.storage / folder_of(3) / "recording.json").write_bytes(b"\0" * 4096)
    (keeping.storage / folder_of(4) / "recording.json").unlink()
    async with keeping.filled():
        pass
    damaged = {number: row.damaged is not None for number, row in _rows(path).items()}
    assert damaged == {1: False, 2: False, 3: True, 4: True, 5: False}


async def test_the_catalogue_is_filled_a_few_at_a_time_with_pauses_and_the_newest_first(
    keeping: Keeping,
    mock_clock: MockClock,
) -> None:
    for number in range(1, 2 * STEP + 2):
        lay_down(keeping.storage, finished(number))
    async with keeping.running() as indexer:
        expected = list(range(2 * STEP + 1, 0, -1))
        for step in (STEP, 2 * STEP, 2 * STEP + 1):
            assert keeping.disk.read_manifests() == expected[:step]
            assert not indexer.is_ready
            await pass_time(mock_clock, PAUSE_S)
        assert indexer.is_ready


async def test_a_catalogue_that_is_not_complete_is_read_by_nobody(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.running():
        assert path.name in os.listdir(path.parent)
        assert Catalogue.open_to_read(path) is None


async def test_a_good_catalogue_is_kept_and_only_what_may_have_changed_is_read(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    for number in range(1, 6):
        lay_down(keeping.storage, finished(number))
    lay_down(keeping.storage, going_on(6))
    async with keeping.filled():
        pass
    # Another process, without a keeper: one ends, one comes, one goes, one is said to change.
    lay_down(keeping.storage, finished(6))
    lay_down(keeping.storage, finished(7))
    (keeping.storage / folder_of(1)).rename(keeping.storage / "elsewhere")
    lay_down(keeping.storage, finished(2, segments=(segment(1),)))
    keeping.disk.operations.clear()
    async with keeping.filled(keeping.indexer(unsettled={2, 99})):
        pass
    assert keeping.disk.read_manifests() == [7, 6, 2]
    assert {number: _state(row) for number, row in _rows(path).items()} == {
        2: (1, True),
        3: (2, True),
        4: (2, True),
        5: (2, True),
        6: (2, True),
        7: (2, True),
    }


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"garbage" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: _statement(path, f"PRAGMA user_version = {VERSION + 1}"),
        lambda path: path.unlink(),
    ],
    ids=["garbage", "truncated", "another version", "deleted"],
)
async def test_a_catalogue_that_is_not_good_is_made_anew(
    damage: Callable[[Path], None], keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled():
        pass
    damage(path)
    async with keeping.filled():
        assert set(_rows(path)) == {1}
    assert keeping.disk.read_manifests() == [1, 1]


def _statement(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


async def test_a_folder_that_cannot_be_read_keeps_its_rows(
    keeping: Keeping, mock_clock: MockClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1, "a"))
    lay_down(keeping.storage, finished(2, "b"))
    async with keeping.filled():
        pass
    keeping.disk.sick = {"open_folder a": errno.EIO}
    async with keeping.filled():
        pass
    assert set(_rows(path)) == {1, 2}
    assert "The folder a cannot be read" in caplog.text


async def test_a_recording_that_goes_while_the_catalogue_is_filled_has_no_row(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    lay_down(keeping.storage, finished(2))
    keeping.disk.sick = {f"open_folder {folder_of(1)}": errno.ENOENT}
    async with keeping.filled():
        assert set(_rows(path)) == {2}


# Following.


async def test_a_change_is_in_the_catalogue_a_moment_later(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    async with keeping.filled() as indexer:
        lay_down(keeping.storage, going_on(1))
        indexer.changed(folder_of(1), going_on(1, segments=(segment(1),)))
        await settle()
        assert _rows(path) == {}, "changes are collected"
        await pass_time(mock_clock, BATCH_S)
        assert _state(_rows(path)[1]) == (1, False)
        assert indexer.newest_start_utc_ms == START_MS
        indexer.changed(folder_of(1), finished(1))
        await pass_time(mock_clock, BATCH_S)
        assert _state(_rows(path)[1]) == (2, True)
    assert keeping.disk.read_manifests() == [], "the manifest was at hand"


async def test_of_many_changes_of_one_recording_the_newest_is_written(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, going_on(1))
    async with keeping.filled() as indexer:
        for count in range(2000):
            indexer.changed(folder_of(1), going_on(1, segments=(segment(1),) * (count % 5)))
        await pass_time(mock_clock, BATCH_S)
        assert _rows(path)[1].segments == 4


async def test_a_change_while_one_is_written_is_written_next(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, going_on(1))
    async with keeping.filled() as indexer:
        keeping.disk.waiting = f"exists {folder_of(1)}/KEEP"
        indexer.changed(folder_of(1), going_on(1, segments=()))
        await settle()
        mock_clock.jump(BATCH_S)
        await trio.testing.wait_all_tasks_blocked()
        assert keeping.disk.reached.wait(30)
        indexer.changed(folder_of(1), finished(1))
        keeping.disk.gate.set()
        await settle()
        assert _state(_rows(path)[1]) == (0, False)
        await pass_time(mock_clock, BATCH_S)
        assert _state(_rows(path)[1]) == (2, True)


async def test_a_change_while_the_catalogue_is_filled_is_written_after_it(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    for number in (1, 2):
        lay_down(keeping.storage, going_on(number, segments=()))
    async with keeping.running() as indexer:
        indexer.changed(folder_of(1), finished(1))
        indexer.removed(2)
        await keeping.until_ready(indexer)
        await pass_time(mock_clock, BATCH_S)
        assert {number: _state(row) for number, row in _rows(path).items()} == {1: (2, True)}


async def test_a_removed_recording_has_no_row(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        indexer.removed(1)
        await pass_time(mock_clock, BATCH_S)
        assert _rows(path) == {}


async def test_a_changed_recording_whose_folder_has_gone_has_no_row(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        (keeping.storage / "room101").rename(keeping.storage / "elsewhere")
        indexer.changed(folder_of(1), finished(1))
        await pass_time(mock_clock, BATCH_S)
        assert _rows(path) == {}


async def test_a_keep_beside_the_manifest_is_in_the_row(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    async with keeping.filled() as indexer:
        (lay_down(keeping.storage, finished(1)) / "KEEP").touch()
        indexer.changed(folder_of(1), finished(1))
        await pass_time(mock_clock, BATCH_S)
        assert _rows(path)[1].kept


async def test_one_folder_that_cannot_be_opened_costs_no_row(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, going_on(1))
    async with keeping.filled() as indexer:
        keeping.disk.sick = {f"open_folder {folder_of(1)}": errno.EIO}
        indexer.changed(folder_of(1), finished(1))
        await pass_time(mock_clock, BATCH_S)
        assert indexer.is_ready
        assert _state(_rows(path)[1]) == (2, True)


async def test_when_too_many_changes_wait_the_catalogue_is_compared_again(
    keeping: Keeping, mock_clock: MockClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        lay_down(keeping.storage, going_on(number, segments=()))
    async with keeping.filled(keeping.indexer(limit=2)) as indexer:
        for number in (1, 2, 3):
            lay_down(keeping.storage, finished(number))
            indexer.changed(folder_of(number), finished(number))
        # The first is in already, so it is coalesced.
        indexer.changed(folder_of(1), finished(1, segments=()))
        assert "More than 2 changed recordings" in caplog.text
        keeping.disk.operations.clear()
        await pass_time(mock_clock, BATCH_S)
        assert not indexer.is_ready
        await keeping.until_ready(indexer)
        assert 3 in keeping.disk.read_manifests()
        assert {number: _state(row) for number, row in _rows(path).items()} == {
            1: (0, True),
            2: (2, True),
            3: (2, True),
        }
    assert keeping.ready == 1


# Failing.


async def test_a_catalogue_deleted_while_it_is_kept_comes_back(
    keeping: Keeping, mock_clock: MockClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        remove(path)
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
        await pass_time(mock_clock, BATCH_S)
        assert not indexer.is_ready
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(_rows(path)) == {1, 2}
    assert "cannot be kept: the file was removed or replaced" in caplog.text
    assert keeping.ready == 1


async def test_whoever_asks_in_the_second_in_which_the_catalogue_was_deleted_hears_of_it(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        remove(path)
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
        # As of one that is locked, which every caller expects.
        with pytest.raises(sqlite3.Error, match="removed or replaced"):
            await indexer.known(list)
        with pytest.raises(sqlite3.Error, match="removed or replaced"):
            await indexer.page(room=None, from_ms=None, to_ms=None, cursor=None, limit=9)


async def test_another_disk_in_the_place_of_ours_keeps_its_catalogue(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    ours = path.parent.stat().st_ino

    def check_place() -> None:
        if path.parent.stat().st_ino != ours:
            raise OSError(errno.ESTALE, "another disk")

    elsewhere, other = path.parent.with_name("elsewhere"), path.parent.with_name("other")
    lay_down(keeping.storage, finished(1))
    async with keeping.filled(keeping.indexer(check_place=check_place)) as indexer:
        path.parent.rename(elsewhere)
        path.parent.mkdir()
        os.symlink("another recorder's", path)
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
        for delay in (BATCH_S, RETRY_S, 2 * RETRY_S):
            await pass_time(mock_clock, delay)
        assert os.listdir(path.parent) == [path.name]
        assert os.readlink(path) == "another recorder's"
        path.parent.rename(other)
        elsewhere.rename(path.parent)
        await pass_time(mock_clock, 4 * RETRY_S)
        await keeping.until_ready(indexer)
        assert set(_rows(path)) == {1, 2}


async def test_damage_that_shows_late_costs_only_the_rows(
    keeping: Keeping, mock_clock: MockClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        # Somebody with an SQLite shell.
        _statement(path, "DROP TABLE recording")
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
        await pass_time(mock_clock, BATCH_S)
        assert "no such table" in caplog.text
        assert os.listdir(path.parent) == [], "what lacks a row is believed by nobody"
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(_rows(path)) == {1, 2}


async def test_a_locked_catalogue_is_given_up_and_made_again(
    keeping: Keeping,
    mock_clock: MockClock,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue_file, "BUSY_S", 0)
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            lay_down(keeping.storage, finished(2))
            indexer.changed(folder_of(2), finished(2))
            await pass_time(mock_clock, BATCH_S)
        assert "database is locked" in caplog.text
        assert Catalogue.open_to_read(path) is None
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(_rows(path)) == {1, 2}


async def test_a_catalogue_that_cannot_be_made_is_one_sentence_and_longer_and_longer_pauses(
    keeping: Keeping, mock_clock: MockClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1))
    path.parent.rmdir()
    caplog.set_level("INFO")
    async with keeping.running() as indexer:
        indexer.changed(folder_of(1), finished(1))
        for delay in (RETRY_S, 2 * RETRY_S, 4 * RETRY_S, 8 * RETRY_S, MAX_RETRY_S):
            await pass_time(mock_clock, delay)
        assert caplog.text.count("cannot be kept") == 1
        path.parent.mkdir()
        await pass_time(mock_clock, MAX_RETRY_S)
        await keeping.until_ready(indexer)
        assert set(_rows(path)) == {1}
    assert "complete again" in caplog.text


async def test_after_a_long_good_time_the_first_pause_is_short_again(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    async with keeping.filled() as indexer:
        for _ in range(2):
            await pass_time(mock_clock, 2 * MAX_RETRY_S)
            remove(path)
            indexer.removed(1)
            await pass_time(mock_clock, BATCH_S)
            assert not indexer.is_ready
            await pass_time(mock_clock, RETRY_S)
            await keeping.until_ready(indexer)


async def test_a_walk_that_fails_is_tried_again(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    keeping.disk.sick = {"list_folder ?": errno.EIO}
    async with keeping.running(keeping.indexer(unsettled={1})) as indexer:
        assert not indexer.is_ready
        keeping.disk.sick = {}
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(_rows(path)) == {1}


async def test_a_catalogue_that_cannot_even_be_removed_is_compared_when_it_can(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        aside = path.with_name("aside")
        os.rename(path, aside)
        os.mkdir(path)
        lay_down(keeping.storage, finished(1, segments=()))
        indexer.changed(folder_of(1), finished(1, segments=()))
        await pass_time(mock_clock, BATCH_S)
        # Given up; now the file is there again, with its old row.
        os.rmdir(path)
        os.rename(aside, path)
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert _rows(path)[1].segments == 0


async def test_what_was_unsettled_at_the_start_stays_so_until_it_was_read(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled():
        pass
    lay_down(keeping.storage, finished(1, segments=()))
    keeping.disk.waiting = "list_folder ?"
    keeping.disk.sick = {"list_folder ?": errno.EIO}
    indexer = keeping.indexer(unsettled={1})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(indexer.run)
        await trio.to_thread.run_sync(keeping.disk.reached.wait, 30)
        # Out of the way, so that it cannot be removed when the walk has failed.
        aside = path.with_name("aside")
        os.rename(path, aside)
        os.mkdir(path)
        keeping.disk.gate.set()
        await settle()
        os.rmdir(path)
        os.rename(aside, path)
        keeping.disk.sick = {}
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert _rows(path)[1].segments == 0
        nursery.cancel_scope.cancel()


# Stopping.


async def test_what_waits_at_a_stop_is_written(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
    assert set(_rows(path)) == {1, 2}
    assert sorted(os.listdir(path.parent)) == [path.name], "the log has gone into the file"


async def test_an_error_at_a_stop_is_nobodys_error(
    keeping: Keeping, mock_clock: MockClock, path: Path
) -> None:
    async with keeping.filled() as indexer:
        remove(path)
        indexer.changed(folder_of(1), finished(1))


async def test_a_stop_does_not_wait_for_the_walk(keeping: Keeping, mock_clock: MockClock) -> None:
    for number in range(1, 4):
        lay_down(keeping.storage, finished(number, f"room{number}"))
    keeping.disk.waiting = "open_folder room1"
    await _stop_while_waiting(keeping)
    assert not any("room3" in operation for operation in keeping.disk.operations)


async def test_a_stop_does_not_wait_for_the_manifests(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    for number in range(1, 4):
        lay_down(keeping.storage, finished(number))
    keeping.disk.waiting = f"open_file {folder_of(3)}/recording.json"
    await _stop_while_waiting(keeping)
    assert keeping.disk.read_manifests() == [3]


async def _stop_while_waiting(keeping: Keeping) -> None:
    """Stop a keeper whose thread waits, then let the thread go on."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeping.indexer().run)
        await trio.to_thread.run_sync(keeping.disk.reached.wait, 30)
        nursery.cancel_scope.cancel()
        # Cancelled: it waits for its thread, shielded.
        with trio.CancelScope(shield=True):
            await trio.testing.wait_all_tasks_blocked()
        keeping.disk.gate.set()
    with trio.CancelScope(shield=True):
        await settle()


async def test_there_is_no_page_for_who_asks_while_a_stop_closes_the_catalogue(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    indexer, pages = keeping.indexer(), list[Page | None]()

    async def ask() -> None:
        pages.append(await indexer.page(room=None, from_ms=None, to_ms=None, cursor=None, limit=9))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(indexer.run)
        await settle()
        await keeping.until_ready(indexer)
        indexer.changed(folder_of(1), finished(1))
        keeping.disk.waiting = "open_folder room101"
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(keeping.disk.reached.wait, 30)
            async with trio.open_nursery() as asking:
                asking.start_soon(ask)
                await trio.testing.wait_all_tasks_blocked()
                keeping.disk.gate.set()
    assert pages == [None]


async def test_a_disk_that_does_not_answer_does_not_hold_the_stop(
    keeping: Keeping, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1))
    keeping.disk.waiting = "open_folder room101"
    indexer = keeping.indexer()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(indexer.run)
        await trio.to_thread.run_sync(keeping.disk.reached.wait, 30)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(CLOSE_S)
    assert "The disk does not answer" in caplog.text
    keeping.disk.gate.set()
    await settle()
    # Left open with the thread, for the end of the process.
    indexer._cataloguing.close()


# What retention asks.


async def test_what_is_known_comes_from_the_catalogue_with_what_has_just_changed(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    lay_down(keeping.storage, finished(2, segments=(segment(1, deleted=True),)))
    async with keeping.filled() as indexer:
        read = len(keeping.disk.read_manifests())
        assert [each.number for each in await indexer.known(list)] == [1]
        assert len(keeping.disk.read_manifests()) == read
        lay_down(keeping.storage, finished(3))
        indexer.changed(folder_of(3), finished(3))
        assert [each.number for each in await indexer.known(list)] == [3, 1]
        assert await indexer.folder_of(3) == folder_of(3)
        assert await indexer.folder_of(9) is None


async def test_without_a_catalogue_it_comes_from_the_folders(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    lay_down(keeping.storage, finished(2, segments=(segment(1, deleted=True),)))
    lay_down(keeping.storage, finished(3))
    indexer = keeping.indexer()
    assert [each.number for each in await indexer.known(list)] == [3, 1]
    assert await indexer.folder_of(3) == folder_of(3)
    assert await indexer.folder_of(9) is None


async def test_catalogue_and_folders_know_the_same(keeping: Keeping, mock_clock: MockClock) -> None:
    lay_down(keeping.storage, finished(1, deleting="age"))
    lay_down(keeping.storage, going_on(2))
    lay_down(keeping.storage, finished(3, clock="untrusted"))
    (keeping.storage / folder_of(3) / "KEEP").touch()
    lay_down(keeping.storage, finished(4))
    (keeping.storage / folder_of(4) / "recording.json").write_bytes(b"{")
    from_folders = await keeping.indexer().known(list)
    async with keeping.filled() as indexer:
        assert await indexer.known(list) == from_folders


async def test_a_page_has_what_has_just_changed_and_there_is_none_without_a_catalogue(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    for number in (1, 2, 3):
        lay_down(keeping.storage, finished(number))

    async def page(cursor: int | None, limit: int) -> Page | None:
        return await indexer.page(room=None, from_ms=None, to_ms=None, cursor=cursor, limit=limit)

    indexer = keeping.indexer()
    assert await page(None, 2) is None
    async with keeping.filled(indexer):
        lay_down(keeping.storage, finished(4))
        indexer.changed(folder_of(4), finished(4))
        first = await page(None, 2)
        assert first is not None
        assert [row.number for row in first.rows] == [4, 3]
        rest = await page(first.cursor, 9)
        assert rest is not None
        assert [row.number for row in rest.rows] == [2, 1]
