"""A recording that one recorder leaves open in order, for the next one to go on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.recovery import recover_recording
from recorder.recording.shelves import open_recording, read_manifest
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from tests.helpers.studio import FRAME_MS, SECOND, Studio, manifests, marks
from tests.recording.ward import RULES, open_ward

if TYPE_CHECKING:
    from pathlib import Path


def is_settled(studio: Studio) -> bool:
    """The recorder's word, asked anew."""
    return studio.recorder.is_settled


def leave_one(folder: Path) -> Studio:
    """A lesson whose publisher is there when the recorder is told to stop."""
    disk = OsDisk()
    initialise(folder, None, disk)
    with Storage.open(folder, None, disk) as storage:
        studio = Studio(storage, RULES)
        studio.arrive()
        studio.send(4 * SECOND)
        studio.lose()
        studio.recorder.leave("shutdown")
        assert not studio.recorder.is_open
        assert not is_settled(studio), "its last segment is not written yet"
        studio.writer.hop()
        studio.writer.hop()
        assert is_settled(studio)
        for files in studio.writer.queues[0].files:
            files.close()
    assert not list(folder.rglob("*.part"))
    return studio


def test_it_is_whole_and_says_why_it_would_be_over(tmp_path: Path) -> None:
    studio = leave_one(tmp_path)
    (manifest,) = manifests(tmp_path)
    assert (manifest.end, manifest.end_reason) == (None, "shutdown")
    assert marks(tmp_path) == studio.sent


def test_the_next_recorder_goes_on_with_it_and_the_gap_is_told(tmp_path: Path) -> None:
    left = leave_one(tmp_path)
    disk = OsDisk()
    with Storage.open(tmp_path, None, disk) as storage:
        studio = Studio(storage, RULES, left.clock)
        studio.clock.advance(2000)
        (entry,) = read_entries(storage)
        assert isinstance(entry, Entry)
        assert entry.waiting_since_ms == studio.clock.now_ms - 2000
        with open_recording(disk, storage.root, entry.folder) as folder:
            manifest = read_manifest(disk, folder)
        began_ms = studio.clock.now_ms - 2000 - 4 * SECOND * FRAME_MS
        recording = studio.recorder.continue_recording(
            manifest,
            entry,
            last_file=2,
            began_ms=began_ms,
            silent_since_ms=studio.clock.now_ms - 2000,
        )
        recording.recovered([])
        studio.arrive()
        studio.send(2 * SECOND)
        studio.writer.hop()
        assert manifests(tmp_path)[0].end_reason is None, "it goes on"
        studio.end("unpublished")
        studio.settle()
    (whole,) = manifests(tmp_path)
    assert [row.file for row in whole.segments] == ["0001.flv", "0002.flv", "0003.flv"]
    gap = whole.segments[2].gap
    assert gap is not None
    assert 2000 <= gap.ms <= 2000 + 2 * FRAME_MS
    assert whole.end_reason == "unpublished"
    assert not any(row.repaired for row in whole.segments)


def test_nobody_goes_on_with_it_and_it_has_ended_in_order(tmp_path: Path) -> None:
    leave_one(tmp_path)
    with Storage.open(tmp_path, None, OsDisk()) as storage:
        (entry,) = read_entries(storage)
        assert isinstance(entry, Entry)
        recover_recording(storage, entry.folder, creator="test")
    (manifest,) = manifests(tmp_path)
    assert manifest.end is not None
    assert manifest.end_reason == "shutdown"


def test_what_waits_for_a_sick_disk_is_written_before_it_ends(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        studio.writer.hop()
        ward.fall_sick()
        studio.send(2 * SECOND)
        assert studio.fault() is not None
        studio.lose()
        studio.recorder.leave("shutdown")
        assert not is_settled(studio)
        ward.get_well()
    (manifest,) = ward.manifests()
    assert manifest.end_reason == "shutdown"
    assert manifest.end is not None
    assert marks(tmp_path) == studio.sent


def test_where_nothing_is_open_nothing_is_left(tmp_path: Path) -> None:
    with open_ward(tmp_path) as ward:
        ward.studio.recorder.leave("shutdown")
        ward.studio.arrive()
        ward.studio.send(SECOND)
        ward.studio.end("unpublished")
        ward.studio.recorder.leave("shutdown")
    (manifest,) = ward.manifests()
    assert manifest.end_reason == "unpublished"
