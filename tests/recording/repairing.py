"""Repairs that run, and lessons whose process has died."""

from __future__ import annotations

import errno
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from recorder.recording.actions import SegmentRules
from recorder.recording.hashing import open_hasher
from recorder.recording.repairs import Repairs
from tests.helpers.disk import FailingDisk
from tests.helpers.studio import SECOND, Studio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from recorder.recording.recovery import Recovered
    from recorder.recording.storage import Storage

RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)
FOLDER = "room101/2026-11-22/0000001-103000Z"


class BadSector(FailingDisk):
    """A disk that does not give what stands behind so many bytes of any part."""

    good_bytes: int | None = None
    bad = ".part"
    asked = 0

    def read(self, file: int, size: int, offset: int) -> bytes:
        if self.good_bytes is not None and self._names[file].endswith(self.bad):
            size = min(size, self.good_bytes - offset)
            if size <= 0:
                self.asked += 1
                raise OSError(errno.EIO, "cannot be read")
        return super().read(file, size, offset)


@asynccontextmanager
async def running(storage: Storage) -> AsyncIterator[Repairs]:
    async with (
        open_hasher(storage.disk, lambda: storage.root) as hasher,
        trio.open_nursery() as nursery,
    ):
        repairs = Repairs(storage, hasher, creator="test")
        nursery.start_soon(repairs.run)
        yield repairs
        nursery.cancel_scope.cancel()


def killed(storage: Storage, seconds: int = 2) -> Studio:
    """A lesson that was cut off by the death of its process."""
    studio = Studio(storage, RULES)
    studio.arrive()
    studio.send(seconds * SECOND)
    for files in studio.writer.queues[0].files:
        files.close()
    return studio


def set_when_done(done: trio.Event, found: Recovered) -> None:
    if found.is_done:
        done.set()
