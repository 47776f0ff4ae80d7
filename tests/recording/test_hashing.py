"""Checksums: right, in order, from a thread that is nice and can be left behind."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.recording.hashing import (
    BLOCK_BYTES,
    JOIN_S,
    NICE,
    HashingStoppedError,
    open_hasher,
    sha256_of,
)
from tests.helpers.disk import FailingDisk, RecordingDisk, open_descriptors
from tests.helpers.recordings import finished, folder_of, lay_down

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = folder_of(42)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    before = open_descriptors()
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)
    assert open_descriptors() == before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lay_down(tmp_path, finished(42))


class Answers:
    """Collects what a hasher answers, and waits for it."""

    def __init__(self) -> None:
        self.given: list[str | OSError] = []
        self._more = trio.Event()

    def add(self, answer: str | OSError) -> None:
        self.given.append(answer)
        self._more.set()

    async def until(self, count: int) -> list[str | OSError]:
        while len(self.given) < count:
            self._more = trio.Event()
            await self._more.wait()
        return self.given


class GatedDisk(RecordingDisk):
    """A disk whose reads wait until the test lets them go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.reading = threading.Event()
        self.nice = 0

    def read(self, file: int, size: int, offset: int) -> bytes:
        self.nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self.reading.set()
        assert self.gate.wait(30)
        return super().read(file, size, offset)


class ClosingDisk(RecordingDisk):
    """A disk that tells when the recording's folder has been closed: the file is hashed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = threading.Event()

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        if self.operations[-1].endswith(FOLDER):
            self.closed.set()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 1])
def test_the_whole_file_is_hashed_block_by_block(size: int, tmp_path: Path, root: int) -> None:
    content = os.urandom(size)
    (tmp_path / "0001.flv").write_bytes(content)
    blocks: list[int] = []
    assert sha256_of(RecordingDisk(), root, "0001.flv", progress=blocks.append) == _sha256(content)
    assert sum(blocks) == size
    assert len(blocks) == -(-size // BLOCK_BYTES)
    assert sha256_of(RecordingDisk(), root, "0001.flv") == _sha256(content)


def test_hashing_stops_before_the_next_block(tmp_path: Path, root: int) -> None:
    (tmp_path / "0001.flv").write_bytes(bytes(3 * BLOCK_BYTES))
    blocks: list[int] = []
    with pytest.raises(HashingStoppedError):
        sha256_of(
            RecordingDisk(), root, "0001.flv", progress=blocks.append, stop=lambda: blocks != []
        )
    assert blocks == [BLOCK_BYTES]


def test_every_error_of_the_disk_is_told_and_leaks_no_descriptor(tmp_path: Path, root: int) -> None:
    (tmp_path / "0001.flv").write_bytes(b"abc")
    disk = FailingDisk()
    for n in (1, 2, 3, 5):
        disk.arm(n)
        with pytest.raises(OSError, match="Input/output"):
            sha256_of(disk, root, "0001.flv")
    disk.arm(4)
    assert sha256_of(disk, root, "0001.flv") == _sha256(b"abc"), "the cache is a courtesy"
    assert disk.failed is not None
    assert disk.failed.startswith("forget_cache")
    disk.arm(6)
    assert sha256_of(disk, root, "0001.flv") == _sha256(b"abc")


def test_a_file_is_dropped_from_memory_once_it_is_read(tmp_path: Path, root: int) -> None:
    (tmp_path / "0001.flv").write_bytes(bytes(2 * BLOCK_BYTES))
    disk = RecordingDisk()
    sha256_of(disk, root, "0001.flv")
    names = [operation.split()[0] for operation in disk.operations]
    assert names == ["open_file", "read", "read", "read", "forget_cache", "close"]


async def test_segments_are_hashed_in_order_on_a_thread_that_is_nice(
    folder: Path, root: int
) -> None:
    for index in (1, 2, 3):
        (folder / f"000{index}.flv").write_bytes(b"%d" % index)
    disk, answers = GatedDisk(), Answers()
    disk.gate.set()
    loop = os.getpriority(os.PRIO_PROCESS, 0)
    async with open_hasher(disk, lambda: root) as hasher:
        for index in (1, 2, 3):
            hasher.submit(FOLDER, f"000{index}.flv", answers.add)
        assert await answers.until(3) == [_sha256(b"1"), _sha256(b"2"), _sha256(b"3")]
        assert hasher.waiting == 0
    assert disk.nice == NICE
    assert os.getpriority(os.PRIO_PROCESS, 0) == loop


async def test_where_niceness_is_refused_checksums_are_computed_all_the_same(
    folder: Path, root: int, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "0001.flv").write_bytes(b"1")

    def refuse() -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    answers = Answers()
    with caplog.at_level("INFO"):
        async with open_hasher(RecordingDisk(), lambda: root, lower_priority=refuse) as hasher:
            hasher.submit(FOLDER, "0001.flv", answers.add)
            assert await answers.until(1) == [_sha256(b"1")]
    assert "at normal priority" in caplog.text


async def test_answers_come_on_the_loop(folder: Path, root: int) -> None:
    (folder / "0001.flv").touch()
    threads: list[int] = []
    answered = trio.Event()

    def done(answer: str | OSError) -> None:
        threads.append(threading.get_ident())
        answered.set()

    async with open_hasher(RecordingDisk(), lambda: root) as hasher:
        hasher.submit(FOLDER, "0001.flv", done)
        await answered.wait()
    assert threads == [threading.get_ident()]


async def test_a_file_that_cannot_be_read_is_answered_and_the_next_is_hashed(
    folder: Path, root: int
) -> None:
    (folder / "0002.flv").write_bytes(b"2")
    answers = Answers()
    async with open_hasher(RecordingDisk(), lambda: root) as hasher:
        hasher.submit(FOLDER, "0001.flv", answers.add)
        hasher.submit(folder_of(43), "0001.flv", answers.add)
        hasher.submit(FOLDER, "0002.flv", answers.add)
        missing, no_folder, good = await answers.until(3)
    assert isinstance(missing, FileNotFoundError)
    assert isinstance(no_folder, FileNotFoundError)
    assert good == _sha256(b"2")


async def test_a_fault_of_ours_over_one_file_ends_neither_the_thread_nor_the_loop(
    folder: Path, root: int, caplog: pytest.LogCaptureFixture
) -> None:
    class Short(RecordingDisk):
        def read(self, file: int, size: int, offset: int) -> bytes:
            if sum(each.startswith("open_file") for each in self.operations) == 1:
                raise MemoryError
            return super().read(file, size, offset)

    def fail(answer: str | OSError) -> None:
        raise ValueError("a fault of ours")

    (folder / "0001.flv").touch()
    answers = Answers()
    async with open_hasher(Short(), lambda: root) as hasher:
        hasher.submit(FOLDER, "0001.flv", answers.add)
        hasher.submit(FOLDER, "0001.flv", fail)
        hasher.submit(FOLDER, "0001.flv", answers.add)
        failed, good = await answers.until(2)
    assert isinstance(failed, OSError)
    assert isinstance(good, str)
    said = f"{FOLDER}/0001.flv: its checksum failed; this is a fault of the recorder"
    assert caplog.text.count(said) == 2


async def test_the_storage_is_asked_for_again_with_each_file(
    folder: Path, root: int, tmp_path: Path
) -> None:
    (folder / "0001.flv").write_bytes(b"old")
    other = lay_down(tmp_path / "other", finished(42))
    (other / "0001.flv").write_bytes(b"new")
    roots = [root, os.open(tmp_path / "other", os.O_RDONLY)]
    answers = Answers()
    async with open_hasher(RecordingDisk(), lambda: roots[len(answers.given)]) as hasher:
        for _ in roots:
            hasher.submit(FOLDER, "0001.flv", answers.add)
            await answers.until(len(answers.given) + 1)
    os.close(roots[1])
    assert answers.given == [_sha256(b"old"), _sha256(b"new")]


@pytest.mark.parametrize("folder_path", ["../..", "room101", "a/b/c", ""])
async def test_only_a_recordings_folder_is_looked_into(folder_path: str) -> None:
    async with open_hasher(RecordingDisk(), lambda: -1) as hasher:
        with pytest.raises(ValueError, match="not a recording's folder"):
            hasher.submit(folder_path, "0001.flv", lambda answer: None)


async def test_when_too_many_wait_the_oldest_goes_without(
    folder: Path, root: int, caplog: pytest.LogCaptureFixture
) -> None:
    for index in range(1, 5):
        (folder / f"000{index}.flv").write_bytes(b"%d" % index)
    disk, answers = GatedDisk(), Answers()
    async with open_hasher(disk, lambda: root, limit=2) as hasher:
        hasher.submit(FOLDER, "0001.flv", answers.add)
        await trio.to_thread.run_sync(disk.reading.wait, 30)
        for index in (2, 3, 4):
            hasher.submit(FOLDER, f"000{index}.flv", answers.add)
        assert (hasher.waiting, hasher.dropped) == (2, 1)
        assert answers.given == [], "nobody is called back while he asks"
        (dropped,) = await answers.until(1)
        assert isinstance(dropped, OSError)
        disk.gate.set()
        assert (await answers.until(4))[1:] == [_sha256(b"1"), _sha256(b"3"), _sha256(b"4")]
    assert "More than 2 segments wait for their checksum" in caplog.text


async def test_a_stop_ends_within_a_block_and_drops_what_waits(folder: Path, root: int) -> None:
    (folder / "0001.flv").write_bytes(bytes(3 * BLOCK_BYTES))
    disk, answers = GatedDisk(), Answers()
    async with open_hasher(disk, lambda: root) as hasher:
        hasher.submit(FOLDER, "0001.flv", answers.add)
        hasher.submit(FOLDER, "0001.flv", answers.add)
        await trio.to_thread.run_sync(disk.reading.wait, 30)
        hasher.stop()
        disk.gate.set()
    assert sum(operation.startswith("read") for operation in disk.operations) == 1
    assert answers.given == []
    for thread in threading.enumerate():
        if thread.name == "checksums":
            # It has said that it ends; the rest of its way out is its own.
            thread.join(30)
            assert not thread.is_alive()


async def test_an_answer_that_comes_after_the_stop_is_not_given(folder: Path, root: int) -> None:
    (folder / "0001.flv").touch()
    disk, answers = ClosingDisk(), Answers()
    async with open_hasher(disk, lambda: root) as hasher:
        hasher.submit(FOLDER, "0001.flv", answers.add)
        # On the loop, on purpose: no checkpoint at which the answer could be given.
        assert disk.closed.wait(30)
    assert answers.given == []


async def test_a_read_that_never_returns_does_not_hold_the_exit(
    folder: Path,
    root: int,
    mock_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (folder / "0001.flv").write_bytes(b"1")
    disk, answers = GatedDisk(), Answers()
    async with trio.open_nursery() as nursery:
        leaving, left = trio.Event(), trio.Event()

        async def use() -> None:
            async with open_hasher(disk, lambda: root) as hasher:
                hasher.submit(FOLDER, "0001.flv", answers.add)
                await trio.to_thread.run_sync(disk.reading.wait, 30)
                leaving.set()
            left.set()

        nursery.start_soon(use)
        await leaving.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert not left.is_set()
        mock_clock.jump(JOIN_S)
        await left.wait()
    assert "a checksum is left unfinished" in caplog.text
    (thread,) = (each for each in threading.enumerate() if each.name == "checksums")
    assert thread.daemon
    disk.gate.set()
    thread.join(30)
    assert answers.given == []


def test_a_thread_that_comes_back_after_the_loop_has_ended_ends_quietly(
    folder: Path, root: int
) -> None:
    (folder / "0001.flv").write_bytes(b"1")
    disk = GatedDisk()
    clock = trio.testing.MockClock()

    async def main() -> None:
        leaving = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(use, leaving)
            await leaving.wait()
            await trio.testing.wait_all_tasks_blocked()
            clock.jump(JOIN_S)

    async def use(leaving: trio.Event) -> None:
        async with open_hasher(disk, lambda: root) as hasher:
            hasher.submit(FOLDER, "0001.flv", lambda answer: None)
            await trio.to_thread.run_sync(disk.reading.wait, 30)
            leaving.set()

    trio.run(main, clock=clock)
    (thread,) = (each for each in threading.enumerate() if each.name == "checksums")
    disk.gate.set()
    thread.join(30)
    assert not thread.is_alive()
