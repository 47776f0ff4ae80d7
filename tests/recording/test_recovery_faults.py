"""In which order recovery writes, and what it makes of what a failing disk has left."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING

import pytest

from recorder.recording.entries import Entry
from recorder.recording.hashing import sha256_of
from recorder.recording.recovery import recover_recording
from recorder.recording.storage import Storage
from tests.helpers.cut_off import CREATOR, FOLDER, cut_off, tree
from tests.helpers.disk import FailingDisk, RecordingDisk, open_descriptors
from tests.recording.recovering import (
    ENTRY,
    FORGOTTEN,
    MANIFEST,
    READING,
    check_recovered,
    made,
    new_storage,
    recover,
    two_open,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_entry_goes_when_everything_is_durable(directory: Path) -> None:
    cut_off(directory, made()[:2])
    disk = RecordingDisk()
    recover(directory, disk)
    effects = [each for each in disk.operations if each.split()[0] not in READING]
    replaced = [
        f"create_file {MANIFEST}.tmp",
        f"write {MANIFEST}.tmp",
        f"sync_file {MANIFEST}.tmp",
        f"rename {MANIFEST}",
        f"sync_folder {FOLDER}",
    ]
    assert [each for each in effects if not each.startswith(f"unlink {MANIFEST}")] == [
        f"sync_file {FOLDER}/0001.flv.part",
        f"write {FOLDER}/0001.flv.part",
        f"write {FOLDER}/0001.flv.part",
        f"sync_file {FOLDER}/0001.flv.part",
        f"link {FOLDER}/0001.flv",
        f"sync_folder {FOLDER}",
        f"unlink {FOLDER}/0001.flv.part",
        *replaced,
        *replaced,
        *FORGOTTEN,
    ]


def test_what_was_complete_is_synced_before_it_is_forgotten(directory: Path) -> None:
    cut_off(directory, made())
    recover(directory)
    (directory / ENTRY).write_bytes(Entry(folder=FOLDER).to_bytes())
    disk = RecordingDisk()
    recover(directory, disk)
    effects = [each for each in disk.operations if each.split()[0] not in READING]
    assert effects == [f"sync_folder {FOLDER}", *FORGOTTEN]


def _two_parts(directory: Path) -> None:
    cut_off(directory, two_open())
    assert len(list((directory / FOLDER).glob("*.part"))) == 2


def _damaged(directory: Path) -> None:
    cut_off(directory, made()[:3])
    (directory / MANIFEST).write_bytes(b"{")
    part = directory / FOLDER / "0001.flv.part"
    (directory / FOLDER / "0002.flv.part").write_bytes(b"what is this?")
    (directory / FOLDER / "recording.json.tmp").write_bytes(b"{")
    part.write_bytes(part.read_bytes() + bytes(5000))


def _nothing(directory: Path) -> None:
    cut_off(directory, made()[:1])
    (directory / MANIFEST).unlink()


@pytest.mark.parametrize("late", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("prepare", [_damaged, _nothing, _two_parts])
def test_whatever_fails_the_next_recovery_gives_the_same(
    tmp_path: Path, prepare: Callable[[Path], None], late: bool
) -> None:
    good = new_storage(tmp_path / "good")
    prepare(good)
    recover(good)
    failed: list[str] = []
    for n in range(1, 200):
        directory = new_storage(tmp_path / f"{n}")
        prepare(directory)
        disk = FailingDisk()
        descriptors = open_descriptors()
        with Storage.open(directory, None, disk) as storage:
            disk.arm(n, errno.EIO, late=late)
            try:
                recover_recording(
                    storage,
                    FOLDER,
                    creator=CREATOR,
                    checksum=partial(sha256_of, disk),
                )
            except OSError:
                assert disk.failed is not None
                failed.append(disk.failed)
            is_over = disk.failed is None
            disk.arm(0)
        assert open_descriptors() == descriptors
        recover(directory)
        assert _comparable(directory) == _comparable(good), failed[-1:]
        if is_over:
            break
    assert is_over
    assert len(failed) > 15
    check_recovered(directory)


def _comparable(directory: Path) -> dict[str, bytes | None]:
    return {
        name: content
        for name, content in tree(directory).items()
        if name not in {".recorder/id", ".recorder/lock"}
    }


@pytest.mark.parametrize("late", [False, True], ids=["not done", "done"])
def test_wherever_a_disk_failed_under_a_recording_it_is_made_whole(
    tmp_path: Path, late: bool
) -> None:
    for n in range(1, 200):
        directory = new_storage(tmp_path / f"{n}")
        disk = FailingDisk()
        failed = None
        try:
            cut_off(directory, made(), disk, ready=partial(disk.arm, n, late=late))
        except OSError:
            failed = disk.failed
        disk.arm(0)
        check_recovered(directory, recover(directory))
        if failed is None:
            break
    assert n > 50
