"""A storage whose disk is away: what it says, and how it is opened when the disk comes."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from recorder.recording.alive import Heartbeat
from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.known import KNOWN_FILE
from recorder.recording.refusals import StorageGone, StorageMoved
from recorder.recording.storage import Storage
from tests.helpers.disk import FailingDisk, RecordingDisk
from tests.helpers.studio import SECOND, Studio, manifests, marks
from tests.recording.arriving import RULES, away, in_use, opened, refused, unmounted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def directory(tmp_path: Path, state: Path) -> Path:
    return in_use(tmp_path / "recordings", state)


# While it is away.


def test_a_storage_that_is_away_has_nothing_to_write_into(directory: Path, state: Path) -> None:
    with unmounted(directory), opened(directory, state) as storage:
        for reach in (
            lambda: storage.root,
            lambda: storage.meta,
            lambda: storage.unfinished,
            lambda: storage.identifier,
            lambda: storage.persist_number(storage.take_number()),
            storage.check_place,
            storage.probe,
            storage.reopen,
        ):
            with pytest.raises(StorageGone, match="has no marker") as caught:
                reach()
            assert not isinstance(caught.value, StorageMoved)
        Heartbeat(storage, "boot-1").beat(1000)
        assert os.listdir(directory) == []


def test_the_newest_reason_is_told(directory: Path, state: Path) -> None:
    with unmounted(directory), opened(directory, state) as storage:
        directory.rmdir()
        with pytest.raises(StorageGone):
            storage.probe()
        assert "is gone" in str(storage.absence)
        with pytest.raises(StorageGone, match="is gone"):
            _ = storage.root
        directory.mkdir()


# When it comes.


def test_a_disk_that_comes_is_opened_as_at_a_start(directory: Path, state: Path) -> None:
    with away(directory, state) as storage:
        found: list[Storage] = []

        def look(there: Storage) -> None:
            with pytest.raises(StorageGone):
                _ = storage.root
            assert OsDisk().identity(there.root)[1] == directory.stat().st_ino
            found.append(there)

        storage.on_arrival = look
        for look_for_it in (storage.check_place, storage.probe):
            with pytest.raises(StorageMoved):
                look_for_it()
        storage.reopen()
        assert len(found) == 1
        assert storage.absence is None
        storage.probe()
        assert storage.identifier == (directory / ".recorder/id").read_text().strip()
        assert "is in use by another recorder" in refused(directory, state)
        number = storage.take_number()
        assert number == 8
        storage.persist_number(number)
        assert (directory / ".recorder/next").read_text() == "9\n"
        # From here on it is like any other that is open.
        storage.reopen()
        assert len(found) == 1
        with unmounted(directory), pytest.raises(StorageGone, match="no storage any more"):
            storage.probe()
    with Storage.open(directory, state, RecordingDisk()):
        pass


def test_a_number_that_was_taken_meanwhile_is_not_used(directory: Path, state: Path) -> None:
    with away(directory, state) as storage:
        taken = storage.take_number()
        storage.reopen()
        with pytest.raises(OSError, match="given while the disk was away"):
            storage.persist_number(taken)
        assert storage.take_number() == 8


def test_a_lost_counter_is_found_anew_and_said(directory: Path, state: Path) -> None:
    (directory / ".recorder/next").unlink()
    with away(directory, state) as storage:
        storage.reopen()
        (warning,) = storage.warnings
        assert "recording counter" in warning
        assert (directory / ".recorder/next").read_text() == "1\n"


def test_a_disk_that_a_person_takes_into_use_meanwhile_is_taken(
    directory: Path, state: Path
) -> None:
    with unmounted(directory), opened(directory, state) as storage:
        (state / KNOWN_FILE).unlink()
        initialise(directory, state, RecordingDisk())
        storage.reopen()
        storage.probe()
        for path in (directory / ".recorder").rglob("*"):
            if path.is_file():
                path.unlink()
        (directory / ".recorder/open").rmdir()
        (directory / ".recorder").rmdir()


@pytest.mark.parametrize("late", [False, True])
def test_an_arrival_that_fails_anywhere_leaves_it_away_and_can_be_repeated(
    directory: Path, state: Path, late: bool
) -> None:
    whole = RecordingDisk()
    with away(directory, state, whole) as storage:
        before = len(whole.operations)
        storage.reopen()
        steps = len(whole.operations) - before
    for n in range(1, steps + 1):
        disk = FailingDisk()
        with away(directory, state, disk) as storage:
            disk.arm(n, late=late)
            try:
                storage.reopen()
            except OSError:
                assert storage.absence is not None
                with pytest.raises(StorageGone):
                    _ = storage.root
            assert disk.failed is not None
            disk.arm(0)
            if storage.absence is not None:
                storage.reopen()
            storage.probe()
            assert storage.take_number() == 8


def test_who_cannot_read_what_was_left_leaves_it_away(directory: Path, state: Path) -> None:
    with away(directory, state) as storage:

        def fail(there: Storage) -> None:
            raise OSError(errno.EIO, "a bad sector")

        storage.on_arrival = fail
        with pytest.raises(OSError, match="a bad sector"):
            storage.reopen()
        assert "a bad sector" in str(storage.absence)
        storage.on_arrival = lambda there: None
        storage.reopen()
        storage.probe()


def test_a_lesson_that_begins_without_the_disk_is_on_it_when_it_comes(
    directory: Path, state: Path
) -> None:
    with away(directory, state) as storage:
        studio = Studio(storage, RULES)
        studio.arrive()
        studio.send(2 * SECOND)
        assert "has no marker" in str(studio.recorder.fault)
        # No number was given: one on the disk has it.
        assert storage.next_number == 1
        assert studio._to_recover == []
        storage.reopen()
        studio.recorder.resume(studio.clock.now_ms)
        studio.send(2 * SECOND)
        studio.end()
        studio.settle()
        assert marks(directory) == list(range(4 * SECOND))
        (manifest,) = manifests(directory)
        assert manifest.number == 8
