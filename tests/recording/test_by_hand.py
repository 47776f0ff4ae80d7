"""Recovery by hand: what a folder means, and that one bad room keeps no other from it."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from recorder.recording.by_hand import LOOKING, ByHand, Outcome
from recorder.recording.disk import OsDisk
from recorder.recording.hashing import sha256_of
from recorder.recording.initialise import initialise
from tests.helpers.cut_off import CREATOR, FOLDER, actions, cut_off
from tests.helpers.disk import RecordingDisk

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


def recover(directory: Path, disk: RecordingDisk) -> tuple[list[Outcome], Watching]:
    told: list[Outcome] = []
    watching = Watching()
    by_hand = ByHand(
        disk=disk,
        creator=CREATOR,
        checksum=lambda done, folder, name: sha256_of(disk, folder, name, progress=done),
        watch=watching,
        told=told.append,
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
