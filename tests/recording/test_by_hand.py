"""Recovery by hand: what a folder means, and that one bad room keeps no other from it."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from recorder.recording.bad_sectors import PATIENCE
from recorder.recording.by_hand import LOOKING, ByHand, Outcome
from recorder.recording.disk import OsDisk
from recorder.recording.hashing import sha256_of
from recorder.recording.initialise import initialise
from recorder.recording.refusals import StorageError
from tests.helpers.cut_off import CREATOR, FOLDER, actions, cut_off, tree
from tests.helpers.disk import RecordingDisk
from tests.recording.repairing import BadSector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Sick(RecordingDisk):
    """A disk that does not give one folder."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def open_folder(self, parent: int, name: str) -> int:
        if name == self._name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), name)
        return super().open_folder(parent, name)


class Watching:
    """Shows nothing, and remembers how much there was to show."""

    def __init__(self) -> None:
        self.shown: dict[str, tuple[int, int]] = {}

    @contextmanager
    def __call__(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        done = [0]

        def more(count: int) -> None:
            done[0] += count

        yield more
        self.shown[label] = (done[0], total)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "recordings"
    initialise(directory, None, OsDisk())
    cut_off(directory, actions()[:5])
    return directory


def recover(
    directory: Path,
    disk: RecordingDisk,
    pause: Callable[[int, float], None] = lambda recordings, wait_s: None,
) -> tuple[list[Outcome], Watching]:
    told: list[Outcome] = []
    watching = Watching()
    by_hand = ByHand(
        disk=disk,
        creator=CREATOR,
        checksum=lambda done, folder, name: sha256_of(disk, folder, name, progress=done),
        watch=watching,
        told=told.append,
        pause=pause,
    )
    assert by_hand.recover(directory, None) == []
    return told, watching


def test_a_room_that_the_disk_does_not_give_is_named_and_the_others_are_recovered(
    directory: Path,
) -> None:
    (directory / "room102").mkdir()
    told, _ = recover(directory, Sick("room102"))
    assert [(each.path, each.is_good) for each in told] == [("room102", False), (FOLDER, True)]


def test_a_recording_that_the_disk_does_not_give_is_named(directory: Path) -> None:
    told, _ = recover(directory, Sick(FOLDER.rpartition("/")[2]))
    assert [(each.path, each.is_good) for each in told] == [(FOLDER, False)]
    assert (directory / ".recorder/open/0000001").exists()


@pytest.mark.parametrize("sick", ["room101", FOLDER.rpartition("/")[2]])
def test_a_damaged_entry_stays_until_its_recording_is_whole(directory: Path, sick: str) -> None:
    """Nothing else would tell the next start that there is something to be made whole."""
    entry = directory / ".recorder/open/0000001"
    entry.write_bytes(b"")
    told, _ = recover(directory, Sick(sick))
    assert [each.is_good for each in told] == [False]
    assert entry.exists()
    told, _ = recover(directory, RecordingDisk())
    assert [(each.path, each.is_good) for each in told] == [(FOLDER, True)]
    assert not entry.exists()


def test_progress_reaches_its_total(directory: Path) -> None:
    (directory / ".recorder/open/0000001").unlink()
    _, watching = recover(directory, RecordingDisk())
    done, total = watching.shown.pop(FOLDER)
    # The file that is salvaged is read twice; the one that has a row once.
    assert done == total
    assert watching.shown == {LOOKING: (1, 1)}


# What the disk does not give.


class Pauses:
    """Of nobody who waits: writes down how long, and heals the disk in the n-th."""

    def __init__(self, disk: BadSector, heals: int | None = None) -> None:
        self.made: list[tuple[int, float]] = []
        self._disk = disk
        self._heals = heals

    def __call__(self, recordings: int, wait_s: float) -> None:
        self.made.append((recordings, wait_s))
        if len(self.made) == self._heals:
            self._disk.good_bytes = None


def spoiled(name: str) -> BadSector:
    disk = BadSector()
    disk.good_bytes, disk.bad = 100, name
    return disk


def test_a_part_with_a_bad_sector_is_set_aside_after_a_minute_as_by_the_recorder(
    directory: Path,
) -> None:
    part = directory / FOLDER / "0002.flv.part"
    content = part.read_bytes()
    disk = spoiled(part.name)
    pauses = Pauses(disk)
    (outcome,), _ = recover(directory, disk, pauses)
    assert pauses.made == [(1, wait_s) for wait_s in (1, 2, 4, 8, 16, 30)]
    assert disk.asked == PATIENCE + 1
    assert outcome.recovered is not None
    assert (outcome.is_good, outcome.recovered.files.damaged) == (False, 1)
    assert part.with_name("0002.flv.damaged").read_bytes() == content
    assert not (directory / ".recorder/open/0000001").exists()


def test_a_part_on_a_disk_that_is_gone_is_given_up_by_nobody(directory: Path) -> None:
    """What can be neither read nor renamed stays what it is."""

    class Gone(BadSector):
        def link(self, folder: int, source: str, target: str) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO), target)

    disk = Gone()
    disk.good_bytes = 100
    (outcome,), _ = recover(directory, disk)
    assert (outcome.path, outcome.is_good, outcome.recovered) == (FOLDER, False, None)
    assert (directory / FOLDER / "0002.flv.part").exists()
    assert (directory / ".recorder/open/0000001").exists()


def test_a_part_that_the_disk_gives_after_all_is_made_whole(directory: Path) -> None:
    disk = spoiled(".part")
    (outcome,), _ = recover(directory, disk, Pauses(disk, heals=3))
    assert outcome.is_good
    assert outcome.recovered is not None
    assert outcome.recovered.files.salvaged == 1


def test_a_finished_file_with_a_bad_sector_stays_and_is_told(directory: Path) -> None:
    segment = directory / FOLDER / "0001.flv"
    content = segment.read_bytes()
    (outcome,), _ = recover(directory, spoiled(segment.name))
    assert outcome.recovered is not None
    assert (outcome.is_good, outcome.recovered.unreadable) == (False, ("0001.flv",))
    assert segment.read_bytes() == content


@pytest.mark.parametrize("is_copy", [False, True], ids=["in the storage", "copied out of it"])
def test_a_manifest_with_a_bad_sector_is_made_anew(
    directory: Path, tmp_path: Path, is_copy: bool
) -> None:
    folder = directory / FOLDER
    if is_copy:
        (tmp_path / "a/2026-11-22").mkdir(parents=True)
        folder = folder.rename(tmp_path / "a/2026-11-22" / folder.name)
    (outcome,), _ = recover(folder, spoiled("recording.json"))
    assert outcome.recovered is not None
    assert outcome.recovered.was_damaged
    assert (folder / "recording.json.damaged").exists()


@pytest.mark.parametrize("manifest", [b"{", None], ids=["damaged", "missing"])
def test_a_copy_of_which_nothing_tells_the_room_is_refused_as_it_is(
    directory: Path, tmp_path: Path, manifest: bytes | None
) -> None:
    folder = (directory / FOLDER).rename(tmp_path / FOLDER.rpartition("/")[2])
    (folder / "recording.json").unlink()
    if manifest is not None:
        (folder / "recording.json").write_bytes(manifest)
    before = tree(folder)
    with pytest.raises(StorageError, match=r"nothing tells its room and day.*room101/2026-11-22/"):
        recover(folder, RecordingDisk())
    assert tree(folder) == before


def test_a_copy_that_is_empty_tells_no_room_and_needs_none(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER.rpartition("/")[2]
    folder.mkdir()
    (outcome,), _ = recover(folder, RecordingDisk())
    assert outcome.is_good
    assert outcome.recovered is not None
    assert outcome.recovered.manifest is None


def test_all_of_a_sick_disk_have_their_minute_together(directory: Path) -> None:
    other = FOLDER.replace("0000001", "0000002")
    shutil.copytree(directory / FOLDER, directory / other)
    disk = spoiled("0002.flv.part")
    pauses = Pauses(disk)
    told, _ = recover(directory, disk, pauses)
    assert [each.path for each in told] == [FOLDER, other]
    assert pauses.made == [(2, wait_s) for wait_s in (1, 2, 4, 8, 16, 30)]
