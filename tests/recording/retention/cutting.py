"""Two recordings on a disk that forgets, one to be deleted; and what must then be true.

Owns the judgement: whatever a power cut leaves, a start finishes the deletion that was begun,
leaves whole what was not, and changes nothing else; a second start changes nothing at all.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.actions import SegmentRules
from recorder.recording.findings import Kind
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Manifest
from recorder.recording.retention.deletion import Fate, delete_recording, finish
from recorder.recording.shelves import open_recording
from recorder.recording.storage import Storage
from recorder.recording.unfinished import forget, read_entries
from recorder.recording.verify import verify_recording
from tests.helpers.clock import FakeClock
from tests.helpers.cut_choices import Choice, Cuts
from tests.helpers.cut_lessons import WORTHLESS
from tests.helpers.power_cuts import File, Folder, PowerCutDisk
from tests.helpers.promises import DIRECTORY, recordings, recover
from tests.helpers.studio import SECOND, Studio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from recorder.recording.recording import LiveRecording
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


def delete(disk: PowerCutDisk, path: str) -> Removed:
    with Storage.open(DIRECTORY, None, disk) as storage:
        return finish(delete_recording(storage, path, "age"), lambda: None)


def put_keep(disk: PowerCutDisk, path: str) -> bool:
    """A person makes the file, durably; False: there is no folder any more."""
    folder = folder_at(disk, path)
    if folder is None:
        return False
    file = File(f"{path}/KEEP")
    folder.names[naming.KEEP_FILE] = folder.durable[naming.KEEP_FILE] = file
    return True


def check_truth(files: dict[str, bytes]) -> None:
    """The manifest says exactly which files are gone."""
    manifest = Manifest.from_json(files[naming.MANIFEST_FILE])
    assert manifest.deleting is None
    assert manifest.end is not None
    there = {row.file for row in manifest.segments if not row.deleted}
    assert there == {name for name in files if name.endswith(".flv")}


@contextmanager
def lesson_under_way(
    disk: PowerCutDisk, seconds: int = 9
) -> Iterator[tuple[Studio, LiveRecording]]:
    """A lesson that goes on, with a closed segment for every two seconds and a part."""
    clock = FakeClock()
    clock.advance(3_600_000)
    with Storage.open(DIRECTORY, None, disk) as storage:
        studio = Studio(storage, RULES, clock)
        studio.arrive()
        studio.send(seconds * SECOND)
        studio.work()
        studio.writer.hop()
        recording = studio.recorder.recording
        assert recording is not None
        assert len(recording.closed_segments) == seconds // 2
        yield studio, recording


def deleted(recording: LiveRecording) -> list[int]:
    """The segments that its manifest calls deleted."""
    return [row.index for row in recording.manifest.segments if row.deleted]


def is_removing(recording: LiveRecording) -> bool:
    """Asked anew."""
    return recording.is_removing


@attrs.define
class Judge:
    """Looks at what every power cut leaves. Make it before anything is deleted.

    Attributes:
        goes: the path of the recording that is being deleted.
        check: what must be true behind a start, in place of what must behind a deletion.
        comes: done to each disk before it is started from.
        looked: how many different states were started from.
        broken: the first thing that was wrong; behind it nothing is looked at any more.
    """

    disk: PowerCutDisk
    goes: str
    check: Callable[[PowerCutDisk, dict[str, dict[str, bytes]]], None] | None = None
    comes: Callable[[PowerCutDisk], object] = lambda _disk: None
    looked: int = 0
    broken: Exception | None = None
    before: dict[str, dict[str, bytes]] = attrs.field(init=False)
    _seen: set[bytes] = attrs.field(factory=set)
    _verified: set[tuple[str, frozenset[tuple[str, bytes]]]] = attrs.field(factory=set)

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
        self.comes(disk)
        is_going = says_deleting(disk, self.goes)
        start(disk)
        once = contents(disk)
        start(disk)
        assert contents(disk) == once, "a second start changes something"
        others = {path: files for path, files in self.before.items() if path != self.goes}
        assert {path: once.get(path) for path in others} == others, "another one has changed"
        self._verify(disk, once)
        if self.check is not None:
            self.check(disk, once)
            return
        if is_going:
            assert self.goes not in once, "a deletion that was begun is not finished"
        if self.goes in once:
            assert once[self.goes] == self.before[self.goes]
        assert delete(disk, self.goes).fate is Fate.GONE
        assert contents(disk) == others
        assert not entries(disk)

    def _verify(self, disk: PowerCutDisk, once: dict[str, dict[str, bytes]]) -> None:
        """Every content once: most cuts lead a start to the same few."""
        found = {(path, frozenset(files.items())) for path, files in once.items()}
        new = found - self._verified
        verified(disk, [path for path, _ in new])
        self._verified |= new


def says_deleting(disk: PowerCutDisk, path: str) -> bool:
    content = contents(disk).get(path, {}).get(naming.MANIFEST_FILE)
    return content is not None and Manifest.from_json(content).deleting is not None


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


def operations_of_a_deletion() -> int:
    disk = storage_with_two()
    count = 0

    def before(_operation: str, _label: str) -> None:
        nonlocal count
        count += 1

    first, _ = sorted(contents(disk))
    disk.before = before
    delete(disk, first)
    return count
