"""The catalogue's keeper at a stop: what waits is written, and a disk is not waited for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import trio

from recorder.recording.catalogue_file import remove
from recorder.recording.indexing import CLOSE_S
from tests.helpers.recordings import finished, folder_of, lay_down
from tests.helpers.settling import settle

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock

    from tests.recording.keeping import Keeping


async def test_what_waits_at_a_stop_is_written(keeping: Keeping, mock_clock: MockClock) -> None:
    lay_down(keeping.storage, finished(1))
    async with keeping.filled() as indexer:
        lay_down(keeping.storage, finished(2))
        indexer.changed(folder_of(2), finished(2))
    assert set(keeping.rows()) == {1, 2}
    assert sorted(os.listdir(keeping.path.parent)) == [keeping.path.name], (
        "the log has gone into the file"
    )


async def test_an_error_at_a_stop_is_nobodys_error(keeping: Keeping, mock_clock: MockClock) -> None:
    async with keeping.filled() as indexer:
        remove(keeping.path)
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
