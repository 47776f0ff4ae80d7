"""The storage as a whole: taken into use, opened, refused.

Every test works on real folders; what a test machine cannot be asked to have (another file
system, another user, a sick disk) is played by the disks of `tests.helpers.disk`.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from recorder.recording.known import KNOWN_FILE
from recorder.recording.refusals import StorageError, check_file_system, explain
from recorder.recording.storage import Storage, initialise
from tests.helpers.disk import FailingDisk, RecordingDisk, RefusingDisk

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def _refusal(directory: Path, state: Path | None = None, disk: RecordingDisk | None = None) -> str:
    """The sentence `open` refuses a folder with."""
    with (
        pytest.raises(StorageError) as caught,
        Storage.open(directory, state, disk or RecordingDisk()),
    ):
        pass
    return str(caught.value)


def _refused_initialisation(
    directory: Path, state: Path | None = None, disk: RecordingDisk | None = None
) -> str:
    with pytest.raises(StorageError) as caught:
        initialise(directory, state, disk or RecordingDisk())
    return str(caught.value)


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


# Taking a folder into use.


def test_a_missing_folder_is_made_and_marked(tmp_path: Path) -> None:
    directory = tmp_path / "recordings"
    assert initialise(directory, None, RecordingDisk())
    assert sorted(_tree(directory)) == [
        ".recorder",
        ".recorder/id",
        ".recorder/lock",
        ".recorder/next",
        ".recorder/open",
    ]
    assert re.fullmatch(r"[0-9a-f-]{36}\n", (directory / ".recorder/id").read_text())
    assert (directory / ".recorder/next").read_text() == "1\n"
    assert stat.S_IMODE((directory / ".recorder").stat().st_mode) == 0o700


def test_taking_a_folder_into_use_twice_changes_nothing(directory: Path) -> None:
    before = _tree(directory)
    assert not initialise(directory, None, RecordingDisk())
    assert _tree(directory) == before


def test_two_storages_have_different_ids(tmp_path: Path) -> None:
    for name in ("a", "b"):
        initialise(tmp_path / name, None, RecordingDisk())
    ids = {(tmp_path / name / ".recorder/id").read_text() for name in ("a", "b")}
    assert len(ids) == 2


def test_the_marker_is_made_last_and_everything_before_it_is_synced(tmp_path: Path) -> None:
    disk = RecordingDisk()
    initialise(tmp_path / "a", None, disk)
    effects = [
        operation
        for operation in disk.operations
        if not operation.startswith(("open_", "close", "read", "list_", "file_system", "unlink"))
    ]
    assert effects == [
        "make_folder a",
        "sync_folder ",
        "make_folder .recorder",
        "sync_folder ",
        "try_lock .recorder/lock",
        "truncate .recorder/lock",
        "write .recorder/lock",
        "make_folder .recorder/open",
        "sync_folder .recorder",
        "create_file .recorder/next.tmp",
        "write .recorder/next.tmp",
        "sync_file .recorder/next.tmp",
        "rename .recorder/next",
        "sync_folder .recorder",
        "create_file .recorder/id.tmp",
        "write .recorder/id.tmp",
        "sync_file .recorder/id.tmp",
        "rename .recorder/id",
        "sync_folder .recorder",
    ]


def test_a_folder_with_recordings_and_no_marker_goes_on_counting_behind_them(
    tmp_path: Path,
) -> None:
    for name in (
        "room1/2026-11-22/0000007-103000Z",
        "room2/2026-11-21/0000041-103000Z",
        ".recorder/open/0000012",
        # None of these is ours.
        "room2/2026-11-21/0000099-103000",
        "room2/notes/0000098-103000Z",
        "room 3/2026-11-21/0000097-103000Z",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "room4").write_text("a file")
    (tmp_path / "room1/2026-11-23").symlink_to(tmp_path / "room2/2026-11-21")
    initialise(tmp_path, None, RecordingDisk())
    assert (tmp_path / ".recorder/next").read_text() == "42\n"


def test_a_parent_that_is_missing_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "disk" / "recordings"
    assert _refused_initialisation(folder) == (
        f"The folder {folder} cannot be made, because {folder.parent} does not exist. "
        "Make that first, or check that the disk is mounted."
    )
    assert os.listdir(tmp_path) == []


def test_a_folder_that_this_user_may_not_make_is_refused(tmp_path: Path) -> None:
    disk = RefusingDisk("make_folder", errno.EACCES)
    assert _refused_initialisation(tmp_path / "a", None, disk) == (
        f"The folder {tmp_path}/a cannot be made by this user (uid {os.geteuid()}). "
        "Make it as root, and give it to that user with `chown`."
    )


def test_a_parent_may_be_a_link_and_the_folder_may_not(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    assert initialise(tmp_path / "link" / "recordings", None, RecordingDisk())
    (tmp_path / "link2").symlink_to("disk/recordings")
    sentence = (
        f"{tmp_path}/link2 is not a folder, or has a symbolic link in place of one. "
        "Name the real folder in the configuration."
    )
    assert _refused_initialisation(tmp_path / "link2") == sentence
    assert _refusal(tmp_path / "link2") == sentence


def test_a_relative_folder_is_named_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"The folder {tmp_path}/recordings does not exist." in _refusal(Path("recordings"))
    initialise(Path("recordings"), Path("recordings/.recorder"), RecordingDisk())
    with Storage.open(Path("recordings"), None, RecordingDisk()) as storage:
        assert storage.directory == tmp_path / "recordings"
    assert not (tmp_path / "recordings/.recorder" / KNOWN_FILE).exists()


def test_a_folder_on_the_network_is_not_taken_into_use(tmp_path: Path) -> None:
    disk = RecordingDisk()
    disk.kind = "nfs4"
    assert "network file system (NFS)" in _refused_initialisation(tmp_path, None, disk)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("late", [False, True])
def test_an_initialisation_that_fails_anywhere_can_be_repeated(tmp_path: Path, late: bool) -> None:
    whole = RecordingDisk()
    initialise(tmp_path / "whole", tmp_path / "whole-state", whole)
    for n in range(1, len(whole.operations) + 1):
        directory, state = tmp_path / f"{n}", tmp_path / f"state{n}"
        disk = FailingDisk()
        disk.arm(n, late=late)
        with pytest.raises(StorageError):
            initialise(directory, state, disk)
        assert disk.failed is not None
        initialise(directory, state, RecordingDisk())
        assert sorted(_tree(directory)) == sorted(_tree(tmp_path / "whole")), disk.failed
        with Storage.open(directory, state, RecordingDisk()) as storage:
            assert storage.warnings == []
            assert storage.take_number() == 1


# Opening.


def test_a_storage_is_opened_and_counts_from_one(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()) as storage:
        assert storage.directory == directory
        assert f"{storage.identifier}\n" == (directory / ".recorder/id").read_text()
        assert storage.warnings == []
        assert [storage.take_number() for _ in range(3)] == [1, 2, 3]
    # Numbers that were never persisted were never used.
    assert (directory / ".recorder/next").read_text() == "1\n"


def test_a_persisted_number_is_never_given_again(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()) as storage:
        first, second, third = (storage.take_number() for _ in range(3))
        storage.persist_number(second)
        assert (directory / ".recorder/next").read_text() == "3\n"
        # Recordings may reach the disk in another order than they took their numbers.
        storage.persist_number(first)
        assert (directory / ".recorder/next").read_text() == "3\n"
        storage.persist_number(third)
    with Storage.open(directory, None, RecordingDisk()) as storage:
        assert storage.take_number() == 4


def test_a_number_whose_sync_failed_is_persisted_again(directory: Path) -> None:
    disk = FailingDisk()
    with Storage.open(directory, None, disk) as storage:
        number = storage.take_number()
        disk.arm(7)
        with pytest.raises(OSError, match="error"):
            storage.persist_number(number)
        assert disk.failed == "sync_folder .recorder"
        before = len(disk.operations)
        storage.persist_number(number)
        assert disk.operations[before:][-2:] == ["rename .recorder/next", "sync_folder .recorder"]


def test_opening_leaves_nothing_behind_and_writes_no_recording(directory: Path) -> None:
    before = _tree(directory)
    with Storage.open(directory, None, RecordingDisk()):
        pass
    after = _tree(directory)
    assert after.pop(".recorder/lock") == f"{os.getpid()}\n".encode()
    assert after == {name: text for name, text in before.items() if name != ".recorder/lock"}


def test_opening_reads_no_rooms_while_the_counter_is_there(directory: Path) -> None:
    (directory / "room1/2026-11-22/0000007-103000Z").mkdir(parents=True)
    disk = RecordingDisk()
    with Storage.open(directory, None, disk):
        pass
    assert not [operation for operation in disk.operations if operation.startswith("list_")]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "a") == (
        f"The folder {tmp_path}/a does not exist. "
        "Run `recorder init` to make it, or check that the disk is mounted."
    )


@pytest.mark.parametrize("inside", [[], [".recorder"], ["somebody.txt"]])
def test_a_folder_without_a_marker_is_never_adopted(tmp_path: Path, inside: list[str]) -> None:
    for name in inside:
        (tmp_path / name).mkdir()
    before = _tree(tmp_path)
    assert _refusal(tmp_path) == (
        f"The folder {tmp_path} is not a recorder storage: it has no marker. "
        "Run `recorder init` to take it into use, or check that the disk is mounted."
    )
    assert _tree(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"\0" * 37, b"hello\n", b"\xff"])
def test_a_damaged_marker_is_said_and_left_alone(directory: Path, content: bytes) -> None:
    (directory / ".recorder/id").write_bytes(content)
    for sentence in (_refusal(directory), _refused_initialisation(directory)):
        assert sentence == (
            f"The marker {directory}/.recorder/id is damaged. Check the disk, then remove that "
            "file and run `recorder init`; recordings stay as they are."
        )
    assert (directory / ".recorder/id").read_bytes() == content


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    assert "is not a folder" in _refusal(tmp_path / "a")
    (tmp_path / ".recorder").write_text("a")
    assert "is not a folder" in _refusal(tmp_path)


def test_a_linked_metadata_folder_is_refused(directory: Path) -> None:
    (directory / ".recorder").rename(directory / "elsewhere")
    (directory / ".recorder").symlink_to("elsewhere")
    assert "symbolic link" in _refusal(directory)


def test_a_missing_folder_of_unfinished_recordings_is_made(directory: Path) -> None:
    (directory / ".recorder/open").rmdir()
    with Storage.open(directory, None, RecordingDisk()):
        assert (directory / ".recorder/open").is_dir()


@pytest.mark.parametrize("content", [None, b"", b"\0\0", b"0\n", b"-1\n", b"x", b"1.5", b"\xff"])
def test_a_lost_counter_is_found_again_from_the_recordings(
    directory: Path, content: bytes | None
) -> None:
    (directory / "room1/2026-11-22/0000041-103000Z").mkdir(parents=True)
    (directory / ".recorder/next").unlink()
    if content is not None:
        (directory / ".recorder/next").write_bytes(content)
    with Storage.open(directory, None, RecordingDisk()) as storage:
        (warning,) = storage.warnings
        assert warning == (
            f"The recording counter of {directory} was lost; from the recordings there the next "
            "number is 42."
        )
        number = storage.take_number()
        assert number == 42
        storage.persist_number(number)
    with Storage.open(directory, None, RecordingDisk()) as storage:
        assert storage.warnings == []
        assert storage.take_number() == 43


# Writable.


class FullDisk(RecordingDisk):
    """A disk that is full to the last byte but for what the ballast takes."""

    is_roomy = False

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if operation == "write" and not self.is_roomy:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), subject)
        result = super().perform(operation, subject, action)
        self.is_roomy |= (operation, subject) == ("unlink", ".recorder/ballast")
        return result


def test_a_full_disk_is_opened_in_the_room_that_is_kept_for_that(directory: Path) -> None:
    ballast = directory / ".recorder/ballast"
    ballast.write_bytes(b"room")
    with Storage.open(directory, None, FullDisk()) as storage:
        (warning,) = storage.warnings
        assert warning == (
            f"The disk of {directory} is full; the reserve that is kept for that was used."
        )
        storage.probe()
    assert not ballast.exists()
    # Nothing is left to be given back.
    assert "is full. Free some space on it." in _refusal(directory, disk=FullDisk())


@pytest.mark.parametrize(
    ("operation", "error", "sentence"),
    [
        ("create_file", errno.EROFS, "is on a disk that takes no writes (read-only)."),
        ("open_lock", errno.EROFS, "is on a disk that takes no writes (read-only)."),
        ("open_lock", errno.EACCES, f"cannot be used by this user (uid {os.geteuid()})"),
        ("create_file", errno.EACCES, f"cannot be used by this user (uid {os.geteuid()})"),
        ("open_path", errno.EACCES, f"cannot be used by this user (uid {os.geteuid()})"),
        ("sync_file", errno.EIO, "cannot be used: Input/output error."),
        ("write", errno.ENOSPC, "The disk of the folder"),
        ("sync_file", errno.EDQUOT, "is full. Free some space on it."),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused(
    directory: Path, operation: str, error: int, sentence: str
) -> None:
    refusal = _refusal(directory, None, RefusingDisk(operation, error))
    assert sentence in refusal
    assert f"folder {directory} " in refusal
    assert "\n" not in refusal


def test_both_folders_that_will_be_written_are_tried(directory: Path) -> None:
    disk = RecordingDisk()
    with Storage.open(directory, None, disk):
        pass
    for folder in ("", ".recorder/"):
        assert [op for op in disk.operations if op.endswith(f" {folder}.recorder-probe")] == [
            f"{name} {folder}.recorder-probe"
            for name in ("unlink", "create_file", "write", "sync_file", "close", "unlink")
        ]


def test_a_probe_that_was_cut_off_does_not_hinder_the_next(directory: Path) -> None:
    (directory / ".recorder-probe").write_text("left")
    with Storage.open(directory, None, RecordingDisk()):
        pass
    assert not (directory / ".recorder-probe").exists()


@pytest.mark.parametrize("late", [False, True])
def test_an_opening_that_fails_anywhere_is_one_sentence_and_can_be_repeated(
    tmp_path: Path, late: bool
) -> None:
    directory, state = tmp_path / "recordings", tmp_path / "state"
    initialise(directory, None, RecordingDisk())
    whole = RecordingDisk()
    opened = 0
    with Storage.open(directory, state, whole):
        opened = len(whole.operations)
    assert opened > 20
    for n in range(1, opened + 1):
        (state / KNOWN_FILE).unlink(missing_ok=True)
        state.rmdir()
        disk = FailingDisk()
        disk.arm(n, late=late)
        sentence = _refusal(directory, state, disk)
        assert disk.failed is not None
        assert re.search(rf"folder ({directory}|{state}|{tmp_path}) ", sentence), disk.failed
        with Storage.open(directory, state, RecordingDisk()) as storage:
            assert storage.take_number() == 1


# One at a time.


def test_a_second_recorder_is_refused_with_the_first_ones_process(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()):
        assert _refusal(directory) == (
            f"The folder {directory} is in use by another recorder (process {os.getpid()}). "
            "Stop that one, or give this one a folder of its own."
        )
    with Storage.open(directory, None, RecordingDisk()):
        pass


def test_a_lock_without_a_process_number_is_refused_all_the_same(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()):
        for content in (b"", b"\xff\xff\n"):
            (directory / ".recorder/lock").write_bytes(content)
            assert f"The folder {directory} is in use by another recorder. " in _refusal(directory)


def test_what_the_lock_said_before_is_gone(directory: Path) -> None:
    (directory / ".recorder/lock").write_text("12345678901234567890\n")
    with Storage.open(directory, None, RecordingDisk()):
        assert (directory / ".recorder/lock").read_text() == f"{os.getpid()}\n"


_OPEN = """
import sys
from pathlib import Path
from recorder.recording.disk import OsDisk
from recorder.recording.refusals import StorageError
from recorder.recording.storage import Storage
try:
    with Storage.open(Path(sys.argv[1]), None, OsDisk()):
        print("open")
        sys.stdout.flush()
        sys.stdin.read()
except StorageError as error:
    print(error)
"""


def test_a_recorder_that_was_killed_leaves_no_lock(directory: Path) -> None:
    command = [sys.executable, "-c", _OPEN, str(directory)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        assert f"(process {first.pid})" in _refusal(directory)
        first.kill()
    with Storage.open(directory, None, RecordingDisk()):
        pass


def test_a_folder_is_not_taken_into_use_twice_at_once(tmp_path: Path) -> None:
    markers: list[bytes] = []

    class Racing(RecordingDisk):
        """Another `init` runs to its end between the look at the marker and the lock."""

        def open_lock(self, folder: int, name: str) -> int:
            assert initialise(tmp_path, None, RecordingDisk())
            markers.append((tmp_path / ".recorder/id").read_bytes())
            return super().open_lock(folder, name)

    initialise(tmp_path, None, Racing())
    # A second marker would disown what is recorded under the first.
    assert markers == [(tmp_path / ".recorder/id").read_bytes()]


# The state folder.


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_a_storage_is_remembered_in_a_private_file(tmp_path: Path, state: Path) -> None:
    assert initialise(tmp_path / "a", state, RecordingDisk())
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / KNOWN_FILE).stat().st_mode) == 0o600
    assert os.listdir(state) == [KNOWN_FILE]
    before = (state / KNOWN_FILE).read_bytes()
    with Storage.open(tmp_path / "a", state, RecordingDisk()):
        assert (state / KNOWN_FILE).read_bytes() == before
    assert not initialise(tmp_path / "a", state, RecordingDisk())


def test_a_state_that_knows_nothing_learns_the_marked_storage(directory: Path, state: Path) -> None:
    with Storage.open(directory, state, RecordingDisk()) as storage:
        assert storage.identifier in (state / KNOWN_FILE).read_text()
    state_of_init = state.with_name("state2")
    assert initialise(directory, state_of_init, RecordingDisk())
    assert not initialise(directory, state_of_init, RecordingDisk())


def test_another_recorders_storage_is_refused_until_it_is_taken_into_use(
    tmp_path: Path, state: Path
) -> None:
    initialise(tmp_path / "ours", state, RecordingDisk())
    initialise(tmp_path / "other", None, RecordingDisk())
    identifier = (tmp_path / "other/.recorder/id").read_text().strip()
    assert _refusal(tmp_path / "other", state) == (
        f"The folder {tmp_path}/other is the storage of another recorder (id {identifier}). "
        "Mount the right disk, or run `recorder init` to take this one into use."
    )
    assert initialise(tmp_path / "other", state, RecordingDisk())
    for name in ("ours", "other"):
        with Storage.open(tmp_path / name, state, RecordingDisk()):
            pass


def test_a_disk_that_is_not_mounted_is_not_taken_into_use_again(
    tmp_path: Path, state: Path
) -> None:
    directory = tmp_path / "a"
    initialise(directory, state, RecordingDisk())
    directory.rename(tmp_path / "unmounted")
    directory.mkdir()
    assert "has no marker" in _refusal(directory, state)
    assert _refused_initialisation(directory, state) == (
        f"The folder {directory} has no marker, but a storage was in use there: check that its "
        f"disk is mounted. If the disk was replaced, remove {state}/{KNOWN_FILE} and run "
        "`recorder init` again."
    )
    assert os.listdir(directory) == []
    # Another folder is another wish.
    assert initialise(tmp_path / "b", state, RecordingDisk())
    # And what the sentence says helps.
    (state / KNOWN_FILE).unlink()
    assert initialise(directory, state, RecordingDisk())


def test_a_storage_that_moved_is_still_known(tmp_path: Path, state: Path) -> None:
    initialise(tmp_path / "a", state, RecordingDisk())
    (tmp_path / "a").rename(tmp_path / "b")
    with Storage.open(tmp_path / "b", state, RecordingDisk()):
        pass
    assert str(tmp_path / "b") in (state / KNOWN_FILE).read_text()
    # Where it was, nothing is missing any more.
    assert initialise(tmp_path / "a", state, RecordingDisk())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"version": 2, "storages": []}',
        '{"version": 1}',
        '{"version": 1, "storages": 1}',
        '{"version": 1, "storages": [1]}',
        '{"version": 1, "storages": [{"id": 1, "directory": "/"}]}',
        '{"version": 1, "storages": [{"id": "x", "directory": "/"}]}',
        "[" * 100_000,
        "\0" * 100,
    ],
    ids=lambda content: content[:40],
)
def test_a_damaged_list_of_storages_is_said_and_begun_anew(
    directory: Path, state: Path, content: str
) -> None:
    state.mkdir()
    (state / KNOWN_FILE).write_text(content)
    with Storage.open(directory, state, RecordingDisk()) as storage:
        (warning,) = storage.warnings
        assert warning == (
            f"The list of known storages, {state}/{KNOWN_FILE}, was damaged; it begins anew with "
            f"{directory}."
        )
    with Storage.open(directory, state, RecordingDisk()) as storage:
        assert storage.warnings == []


def test_a_refused_storage_is_not_remembered(directory: Path, state: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()):
        _refusal(directory, state)
    assert not state.exists()


def test_a_state_folder_that_cannot_be_made_is_named(directory: Path, tmp_path: Path) -> None:
    state = tmp_path / "nowhere" / "state"
    assert _refusal(directory, state) == (
        f"The folder {state} cannot be made, because {state.parent} does not exist. "
        "Make that first, or check that the disk is mounted."
    )
    (tmp_path / "file").write_text("")
    assert f"{tmp_path}/file is not a folder" in _refusal(directory, tmp_path / "file")


# Sentences.


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ext4", []),
        ("xfs", []),
        ("btrfs", []),
        ("f2fs", []),
        ("", []),
        ("vfat", ["FAT"]),
        ("exfat", ["exFAT"]),
        ("ntfs3", ["NTFS"]),
        ("fuseblk", ["NTFS or exFAT"]),
        ("tmpfs", ["in memory (tmpfs)"]),
    ],
)
def test_a_fragile_file_system_is_a_standing_warning(
    directory: Path, kind: str, words: list[str]
) -> None:
    disk = RecordingDisk()
    disk.kind = kind
    with Storage.open(directory, None, disk) as storage:
        assert len(storage.warnings) == len(words)
        for warning, word in zip(storage.warnings, words, strict=True):
            assert word in warning
            assert str(directory) in warning


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3"])
def test_a_network_file_system_is_refused(directory: Path, kind: str) -> None:
    disk = RecordingDisk()
    disk.kind = kind
    assert "Choose a folder on a disk of this machine." in _refusal(directory, None, disk)
    with pytest.raises(StorageError):
        check_file_system(kind, directory)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOENT, "x"), "The folder /a does not exist. Run `recorder init`"),
        (OSError(errno.ELOOP, "x"), "/a is not a folder, or has a symbolic link"),
        (OSError(errno.EPERM, "x"), "The folder /a cannot be used by this user"),
        (OSError(errno.EROFS, "x"), "The folder /a is on a disk that takes no writes"),
        (OSError(errno.ENOSPC, "x"), "The disk of the folder /a is full."),
        (OSError(errno.EIO, "Input/output error"), "cannot be used: Input/output error. Check"),
        (OSError("no number"), "The folder /a cannot be used: no number. Check the disk"),
    ],
)
def test_every_error_is_said_with_its_folder_and_what_to_do(error: OSError, sentence: str) -> None:
    assert sentence in explain(error, Path("/a"))
