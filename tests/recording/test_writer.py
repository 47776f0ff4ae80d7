"""Order, batches, errors and stops of the writer.

The files are a fake that writes down what it is told, from whatever thread. The clock is a mock
that is moved by hand: with one that jumps by itself a time-out would fire while a thread runs.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, cast

import attrs
import trio
import trio.testing

from recorder.recording import writer as module
from recorder.recording.manifest import Client, Manifest
from recorder.recording.writer import (
    EAGER_BYTES,
    TICK_S,
    Append,
    CloseSegment,
    Finish,
    OpenSegment,
    Operation,
    Start,
    WriteQueue,
    Writer,
    open_writer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from recorder.recording.files import RecordingFiles

MANIFEST = Manifest(
    room="room101",
    number=1,
    start="2026-11-23T10:00:00.000Z",
    clock="trusted",
    client=Client(address="10.0.0.1", software="test"),
)


@attrs.define(eq=False)
class FakeFiles:
    calls: list[str] = attrs.field(factory=list)
    threads: set[int] = attrs.field(factory=set)
    fail_at: str = ""
    error: Exception = attrs.field(factory=lambda: OSError(28, "No space left on device"))
    failures: list[Exception] = attrs.field(factory=list)
    gate: threading.Event | None = None

    def _do(self, call: str) -> None:
        self.threads.add(threading.get_ident())
        if self.gate is not None:
            assert self.gate.wait(30)
        if call == self.fail_at:
            raise self.error
        self.calls.append(call)

    def failed(self, error: Exception) -> None:
        self.failures.append(error)

    def start(self, manifest: Manifest) -> None:
        self._do("start")

    def open_segment(self, file: int, head: bytes) -> None:
        self._do(f"open {file}")

    def append(self, file: int, buffers: Sequence[bytes]) -> None:
        self._do(f"append {file} {b''.join(buffers).decode()}")

    def close_segment(self, file: int, patches: Sequence[tuple[int, bytes]]) -> None:
        self._do(f"close {file}")

    def save_manifest(self, manifest: Manifest) -> None:
        self._do("manifest")

    def finish(self, manifest: Manifest) -> None:
        self._do("finish")

    def close(self) -> None:
        self.calls.append("closed")


def _queue(files: FakeFiles, landed: list[Operation] | None = None) -> WriteQueue:
    seen = [] if landed is None else landed
    return WriteQueue(cast("RecordingFiles", files), on_landed=seen.append, on_failed=files.failed)


def _append(text: str, file: int = 1) -> Append:
    return Append(file, [text.encode()], len(text))


async def test_operations_of_a_queue_keep_their_order_and_close_what_they_finish() -> None:
    files, landed = FakeFiles(), list[Operation]()
    queue = _queue(files, landed)
    operations: list[Operation] = [
        Start(MANIFEST),
        OpenSegment(1, b"head"),
        _append("a"),
        OpenSegment(2, b"head"),
        _append("b", 2),
        _append("c"),
        CloseSegment(1, [(4, b"\x05")], MANIFEST),
        CloseSegment(2, [], MANIFEST),
        Finish(MANIFEST),
    ]
    async with open_writer(drain_s=5) as writer:
        for operation in operations:
            writer.enqueue(queue, operation)
    # One manifest a batch: an older one would be replaced at once.
    assert files.calls == [
        "start", "open 1", "append 1 a", "open 2", "append 2 b", "append 1 c",
        "close 1", "close 2", "finish", "closed",
    ]  # fmt: skip
    assert landed == operations
    assert queue.is_over
    assert writer.is_drained


async def test_one_hop_a_tick_carries_the_batches_of_all_rooms(
    mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops: list[int] = []
    real = module._write_batch

    def counted(
        batch: Sequence[tuple[RecordingFiles, Sequence[Operation]]],
    ) -> list[module._Landing]:
        hops.append(len(batch))
        return real(batch)

    monkeypatch.setattr(module, "_write_batch", counted)
    rooms = [FakeFiles() for _ in range(50)]
    async with open_writer(drain_s=5) as writer:
        queues = [_queue(files) for files in rooms]
        for text in "ab":
            for queue in queues:
                writer.enqueue(queue, _append(text), 1)
        await trio.testing.wait_all_tasks_blocked()
        assert hops == []
        assert [queue.pending_bytes for queue in queues] == [2] * 50
        mock_clock.jump(TICK_S)
        await writer.next_hop()
        assert hops == [50]
        assert [queue.pending_bytes for queue in queues] == [0] * 50
    assert all(files.calls == ["append 1 a", "append 1 b"] for files in rooms)
    assert threading.get_ident() not in set.union(*(files.threads for files in rooms))


async def test_a_large_batch_does_not_wait_for_the_tick(mock_clock: trio.testing.MockClock) -> None:
    files = FakeFiles()
    async with open_writer(drain_s=5) as writer:
        queue = _queue(files)
        writer.enqueue(queue, _append("a"), EAGER_BYTES - 1)
        await trio.testing.wait_all_tasks_blocked()
        assert files.calls == []
        writer.enqueue(queue, _append("b"), 1)
        await writer.next_hop()
        assert files.calls == ["append 1 a", "append 1 b"]


async def test_bytes_under_way_count_as_pending_until_they_are_in_the_file(
    mock_clock: trio.testing.MockClock,
) -> None:
    gate = threading.Event()
    files = FakeFiles(gate=gate)
    async with open_writer(drain_s=5) as writer:
        queue = _queue(files)
        writer.enqueue(queue, _append("abc"), 3)
        writer.hurry()
        await trio.testing.wait_all_tasks_blocked()
        assert queue.pending_bytes == 3
        writer.enqueue(queue, _append("de"), 2)
        assert queue.pending_bytes == 5
        assert not writer.is_drained
        gate.set()
        await writer.drained()
        assert queue.pending_bytes == 0
        assert writer.is_drained


async def test_an_error_stays_with_its_recording_and_stops_what_followed() -> None:
    bad, good, landed = FakeFiles(fail_at="append 1 b"), FakeFiles(), list[Operation]()
    async with open_writer(drain_s=5) as writer:
        queues = [_queue(bad, landed), _queue(good)]
        for text in "abc":
            for queue in queues:
                writer.enqueue(queue, _append(text), 1)
        await writer.drained()
        for queue in queues:
            writer.enqueue(queue, _append("d"), 1)
    assert bad.calls == ["append 1 a", "closed"]
    assert landed == [_append("a")]
    assert isinstance(queues[0].error, OSError)
    assert queues[0].pending_bytes == 0
    assert good.calls == [f"append 1 {text}" for text in "abcd"]
    assert queues[1].error is None


async def test_what_was_enqueued_behind_an_error_is_dropped() -> None:
    gate = threading.Event()
    files = FakeFiles(fail_at="append 1 a", gate=gate)
    async with open_writer(drain_s=5) as writer:
        queue = _queue(files)
        writer.enqueue(queue, _append("a"), 1)
        writer.hurry()
        await trio.testing.wait_all_tasks_blocked()
        writer.enqueue(queue, _append("b"), 1)
        gate.set()
        await writer.next_hop()
        assert queue.pending_bytes == 0
    assert files.calls == ["closed"]


class _AnswerWhenGivenUp(logging.Handler):
    """Lets the stuck thread go when the log says that nobody waits for it any more."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._gate = gate

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._gate.set()


async def test_a_disk_that_does_not_answer_holds_the_end_up_no_longer_than_allowed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gate = threading.Event()
    answer = _AnswerWhenGivenUp(gate)
    module.log.addHandler(answer)
    try:
        async with open_writer(drain_s=5) as writer:
            writer.enqueue(_queue(FakeFiles(gate=gate)), _append("a"), 1)
            writer.hurry()
            await trio.testing.wait_all_tasks_blocked()
    finally:
        module.log.removeHandler(answer)
    assert answer.lines == ["The disk did not take the last batches within 5 s."]


async def test_the_last_batches_are_written_although_everything_is_cancelled() -> None:
    files = FakeFiles()
    with trio.CancelScope() as scope:
        async with open_writer(drain_s=5) as writer:
            writer.enqueue(_queue(files), _append("a"), 1)
            scope.cancel()
            await trio.sleep_forever()
    assert files.calls == ["append 1 a"]


async def test_an_unused_writer_does_nothing(autojump_clock: trio.testing.MockClock) -> None:
    async with open_writer(drain_s=5) as writer:
        await trio.sleep(1000)
        assert isinstance(writer, Writer)
        assert writer.is_drained


async def test_the_newest_manifest_of_a_batch_is_saved() -> None:
    files = FakeFiles()
    async with open_writer(drain_s=5) as writer:
        queue = _queue(files)
        for file in (1, 2):
            writer.enqueue(queue, CloseSegment(file, [], MANIFEST))
        await writer.drained()
        writer.enqueue(queue, _append("a"))
    assert files.calls == ["close 1", "close 2", "manifest", "append 1 a"]


async def test_a_fault_of_ours_ends_its_recording_and_no_other() -> None:
    bad, good = FakeFiles(fail_at="append 1 a", error=KeyError(1)), FakeFiles()
    async with open_writer(drain_s=5) as writer:
        for files in (bad, good):
            writer.enqueue(_queue(files), _append("a"), 1)
        await writer.drained()
        assert writer.failures == 1
    assert [type(error) for error in bad.failures] == [KeyError]
    assert bad.calls == ["closed"]
    assert good.calls == ["append 1 a"]


async def test_the_writer_knows_what_is_on_its_way_whoever_sent_it(
    mock_clock: trio.testing.MockClock,
) -> None:
    gate = threading.Event()
    async with open_writer(drain_s=5) as writer:
        writer.enqueue(_queue(FakeFiles(gate=gate)), _append("a"), 3)
        writer.hurry()
        await trio.testing.wait_all_tasks_blocked()
        writer.enqueue(_queue(FakeFiles()), _append("a"), 2)
        assert writer.pending_bytes == 5
        gate.set()
        await writer.drained()
        assert writer.pending_bytes == 0
