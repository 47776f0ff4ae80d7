"""The files of a recording: what is written, and that nothing is overwritten."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.entries import Entry
from recorder.recording.final_name import NO_LINKS
from recorder.recording.manifest import Manifest
from recorder.recording.refusals import StorageGone
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk, RefusingDisk
from tests.recording.filing import (
    ENDED,
    ENTRY,
    FOLDER,
    HEAD,
    PATCHES,
    SEGMENT,
    YOUNG,
    effects,
    new_files,
    opened,
    record,
    replaced,
)

if TYPE_CHECKING:
    from pathlib import Path


# What is written.


def test_a_recording_lies_in_its_folder_with_segments_and_manifest(directory: Path) -> None:
    with opened(directory) as files:
        assert files.path == FOLDER
        record(files)
    folder = directory / FOLDER
    assert sorted(os.listdir(folder)) == ["0001.flv", "recording.json"]
    assert (folder / "0001.flv").read_bytes() == SEGMENT
    assert Manifest.from_json((folder / "recording.json").read_bytes()) == ENDED
    assert os.listdir(directory / ".recorder/open") == []
    assert (directory / ".recorder/next").read_text() == "2\n"


def test_files_and_folders_are_closed_to_others(directory: Path) -> None:
    with opened(directory) as files:
        record(files)
    room = directory / "room101"
    for path in (room, *room.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o007, path


def test_a_segment_is_a_part_until_it_is_closed(directory: Path) -> None:
    with opened(directory) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        files.append(1, b"onetwo", 0)
        folder = directory / FOLDER
        assert sorted(os.listdir(folder)) == ["0001.flv.part", "recording.json"]
        assert (folder / "0001.flv.part").read_bytes() == HEAD + b"onetwo"


def test_two_segments_may_be_open_at_once(directory: Path) -> None:
    with opened(directory) as files:
        files.start(YOUNG)
        files.open_segment(1, b"1", 0)
        files.open_segment(2, b"2", 0)
        files.append(1, b"a", 0)
        files.append(2, b"b", 0)
        files.append(1, b"c", 0)
        files.close_segment(1, [])
        files.append(2, b"d", 0)
        files.close_segment(2, [])
    folder = directory / FOLDER
    assert (folder / "0001.flv").read_bytes() == b"1ac"
    assert (folder / "0002.flv").read_bytes() == b"2bd"


def test_an_unfinished_recording_is_named_with_its_folder(directory: Path) -> None:
    with opened(directory) as files:
        files.start(YOUNG)
    entry = (directory / ".recorder/open/0000001").read_bytes()
    assert Entry.from_bytes(entry) == ENTRY


def test_two_recordings_of_the_same_second_do_not_collide(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()) as storage:
        for _ in range(2):
            number = storage.take_number()
            files = new_files(storage, number)
            files.start(attrs.evolve(YOUNG, number=number))
            files.save_manifest(attrs.evolve(ENDED, number=number))
            files.forget()
            files.close()
    names = ["0000001-103000Z", "0000002-103000Z"]
    assert sorted(os.listdir(directory / "room101/2026-11-22")) == names


def test_a_room_is_no_path(directory: Path) -> None:
    with (
        pytest.raises(ValueError, match="not a room name"),
        opened(directory, room="../room101"),
    ):
        pass


def test_short_writes_are_completed(directory: Path) -> None:
    disk = RecordingDisk()
    disk.max_write_bytes = 2
    with opened(directory, disk) as files:
        record(files)
    assert (directory / FOLDER / "0001.flv").read_bytes() == SEGMENT
    Manifest.from_json((directory / FOLDER / "recording.json").read_bytes())


# Nothing is overwritten.


def test_a_recordings_folder_that_is_there_is_not_used(directory: Path) -> None:
    (directory / FOLDER).mkdir(parents=True)
    with opened(directory) as files, pytest.raises(FileExistsError):
        files.start(YOUNG)
    assert os.listdir(directory / FOLDER) == []


def test_an_entry_that_is_there_is_not_overwritten(directory: Path) -> None:
    entry = directory / ".recorder/open/0000001"
    entry.write_text("another recording of this number")
    with opened(directory) as files, pytest.raises(FileExistsError):
        files.start(YOUNG)
    assert entry.read_text() == "another recording of this number"
    assert not (directory / "room101").exists()


def test_a_part_that_is_there_is_not_overwritten(directory: Path) -> None:
    with opened(directory) as files:
        files.start(YOUNG)
        part = directory / FOLDER / "0001.flv.part"
        part.write_text("there")
        with pytest.raises(FileExistsError):
            files.open_segment(1, HEAD, 0)
        assert part.read_text() == "there"


@pytest.mark.parametrize("error", [0, *sorted(NO_LINKS)])
def test_a_final_name_that_is_there_is_not_overwritten(directory: Path, error: int) -> None:
    disk = RefusingDisk("link", error) if error else RecordingDisk()
    with opened(directory, disk) as files:
        files.start(YOUNG)
        final = directory / FOLDER / "0001.flv"
        final.write_text("there")
        files.open_segment(1, HEAD, 0)
        with pytest.raises(FileExistsError):
            files.close_segment(1, [])
        assert final.read_text() == "there"
        assert (directory / FOLDER / "0001.flv.part").read_bytes() == HEAD


@pytest.mark.parametrize("name", ["room101", "room101/2026-11-22"])
def test_no_link_is_followed_on_the_way_to_the_folder(
    directory: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (directory / name).parent.mkdir(exist_ok=True)
    (directory / name).symlink_to(tmp_path / "elsewhere")
    with opened(directory) as files, pytest.raises(NotADirectoryError):
        files.start(YOUNG)
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("error", sorted(NO_LINKS))
def test_without_links_a_part_is_renamed_after_a_look(directory: Path, error: int) -> None:
    disk = RefusingDisk("link", error)
    with opened(directory, disk) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        disk.operations.clear()
        files.close_segment(1, PATCHES)
        assert disk.operations[3:] == [
            f"close {FOLDER}/0001.flv.part",
            f"exists {FOLDER}/0001.flv",
            f"rename {FOLDER}/0001.flv",
            f"sync_folder {FOLDER}",
        ]
    assert (directory / FOLDER / "0001.flv").read_bytes() == b"HEad1234"
    assert not (directory / FOLDER / "0001.flv.part").exists()


def test_another_error_of_a_link_is_an_error(directory: Path) -> None:
    with opened(directory, RefusingDisk("link", errno.ENOSPC)) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        with pytest.raises(OSError, match="No space"):
            files.close_segment(1, [])
    assert sorted(os.listdir(directory / FOLDER)) == ["0001.flv.part", "recording.json"]


def test_a_segment_is_not_begun_on_another_disk(directory: Path) -> None:
    with opened(directory) as files:
        files.start(YOUNG)
        away = directory.rename(directory.with_name("away"))
        with pytest.raises(StorageGone, match="is gone"):
            files.open_segment(1, HEAD, 0)
        assert os.listdir(away / FOLDER) == ["recording.json"]


def test_a_recording_that_is_there_is_opened_again(directory: Path) -> None:
    with opened(directory) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        files.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            files.open_segment(2, HEAD, 0)
        files.reopen()
        files.open_segment(2, HEAD, 0)
        files.close()
        (directory / FOLDER).rename(directory / "elsewhere")
        with pytest.raises(FileNotFoundError):
            files.reopen()
    names = ["0001.flv.part", "0002.flv.part", "recording.json"]
    assert sorted(os.listdir(directory / "elsewhere")) == names


def test_what_the_next_start_must_know_is_replaced_whole(directory: Path) -> None:
    disk = RecordingDisk()
    waiting = attrs.evolve(ENTRY, waiting_since_ms=9)
    with opened(directory, disk) as files:
        files.start(YOUNG)
        disk.operations.clear()
        files.note(waiting)
    assert effects(disk.operations) == replaced(".recorder/open/0000001")
    assert Entry.from_bytes((directory / ".recorder/open/0000001").read_bytes()) == waiting
