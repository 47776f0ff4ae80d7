"""Recordings that were cut off are made whole again, wherever that was.

The recordings are those of the real segmenter and the real files; the disk is the real one, with
every operation written down or one of them failing.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.flv.parts import Role
from recorder.flv.scanner import Scanner
from recorder.recording.actions import Opened
from recorder.recording.disk import OsDisk, closing
from recorder.recording.hashing import sha256_of
from recorder.recording.manifest import Gap
from recorder.recording.recovery import recover_folder, recover_recording
from recorder.recording.recovery_steps import Repaired, look, repair_files
from recorder.recording.shelves import open_recording
from recorder.recording.storage import Storage
from tests.helpers.cut_off import CREATOR, FOLDER, actions, cut_off
from tests.helpers.segments import carry_out
from tests.recording.recovering import (
    ENTRY,
    MANIFEST,
    check_recovered,
    made,
    manifest_of,
    new_storage,
    recover,
    two_open,
)

if TYPE_CHECKING:
    from pathlib import Path


# Wherever it was cut.


@pytest.mark.parametrize("after", range(len(actions()) + 1))
def test_wherever_a_recording_was_cut_off_it_is_made_whole(directory: Path, after: int) -> None:
    before = cut_off(directory, made()[:after])
    recovered = recover(directory)
    check_recovered(directory, recovered)
    manifest = manifest_of(directory)
    assert manifest.end_reason == "interrupted"
    kept = [attrs.evolve(row, sha256=None) for row in manifest.segments if not row.repaired]
    assert kept == list(before.segments)
    opened = [
        (f"{each.segment + 1:04}.flv", each.position_ms, each.reason.value)
        for each in made()
        if isinstance(each, Opened)
    ]
    rows = [(row.file, row.start_ms, row.reason) for row in manifest.segments]
    assert rows == opened[: len(rows)]
    # Everything that was written is there, and the numbers show no hole.
    written = [bytes(segment.data) for segment in carry_out(made()[:after])]
    found = [path.read_bytes() for path in sorted((directory / FOLDER).glob("*.flv"))]
    assert list(map(_frames, found)) == [count for count in map(_frames, written) if count]
    assert all(row.gap is None for row in manifest.segments)


def _frames(data: bytes) -> int:
    found = Scanner().feed(data)
    return sum(part.role is Role.FRAME for each in found for part in each.parts)


def test_a_recording_that_was_cut_off_ends_where_its_media_end(directory: Path) -> None:
    cut_off(directory, made()[:-1])
    recover(directory)
    manifest = manifest_of(directory)
    assert [row.repaired for row in manifest.segments] == [False, False, False, True]
    assert manifest.counts["repaired_segments"] == 1
    assert manifest.duration_ms == 3_520
    assert manifest.end == "2026-11-22T10:30:03.520Z"
    assert all(row.gap is None for row in manifest.segments)


def test_nothing_was_recorded_where_there_is_no_segment(directory: Path) -> None:
    cut_off(directory, made()[:0])
    recovered = recover(directory)
    assert recovered.manifest is not None
    assert (recovered.manifest.segments, recovered.was_ended) == ((), True)
    check_recovered(directory, recovered)


def test_what_goes_on_keeps_its_entry_until_its_checksums_are_there(directory: Path) -> None:
    cut_off(directory, made())
    with Storage.open(directory, None, OsDisk()) as storage:
        recovered = recover_recording(storage, FOLDER, creator=CREATOR)
    assert not recovered.is_done
    assert manifest_of(directory).end is not None
    assert (directory / ENTRY).exists()
    assert recover(directory).checksums == len(manifest_of(directory).segments)
    check_recovered(directory)


def test_progress_is_what_was_scanned(directory: Path) -> None:
    cut_off(directory, made()[:2])
    size = (directory / FOLDER / "0001.flv.part").stat().st_size
    read: list[int] = []
    with Storage.open(directory, None, OsDisk()) as storage:
        recover_recording(storage, FOLDER, creator=CREATOR, progress=read.append)
    assert sum(read) == size


TORN = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)


@TORN
@given(data=st.data())
def test_whatever_the_power_cut_left_of_the_parts(tmp_path: Path, data: st.DataObject) -> None:
    directory = new_storage(tmp_path / f"{len(os.listdir(tmp_path))}")
    cut_off(directory, made()[: data.draw(st.integers(1, len(made())))])
    for part in sorted((directory / FOLDER).glob("*.part")):
        content = bytearray(part.read_bytes())
        at = data.draw(st.integers(0, len(content)))
        match data.draw(st.sampled_from(["whole", "cut", "zeros", "hole", "garbage"])):
            case "cut":
                del content[at:]
            case "zeros":
                content[at:] = bytes(len(content) - at)
            case "hole":
                content[at : at + 4096] = bytes(len(content[at : at + 4096]))
            case "garbage":
                noise = data.draw(st.binary(min_size=1, max_size=40))
                content[at : at + len(noise)] = noise
        part.write_bytes(content)
    check_recovered(directory, recover(directory))


# While the recording goes on.


def test_the_files_of_a_recording_that_goes_on_are_repaired_and_its_manifest_is_not_touched(
    directory: Path,
) -> None:
    manifest = cut_off(directory, two_open())
    (directory / FOLDER / "0009.flv.part").write_bytes(b"being written")
    (directory / FOLDER / "recording.json.tmp").write_bytes(b"being replaced")
    before = (directory / MANIFEST).read_bytes()
    disk = OsDisk()
    with (
        Storage.open(directory, None, disk) as storage,
        open_recording(disk, storage.root, FOLDER) as folder,
    ):
        repaired = repair_files(disk, folder, below=9, creator=CREATOR)
        again = repair_files(disk, folder, below=3, creator=CREATOR)
    assert [row.index for row in repaired.rows] == [2, 3]
    assert again == Repaired(rows=repaired.rows[:1], added=1)
    assert repaired.salvaged == 2
    assert [row.file for row in manifest.segments] == ["0001.flv"]
    assert (directory / MANIFEST).read_bytes() == before
    assert (directory / FOLDER / "0009.flv.part").read_bytes() == b"being written"
    assert (directory / FOLDER / "recording.json.tmp").exists()


# Outside of a storage.


def test_a_recording_that_was_copied_out_is_made_whole_where_it_lies(
    directory: Path, tmp_path: Path
) -> None:
    cut_off(directory, made()[:3])
    disk = OsDisk()
    with closing(disk, disk.open_path(directory / FOLDER)) as folder:
        found = look(disk, folder)
        assert not found.is_finished
        recovered = recover_folder(
            disk,
            folder,
            FOLDER,
            creator=CREATOR,
            checksum=partial(sha256_of, disk),
        )
        assert look(disk, folder).is_finished
    assert recovered.is_done
    assert (directory / ENTRY).exists()


def test_gaps_of_a_recording_that_lost_a_segment_are_told(directory: Path) -> None:
    cut_off(directory, made())
    (directory / MANIFEST).unlink()
    (directory / FOLDER / "0002.flv").unlink()
    recover(directory)
    gaps = [row.gap for row in manifest_of(directory).segments]
    assert gaps == [None, Gap(reason="lost", ms=1000), None]
