"""The files of a recording: what is written, in which order, and what an error leaves.

The order is asserted whole, operation by operation: it is what a power cut is survived by, and a
step that moves must be moved on purpose, here and in DESIGN.md.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.entries import Entry
from recorder.recording.files import RecordingFiles
from recorder.recording.final_name import NO_LINKS
from recorder.recording.manifest import Client, Manifest, Segment
from recorder.recording.naming import recording_path
from recorder.recording.refusals import StorageGone
from recorder.recording.storage import Storage, initialise
from tests.helpers.disk import FailingDisk, RecordingDisk, RefusingDisk, open_descriptors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder.recording.disk import OsDisk

START_UTC_NS = 1_795_343_400 * 1_000_000_000 + 987_654_321
"""2026-11-22T10:30:00.987Z."""

FOLDER = "room101/2026-11-22/0000001-103000Z"

YOUNG = Manifest(
    room="room101",
    number=1,
    start="2026-11-22T10:30:00.987Z",
    clock="trusted",
    client=Client(address="10.2.0.7", software="test"),
)
ENDED = attrs.evolve(
    YOUNG,
    end="2026-11-22T10:30:03.000Z",
    end_reason="ended",
    segments=(Segment(file="0001.flv", start_ms=0, duration_ms=3, bytes=11, reason="start"),),
)

HEAD = b"head...."
PATCHES = [(0, b"HE"), (4, b"1234")]
SEGMENT = b"HEad1234" + b"one" + b"two" + b"three"


ENTRY = Entry(folder=FOLDER, boot="boot-1", start_ms=7)


def _files(storage: Storage, number: int, room: str = "room101") -> RecordingFiles:
    entry = Entry(folder=recording_path(room, number, START_UTC_NS), boot="boot-1", start_ms=7)
    return RecordingFiles(storage, entry)


@contextmanager
def _recording(
    directory: Path, disk: RecordingDisk | OsDisk | None = None, room: str = "room101"
) -> Iterator[RecordingFiles]:
    """The files of the next recording, closed in the end."""
    with Storage.open(directory, None, disk or RecordingDisk()) as storage:
        files = _files(storage, storage.take_number(), room)
        try:
            yield files
        finally:
            files.close()


def _record(files: RecordingFiles) -> None:
    """A whole recording of one segment."""
    files.start(YOUNG)
    files.open_segment(1, HEAD, 0)
    files.append(1, b"onetwo", 0)
    files.append(1, b"three", 0)
    files.close_segment(1, PATCHES)
    files.save_manifest(attrs.evolve(ENDED, end=None, end_reason=None))
    files.save_manifest(ENDED)
    files.forget()


def _effects(operations: list[str]) -> list[str]:
    """Without what changes nothing on the disk."""
    return [
        operation
        for operation in operations
        if not operation.startswith(("open_folder", "close"))
        and not (operation.startswith("unlink") and operation.endswith(".tmp"))
    ]


def _replaced(path: str) -> list[str]:
    folder = path.rpartition("/")[0]
    return [
        f"create_file {path}.tmp",
        f"write {path}.tmp",
        f"sync_file {path}.tmp",
        f"rename {path}",
        f"sync_folder {folder}",
    ]


# What is written.


def test_a_recording_lies_in_its_folder_with_segments_and_manifest(directory: Path) -> None:
    with _recording(directory) as files:
        assert files.path == FOLDER
        _record(files)
    folder = directory / FOLDER
    assert sorted(os.listdir(folder)) == ["0001.flv", "recording.json"]
    assert (folder / "0001.flv").read_bytes() == SEGMENT
    assert Manifest.from_json((folder / "recording.json").read_bytes()) == ENDED
    assert os.listdir(directory / ".recorder/open") == []
    assert (directory / ".recorder/next").read_text() == "2\n"


def test_files_and_folders_are_closed_to_others(directory: Path) -> None:
    with _recording(directory) as files:
        _record(files)
    room = directory / "room101"
    for path in (room, *room.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o007, path


def test_a_segment_is_a_part_until_it_is_closed(directory: Path) -> None:
    with _recording(directory) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        files.append(1, b"onetwo", 0)
        folder = directory / FOLDER
        assert sorted(os.listdir(folder)) == ["0001.flv.part", "recording.json"]
        assert (folder / "0001.flv.part").read_bytes() == HEAD + b"onetwo"


def test_two_segments_may_be_open_at_once(directory: Path) -> None:
    with _recording(directory) as files:
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
    with _recording(directory) as files:
        files.start(YOUNG)
    entry = (directory / ".recorder/open/0000001").read_bytes()
    assert Entry.from_bytes(entry) == ENTRY


def test_two_recordings_of_the_same_second_do_not_collide(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()) as storage:
        for _ in range(2):
            number = storage.take_number()
            files = _files(storage, number)
            files.start(attrs.evolve(YOUNG, number=number))
            files.save_manifest(attrs.evolve(ENDED, number=number))
            files.forget()
            files.close()
    names = ["0000001-103000Z", "0000002-103000Z"]
    assert sorted(os.listdir(directory / "room101/2026-11-22")) == names


def test_a_room_is_no_path(directory: Path) -> None:
    with (
        pytest.raises(ValueError, match="not a room name"),
        _recording(directory, room="../room101"),
    ):
        pass


def test_short_writes_are_completed(directory: Path) -> None:
    disk = RecordingDisk()
    disk.max_write_bytes = 2
    with _recording(directory, disk) as files:
        _record(files)
    assert (directory / FOLDER / "0001.flv").read_bytes() == SEGMENT
    Manifest.from_json((directory / FOLDER / "recording.json").read_bytes())


# In which order.


def test_the_number_and_the_entry_are_durable_before_there_is_a_folder(directory: Path) -> None:
    disk = RecordingDisk()
    with _recording(directory, disk) as files:
        disk.operations.clear()
        files.start(YOUNG)
        assert _effects(disk.operations) == [
            *_replaced(".recorder/next"),
            "create_file .recorder/open/0000001",
            "write .recorder/open/0000001",
            "sync_file .recorder/open/0000001",
            "sync_folder .recorder/open",
            "make_folder room101",
            "sync_folder ",
            "make_folder room101/2026-11-22",
            "sync_folder room101",
            f"make_folder {FOLDER}",
            "sync_folder room101/2026-11-22",
            *_replaced(f"{FOLDER}/recording.json"),
        ]


def test_a_segment_has_a_durable_name_before_media(directory: Path) -> None:
    disk = RecordingDisk()
    with _recording(directory, disk) as files:
        files.start(YOUNG)
        disk.operations.clear()
        files.open_segment(1, HEAD, 0)
        files.append(1, b"onetwo", 0)
        # First of all that the disk is still the one that was opened.
        looked = [each for each in disk.operations if FOLDER not in each]
        assert "open_file .recorder/id" in looked
        assert disk.operations[: len(looked)] == looked
        assert disk.operations[len(looked) :] == [
            f"create_file {FOLDER}/0001.flv.part",
            f"write {FOLDER}/0001.flv.part",
            f"sync_folder {FOLDER}",
            # The media: one call for all of a batch.
            f"write {FOLDER}/0001.flv.part",
        ]


def test_a_segment_is_synced_then_linked_then_synced_then_unlinked(directory: Path) -> None:
    disk = RecordingDisk()
    with _recording(directory, disk) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        disk.operations.clear()
        files.close_segment(1, PATCHES)
        assert disk.operations == [
            f"write {FOLDER}/0001.flv.part",
            f"write {FOLDER}/0001.flv.part",
            f"sync_file {FOLDER}/0001.flv.part",
            f"close {FOLDER}/0001.flv.part",
            f"link {FOLDER}/0001.flv",
            f"sync_folder {FOLDER}",
            f"unlink {FOLDER}/0001.flv.part",
        ]


def test_the_entry_goes_after_the_final_manifest_is_durable(directory: Path) -> None:
    disk = RecordingDisk()
    with _recording(directory, disk) as files:
        files.start(YOUNG)
        disk.operations.clear()
        files.save_manifest(ENDED)
        files.forget()
        assert _effects(disk.operations) == [
            *_replaced(f"{FOLDER}/recording.json"),
            "unlink .recorder/open/0000001",
            "sync_folder .recorder/open",
        ]


# Nothing is overwritten.


def test_a_recordings_folder_that_is_there_is_not_used(directory: Path) -> None:
    (directory / FOLDER).mkdir(parents=True)
    with _recording(directory) as files, pytest.raises(FileExistsError):
        files.start(YOUNG)
    assert os.listdir(directory / FOLDER) == []


def test_an_entry_that_is_there_is_not_overwritten(directory: Path) -> None:
    entry = directory / ".recorder/open/0000001"
    entry.write_text("another recording of this number")
    with _recording(directory) as files, pytest.raises(FileExistsError):
        files.start(YOUNG)
    assert entry.read_text() == "another recording of this number"
    assert not (directory / "room101").exists()


def test_a_part_that_is_there_is_not_overwritten(directory: Path) -> None:
    with _recording(directory) as files:
        files.start(YOUNG)
        part = directory / FOLDER / "0001.flv.part"
        part.write_text("there")
        with pytest.raises(FileExistsError):
            files.open_segment(1, HEAD, 0)
        assert part.read_text() == "there"


@pytest.mark.parametrize("error", [0, *sorted(NO_LINKS)])
def test_a_final_name_that_is_there_is_not_overwritten(directory: Path, error: int) -> None:
    disk = RefusingDisk("link", error) if error else RecordingDisk()
    with _recording(directory, disk) as files:
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
    with _recording(directory) as files, pytest.raises(NotADirectoryError):
        files.start(YOUNG)
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("error", sorted(NO_LINKS))
def test_without_links_a_part_is_renamed_after_a_look(directory: Path, error: int) -> None:
    disk = RefusingDisk("link", error)
    with _recording(directory, disk) as files:
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
    with _recording(directory, RefusingDisk("link", errno.ENOSPC)) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        with pytest.raises(OSError, match="No space"):
            files.close_segment(1, [])
    assert sorted(os.listdir(directory / FOLDER)) == ["0001.flv.part", "recording.json"]


# Errors.


def _check_what_an_error_left(directory: Path, failed: str) -> None:
    """Every promise that holds at any moment, and not only when nothing fails."""
    for final in directory.rglob("*.flv"):
        assert final.read_bytes() == SEGMENT, failed
    for manifest in directory.rglob("recording.json"):
        Manifest.from_json(manifest.read_bytes())
    folders = list(directory.glob("room101/*/*"))
    assert folders in ([], [directory / FOLDER])
    if folders:
        assert (directory / ".recorder/next").read_text() == "2\n", failed
        entry = directory / ".recorder/open/0000001"
        if entry.exists():
            assert Entry.from_bytes(entry.read_bytes()) == ENTRY, failed
        else:
            content = (folders[0] / "recording.json").read_bytes()
            assert Manifest.from_json(content) == ENDED, failed


@pytest.mark.unmeasured
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("late", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_whatever_fails_is_raised_and_leaves_no_lie(
    tmp_path: Path, error: int, late: bool, links: bool
) -> None:
    class Disk(FailingDisk):
        def link(self, folder: int, source: str, target: str) -> None:
            if not links:
                raise OSError(errno.EPERM, "no links here")
            super().link(folder, source, target)

    failures: list[str] = []
    errors: set[int | None] = set()
    for n in range(1, 100):
        directory = tmp_path / f"{n}"
        initialise(directory, None, RecordingDisk())
        descriptors = open_descriptors()
        disk = Disk()
        with _recording(directory, disk) as files:
            disk.arm(n, error, late=late)
            try:
                _record(files)
            except OSError as raised:
                errors.add(raised.errno)
            else:
                # None of their errors was lost, and every operation has had its turn.
                assert disk.failed is None
                disk.arm(0)
                break
        assert disk.failed is not None
        failures.append(disk.failed)
        assert open_descriptors() == descriptors, disk.failed
        _check_what_an_error_left(directory, disk.failed)
        # And the storage records on, under another number.
        with _recording(directory, RecordingDisk(), "room102") as files:
            files.start(attrs.evolve(YOUNG, room="room102", number=2))
    assert len(failures) > 40
    assert errors == {error}
    operations = [re.match(r"\w+", failure) for failure in failures]
    assert {match[0] for match in operations if match} >= {
        *("create_file", "write", "sync_file", "sync_folder", "make_folder", "open_folder"),
        *("link" if links else "exists", "rename", "unlink", "close"),
    }


def test_a_segment_whose_sync_failed_is_neither_named_nor_synced_again(directory: Path) -> None:
    disk = FailingDisk()
    with _recording(directory, disk) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        disk.arm(1)
        with pytest.raises(OSError, match="error"):
            files.close_segment(1, [])
        assert disk.failed == f"sync_file {FOLDER}/0001.flv.part"
        # Gone: nothing can write, sync or name it any more.
        with pytest.raises(KeyError):
            files.close_segment(1, [])
    assert not (directory / FOLDER / "0001.flv").exists()


def test_before_the_start_and_after_the_end_there_is_nothing_to_write_to(directory: Path) -> None:
    with _recording(directory) as files:
        with pytest.raises(OSError, match="Bad file descriptor"):
            files.open_segment(1, HEAD, 0)
        files.start(YOUNG)
        files.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            files.save_manifest(YOUNG)


def test_closing_gives_everything_back_and_may_be_repeated(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()) as storage:
        files = _files(storage, storage.take_number())
        before = open_descriptors()
        files.close()
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        files.open_segment(2, HEAD, 0)
        assert open_descriptors() == before + 3
        files.close()
        assert open_descriptors() == before
        files.close()


def test_closing_never_raises_and_says_what_failed(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = FailingDisk()
    with caplog.at_level(logging.WARNING), _recording(directory, disk) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        disk.arm(1)
        files.close()
    assert caplog.messages == [
        f"{FOLDER}: closing a file failed: [Errno 5] Input/output error: '{FOLDER}/0001.flv.part'"
    ]


# When it is safe.


def test_a_segment_is_synced_when_its_oldest_byte_is_old_enough(directory: Path) -> None:
    disk = RecordingDisk()
    with _recording(directory, disk) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 100)
        files.append(1, b"one", 200)
        files.open_segment(2, HEAD, 300)
        assert files.unsafe_since_ms == 100
        disk.operations.clear()
        assert list(files.sync_due(99)) == []
        assert list(files.sync_due(100)) == [(1, len(HEAD) + 3)]
        assert disk.operations == [f"sync_file {FOLDER}/0001.flv.part"]
        assert files.unsafe_since_ms == 300
        assert list(files.sync_due(299)) == []
        files.append(1, b"two", 400)
        files.append(1, b"three", 500)
        assert dict(files.sync_due(1000)) == {1: len(HEAD) + 11, 2: len(HEAD)}
        assert files.unsafe_since_ms is None


@pytest.mark.parametrize("closes", [False, True])
def test_a_segment_whose_sync_failed_is_suspect_and_keeps_its_part_name(
    directory: Path, closes: bool
) -> None:
    disk = FailingDisk()
    with _recording(directory, disk) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        disk.arm(1 + closes * len(PATCHES))

        def act() -> None:
            if closes:
                files.close_segment(1, PATCHES)
            else:
                list(files.sync_due(0))

        with pytest.raises(OSError, match="Input/output error"):
            act()
        assert disk.failed == f"sync_file {FOLDER}/0001.flv.part"
        assert files.suspect == {1}
    assert sorted(os.listdir(directory / FOLDER)) == ["0001.flv.part", "recording.json"]


def test_a_segment_is_not_begun_on_another_disk(directory: Path) -> None:
    with _recording(directory) as files:
        files.start(YOUNG)
        away = directory.rename(directory.with_name("away"))
        with pytest.raises(StorageGone, match="is gone"):
            files.open_segment(1, HEAD, 0)
        assert os.listdir(away / FOLDER) == ["recording.json"]


def test_a_recording_that_is_there_is_opened_again(directory: Path) -> None:
    with _recording(directory) as files:
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
    with _recording(directory, disk) as files:
        files.start(YOUNG)
        disk.operations.clear()
        files.note(waiting)
    assert _effects(disk.operations) == _replaced(".recorder/open/0000001")
    assert Entry.from_bytes((directory / ".recorder/open/0000001").read_bytes()) == waiting
