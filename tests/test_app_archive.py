"""Recordings for the page, from a real storage: what is listed and fetched, also while the disk
does not answer, and while somebody deletes what is fetched."""

from __future__ import annotations

import re
import threading
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import attrs
import pytest
import trio
import trio.testing

from recorder.app_archive import MOST_THREADS, Archive
from recorder.app_download import LentFile
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from recorder.status.downloads import BLOCK_BYTES
from recorder.status.http import HttpConnection
from recorder.status.messages import Level, Request
from recorder.status.operations import ActionRefusedError, Operations
from tests.helpers.clock import FakeClock
from tests.helpers.disk import RecordingDisk
from tests.helpers.engines import engine_on, retention
from tests.helpers.recordings import finished, folder_of, lay_down, segment
from tests.status.fakes import FakeActions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from recorder.recording.engine import Engine
    from recorder.recording.manifest import Manifest
    from recorder.status.downloads import Download
    from recorder.status.messages import Answer

T = TypeVar("T")

CONTENT = bytes(range(256)) * 4096
"""Of every first segment: four blocks."""

FILE = "0001.flv"
LONG_S = 10.0
"""Whatever here takes longer hangs."""


class HungDisk(RecordingDisk):
    """A disk that does not answer some operations until it is let go.

    Attributes:
        hung: which, as a pattern for the line of an operation; None: none.
        waiting: how many threads wait for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hung: str | None = None
        self.waiting = 0
        self.released = threading.Event()
        self._token = trio.lowlevel.current_trio_token()
        self._changed = trio.Event()

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if self.hung is not None and re.fullmatch(self.hung, f"{operation} {subject}"):
            self.waiting += 1
            self._token.run_sync_soon(self._say)
            assert self.released.wait(LONG_S), "nobody let the disk go"
        try:
            return super().perform(operation, subject, action)
        finally:
            self._token.run_sync_soon(self._say)

    def _say(self) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what threads do that nobody waits for any more."""
        with trio.fail_after(LONG_S):
            while not condition():
                self._changed = trio.Event()
                await self._changed.wait()


@attrs.frozen
class House:
    folder: Path
    disk: HungDisk
    engine: Engine
    archive: Archive

    def lines(self, operation: str) -> list[str]:
        """What was done to first segments."""
        return [
            line
            for line in self.disk.operations
            if line.startswith(f"{operation} ") and line.endswith(FILE)
        ]

    async def leaves_behind(self, hung: str, action: Callable[[], Awaitable[object]]) -> None:
        """Begin what the disk does not answer, and give it up: it ends at once."""
        self.disk.hung, before = hung, self.disk.waiting
        with trio.fail_after(LONG_S / 2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(action)
                await self.disk.until(lambda: self.disk.waiting > before)
                nursery.cancel_scope.cancel()


@asynccontextmanager
async def housed(folder: Path, count: int = 2, *others: Manifest) -> AsyncIterator[House]:
    """A storage with so many recordings that have ended, and others, and what serves them."""
    disk = HungDisk()
    initialise(folder, None, disk)
    for number in range(1, count + 1):
        (lay_down(folder, finished(number)) / FILE).write_bytes(CONTENT)
    for manifest in others:
        lay_down(folder, manifest)
    with Storage.open(folder, None, disk) as storage:
        async with engine_on(storage, FakeClock(), retention(folder)) as engine:
            ready = trio.Event()
            engine.indexer._on_ready = ready.set
            engine.begin([], 1)
            await ready.wait()
            try:
                yield House(folder, disk, engine, Archive(engine))
            finally:
                disk.released.set()


async def listed(archive: Archive) -> list[int]:
    with trio.fail_after(LONG_S / 2):
        found = await archive.recordings(room=None, first=None, last=None, cursor=None)
    return [each["number"] for each in found["recordings"]]


async def whole(download: Download) -> bytes:
    content = b""
    while len(content) < download.size:
        content += await download.read(len(content), BLOCK_BYTES)
    return content


async def test_what_there_is_is_listed_and_fetched(tmp_path: Path) -> None:
    async with housed(tmp_path) as house:
        found = await house.archive.recordings(room=None, first=None, last=None, cursor=None)
        second, first = found["recordings"]
        assert (first["number"], first["path"], first["kept"]) == (1, folder_of(1), False)
        assert [each["file"] for each in second["segments"]] == [FILE, "0002.flv"]
        assert found["next"] is None
        download = await house.archive.download(folder_of(1), FILE)
        assert download.name == f"{folder_of(1).replace('/', '_')}_{FILE}"
        assert await whole(download) == CONTENT
        assert house.engine.hand.downloaded == {1: 1}
        download.close()
        assert house.engine.hand.downloaded == {}
        await house.disk.until(lambda: len(house.lines("close")) == 1)


async def test_what_is_doubtful_is_listed_as_such(tmp_path: Path) -> None:
    segments = (segment(1, repaired=True, suspect=True), segment(2, repaired=True), segment(3))
    doubtful = finished(2, clock="untrusted", segments=segments)
    async with housed(tmp_path, 1, doubtful) as house:
        found = await house.archive.recordings(room=None, first=None, last=None, cursor=None)
        second, first = [
            [each[key] for key in ("clock", "repaired", "suspect")] for each in found["recordings"]
        ]
        assert (second, first) == (["untrusted", 2, 1], ["trusted", 0, 0])


@pytest.mark.parametrize(
    ("path", "file"),
    [
        (folder_of(3), FILE),
        (folder_of(1), "0003.flv"),
        (folder_of(1, "hall"), FILE),
        (f"{folder_of(1)}/..", FILE),
        ("room101", FILE),
    ],
)
async def test_what_is_not_there_is_said_to_be_missing(
    tmp_path: Path, path: str, file: str
) -> None:
    async with housed(tmp_path) as house:
        with pytest.raises(ActionRefusedError, match="There is no such file") as refused:
            await house.archive.download(path, file)
        assert refused.value.is_missing
        assert house.engine.hand.downloaded == {}


@pytest.mark.parametrize("day", ["2026-02-30", "9999-12-31"])
async def test_a_day_that_the_calendar_does_not_have_is_refused(tmp_path: Path, day: str) -> None:
    async with housed(tmp_path) as house:
        with pytest.raises(ActionRefusedError, match=f"There is no day {day}"):
            await house.archive.recordings(room=None, first=None, last=day, cursor=None)


async def test_a_recording_that_goes_while_it_is_listed_is_left_out(tmp_path: Path) -> None:
    async with housed(tmp_path) as house:
        (tmp_path / folder_of(1)).rename(tmp_path / "elsewhere")
        assert await listed(house.archive) == [2]


# A disk that does not answer.


async def test_a_list_that_the_disk_does_not_give_can_be_left(tmp_path: Path) -> None:
    async with housed(tmp_path) as house:
        await house.leaves_behind("read .*recording.json", partial(listed, house.archive))


async def test_a_read_that_hangs_is_left_and_its_file_closed_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with housed(tmp_path) as house:
        download = await house.archive.download(folder_of(1), FILE)
        await house.leaves_behind(f"read .*{FILE}", partial(download.read, 0, 10))
        download.close()
        # Nobody fetches it any more, and it is open as long as the thread may use it, also when
        # others have closed what was theirs.
        assert house.engine.hand.downloaded == {}
        assert await listed(house.archive) == [2, 1]
        assert house.lines("close") == []
        house.disk.released.set()
        await house.disk.until(lambda: len(house.lines("close")) == 1)
        assert len(house.lines("read")) == 1


async def test_a_file_whose_opening_hangs_is_closed_when_it_is_open(tmp_path: Path) -> None:
    async with housed(tmp_path) as house:
        await house.leaves_behind(
            f"open_file .*{FILE}", partial(house.archive.download, folder_of(1), FILE)
        )
        assert house.engine.hand.downloaded == {}
        house.disk.released.set()
        await house.disk.until(lambda: len(house.lines("close")) == 1)


async def test_who_closes_waits_for_no_disk(tmp_path: Path) -> None:
    async with housed(tmp_path) as house:
        download = await house.archive.download(folder_of(1), FILE)
        house.disk.hung = f"close .*{FILE}"
        download.close()
        await house.disk.until(lambda: house.disk.waiting == 1)
        assert await listed(house.archive) == [2, 1]


async def test_downloads_that_hang_keep_nobody_from_the_list(tmp_path: Path) -> None:
    async with housed(tmp_path, MOST_THREADS) as house:
        numbers = range(1, MOST_THREADS + 1)
        downloads = [await house.archive.download(folder_of(each), FILE) for each in numbers]
        for download in downloads:
            await house.leaves_behind(f"read .*{FILE}", partial(download.read, 0, 10))
        assert await listed(house.archive) == list(reversed(numbers))


async def test_a_thread_that_begins_too_late_touches_no_file(tmp_path: Path) -> None:
    async with housed(tmp_path) as house:
        storage, late = house.engine.storage, LentFile(house.disk)
        late.leave()
        with pytest.raises(OSError, match="Bad file descriptor"):
            late.open(storage.root, folder_of(1), FILE)
        opened = LentFile(house.disk)
        opened.open(storage.root, folder_of(1), FILE)
        opened.leave()
        with pytest.raises(OSError, match="Bad file descriptor"):
            opened.read(10, 0)
        await house.disk.until(lambda: len(house.lines("close")) == 1)
        assert (len(house.lines("open_file")), house.lines("read")) == (1, [])


# Over HTTP.


class ArchiveActions(FakeActions):
    def __init__(self, archive: Archive) -> None:
        super().__init__()
        self._archive = archive

    async def download(self, path: str, file: str) -> Download:
        return await self._archive.download(path, file)


async def test_what_is_deleted_while_it_is_fetched_comes_whole(tmp_path: Path) -> None:
    async with housed(tmp_path) as house:
        operations = Operations(ArchiveActions(house.archive))

        async def answer(request: Request) -> Answer:
            return await operations.answer(attrs.evolve(request, level=Level.OPERATOR))

        client, server = trio.testing.lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(HttpConnection(server, answer, who="ada").run)

            async def get(received: bytearray, at_least: int) -> None:
                while len(received) < at_least:
                    block = await client.receive_some()
                    assert block, "it broke off"
                    received += block

            asked = f"GET /recordings/{folder_of(1)}/{FILE} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            first, second = bytearray(), bytearray()
            await client.send_all(asked)
            await get(first, BLOCK_BYTES)
            # A sweep leaves it alone meanwhile; a person means it.
            assert house.engine.hand.downloaded == {1: 1}
            await house.engine.operator.delete(1)
            assert not (tmp_path / folder_of(1)).exists()
            await get(first, first.index(b"\r\n\r\n") + 4 + len(CONTENT))
            assert first.endswith(b"\r\n\r\n" + CONTENT)
            await client.send_all(asked)
            await get(second, 12)
            assert second.startswith(b"HTTP/1.1 404")
            nursery.cancel_scope.cancel()
        assert house.engine.hand.downloaded == {}
