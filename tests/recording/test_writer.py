"""Order, batches, syncs, errors and stops of the writer.

The clock is a mock that is moved by hand: with one that jumps by itself a time-out would fire while
a thread runs.
"""

from __future__ import annotations

import errno
import gc
import logging
import threading
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.recording.disk import Space
from recorder.recording.operations import (
    CloseSegment,
    Finish,
    Note,
    OpenSegment,
    Release,
    Reopen,
    SaveManifest,
    Start,
)
from recorder.recording.writer import EAGER_BYTES, TICK_S, open_writer
from tests.recording.writing import ENTRY, MANIFEST, OPENED, FakeFiles, Room, drained, landed

if TYPE_CHECKING:
    from recorder.recording.operations import Operation


async def test_operations_of_a_queue_keep_their_order() -> None:
    async with open_writer(sync_interval_s=5) as writer:
        room = Room.of(writer)
        operations: list[Operation] = [
            Start(room.real, MANIFEST),
            OpenSegment(room.real, 1, OPENED),
            room.append("a"),
            OpenSegment(room.real, 2, OPENED),
            room.append("b", 2),
            Note(room.real, ENTRY),
            CloseSegment(room.real, 1, [(4, b"\x05")], MANIFEST),
            CloseSegment(room.real, 2, [], MANIFEST),
            SaveManifest(room.real, MANIFEST),
            Finish(room.real, MANIFEST),
            Release(room.real, is_complete=True),
        ]
        for operation in operations:
            writer.enqueue(room.queue, operation)
        await drained(writer)
    # One manifest a batch beside the final one: an older one would be replaced at once.
    assert room.files.calls == [
        "start", "open 1", "append 1 a", "open 2", "append 2 b", "note",
        "close 1", "close 2", "manifest", "forget", "closed",
    ]  # fmt: skip
    assert room.done == operations
    assert threading.get_ident() not in room.files.threads


async def test_the_newest_manifest_of_a_batch_is_saved() -> None:
    async with open_writer(sync_interval_s=5) as writer:
        room = Room.of(writer)
        for file in (1, 2):
            writer.enqueue(room.queue, CloseSegment(room.real, file, [], MANIFEST))
        await drained(writer)
    assert room.files.calls == ["close 1", "close 2", "manifest"]


async def test_what_is_not_complete_is_closed_and_not_forgotten() -> None:
    async with open_writer(sync_interval_s=5) as writer:
        room = Room.of(writer)
        writer.enqueue(room.queue, Reopen(room.real))
        writer.enqueue(room.queue, SaveManifest(room.real, MANIFEST))
        writer.enqueue(room.queue, Release(room.real, is_complete=False))
        await drained(writer)
    assert room.files.calls == ["reopen", "manifest", "closed"]


async def test_one_hop_a_tick_carries_the_batches_of_all_rooms(
    mock_clock: trio.testing.MockClock,
) -> None:
    beats: list[int] = []
    async with open_writer(
        sync_interval_s=5, heartbeat=lambda: beats.append(threading.get_ident())
    ) as writer:
        rooms = [Room.of(writer) for _ in range(50)]
        for text in "ab":
            for room in rooms:
                writer.enqueue(room.queue, room.append(text), 1)
        await trio.testing.wait_all_tasks_blocked()
        assert beats == []
        assert [room.queue.pending_bytes for room in rooms] == [2] * 50
        mock_clock.jump(TICK_S)
        await writer.next_hop()
        assert len(beats) == 1
        assert [room.queue.pending_bytes for room in rooms] == [0] * 50
    assert all(room.files.calls == ["append 1 a", "append 1 b"] for room in rooms)


async def test_a_large_batch_does_not_wait_for_the_tick(mock_clock: trio.testing.MockClock) -> None:
    async with open_writer(sync_interval_s=5) as writer:
        room = Room.of(writer)
        writer.enqueue(room.queue, room.append("a"), EAGER_BYTES - 1)
        await trio.testing.wait_all_tasks_blocked()
        assert room.files.calls == []
        writer.enqueue(room.queue, room.append("b"), 1)
        await writer.next_hop()
        assert room.files.calls == ["append 1 a", "append 1 b"]


async def test_bytes_under_way_count_as_pending_until_they_are_in_the_file(
    mock_clock: trio.testing.MockClock,
) -> None:
    gate = threading.Event()
    async with open_writer(sync_interval_s=5) as writer:
        room = Room.of(writer, FakeFiles(gate=gate))
        writer.enqueue(room.queue, room.append("abc"), 3)
        writer.hurry()
        await trio.testing.wait_all_tasks_blocked()
        writer.enqueue(room.queue, room.append("de"), 2)
        assert (room.queue.pending_bytes, writer.pending_bytes) == (5, 5)
        assert not room.queue.is_empty
        gate.set()
        await drained(writer)
        assert (room.queue.pending_bytes, writer.pending_bytes) == (0, 0)
        assert room.queue.is_empty


async def test_what_waits_can_be_taken_back(mock_clock: trio.testing.MockClock) -> None:
    async with open_writer(sync_interval_s=5) as writer:
        room = Room.of(writer)
        operation = room.append("abc")
        writer.enqueue(room.queue, operation, 3)
        assert writer.give_up(room.queue) == [operation]
        assert writer.pending_bytes == 0
        assert room.queue.is_empty


async def test_an_error_stays_with_its_room_and_gives_back_what_followed() -> None:
    failures: list[Exception] = []
    written: list[bool] = []
    async with open_writer(sync_interval_s=5) as writer:
        writer.on_failed = failures.append
        writer.on_written = lambda: written.append(True)
        bad, good = Room.of(writer, FakeFiles(fail_at="append 1 b")), Room.of(writer)
        operations = [bad.append(text) for text in "abc"]
        for operation in operations:
            writer.enqueue(bad.queue, operation, 1)
        writer.enqueue(good.queue, good.append("a"), 1)
        await drained(writer)
        assert written == []
        writer.enqueue(good.queue, good.append("b"), 1)
        await drained(writer)
        assert written == [True]
    assert bad.files.calls == ["append 1 a", "closed"]
    assert bad.done == operations[:1]
    assert bad.lost == operations[1:]
    assert failures == bad.errors
    assert good.files.calls == ["append 1 a", "append 1 b"]
    assert good.errors == []


async def test_a_full_disk_is_every_rooms() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    async with open_writer(sync_interval_s=5) as writer:
        bad = Room.of(writer, FakeFiles(fail_at="append 1 a", error=full))
        busy, idle = Room.of(writer), Room.of(writer)
        failures: list[Exception] = []
        writer.on_failed = failures.append
        for room in (bad, busy):
            writer.enqueue(room.queue, room.append("a"), 1)
        await drained(writer)
        assert writer.failures == {"ENOSPC": 1}
    assert failures == [full]  # once for all
    assert [room.errors for room in (bad, busy, idle)] == [[full]] * 3
    assert busy.files.calls == ["append 1 a", "closed"]
    assert len(busy.done) == 1
    assert busy.lost == []
    assert idle.files.calls == ["closed"]


async def test_a_fault_of_ours_stops_its_room_and_no_other() -> None:
    async with open_writer(sync_interval_s=5) as writer:
        bad = Room.of(writer, FakeFiles(fail_at="append 1 a", error=KeyError(1)))
        good = Room.of(writer)
        for room in (bad, good):
            writer.enqueue(room.queue, room.append("a"), 1)
        await drained(writer)
        assert writer.failures == {"other": 1}
    assert [type(error) for error in bad.errors] == [KeyError]
    assert good.files.calls == ["append 1 a"]


async def test_a_room_that_fails_at_what_it_is_told_ends_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Faulty(Room):
        def landed(self, operation: Operation) -> None:
            raise KeyError("a fault of ours")

    async with open_writer(sync_interval_s=5) as writer:
        bad, good = Faulty.of(writer), Room.of(writer)
        for room in (bad, good):
            writer.enqueue(room.queue, room.append("a"), 1)
        await drained(writer)
        assert len(good.done) == 1
    (line,) = caplog.records
    assert line.getMessage() == "hall: writing failed; this is a fault of the recorder"
    assert line.__dict__["room"] == "hall"


class TestSyncs:
    async def test_come_with_the_hop_behind_which_the_oldest_byte_would_be_too_old(
        self, mock_clock: trio.testing.MockClock
    ) -> None:
        async with open_writer(sync_interval_s=5) as writer:
            room = Room.of(writer)
            for tick in range(1, int(5 / TICK_S) + 1):
                writer.enqueue(room.queue, room.append("a"), 1)
                await trio.testing.wait_all_tasks_blocked()
                mock_clock.jump(TICK_S)
                await writer.next_hop()
                assert (room.safe == []) == (tick * TICK_S < 5), tick
            assert room.safe == [(1, 100)]

    async def test_come_by_themselves_when_nothing_else_is_to_be_written(
        self, mock_clock: trio.testing.MockClock
    ) -> None:
        async with open_writer(sync_interval_s=5) as writer:
            room = Room.of(writer)
            writer.enqueue(room.queue, room.append("a"), 1)
            await landed(writer)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(4.9)
            await trio.testing.wait_all_tasks_blocked()
            assert room.safe == []
            mock_clock.jump(0.2)
            await writer.next_hop()
            assert room.safe == [(1, 100)]
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(3600)
            await trio.testing.wait_all_tasks_blocked()
            assert room.files.calls == ["append 1 a", "sync 1"]

    async def test_that_fail_stop_the_room_with_nothing_lost(
        self, mock_clock: trio.testing.MockClock
    ) -> None:
        async with open_writer(sync_interval_s=TICK_S) as writer:
            room = Room.of(writer, FakeFiles(fail_at="sync 1"))
            writer.enqueue(room.queue, room.append("a"), 1)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(TICK_S)
            await writer.next_hop()
            assert len(room.errors) == 1
            assert len(room.done) == 1
            assert room.lost == []
            assert room.files.calls == ["append 1 a", "closed"]


async def test_the_last_batches_are_written_although_everything_is_cancelled() -> None:
    with trio.CancelScope() as scope:
        async with open_writer(sync_interval_s=5) as writer:
            room = Room.of(writer)
            writer.enqueue(room.queue, room.append("a"), 1)
            scope.cancel()
            with trio.CancelScope(shield=True):
                await drained(writer)
    assert room.files.calls == ["append 1 a"]


async def test_an_errand_runs_in_the_writers_thread_and_raises_where_it_was_given(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    threads: list[int] = []

    def fail() -> None:
        raise KeyError("no")

    async with open_writer(sync_interval_s=5) as writer:
        await writer.between_hops(lambda: threads.append(threading.get_ident()))
        with pytest.raises(KeyError):
            await writer.between_hops(fail)
    assert threads[0] != threading.get_ident()


async def test_a_queue_that_nobody_has_any_more_is_forgotten() -> None:
    async with open_writer(sync_interval_s=5) as writer:
        room = Room.of(writer)
        assert len(writer._queues) == 1
        del room
        gc.collect()
        assert len(writer._queues) == 0


async def test_an_unused_writer_does_nothing(autojump_clock: trio.testing.MockClock) -> None:
    beats: list[bool] = []
    async with open_writer(sync_interval_s=5, heartbeat=lambda: beats.append(True)):
        await trio.sleep(1000)
    assert beats == []


async def test_each_hop_measures_the_disk_and_says_so_on_the_loop() -> None:
    told: list[tuple[Space, bool]] = []
    async with open_writer(sync_interval_s=5) as writer:
        loop = threading.get_ident()
        measured: list[bool] = []

        def measure() -> Space:
            measured.append(threading.get_ident() != loop)
            return Space(total=2, available=1)

        writer.measure = measure
        writer.on_space = lambda space: told.append((space, threading.get_ident() == loop))
        room = Room.of(writer)
        writer.enqueue(room.queue, room.append("a"), 1)
        await landed(writer)
    assert measured == [True]
    assert told == [(Space(total=2, available=1), True)]
