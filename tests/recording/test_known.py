"""The state folder knows the storages that were in use, and takes no other for one of them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from recorder.recording.initialise import initialise
from recorder.recording.known import KNOWN_FILE
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk
from tests.recording.opening import refusal, refused_initialisation

if TYPE_CHECKING:
    from pathlib import Path


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
    assert refusal(tmp_path / "other", state) == (
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
    assert "has no marker" in refusal(directory, state)
    assert refused_initialisation(directory, state) == (
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
        refusal(directory, state)
    assert not state.exists()


def test_a_state_folder_that_cannot_be_made_is_named(directory: Path, tmp_path: Path) -> None:
    state = tmp_path / "nowhere" / "state"
    assert refusal(directory, state) == (
        f"The folder {state} cannot be made, because {state.parent} does not exist. "
        "Make that first, or check that the disk is mounted."
    )
    (tmp_path / "file").write_text("")
    assert f"{tmp_path}/file is not a folder" in refusal(directory, tmp_path / "file")
