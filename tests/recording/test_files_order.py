"""In which order the files of a recording are written, and when they are safe.

The order is asserted whole, operation by operation: it is what a power cut is survived by, and a
step that moves must be moved on purpose, here and in DESIGN.md.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.helpers.disk import FailingDisk, RecordingDisk
from tests.recording.filing import (
    ENDED,
    FOLDER,
    HEAD,
    PATCHES,
    YOUNG,
    effects,
    opened,
    replaced,
)

if TYPE_CHECKING:
    from pathlib import Path


# In which order.


def test_the_number_and_the_entry_are_durable_before_there_is_a_folder(directory: Path) -> None:
    disk = RecordingDisk()
    with opened(directory, disk) as files:
        disk.operations.clear()
        files.start(YOUNG)
        assert effects(disk.operations) == [
            *replaced(".recorder/next"),
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
            *replaced(f"{FOLDER}/recording.json"),
        ]


def test_a_segment_has_a_durable_name_before_media(directory: Path) -> None:
    disk = RecordingDisk()
    with opened(directory, disk) as files:
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
    with opened(directory, disk) as files:
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
    with opened(directory, disk) as files:
        files.start(YOUNG)
        disk.operations.clear()
        files.save_manifest(ENDED)
        files.forget()
        assert effects(disk.operations) == [
            *replaced(f"{FOLDER}/recording.json"),
            "unlink .recorder/open/0000001",
            "sync_folder .recorder/open",
        ]


# When it is safe.


def test_a_segment_is_synced_when_its_oldest_byte_is_old_enough(directory: Path) -> None:
    disk = RecordingDisk()
    with opened(directory, disk) as files:
        files.start(YOUNG)
        files.open_segment(1, HEAD, 100)
        files.append(1, b"one", 200)
        files.open_segment(2, HEAD, 300)
        assert files.unsafe_since_ms == 100
        disk.operations.clear()
        assert list(files.sync_due(99)) == []
        assert list(files.sync_due(100)) == [(1, len(HEAD) + 3)]
        assert disk.operations == [
            f"sync_file {FOLDER}/0001.flv.part",
            f"facts {FOLDER}/0001.flv.part",  # whether anybody has removed it
        ]
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
    with opened(directory, disk) as files:
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
