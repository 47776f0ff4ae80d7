"""Two recordings on a disk that forgets, one to be deleted; and what must then be true.

Owns the judgement: whatever a power cut leaves, a start makes whole, a second deletion finishes,
and nothing else has changed.
"""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.actions import SegmentRules
from recorder.recording.findings import Kind
from recorder.recording.manifest import Manifest
from recorder.recording.recovery_plan import MANIFEST_TEMPORARY
from recorder.recording.retention.deletion import Fate, delete_recording
from recorder.recording.shelves import open_recording
from recorder.recording.storage import Storage, initialise
from recorder.recording.unfinished import forget, read_entries
from recorder.recording.verify import verify_recording
from tests.helpers.clock import FakeClock
from tests.helpers.cut_choices import Choice, Cuts
from tests.helpers.cut_lessons import WORTHLESS
from tests.helpers.power_cuts import File, Folder, PowerCutDisk
from tests.helpers.promises import DIRECTORY, recordings, recover
from tests.helpers.studio import SECOND, Studio

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from recorder.recording.retention.deletion import Removed

RULES = SegmentRules(duration_ms=2000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)

CHOICE = Choice(product=64, chance=8)


def storage_with_two(lessons: int = 2) -> PowerCutDisk:
    """A storage in which these lessons have ended, each of three segments; all of it durable."""
    return _storage_with(lessons).killed()


@cache
def _storage_with(lessons: int) -> PowerCutDisk:
    disk = PowerCutDisk(dull=WORTHLESS)
    initialise(DIRECTORY, None, disk)
    clock = FakeClock()
    with Storage.open(DIRECTORY, None, disk) as storage:
        studio = Studio(storage, RULES, clock)
        for _ in range(lessons):
            studio.arrive()
            studio.send(5 * SECOND)
            studio.end()
            studio.settle()
            clock.advance(60_000)
    return disk


def contents(disk: PowerCutDisk) -> dict[str, dict[str, bytes]]:
    """Every recording's folder: its files by name."""
    return {
        path: {
            name: bytes(node.content)
            for name, node in folder.names.items()
            if isinstance(node, File)
        }
        for path, folder in recordings(disk)
    }


def folder_at(disk: PowerCutDisk, path: str) -> Folder | None:
    return dict(recordings(disk)).get(path)


def finish(steps: Generator[None, None, Removed]) -> Removed:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            removed: Removed = stop.value
            return removed


def delete(disk: PowerCutDisk, path: str) -> Removed:
    with Storage.open(DIRECTORY, None, disk) as storage:
        return finish(delete_recording(storage, path, "age"))


@attrs.define
class Judge:
    """Looks at what every power cut leaves. Make it before anything is deleted.

    Attributes:
        goes: the path of the recording that is being deleted.
        looked: how many different states were started from.
        broken: the first thing that was wrong; behind it nothing is looked at any more.
    """

    disk: PowerCutDisk
    goes: str
    check: Callable[[PowerCutDisk, dict[str, dict[str, bytes]]], None] | None = None
    looked: int = 0
    broken: Exception | None = None
    before: dict[str, dict[str, bytes]] = attrs.field(init=False)
    _seen: set[bytes] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.before = contents(self.disk)
        self.disk.before = self._look

    def done(self) -> None:
        """The deletion is over; the power is cut once more."""
        self._look("the", "end")
        self.disk.before = None
        if self.broken is not None:
            raise self.broken

    def _look(self, operation: str, label: str) -> None:
        hook, self.disk.before = self.disk.before, None
        for left in self._left():
            try:
                self._judge(left)
            except Exception as error:  # noqa: BLE001 - whatever a start runs into is a finding
                error.add_note(f"the power was cut before: {operation} {label}")
                self.broken = self.broken or error
        self.disk.before = hook if self.broken is None else None

    def _left(self) -> Iterator[PowerCutDisk]:
        for left in Cuts(self.disk, CHOICE, random.Random(self.looked)):
            if left.key not in self._seen:
                self._seen.add(left.key)
                self.looked += 1
                yield left.disk

    def _judge(self, disk: PowerCutDisk) -> None:
        start(disk)
        once = contents(disk)
        start(disk)
        assert contents(disk) == once, "a second start changes something"
        others = {path: files for path, files in self.before.items() if path != self.goes}
        assert {path: once.get(path) for path in others} == others, "another one has changed"
        verified(disk, once.keys() - others.keys())
        if self.check is not None:
            self.check(disk, once)
            return
        if self.goes in once:
            check_going(self.before[self.goes], once[self.goes])
        assert delete(disk, self.goes).fate is Fate.GONE
        assert contents(disk) == others
        assert not entries(disk)


def start(disk: PowerCutDisk) -> None:
    """What a start does with what is unfinished."""
    with Storage.open(DIRECTORY, None, disk) as storage:
        assert not [each for each in storage.warnings if "lost" in each]
        for entry in read_entries(storage):
            if isinstance(entry, str):
                forget(storage, entry)
            else:
                recover(storage, entry.folder)
        assert not disk.list_folder(storage.unfinished)
        number = storage.take_number()
    numbers = [
        Manifest.from_json(files[naming.MANIFEST_FILE]).number for files in contents(disk).values()
    ]
    assert all(number > each for each in numbers)


def entries(disk: PowerCutDisk) -> list[str]:
    with Storage.open(DIRECTORY, None, disk) as storage:
        return disk.list_folder(storage.unfinished)


def verified(disk: PowerCutDisk, paths: Iterable[str]) -> None:
    """Nothing that is there is damaged, or missing where it should be."""
    with Storage.open(DIRECTORY, None, disk) as storage:
        for path in paths:
            with open_recording(disk, storage.root, path) as folder:
                found = verify_recording(disk, folder, path)
            # What was not safe yet may be unreadable, and is kept.
            damage = [each for each in found.damage if each.kind is not Kind.SET_ASIDE]
            assert not damage, damage


def check_going(before: dict[str, bytes], left: dict[str, bytes]) -> None:
    """A recording whose deletion was cut off is whole, or says that it is being deleted."""
    manifest = Manifest.from_json(left[naming.MANIFEST_FILE])
    # What was to replace a manifest may lie there until the next one is written.
    left = {name: data for name, data in left.items() if name != MANIFEST_TEMPORARY}
    files = {name: data for name, data in left.items() if name != naming.MANIFEST_FILE}
    assert files.items() <= before.items()
    if manifest.deleting is None:
        assert left == before
    else:
        assert manifest.deleting == "age"
