"""A recorder that starts without its disk: when it waits, what it touches, how the disk comes."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

import pytest

from recorder.recording import arrival
from recorder.recording.arrival import is_awaited
from recorder.recording.initialise import initialise
from recorder.recording.refusals import StorageError, StorageGone, StorageMoved, UnusableError
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk, RefusingDisk
from tests.recording.arriving import SilentDisk, in_use, opened, refused, unmounted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def directory(tmp_path: Path, state: Path) -> Path:
    return in_use(tmp_path / "recordings", state)


# Whether it is waited for.


@pytest.mark.parametrize(
    ("refusal", "knows_any", "awaited"),
    [
        (StorageError("no marker"), True, True),
        # A person is at it, and has not said yet where to record.
        (StorageError("no marker"), False, False),
        (UnusableError("in use"), True, False),
    ],
)
def test_what_a_disk_could_mend_is_waited_for_once_a_storage_is_known(
    refusal: StorageError, knows_any: bool, awaited: bool
) -> None:
    assert is_awaited(refusal, knows_any=knows_any) is awaited


def _absence(directory: Path, state: Path, disk: RecordingDisk | None = None) -> str:
    with opened(directory, state, disk) as storage:
        assert storage.absence is not None
        return storage.absence


def test_a_mount_point_without_its_disk_is_waited_for_and_not_touched(
    directory: Path, state: Path
) -> None:
    with unmounted(directory):
        assert _absence(directory, state) == (
            f"The folder {directory} has no marker, but a storage was in use there: its disk is "
            "not mounted, or this is another one. Mount the right one; recording then goes on by "
            "itself."
        )
        assert os.listdir(directory) == []


def test_a_folder_that_is_gone_is_waited_for(directory: Path, state: Path) -> None:
    directory.rename(directory.with_name("elsewhere"))
    assert _absence(directory, state) == (
        f"The folder {directory} is gone. Check that its disk is connected and mounted; "
        "recording then goes on by itself."
    )


def test_a_folder_that_was_never_a_storage_is_waited_for_where_another_was_in_use(
    directory: Path, state: Path
) -> None:
    other = directory.with_name("other")
    with opened(other, state) as storage:
        expected = (
            f"The folder {other} does not exist. Run `recorder init` to make it, or check that the "
            "disk is mounted."
        )
        assert storage.absence == expected
        with pytest.raises(StorageGone) as caught:
            storage.probe()
        assert str(caught.value) == storage.absence == expected
        other.mkdir()
        with pytest.raises(StorageGone, match="is not a recorder storage: it has no marker"):
            storage.probe()
        initialise(other, state, RecordingDisk())
        storage.reopen()
        storage.probe()
    assert directory.exists()


def test_another_recorders_disk_is_waited_on_and_not_touched(directory: Path, state: Path) -> None:
    with unmounted(directory):
        other = directory.with_name("other")
        initialise(other, None, RecordingDisk())
        directory.rmdir()
        other.rename(directory)
        before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
        assert "is the storage of another recorder" in _absence(directory, state)
        assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before
        directory.rename(other)
        directory.mkdir()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EIO, "cannot be used: Input/output error. Check the disk and its cable"),
        # A mount point that only root may look into, so that nobody writes below the disk.
        (errno.EACCES, "cannot be used by this user"),
    ],
)
def test_a_disk_that_cannot_be_read_is_waited_for(
    directory: Path, state: Path, number: int, words: str
) -> None:
    class Unreadable(RecordingDisk):
        def open_path(self, path: Path, *, follow: bool = False) -> int:
            if path == directory:
                raise OSError(number, os.strerror(number))
            return super().open_path(path, follow=follow)

    assert words in _absence(directory, state, Unreadable())


def test_a_disk_that_takes_no_writes_is_waited_for(directory: Path, state: Path) -> None:
    disk = RefusingDisk("create_file", errno.EROFS)
    assert "takes no writes (read-only)" in _absence(directory, state, disk)


def test_what_was_never_taken_into_use_is_refused(tmp_path: Path, state: Path) -> None:
    (tmp_path / "empty").mkdir()
    for beside in (state, None):
        assert "Run `recorder init`" in refused(tmp_path / "empty", beside)
        assert "Run `recorder init`" in refused(tmp_path / "nowhere", beside)
    assert not state.exists()


def test_what_no_disk_can_mend_is_refused(directory: Path, state: Path) -> None:
    disk = RecordingDisk()
    disk.kind = "nfs4"
    assert "network file system" in refused(directory, state, disk)
    with Storage.open(directory, state, RecordingDisk()):
        assert "is in use by another recorder" in refused(directory, state)
    directory.rename(directory.with_name("elsewhere"))
    directory.write_text("a file")
    assert f"{directory} is not a folder" in refused(directory, state)


def test_a_second_recorder_is_kept_out_of_the_state_folder(
    directory: Path, state: Path, tmp_path: Path
) -> None:
    initialise(tmp_path / "other", None, RecordingDisk())
    initialise(tmp_path / "other", state, RecordingDisk())
    with unmounted(directory), opened(directory, state):
        expected = f"The state folder {state} is in use by another recorder. "
        assert expected in refused(tmp_path / "other", state)
        assert expected in refused(directory, state)
    with opened(tmp_path / "other", None):
        pass
    with opened(tmp_path / "other", state):
        pass


def test_a_disk_whose_unfinished_recordings_cannot_be_read_is_waited_for(
    directory: Path, state: Path
) -> None:
    disk = RefusingDisk("list_folder", errno.EIO)
    assert "cannot be used: Input/output error" in _absence(directory, state, disk)


# When it does not answer.


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "PATIENCE_S", 0.05)


def _come_back() -> None:
    """Wait until the opening that was given up has come back."""
    for thread in threading.enumerate():
        if thread.name == "opening the storage":
            thread.join(30)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    "call",
    [
        "read .recorder/id",
        "open_lock .recorder/lock",
        # With the lock already held, and with everything open.
        "write .recorder/.recorder-probe",
        "list_folder .recorder/open",
    ],
)
def test_a_disk_that_does_not_answer_is_waited_for_and_opened_when_it_does(
    directory: Path, state: Path, call: str
) -> None:
    disk = SilentDisk(call)
    with opened(directory, state, disk) as storage:
        expected = (
            f"The disk of the folder {directory} does not answer. Check the disk and its cable or "
            "card; recording goes on by itself when it does."
        )
        assert storage.absence == expected
        # The patience of the test may be over before the opening has come so far.
        assert disk.is_asked.wait(30)
        before = list(disk.operations)
        for _ in range(2):
            with pytest.raises(StorageGone) as caught:
                storage.probe()
            assert str(caught.value) == storage.absence == expected
            assert not isinstance(caught.value, StorageMoved)
        assert disk.operations == before, "nobody else waits for it"
        disk.answers.set()
        _come_back()
        with pytest.raises(StorageMoved):
            storage.probe()
        found = list[Storage]()
        storage.on_arrival = found.append
        storage.reopen()
        storage.probe()
        assert (len(found), storage.gone) == (1, None)
        assert storage.take_number() == 8
    with Storage.open(directory, state, RecordingDisk()):
        pass


@pytest.mark.usefixtures("_impatient")
def test_who_stops_before_the_disk_answers_leaves_nothing_open(
    directory: Path, state: Path
) -> None:
    disk = SilentDisk("list_folder .recorder/open")
    with opened(directory, state, disk) as storage:
        assert storage.absence is not None
    disk.answers.set()
    _come_back()
    with Storage.open(directory, state, RecordingDisk()):
        pass


@pytest.mark.usefixtures("_impatient")
def test_a_disk_that_answers_at_last_with_an_error_says_that(directory: Path, state: Path) -> None:
    class Failing(SilentDisk):
        def list_folder(self, folder: int) -> list[str]:
            super().list_folder(folder)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk = Failing("list_folder .recorder/open")
    with opened(directory, state, disk) as storage:
        disk.answers.set()
        _come_back()

        def read(there: Storage) -> None:
            disk.list_folder(there.unfinished)

        storage.on_arrival = read
        with pytest.raises(OSError, match="Input/output error"):
            storage.reopen()
        assert "Input/output error" in str(storage.absence)


@pytest.mark.usefixtures("_impatient")
def test_where_nothing_is_known_without_the_disk_the_start_waits_for_it(tmp_path: Path) -> None:
    initialise(tmp_path / "recordings", None, RecordingDisk())
    disk = SilentDisk("read .recorder/id")

    def answer() -> None:
        assert disk.is_asked.wait(30)
        # For longer than the patience of others.
        assert not disk.answers.wait(0.2)
        disk.answers.set()

    person = threading.Thread(target=answer)
    person.start()
    with opened(tmp_path / "recordings", None, disk) as storage:
        assert storage.absence is None
    person.join()
