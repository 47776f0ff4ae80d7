"""The storage as a whole: opened, or refused.

Every test works on real folders; what a test machine cannot be asked to have (another file
system, another user, a sick disk) is played by the disks of `tests.helpers.disk`.
"""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from recorder.recording.initialise import initialise
from recorder.recording.known import KNOWN_FILE
from recorder.recording.refusals import StorageError, check_file_system, explain
from recorder.recording.storage import Storage
from tests.helpers.cut_off import tree
from tests.helpers.disk import FailingDisk, RecordingDisk, RefusingDisk
from tests.recording.opening import refusal, refused_initialisation

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


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
    before = tree(directory)
    with Storage.open(directory, None, RecordingDisk()):
        pass
    after = tree(directory)
    assert after.pop(".recorder/lock") == f"{os.getpid()}\n".encode()
    assert after == {name: text for name, text in before.items() if name != ".recorder/lock"}


def test_opening_reads_no_rooms_while_the_counter_is_there(directory: Path) -> None:
    (directory / "room1/2026-11-22/0000007-103000Z").mkdir(parents=True)
    disk = RecordingDisk()
    with Storage.open(directory, None, disk):
        pass
    assert not [operation for operation in disk.operations if operation.startswith("list_")]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a") == (
        f"The folder {tmp_path}/a does not exist. "
        "Run `recorder init` to make it, or check that the disk is mounted."
    )


@pytest.mark.parametrize("inside", [[], [".recorder"], ["somebody.txt"]])
def test_a_folder_without_a_marker_is_never_adopted(tmp_path: Path, inside: list[str]) -> None:
    for name in inside:
        (tmp_path / name).mkdir()
    before = tree(tmp_path)
    assert refusal(tmp_path) == (
        f"The folder {tmp_path} is not a recorder storage: it has no marker. "
        "Run `recorder init` to take it into use, or check that the disk is mounted."
    )
    assert tree(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"\0" * 37, b"hello\n", b"\xff"])
def test_a_damaged_marker_is_said_and_left_alone(directory: Path, content: bytes) -> None:
    (directory / ".recorder/id").write_bytes(content)
    for sentence in (refusal(directory), refused_initialisation(directory)):
        assert sentence == (
            f"The marker {directory}/.recorder/id is damaged. Check the disk, then remove that "
            "file and run `recorder init`; recordings stay as they are."
        )
    assert (directory / ".recorder/id").read_bytes() == content


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    assert "is not a folder" in refusal(tmp_path / "a")
    (tmp_path / ".recorder").write_text("a")
    assert "is not a folder" in refusal(tmp_path)


def test_a_linked_metadata_folder_is_refused(directory: Path) -> None:
    (directory / ".recorder").rename(directory / "elsewhere")
    (directory / ".recorder").symlink_to("elsewhere")
    assert "symbolic link" in refusal(directory)


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
    assert "is full. Free some space on it." in refusal(directory, disk=FullDisk())


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
    said = refusal(directory, None, RefusingDisk(operation, error))
    assert sentence in said
    assert f"folder {directory} " in said
    assert "\n" not in said


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
        sentence = refusal(directory, state, disk)
        assert disk.failed is not None
        assert re.search(rf"folder ({directory}|{state}|{tmp_path}) ", sentence), disk.failed
        with Storage.open(directory, state, RecordingDisk()) as storage:
            assert storage.take_number() == 1


# One at a time.


def test_a_second_recorder_is_refused_with_the_first_ones_process(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()):
        assert refusal(directory) == (
            f"The folder {directory} is in use by another recorder (process {os.getpid()}). "
            "Stop that one, or give this one a folder of its own."
        )
    with Storage.open(directory, None, RecordingDisk()):
        pass


def test_a_lock_without_a_process_number_is_refused_all_the_same(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()):
        for content in (b"", b"\xff\xff\n"):
            (directory / ".recorder/lock").write_bytes(content)
            assert f"The folder {directory} is in use by another recorder. " in refusal(directory)


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
        assert f"(process {first.pid})" in refusal(directory)
        first.kill()
    with Storage.open(directory, None, RecordingDisk()):
        pass


# What it lies on, and what it says.


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
    assert "Choose a folder on a disk of this machine." in refusal(directory, None, disk)
    with pytest.raises(StorageError):
        check_file_system(kind, directory)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOENT, "x"), "The folder /a does not exist. Run `recorder init`"),
        (OSError(errno.ELOOP, "x"), "/a is not a folder, or has a symbolic link"),
        (OSError(errno.EPERM, "x"), "The folder /a cannot be used by this user"),
        (OSError(errno.EACCES, "x"), "x. Run this as the recorder's user; where this is that "),
        (OSError(errno.EROFS, "x"), "The folder /a is on a disk that takes no writes"),
        (OSError(errno.ENOSPC, "x"), "The disk of the folder /a is full."),
        (OSError(errno.EIO, "Input/output error"), "cannot be used: Input/output error. Check"),
        (OSError("no number"), "The folder /a cannot be used: no number. Check the disk"),
    ],
)
def test_every_error_is_said_with_its_folder_and_what_to_do(error: OSError, sentence: str) -> None:
    assert sentence in explain(error, Path("/a"))
