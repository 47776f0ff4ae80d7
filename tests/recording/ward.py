"""A room whose disk a test makes sick and well."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from recorder.recording.actions import SegmentRules
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk
from tests.helpers.studio import Studio, manifests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recorder.recording.figures import RoomTotals
    from recorder.recording.manifest import Manifest
    from tests.helpers.disk import T

FULL = "The disk is nearly full. Free some space."
RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


class SickDisk(RecordingDisk):
    """Refuses every operation that changes something, while it is `sick` with an error."""

    sick: int | None = None
    _CHANGES = frozenset(
        {"write", "create_file", "sync_file", "sync_folder", "link", "rename", "unlink",
         "make_folder", "truncate"}
    )  # fmt: skip

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if self.sick is not None and operation in self._CHANGES:
            raise OSError(self.sick, "the disk is sick", subject)
        return super().perform(operation, subject, action)


@attrs.define
class Ward:
    """A studio on a disk that a test makes sick and well."""

    folder: Path
    disk: SickDisk
    studio: Studio

    def fall_sick(self, error: int = errno.EIO) -> None:
        self.disk.sick = error

    def get_well(self) -> None:
        """As the guard says it, when a probe was good."""
        self.disk.sick = None
        self.studio.work()
        self.studio.recorder.resume(self.studio.clock.now_ms)

    def manifests(self) -> list[Manifest]:
        return manifests(self.folder)


class UnsureDisk(SickDisk):
    """Refuses nothing but syncs of files: nobody knows what of them is there."""

    _CHANGES = frozenset({"sync_file"})


@contextmanager
def open_ward(
    folder: Path, rules: SegmentRules = RULES, disk: SickDisk | None = None, *, sent: int = 0
) -> Iterator[Ward]:
    """Args:
    sent: a publisher has come and sent so many frames.
    """
    disk = disk or SickDisk()
    initialise(folder, None, disk)
    with Storage.open(folder, None, disk) as storage:
        ward = Ward(folder, disk, Studio(storage, rules))
        if sent:
            ward.studio.arrive()
            ward.studio.send(sent)
        yield ward
        ward.studio.settle()


def totals(studio: Studio) -> RoomTotals:
    return studio.recorder.totals(studio.clock.now_ms)


def losses(studio: Studio) -> tuple[int, int]:
    """What the room says is lost so far, in ms and in bytes."""
    figures = studio.recorder.figures(studio.clock.now_ms)
    return figures.lost_ms, figures.lost_bytes
