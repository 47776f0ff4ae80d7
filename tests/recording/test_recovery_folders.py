"""What recovery makes of the names in a recording's folder, and of its manifest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.entries import Entry
from recorder.recording.recovery_steps import Repaired
from tests.helpers.cut_off import FOLDER, YOUNG, cut_off
from tests.helpers.disk import RecordingDisk
from tests.recording.recovering import (
    ENTRY,
    FORGOTTEN,
    MANIFEST,
    READING,
    check_recovered,
    made,
    manifest_of,
    recover,
)

if TYPE_CHECKING:
    from pathlib import Path


# Names.


def test_both_names_of_one_file_are_understood(directory: Path) -> None:
    cut_off(directory, made())
    folder = directory / FOLDER
    os.link(folder / "0002.flv", folder / "0002.flv.part")
    disk = RecordingDisk()
    recovered = recover(directory, disk)
    assert recovered.files == Repaired()
    check_recovered(directory)
    # The final name may not have been durable: it is before the other goes.
    unlink = disk.operations.index(f"unlink {FOLDER}/0002.flv.part")
    assert disk.operations[unlink - 1] == f"sync_folder {FOLDER}"


def test_another_file_under_the_final_name_is_not_touched(directory: Path) -> None:
    cut_off(directory, made())
    folder = directory / FOLDER
    before = (folder / "0002.flv").read_bytes()
    (folder / "0002.flv.part").write_bytes(b"another")
    recovered = recover(directory)
    assert recovered.files.damaged == 1
    assert (folder / "0002.flv").read_bytes() == before
    assert (folder / "0002.flv.damaged").read_bytes() == b"another"
    assert manifest_of(directory).counts == {"damaged_segments": 1}
    check_recovered(directory, recovered)


def test_a_segment_that_no_manifest_mentions_is_added(directory: Path) -> None:
    manifest = cut_off(directory, made())
    rows = list(manifest.segments)
    forgotten = attrs.evolve(manifest, segments=(rows[0], rows[2]))
    (directory / MANIFEST).write_bytes(forgotten.to_json())
    recovered = recover(directory)
    assert recovered.files.added == len(rows) - 2
    found = [attrs.evolve(row, sha256=None) for row in manifest_of(directory).segments]
    assert found == rows
    check_recovered(directory, recovered)


def test_a_row_without_a_file_stays(directory: Path) -> None:
    cut_off(directory, made())
    (directory / FOLDER / "0002.flv").unlink()
    manifest = recover(directory).manifest
    assert manifest is not None
    assert [row.sha256 is None for row in manifest.segments] == [False, True, False, False]


def test_what_is_not_ours_stays(directory: Path) -> None:
    cut_off(directory, made()[:3])
    (directory / FOLDER / "notes.txt").write_bytes(b"of a person")
    (directory / FOLDER / "0009.flv.part").mkdir()
    (directory / FOLDER / "recording.json.tmp").write_bytes(b"{")
    recover(directory)
    assert (directory / FOLDER / "notes.txt").read_bytes() == b"of a person"
    assert (directory / FOLDER / "0009.flv.part").is_dir()
    assert not (directory / FOLDER / "recording.json.tmp").exists()


def test_a_part_that_cannot_be_read_is_kept_and_counted(directory: Path) -> None:
    cut_off(directory, made()[:3])
    (directory / FOLDER / "0001.flv.part").write_bytes(b"what is this?")
    recovered = recover(directory)
    assert recovered.files.damaged == 1
    assert manifest_of(directory).counts == {"damaged_segments": 1}
    check_recovered(directory, recovered)


def test_a_part_without_a_frame_goes(directory: Path) -> None:
    cut_off(directory, made()[:1])
    recovered = recover(directory)
    assert (recovered.files.empty, recovered.files.rows) == (1, [])
    check_recovered(directory, recovered)


# Manifests.


def test_a_missing_manifest_is_made_anew(directory: Path) -> None:
    cut_off(directory, made()[:-1])
    (directory / MANIFEST).unlink()
    recovered = recover(directory)
    assert (recovered.made_anew, recovered.was_damaged) == (True, False)
    manifest = manifest_of(directory)
    assert (manifest.room, manifest.number, manifest.start) == (
        YOUNG.room,
        YOUNG.number,
        YOUNG.start,
    )
    assert [row.start_ms for row in manifest.segments] == [0, 1000, 2000, 3000]
    check_recovered(directory, recovered)


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 2}', bytes(65 << 20)])
def test_a_damaged_manifest_is_kept_and_made_anew(directory: Path, content: bytes) -> None:
    cut_off(directory, made())
    (directory / MANIFEST).write_bytes(content)
    recovered = recover(directory)
    assert recovered.was_damaged
    assert len(manifest_of(directory).segments) == 4
    assert (directory / f"{MANIFEST}.damaged").read_bytes() == content
    check_recovered(directory, recovered)


def test_a_damaged_manifest_without_segments_is_made_anew_too(directory: Path) -> None:
    cut_off(directory, made()[:0])
    (directory / MANIFEST).rename(directory / f"{MANIFEST}.damaged")
    recovered = recover(directory)
    assert recovered.manifest is not None
    check_recovered(directory, recovered)


def test_an_empty_folder_goes(directory: Path) -> None:
    cut_off(directory, made()[:0])
    (directory / MANIFEST).unlink()
    disk = RecordingDisk()
    recovered = recover(directory, disk)
    assert recovered.manifest is None
    assert not (directory / FOLDER).exists()
    assert not (directory / ENTRY).exists()
    date = FOLDER.rpartition("/")[0]
    effects = [each for each in disk.operations if each.split()[0] not in READING]
    assert effects == [
        f"remove_folder {FOLDER}",
        f"sync_folder {date}",
        *FORGOTTEN,
    ]


def test_a_recording_whose_folder_was_never_made_is_forgotten(directory: Path) -> None:
    (directory / ENTRY).write_bytes(Entry(folder=FOLDER).to_bytes())
    assert recover(directory).manifest is None
    assert os.listdir(directory / ".recorder/open") == []
    assert recover(directory).manifest is None


def test_a_file_in_place_of_a_folder_is_an_error(directory: Path) -> None:
    (directory / "room101").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        recover(directory)
