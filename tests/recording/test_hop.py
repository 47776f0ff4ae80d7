"""A hop that does not come back: said, given up, and settled when it returns.

The clock is a mock that is moved by hand: with one that jumps by itself a time-out would fire while
a thread runs.
"""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.recording.batches import write_batch
from recorder.recording.hop import GIVE_UP_S, STALL_S, DiskSilentError, Race, silence
from recorder.recording.writer import Writer, open_writer
from tests.recording.writing import FakeFiles, Room

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def _silent_since(writer: Writer) -> float | None:
    return writer.silent_since_s


def _silence(writer: Writer) -> DiskSilentError | None:
    return writer.silence


class TestADiskThatStalls:
    async def test_is_said_and_nothing_is_given_up(
        self,
        mock_clock: trio.testing.MockClock,
        gate: threading.Event,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async with open_writer(sync_interval_s=5) as writer:
            room = Room.of(writer, FakeFiles(gate=gate))
            writer.enqueue(room.queue, room.append("a"), 1)
            writer.hurry()
            began = trio.current_time()
            await trio.testing.wait_all_tasks_blocked()
            assert _silent_since(writer) is None
            mock_clock.jump(STALL_S)
            await trio.testing.wait_all_tasks_blocked()
            assert _silent_since(writer) == began
            assert "The disk has not answered for 3 s" in caplog.text
            mock_clock.jump(20)
            gate.set()
            await writer.next_hop()
            assert _silent_since(writer) is None
            assert "The disk answers again after 23 s" in caplog.text
            assert room.given_up == room.errors == []
            assert len(room.done) == 1

    async def test_for_a_minute_is_given_up_and_settled_when_it_comes_back(
        self,
        mock_clock: trio.testing.MockClock,
        gate: threading.Event,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        failures: list[Exception] = []
        async with open_writer(sync_interval_s=5) as writer:
            writer.on_failed = failures.append
            room, other = Room.of(writer, FakeFiles(gate=gate)), Room.of(writer)
            first, second = room.append("a"), room.append("b")
            writer.enqueue(room.queue, first, 1)
            writer.hurry()
            await trio.testing.wait_all_tasks_blocked()
            writer.enqueue(room.queue, second, 1)
            mock_clock.jump(STALL_S)
            await trio.testing.wait_all_tasks_blocked()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(writer.next_hop)  # who is held back reads on
                await trio.testing.wait_all_tasks_blocked()
                mock_clock.jump(GIVE_UP_S - STALL_S)
            assert isinstance(_silence(writer), DiskSilentError)
            assert [len(each.given_up) for each in (room, other)] == [1, 1]
            assert len(failures) == 1
            assert "from here on it is retried" in caplog.text
            gate.set()
            await writer.next_hop()
            assert _silence(writer) is None
            assert room.done == [first]
            assert room.lost == []
            assert room.files.calls == ["append 1 a", "closed"]
            assert other.files.calls == ["closed"]
            assert [len(each.errors) for each in (room, other)] == [1, 1]
            assert all("has not answered" in str(error) for error in room.errors + other.errors)

    async def test_is_left_to_itself_at_the_end(
        self, mock_clock: trio.testing.MockClock, gate: threading.Event
    ) -> None:
        async with open_writer(sync_interval_s=5) as writer:
            room = Room.of(writer, FakeFiles(gate=gate))
            writer.enqueue(room.queue, room.append("a"), 1)
            writer.hurry()
            await trio.testing.wait_all_tasks_blocked()
        assert room.done == []


def test_of_a_hop_and_a_loop_that_gives_it_up_the_first_is_believed() -> None:
    race = Race()
    assert race.is_won_by("thread")
    assert not race.is_won_by("loop")
    assert race.is_won_by("thread")


def test_a_hop_that_was_given_up_closes_what_it_has_and_says_so() -> None:
    race = Race()
    assert race.is_won_by("loop")
    writer = Writer(5, lambda: None)
    room = Room.of(writer)
    writer_job = room.queue.take()
    (landing,) = write_batch([writer_job], 0, 0, race)
    assert isinstance(landing.error, DiskSilentError)
    assert room.files.calls == ["closed"]
    assert silence().errno == errno.ETIMEDOUT
