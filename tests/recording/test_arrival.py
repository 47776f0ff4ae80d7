"""A recorder that starts without its disk: when it waits, what it touches, how the disk comes."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest

from recorder.recording import arrival
from recorder.recording.actions import SegmentRules
from recorder.recording.alive import Heartbeat
from recorder.recording.arrival import is_awaited, open_or_await
from recorder.recording.disk import OsDisk
from recorder.recording.known import KNOWN_FILE
from recorder.recording.refusals import StorageError, StorageGone, StorageMoved, UnusableError
from recorder.recording.storage import Storage, initialise
from recorder.recording.unfinished import read_entries
from tests.helpers.disk import FailingDisk, RecordingDisk, RefusingDisk
from tests.helpers.studio import SECOND, Studio, manifests, marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def directory(tmp_path: Path, state: Path) -> Path:
    """A storage that was in use; seven numbers are taken."""
    path = tmp_path / "recordings"
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
def _opened(
    directory: Path, state: Path | None, disk: RecordingDisk | None = None
) -> Iterator[Storage]:
    with open_or_await(directory, state, disk or RecordingDisk(), read_entries) as (storage, left):
        assert (left is None) == (storage.absence is not None)
        yield storage


@contextmanager
def _unmounted(directory: Path) -> Iterator[Path]:
    """Its disk is not mounted: the folder is empty. Gives where it is meanwhile; afterwards it is
    there again."""
    elsewhere = directory.with_name("elsewhere")
    directory.rename(elsewhere)
    directory.mkdir()
    yield elsewhere
    directory.rmdir()
    elsewhere.rename(directory)


@contextmanager
def _away(directory: Path, state: Path, disk: RecordingDisk | None = None) -> Iterator[Storage]:
    """A storage whose disk comes when the body begins."""
    with _unmounted(directory):
        waiting = _opened(directory, state, disk)
        storage = waiting.__enter__()
    try:
        yield storage
    finally:
        waiting.__exit__(None, None, None)


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


def _refused(directory: Path, state: Path | None, disk: RecordingDisk | None = None) -> str:
    with (
        pytest.raises(StorageError) as caught,
        _opened(directory, state, disk),
    ):
        pass
    return str(caught.value)


def _absence(directory: Path, state: Path, disk: RecordingDisk | None = None) -> str:
    with _opened(directory, state, disk) as storage:
        assert storage.absence is not None
        return storage.absence


def test_a_mount_point_without_its_disk_is_waited_for_and_not_touched(
    directory: Path, state: Path
) -> None:
    with _unmounted(directory):
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
    with _opened(other, state) as storage:
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
    with _unmounted(directory):
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
        assert "Run `recorder init`" in _refused(tmp_path / "empty", beside)
        assert "Run `recorder init`" in _refused(tmp_path / "nowhere", beside)
    assert not state.exists()


def test_what_no_disk_can_mend_is_refused(directory: Path, state: Path) -> None:
    disk = RecordingDisk()
    disk.kind = "nfs4"
    assert "network file system" in _refused(directory, state, disk)
    with Storage.open(directory, state, RecordingDisk()):
        assert "is in use by another recorder" in _refused(directory, state)
    directory.rename(directory.with_name("elsewhere"))
    directory.write_text("a file")
    assert f"{directory} is not a folder" in _refused(directory, state)


def test_a_second_recorder_is_kept_out_of_the_state_folder(
    directory: Path, state: Path, tmp_path: Path
) -> None:
    initialise(tmp_path / "other", None, RecordingDisk())
    initialise(tmp_path / "other", state, RecordingDisk())
    with _unmounted(directory), _opened(directory, state):
        expected = f"The state folder {state} is in use by another recorder. "
        assert expected in _refused(tmp_path / "other", state)
        assert expected in _refused(directory, state)
    with _opened(tmp_path / "other", None):
        pass
    with _opened(tmp_path / "other", state):
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
    with _opened(directory, state, disk) as storage:
        expected = (
            f"The disk of the folder {directory} does not answer. Check the disk and its cable or "
            "card; recording goes on by itself when it does."
        )
        assert storage.absence == expected
        assert disk.is_asked.is_set()
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
    with _opened(directory, state, disk) as storage:
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
    with _opened(directory, state, disk) as storage:
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
    with _opened(tmp_path / "recordings", None, disk) as storage:
        assert storage.absence is None
    person.join()


# While it is away.


def test_a_storage_that_is_away_has_nothing_to_write_into(directory: Path, state: Path) -> None:
    with _unmounted(directory), _opened(directory, state) as storage:
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
    with _unmounted(directory), _opened(directory, state) as storage:
        directory.rmdir()
        with pytest.raises(StorageGone):
            storage.probe()
        assert "is gone" in str(storage.absence)
        with pytest.raises(StorageGone, match="is gone"):
            _ = storage.root
        directory.mkdir()


# When it comes.


def test_a_disk_that_comes_is_opened_as_at_a_start(directory: Path, state: Path) -> None:
    with _away(directory, state) as storage:
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
        assert "is in use by another recorder" in _refused(directory, state)
        number = storage.take_number()
        assert number == 8
        storage.persist_number(number)
        assert (directory / ".recorder/next").read_text() == "9\n"
        # From here on it is like any other that is open.
        storage.reopen()
        assert len(found) == 1
        with _unmounted(directory), pytest.raises(StorageGone, match="no storage any more"):
            storage.probe()
    with Storage.open(directory, state, RecordingDisk()):
        pass


def test_a_number_that_was_taken_meanwhile_is_not_used(directory: Path, state: Path) -> None:
    with _away(directory, state) as storage:
        taken = storage.take_number()
        storage.reopen()
        with pytest.raises(OSError, match="given while the disk was away"):
            storage.persist_number(taken)
        assert storage.take_number() == 8


def test_a_lost_counter_is_found_anew_and_said(directory: Path, state: Path) -> None:
    (directory / ".recorder/next").unlink()
    with _away(directory, state) as storage:
        storage.reopen()
        (warning,) = storage.warnings
        assert "recording counter" in warning
        assert (directory / ".recorder/next").read_text() == "1\n"


def test_a_disk_that_a_person_takes_into_use_meanwhile_is_taken(
    directory: Path, state: Path
) -> None:
    with _unmounted(directory), _opened(directory, state) as storage:
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
    with _away(directory, state, whole) as storage:
        before = len(whole.operations)
        storage.reopen()
        steps = len(whole.operations) - before
    for n in range(1, steps + 1):
        disk = FailingDisk()
        with _away(directory, state, disk) as storage:
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
    with _away(directory, state) as storage:

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
    with _away(directory, state) as storage:
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
