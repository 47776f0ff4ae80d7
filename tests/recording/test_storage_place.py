"""The storage's place, watched: the same folder, another one, none, and the same disk mounted anew.

A folder that is put away and copied back has the same marker and another identity, as a disk has
that is mounted anew. The last tests mount real ones.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.refusals import StorageError, StorageGone, StorageMoved
from recorder.recording.storage import Storage
from tests.helpers.disk import FailingDisk, RecordingDisk, RefusingDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def _opened(directory: Path, disk: RecordingDisk | None = None) -> Iterator[Storage]:
    with Storage.open(directory, None, disk or RecordingDisk()) as storage:
        yield storage


def _mount_anew(directory: Path, *, away: str = "away") -> Path:
    """Returns where the folder is that was there before."""
    before = directory.with_name(away)
    directory.rename(before)
    shutil.copytree(before, directory)
    return before


def _gone(storage: Storage) -> str:
    with pytest.raises(StorageGone) as caught:
        storage.check_place()
    assert not isinstance(caught.value, StorageMoved)
    with pytest.raises(StorageGone) as again:
        storage.reopen()
    assert str(again.value) == str(caught.value)
    return str(caught.value)


# The place.


def test_a_storage_in_its_place_is_looked_at_and_nothing_is_written(directory: Path) -> None:
    disk = RecordingDisk()
    with _opened(directory, disk) as storage:
        before = len(disk.operations)
        storage.check_place()
        assert [line.split()[0] for line in disk.operations[before:]] == [
            "open_path", "identity", "identity", "open_folder", "open_file", "read", "read",
            "close", "close", "close",
        ]  # fmt: skip


def test_a_folder_that_is_gone_is_said(directory: Path) -> None:
    with _opened(directory) as storage:
        directory.rename(directory.with_name("away"))
        assert _gone(storage) == (
            f"The folder {directory} is gone. Check that its disk is connected and mounted; "
            "recording then goes on by itself."
        )
        directory.symlink_to("away")
        assert f"The folder {directory} is gone." in _gone(storage)


def test_a_mount_point_without_its_disk_is_said_and_not_written(directory: Path) -> None:
    with _opened(directory) as storage:
        directory.rename(directory.with_name("away"))
        directory.mkdir()
        assert _gone(storage) == (
            f"The folder {directory} is no storage any more: it has no marker. Check that the "
            "right disk is mounted there; recording then goes on by itself."
        )
        with pytest.raises(StorageGone):
            storage.probe()
        assert os.listdir(directory) == []


def test_another_storage_in_its_place_is_said_and_not_written(directory: Path) -> None:
    with _opened(directory) as storage:
        directory.rename(directory.with_name("away"))
        initialise(directory, None, RecordingDisk())
        identifier = (directory / ".recorder/id").read_text().strip()
        before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
        assert _gone(storage) == (
            f"The folder {directory} is another recorder storage now (id {identifier}). Check "
            "that the right disk is mounted there; recording then goes on by itself."
        )
        with pytest.raises(StorageGone):
            storage.probe()
        assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


def test_a_marker_that_changes_under_the_recorder_is_said(directory: Path) -> None:
    with _opened(directory) as storage:
        marker = directory / ".recorder/id"
        content = marker.read_bytes()
        marker.write_bytes(b"x")
        assert f"The marker {marker} is damaged." in _gone(storage)
        marker.unlink()
        assert "has no marker" in _gone(storage)
        marker.write_bytes(content)
        storage.check_place()


def test_a_disk_that_cannot_be_read_may_be_ours(directory: Path) -> None:
    disk = FailingDisk()
    with _opened(directory, disk) as storage:
        disk.arm(5)
        with pytest.raises(OSError, match="error") as caught:
            storage.check_place()
        assert disk.failed == "open_file .recorder/id"
        assert not isinstance(caught.value, StorageGone)
        storage.check_place()


# Probes.


def test_a_probe_writes_and_syncs_and_leaves_nothing(directory: Path) -> None:
    disk = RecordingDisk()
    with _opened(directory, disk) as storage:
        before = len(disk.operations)
        storage.probe()
        done = [line.split()[0] for line in disk.operations[before:]]
        assert done[10:] == ["unlink", "create_file", "write", "sync_file", "close", "unlink"]
    assert not list(directory.rglob(".recorder-probe"))


def test_a_probe_tells_that_a_disk_takes_no_writes(directory: Path) -> None:
    disk = FailingDisk()
    with _opened(directory, disk) as storage:
        disk.arm(14, errno.EROFS)
        with pytest.raises(OSError, match="Read-only"):
            storage.probe()
        assert disk.failed == "sync_file .recorder/.recorder-probe"
        storage.probe()


# The same disk mounted anew.


def test_a_storage_goes_over_to_its_disk_mounted_anew(directory: Path) -> None:
    with _opened(directory) as storage:
        storage.persist_number(storage.take_number())
        before = (storage.root, storage.meta, storage.unfinished)
        away = _mount_anew(directory)
        for look in (storage.check_place, storage.probe):
            with pytest.raises(StorageMoved, match="was mounted anew"):
                look()
        storage.reopen()
        assert (storage.root, storage.meta, storage.unfinished) == before
        storage.check_place()
        storage.probe()
        for descriptor, name in zip(before, ("", ".recorder", ".recorder/open"), strict=True):
            found = (directory / name).stat()
            assert OsDisk().identity(descriptor) == (found.st_dev, found.st_ino)
        number = storage.take_number()
        assert number == 2
        storage.persist_number(number)
        assert (directory / ".recorder/next").read_text() == "3\n"
        assert (away / ".recorder/next").read_text() == "2\n"
        assert (directory / ".recorder/lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_is_that_of_the_disk_mounted_anew(directory: Path) -> None:
    with _opened(directory) as storage:
        away = _mount_anew(directory)
        storage.reopen()
        with pytest.raises(StorageError, match="is in use by another recorder"), _opened(directory):
            pass
        # What was there before is nobody's any more.
        with _opened(away):
            pass
    with _opened(directory):
        pass


def test_a_disk_that_another_recorder_uses_is_not_gone_over_to(directory: Path) -> None:
    with _opened(directory) as storage:
        _mount_anew(directory)
        with (
            _opened(directory),
            pytest.raises(StorageGone, match="is in use by another recorder"),
        ):
            storage.reopen()
        with pytest.raises(StorageMoved):
            storage.check_place()
        storage.reopen()


def test_a_disk_that_comes_back_read_only_is_not_gone_over_to(directory: Path) -> None:
    disk = RefusingDisk("nothing", errno.EROFS)
    with _opened(directory, disk) as storage:
        _mount_anew(directory)
        disk.operation = "create_file"
        with pytest.raises(OSError, match="Read-only"):
            storage.reopen()
        with pytest.raises(StorageMoved):
            storage.check_place()


def test_a_network_file_system_in_its_place_is_refused(directory: Path) -> None:
    disk = RecordingDisk()
    with _opened(directory, disk) as storage:
        _mount_anew(directory)
        disk.kind = "nfs4"
        with pytest.raises(StorageGone, match="network file system"):
            storage.reopen()


def test_a_storage_in_its_place_can_be_reopened_too(directory: Path) -> None:
    with _opened(directory) as storage:
        storage.reopen()
        storage.probe()
        with pytest.raises(StorageError, match="is in use by another recorder"), _opened(directory):
            pass


def test_recordings_that_came_with_the_disk_keep_their_numbers(directory: Path) -> None:
    with _opened(directory) as storage:
        taken = storage.take_number()
        _mount_anew(directory)
        with _opened(directory) as other:
            for _ in range(7):
                other.persist_number(other.take_number())
        storage.reopen()
        with pytest.raises(OSError, match="given while the disk was away"):
            storage.persist_number(taken)
        assert storage.take_number() == 8


@pytest.mark.parametrize("late", [False, True])
def test_a_reopening_that_fails_anywhere_can_be_repeated(directory: Path, late: bool) -> None:
    whole = RecordingDisk()
    with _opened(directory, whole) as storage:
        before = len(whole.operations)
        _mount_anew(directory, away="whole")
        storage.reopen()
        steps = whole.operations[before:]
    assert [line for line in steps if line.startswith("replace")] == [
        "replace .recorder", "replace .recorder/open", "replace .recorder/lock", "replace ",
    ]  # fmt: skip
    for n in range(1, len(steps) + 1):
        disk = FailingDisk()
        with _opened(directory, disk) as storage:
            storage.persist_number(storage.take_number())
            _mount_anew(directory, away=f"away{n}")
            disk.arm(n, late=late)
            with pytest.raises(OSError, match=r"error|exist|gone"):
                storage.reopen()
            assert disk.failed is not None
            disk.arm(0)
            # What is half done says so, unless all of it was done.
            replaced_all = steps.index("replace ") + (not late) < n
            try:
                storage.check_place()
            except StorageMoved:
                assert not replaced_all, disk.failed
                storage.reopen()
            else:
                assert replaced_all, disk.failed
            storage.probe()
            number = storage.take_number()
            storage.persist_number(number)
            assert (directory / ".recorder/next").read_text() == f"{number + 1}\n"
            with (
                pytest.raises(StorageError, match="is in use by another recorder"),
                _opened(directory),
            ):
                pass


# Real disks.


@contextmanager
def _mounted(device: Path, point: Path) -> Iterator[None]:
    """An ext4 image on a folder, taken away again even from under open files."""
    subprocess.run(["mount", "-o", "loop", device, point], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", point], check=True)


def _formatted(image: Path) -> Path:
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    return image


@pytest.mark.root
@pytest.mark.debian
def test_a_real_disk_that_is_unmounted_swapped_and_mounted_again_is_gone_over_to(
    tmp_path: Path,
) -> None:
    ours, other = _formatted(tmp_path / "ours"), _formatted(tmp_path / "other")
    point = tmp_path / "recordings"
    point.mkdir()
    with _mounted(other, point):
        initialise(point, None, OsDisk())
    with _mounted(ours, point):
        initialise(point, None, OsDisk())
        opening = Storage.open(point, None, OsDisk())
        storage = opening.__enter__()
    try:
        with pytest.raises(StorageGone, match="no storage any more"):
            storage.probe()
        assert os.listdir(point) == []
        with _mounted(other, point), pytest.raises(StorageGone, match="another recorder storage"):
            storage.probe()
        # The same file system, which the kernel never let go: what we hold leads there.
        with _mounted(ours, point):
            storage.probe()
        # Another device, as a disk is when it is plugged in again.
        again = tmp_path / "again"
        shutil.copy(ours, again)
        with _mounted(again, point):
            with pytest.raises(StorageMoved):
                storage.probe()
            storage.reopen()
            storage.probe()
            storage.persist_number(storage.take_number())
            assert (point / ".recorder/next").read_text() == "2\n"
            assert OsDisk().identity(storage.root) == (point.stat().st_dev, point.stat().st_ino)
    finally:
        opening.__exit__(None, None, None)
