"""The heartbeat, and what the next process reads of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.alive import ALIVE_FILE, Heartbeat, last_beat_ms
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.disk import FailingDisk, open_descriptors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@pytest.fixture
def storage(tmp_path: Path, disk: FailingDisk) -> Iterator[Storage]:
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        yield storage


def test_the_last_beat_is_read_in_the_same_boot_only(storage: Storage) -> None:
    assert last_beat_ms(storage, "this") is None
    heartbeat = Heartbeat(storage, "this")
    heartbeat.beat(1_000_000_000)
    heartbeat.beat(7)
    assert last_beat_ms(storage, "this") == 7
    assert last_beat_ms(storage, "another") is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"boot": "this", "monotonic_ms": "7"}', b"[" * 100_000]
)
def test_damage_says_nothing(storage: Storage, content: bytes) -> None:
    (storage.directory / ".recorder" / ALIVE_FILE).write_bytes(content)
    assert last_beat_ms(storage, "this") is None


def test_it_is_never_synced_and_a_disk_that_refuses_it_is_no_matter(
    storage: Storage, disk: FailingDisk
) -> None:
    heartbeat = Heartbeat(storage, "this")
    heartbeat.beat(1)
    before = open_descriptors()
    for n in range(1, 4):
        disk.operations.clear()
        disk.arm(n)
        heartbeat.beat(2)
        assert disk.failed is not None
        assert not [each for each in disk.operations if each.startswith("sync")]
    assert open_descriptors() == before
