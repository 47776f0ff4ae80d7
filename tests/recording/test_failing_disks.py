"""A lesson on a disk whose n-th operation fails, for every n: nothing is lost, nothing is twice.

The room is the real one down to the files; only the hops of the writer are made by hand. After the
failure the disk is well again, as it is after most of them, and the room resumes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.actions import SegmentRules
from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.recovery import recover_recording
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from tests.helpers.disk import FailingDisk, open_descriptors
from tests.helpers.studio import SECOND, Studio, manifests, marks, reconnect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.unmeasured

RULES = SegmentRules(duration_ms=2000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


def _start_and_stop(studio: Studio) -> None:
    studio.arrive()
    studio.send(SECOND)
    studio.end("unpublished")


def _cuts(studio: Studio) -> None:
    studio.arrive()
    studio.send(5 * SECOND)
    studio.end("unpublished")


def _two_lessons(studio: Studio) -> None:
    _start_and_stop(studio)
    studio.clock.advance(1000)
    _start_and_stop(studio)


def _split(studio: Studio) -> None:
    studio.arrive()
    studio.send(SECOND + 5)
    studio.recorder.split()
    studio.send(2 * SECOND)
    studio.end("unpublished")


def _syncs(studio: Studio) -> None:
    studio.writer.sync_interval_ms = 1000
    studio.arrive()
    studio.send(4 * SECOND)
    studio.end("unpublished")


SCENARIOS: dict[str, tuple[Callable[[Studio], None], SegmentRules]] = {
    "start and stop": (_start_and_stop, RULES),
    "cuts": (_cuts, RULES),
    "reconnect": (reconnect, RULES),
    "two lessons": (_two_lessons, RULES),
    "split": (_split, RULES),
    "max_duration": (_cuts, attrs.evolve(RULES, max_duration_ms=3000)),
    "syncs": (_syncs, attrs.evolve(RULES, duration_ms=60_000)),
}


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory: thousands of lessons are synced, and no sync has to take its time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@attrs.frozen
class Result:
    sent: list[int]
    found: list[int]
    operations: int
    failed: str | None
    has_suspect: bool


def _play(folder: Path, scenario: str, n: int, *, late: bool) -> Result:
    """Record one lesson onto a disk whose n-th operation fails; 0: none does."""
    play, rules = SCENARIOS[scenario]
    disk = FailingDisk()
    initialise(folder, None, disk)
    before = open_descriptors()
    with Storage.open(folder, None, disk) as storage:
        studio = Studio(storage, rules)
        first = len(disk.operations)
        disk.arm(n, late=late)
        play(studio)
        studio.settle()
        operations = len(disk.operations) - first
        for entry in read_entries(storage):
            # A checksum could not be computed: the next start does that, and nothing else is left.
            assert isinstance(entry, Entry)
            recovered = recover_recording(
                storage, entry.folder, creator="test", checksum=studio.checksum
            )
            assert recovered.checksums
            assert not recovered.was_ended
        assert read_entries(storage) == []
    assert open_descriptors() == before
    found = manifests(folder)
    numbers = [manifest.number for manifest in found]
    assert len(set(numbers)) == len(numbers)
    for manifest in found:
        assert manifest.end_reason is not None
        path = next(folder.glob(f"room101/*/{manifest.number:07}-*"))
        assert {row.file: row.bytes for row in manifest.segments} == {
            each.name: each.stat().st_size for each in path.glob("*.flv")
        }
        assert all(row.sha256 is not None for row in manifest.segments)
        starts = [row.start_ms for row in manifest.segments]
        assert starts == sorted(starts)
    assert not list(folder.rglob("*.part")) + list(folder.rglob("*.damaged"))
    return Result(
        studio.sent,
        marks(folder),
        operations,
        disk.failed,
        any(row.suspect for manifest in found for row in manifest.segments),
    )


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_whichever_operation_fails_every_frame_is_on_the_disk_once(
    memory: Path, scenario: str, late: bool
) -> None:
    whole = _play(memory / "0", scenario, 0, late=late)
    assert whole.found == whole.sent
    for n in range(1, whole.operations + 1):
        result = _play(memory / str(n), scenario, n, late=late)
        assert result.failed is not None
        assert result.found == result.sent, f"operation {n}: {result.failed}"
        assert result.has_suspect == (
            result.failed.startswith("sync_file") and ".flv" in result.failed
        ), result.failed
