"""A folder is taken into use: what is made in it, in which order, and what is refused."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

import pytest

from recorder.recording.initialise import initialise
from recorder.recording.known import KNOWN_FILE
from recorder.recording.refusals import StorageError
from recorder.recording.storage import Storage
from tests.helpers.cut_off import tree
from tests.helpers.disk import FailingDisk, RecordingDisk, RefusingDisk
from tests.recording.opening import refusal, refused_initialisation


def test_a_missing_folder_is_made_and_marked(tmp_path: Path) -> None:
    directory = tmp_path / "recordings"
    assert initialise(directory, None, RecordingDisk())
    assert sorted(tree(directory)) == [
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
    before = tree(directory)
    assert not initialise(directory, None, RecordingDisk())
    assert tree(directory) == before


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
    assert refused_initialisation(folder) == (
        f"The folder {folder} cannot be made, because {folder.parent} does not exist. "
        "Make that first, or check that the disk is mounted."
    )
    assert os.listdir(tmp_path) == []


def test_a_folder_that_this_user_may_not_make_is_refused(tmp_path: Path) -> None:
    disk = RefusingDisk("make_folder", errno.EACCES)
    assert refused_initialisation(tmp_path / "a", None, disk) == (
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
    assert refused_initialisation(tmp_path / "link2") == sentence
    assert refusal(tmp_path / "link2") == sentence


def test_a_relative_folder_is_named_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"The folder {tmp_path}/recordings does not exist." in refusal(Path("recordings"))
    initialise(Path("recordings"), Path("recordings/.recorder"), RecordingDisk())
    with Storage.open(Path("recordings"), None, RecordingDisk()) as storage:
        assert storage.directory == tmp_path / "recordings"
    assert not (tmp_path / "recordings/.recorder" / KNOWN_FILE).exists()


def test_a_folder_on_the_network_is_not_taken_into_use(tmp_path: Path) -> None:
    disk = RecordingDisk()
    disk.kind = "nfs4"
    assert "network file system (NFS)" in refused_initialisation(tmp_path, None, disk)
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
        assert sorted(tree(directory)) == sorted(tree(tmp_path / "whole")), disk.failed
        with Storage.open(directory, state, RecordingDisk()) as storage:
            assert storage.warnings == []
            assert storage.take_number() == 1


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
