"""The real disk, and how long its slow calls take.

Owns one histogram for each kind of call that waits for the device, or may. What failed, or came
back after a minute, took its time as well; what does not come back is not counted, and the status
says that the disk stalls. Any thread may call.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recorder.histogram import WAITS_S, Histogram
from recorder.recording.disk import OsDisk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CALLS = ("write", "fdatasync", "fsync", "link", "rename", "unlink")
"""By the names that the kernel has for them."""


class TimedDisk(OsDisk):
    """Attributes:
    seconds: how long each of CALLS took.
    """

    def __init__(self) -> None:
        self.seconds: Mapping[str, Histogram] = {call: Histogram(WAITS_S) for call in CALLS}

    def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
        with self._timed("write"):
            return super().write(file, data, offset)

    def sync_file(self, file: int) -> None:
        with self._timed("fdatasync"):
            super().sync_file(file)

    def sync_folder(self, folder: int) -> None:
        with self._timed("fsync"):
            super().sync_folder(folder)

    def link(self, folder: int, source: str, target: str) -> None:
        with self._timed("link"):
            super().link(folder, source, target)

    def rename(self, folder: int, source: str, target: str) -> None:
        with self._timed("rename"):
            super().rename(folder, source, target)

    def unlink(self, folder: int, name: str) -> None:
        with self._timed("unlink"):
            super().unlink(folder, name)

    @contextmanager
    def _timed(self, call: str) -> Iterator[None]:
        began_s = time.monotonic()
        try:
            yield
        finally:
            self.seconds[call].observe(time.monotonic() - began_s)
