"""What an error leaves of the files of a recording."""

from __future__ import annotations

import errno
import logging
import re
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Manifest
from recorder.recording.storage import Storage
from tests.helpers.disk import FailingDisk, RecordingDisk, open_descriptors
from tests.recording.filing import (
    ENDED,
    ENTRY,
    FOLDER,
    HEAD,
    SEGMENT,
    YOUNG,
    new_files,
    opened,
    record,
)

if TYPE_CHECKING:
    from pathlib import Path


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
        with opened(directory, disk) as files:
            disk.arm(n, error, late=late)
            try:
                record(files)
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
        with opened(directory, RecordingDisk(), "room102") as files:
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
    with opened(directory, disk) as files:
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
    with opened(directory) as files:
        with pytest.raises(OSError, match="Bad file descriptor"):
            files.open_segment(1, HEAD, 0)
        files.start(YOUNG)
        files.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            files.save_manifest(YOUNG)


def test_closing_gives_everything_back_and_may_be_repeated(directory: Path) -> None:
    with Storage.open(directory, None, RecordingDisk()) as storage:
        files = new_files(storage, storage.take_number())
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
    with caplog.at_level(logging.WARNING), opened(directory, disk) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 0)
        disk.arm(1)
        files.close()
    assert caplog.messages == [
        f"{FOLDER}: closing a file failed: [Errno 5] Input/output error: '{FOLDER}/0001.flv.part'"
    ]
