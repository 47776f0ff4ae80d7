"""A storage whose disk is not there, or does not answer."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest

from recorder.recording.actions import SegmentRules
from recorder.recording.arrival import open_or_await
from recorder.recording.initialise import initialise
from recorder.recording.refusals import StorageError
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from tests.helpers.disk import RecordingDisk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


def in_use(path: Path, state: Path) -> Path:
    """A storage; seven numbers are taken."""
    initialise(path, state, RecordingDisk())
    with Storage.open(path, state, RecordingDisk()) as storage:
        for _ in range(7):
            storage.persist_number(storage.take_number())
    return path


class SilentDisk(RecordingDisk):
    """One that does not answer.

    Args:
        call: from the first such line of `operations` on.

    Attributes:
        is_asked: somebody waits for it.
        answers: to be set.
    """

    def __init__(self, call: str) -> None:
        super().__init__()
        self.is_asked, self.answers = threading.Event(), threading.Event()
        self._call = call

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if f"{operation} {subject}" == self._call:
            self.is_asked.set()
            assert self.answers.wait(30)
        return super().perform(operation, subject, action)


@contextmanager
def opened(
    directory: Path, state: Path | None, disk: RecordingDisk | None = None
) -> Iterator[Storage]:
    with open_or_await(directory, state, disk or RecordingDisk(), read_entries) as (storage, left):
        assert (left is None) == (storage.absence is not None)
        yield storage


@contextmanager
def unmounted(directory: Path) -> Iterator[Path]:
    """Its disk is not mounted: the folder is empty. Gives where it is meanwhile; afterwards it is
    there again."""
    elsewhere = directory.with_name("elsewhere")
    directory.rename(elsewhere)
    directory.mkdir()
    yield elsewhere
    directory.rmdir()
    elsewhere.rename(directory)


@contextmanager
def away(directory: Path, state: Path, disk: RecordingDisk | None = None) -> Iterator[Storage]:
    """A storage whose disk comes when the body begins."""
    with unmounted(directory):
        waiting = opened(directory, state, disk)
        storage = waiting.__enter__()
    try:
        yield storage
    finally:
        waiting.__exit__(None, None, None)


def refused(directory: Path, state: Path | None, disk: RecordingDisk | None = None) -> str:
    with (
        pytest.raises(StorageError) as caught,
        opened(directory, state, disk),
    ):
        pass
    return str(caught.value)
