"""The catalogue's keeper: it fills, and it follows."""

from __future__ import annotations

import errno
import os
import sqlite3
from typing import TYPE_CHECKING

import pytest
import trio

from recorder.recording.catalogue import Catalogue, Page
from recorder.recording.catalogue_file import VERSION, remove
from recorder.recording.indexing import BATCH_S, PAUSE_S, STEP
from tests.helpers.recordings import (
    START_MS,
    finished,
    folder_of,
    going_on,
    lay_down,
    segment,
)
from tests.helpers.settling import pass_time, settle
from tests.recording.keeping import Keeping, execute, state_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trio.testing import MockClock


# Filling.


async def test_a_missing_catalogue_is_made_from_the_manifests(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    lay_down(keeping.storage, going_on(2, "room102"))
    async with keeping.filled() as indexer:
        assert set(keeping.rows()) == {1, 2}
        assert indexer.newest_start_utc_ms == START_MS
    assert keeping.ready == 1
    assert set(keeping.rows()) == {1, 2}


async def test_a_storage_without_recordings_has_an_empty_catalogue(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    async with keeping.filled() as indexer:
        assert indexer.newest_start_utc_ms is None
        assert keeping.rows() == {}


async def test_one_damaged_manifest_among_good_ones_is_a_row_like_the_others(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    for number in range(1, 6):
        lay_down(keeping.storage, finished(number))
    (keeping.storage / folder_of(3) / "recording.json").write_bytes(b"\0" * 4096)
    (keeping.storage / folder_of(4) / "recording.json").unlink()
    async with keeping.filled():
        pass
    damaged = {number: row.damaged is not None for number, row in keeping.rows().items()}
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
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.running():
        assert keeping.path.name in os.listdir(keeping.path.parent)
        assert Catalogue.open_to_read(keeping.path) is None


async def test_a_good_catalogue_is_kept_and_only_what_may_have_changed_is_read(
    keeping: Keeping, mock_clock: MockClock
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
    assert {number: state_of(row) for number, row in keeping.rows().items()} == {
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
        lambda path: execute(path, f"PRAGMA user_version = {VERSION + 1}"),
        lambda path: path.unlink(),
    ],
    ids=["garbage", "truncated", "another version", "deleted"],
)
async def test_a_catalogue_that_is_not_good_is_made_anew(
    damage: Callable[[Path], None], keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled():
        pass
    damage(keeping.path)
    async with keeping.filled():
        assert set(keeping.rows()) == {1}
    assert keeping.disk.read_manifests() == [1, 1]


async def test_a_folder_that_cannot_be_read_keeps_its_rows(
    keeping: Keeping, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    lay_down(keeping.storage, finished(1, "a"))
    lay_down(keeping.storage, finished(2, "b"))
    async with keeping.filled():
        pass
    keeping.disk.sick = {"open_folder a": errno.EIO}
    async with keeping.filled():
        pass
    assert set(keeping.rows()) == {1, 2}
    assert "The folder a cannot be read" in caplog.text


async def test_a_recording_that_goes_while_the_catalogue_is_filled_has_no_row(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    lay_down(keeping.storage, finished(2))
    keeping.disk.sick = {f"open_folder {folder_of(1)}": errno.ENOENT}
    async with keeping.filled():
        assert set(keeping.rows()) == {2}


# Following.


async def test_a_change_is_in_the_catalogue_a_moment_later(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    async with keeping.filled() as indexer:
        lay_down(keeping.storage, going_on(1))
        indexer.changed(folder_of(1), going_on(1, segments=(segment(1),)))
        await settle()
        assert keeping.rows() == {}, "changes are collected"
        await pass_time(mock_clock, BATCH_S)
        assert state_of(keeping.rows()[1]) == (1, False)
        assert indexer.newest_start_utc_ms == START_MS
        indexer.changed(folder_of(1), finished(1))
        await pass_time(mock_clock, BATCH_S)
        assert state_of(keeping.rows()[1]) == (2, True)
    assert keeping.disk.read_manifests() == [], "the manifest was at hand"


async def test_of_many_changes_of_one_recording_the_newest_is_written(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, going_on(1))
    async with keeping.filled() as indexer:
        for count in range(2000):
            indexer.changed(folder_of(1), going_on(1, segments=(segment(1),) * (count % 5)))
        await pass_time(mock_clock, BATCH_S)
        assert keeping.rows()[1].segments == 4


async def test_a_change_while_one_is_written_is_written_next(
    keeping: Keeping, mock_clock: MockClock
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
        assert state_of(keeping.rows()[1]) == (0, False)
        await pass_time(mock_clock, BATCH_S)
        assert state_of(keeping.rows()[1]) == (2, True)


async def test_a_change_while_the_catalogue_is_filled_is_written_after_it(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    for number in (1, 2):
        lay_down(keeping.storage, going_on(number, segments=()))
    async with keeping.running() as indexer:
        indexer.changed(folder_of(1), finished(1))
        indexer.removed(2)
        await keeping.until_ready(indexer)
        await pass_time(mock_clock, BATCH_S)
        assert {number: state_of(row) for number, row in keeping.rows().items()} == {1: (2, True)}


async def test_a_removed_recording_has_no_row(keeping: Keeping, mock_clock: MockClock) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        indexer.removed(1)
        await pass_time(mock_clock, BATCH_S)
        assert keeping.rows() == {}


async def test_a_changed_recording_whose_folder_has_gone_has_no_row(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        (keeping.storage / "room101").rename(keeping.storage / "elsewhere")
        indexer.changed(folder_of(1), finished(1))
        await pass_time(mock_clock, BATCH_S)
        assert keeping.rows() == {}


async def test_a_keep_beside_the_manifest_is_in_the_row(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    async with keeping.filled() as indexer:
        (lay_down(keeping.storage, finished(1)) / "KEEP").touch()
        indexer.changed(folder_of(1), finished(1))
        await pass_time(mock_clock, BATCH_S)
        assert keeping.rows()[1].kept


async def test_one_folder_that_cannot_be_opened_costs_no_row(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, going_on(1))
    async with keeping.filled() as indexer:
        keeping.disk.sick = {f"open_folder {folder_of(1)}": errno.EIO}
        indexer.changed(folder_of(1), finished(1))
        await pass_time(mock_clock, BATCH_S)
        assert indexer.is_ready
        assert state_of(keeping.rows()[1]) == (2, True)


async def test_when_too_many_changes_wait_the_catalogue_is_compared_again(
    keeping: Keeping, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
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
        assert {number: state_of(row) for number, row in keeping.rows().items()} == {
            1: (0, True),
            2: (2, True),
            3: (2, True),
        }
    assert keeping.ready == 1


async def test_whoever_asks_in_the_second_in_which_the_catalogue_was_deleted_hears_of_it(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        remove(keeping.path)
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
        # As of one that is locked, which every caller expects.
        with pytest.raises(sqlite3.Error, match="removed or replaced"):
            await indexer.known(list)
        with pytest.raises(sqlite3.Error, match="removed or replaced"):
            await indexer.page(room=None, from_ms=None, to_ms=None, cursor=None, limit=9)


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
