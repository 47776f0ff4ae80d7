"""The catalogue's keeper when something fails: it gives up, says so once, and comes back."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import trio

from recorder.recording import catalogue_file
from recorder.recording.catalogue import Catalogue
from recorder.recording.catalogue_file import remove
from recorder.recording.indexing import BATCH_S, MAX_RETRY_S, RETRY_S
from tests.helpers.recordings import finished, folder_of, lay_down
from tests.helpers.settling import pass_time, settle
from tests.recording.keeping import Keeping, execute

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock


async def test_a_catalogue_deleted_while_it_is_kept_comes_back(
    keeping: Keeping, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        remove(keeping.path)
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
        await pass_time(mock_clock, BATCH_S)
        assert not indexer.is_ready
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(keeping.rows()) == {1, 2}
    assert "cannot be kept: the catalogue was removed or replaced" in caplog.text
    assert keeping.ready == 1


async def test_another_disk_in_the_place_of_ours_keeps_its_catalogue(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    ours = keeping.path.parent.stat().st_ino

    def check_place() -> None:
        if keeping.path.parent.stat().st_ino != ours:
            raise OSError(errno.ESTALE, "another disk")

    elsewhere, other = (
        keeping.path.parent.with_name("elsewhere"),
        keeping.path.parent.with_name("other"),
    )
    lay_down(keeping.storage, finished(1))
    async with keeping.filled(keeping.indexer(check_place=check_place)) as indexer:
        keeping.path.parent.rename(elsewhere)
        keeping.path.parent.mkdir()
        os.symlink("another recorder's", keeping.path)
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
        for delay in (BATCH_S, RETRY_S, 2 * RETRY_S):
            await pass_time(mock_clock, delay)
        assert os.listdir(keeping.path.parent) == [keeping.path.name]
        assert os.readlink(keeping.path) == "another recorder's"
        keeping.path.parent.rename(other)
        elsewhere.rename(keeping.path.parent)
        await pass_time(mock_clock, 4 * RETRY_S)
        await keeping.until_ready(indexer)
        assert set(keeping.rows()) == {1, 2}


async def test_a_fault_of_ours_is_told_as_one_and_the_catalogue_comes_back(
    keeping: Keeping, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [ValueError("a fault of ours")]

    def check_place() -> None:
        if faults:
            raise faults.pop()

    lay_down(keeping.storage, finished(1))
    async with keeping.running(keeping.indexer(check_place=check_place)) as indexer:
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(keeping.rows()) == {1}
    assert "Keeping the catalogue failed; this is a fault of the recorder" in caplog.text


async def test_damage_that_shows_late_costs_only_the_rows(
    keeping: Keeping, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        # Somebody with an SQLite shell.
        execute(keeping.path, "DROP TABLE recording")
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
        await pass_time(mock_clock, BATCH_S)
        assert "no such table" in caplog.text
        assert os.listdir(keeping.path.parent) == [], "what lacks a row is believed by nobody"
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(keeping.rows()) == {1, 2}


async def test_a_locked_catalogue_is_given_up_and_made_again(
    keeping: Keeping,
    mock_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue_file, "BUSY_S", 0)
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        with closing(sqlite3.connect(keeping.path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            lay_down(keeping.storage, finished(2))
            indexer.changed(folder_of(2), finished(2))
            await pass_time(mock_clock, BATCH_S)
        assert "database is locked" in caplog.text
        assert Catalogue.open_to_read(keeping.path) is None
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(keeping.rows()) == {1, 2}


async def test_a_catalogue_that_cannot_be_made_is_one_sentence_and_longer_and_longer_pauses(
    keeping: Keeping, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1))
    keeping.path.parent.rmdir()
    caplog.set_level("INFO")
    async with keeping.running() as indexer:
        indexer.changed(folder_of(1), finished(1))
        for delay in (RETRY_S, 2 * RETRY_S, 4 * RETRY_S, 8 * RETRY_S, MAX_RETRY_S):
            await pass_time(mock_clock, delay)
        assert caplog.text.count("cannot be kept") == 1
        keeping.path.parent.mkdir()
        await pass_time(mock_clock, MAX_RETRY_S)
        await keeping.until_ready(indexer)
        assert set(keeping.rows()) == {1}
    assert "complete again" in caplog.text


async def test_after_a_long_good_time_the_first_pause_is_short_again(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    async with keeping.filled() as indexer:
        for _ in range(2):
            await pass_time(mock_clock, 2 * MAX_RETRY_S)
            remove(keeping.path)
            indexer.removed(1)
            await pass_time(mock_clock, BATCH_S)
            assert not indexer.is_ready
            await pass_time(mock_clock, RETRY_S)
            await keeping.until_ready(indexer)


async def test_a_walk_that_fails_is_tried_again(keeping: Keeping, mock_clock: MockClock) -> None:
    lay_down(keeping.storage, finished(1))
    keeping.disk.sick = {"list_folder ?": errno.EIO}
    async with keeping.running(keeping.indexer(unsettled={1})) as indexer:
        assert not indexer.is_ready
        keeping.disk.sick = {}
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert set(keeping.rows()) == {1}


async def test_a_catalogue_that_cannot_even_be_removed_is_compared_when_it_can(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        aside = keeping.path.with_name("aside")
        os.rename(keeping.path, aside)
        os.mkdir(keeping.path)
        lay_down(keeping.storage, finished(1, segments=()))
        indexer.changed(folder_of(1), finished(1, segments=()))
        await pass_time(mock_clock, BATCH_S)
        # Given up; now the file is there again, with its old row.
        os.rmdir(keeping.path)
        os.rename(aside, keeping.path)
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert keeping.rows()[1].segments == 0


async def test_what_was_unsettled_at_the_start_stays_so_until_it_was_read(
    keeping: Keeping, mock_clock: MockClock
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
        aside = keeping.path.with_name("aside")
        os.rename(keeping.path, aside)
        os.mkdir(keeping.path)
        keeping.disk.gate.set()
        await settle()
        os.rmdir(keeping.path)
        os.rename(aside, keeping.path)
        keeping.disk.sick = {}
        await pass_time(mock_clock, RETRY_S)
        await keeping.until_ready(indexer)
        assert keeping.rows()[1].segments == 0
        nursery.cancel_scope.cancel()
