"""A room goes on with the recording of the recorder before, which was killed.

Times are handed in, so nothing waits.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from recorder.recording.actions import SegmentRules, TrackFacts
from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.recovery_steps import repair_files
from recorder.recording.shelves import open_recording, read_manifest
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from tests.helpers.recordings import segment
from tests.helpers.studio import FRAME_MS, SECOND, Studio, manifests, marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder.recording.manifest import Manifest


@pytest.fixture
def rules() -> SegmentRules:
    return SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


def _inherited(studio: Studio) -> tuple[Manifest, Entry]:
    (entry,) = read_entries(studio.storage)
    assert isinstance(entry, Entry)
    with open_recording(studio.storage.disk, studio.storage.root, entry.folder) as folder:
        return read_manifest(studio.storage.disk, folder), entry


@contextmanager
def _start_behind(
    folder: Path, rules: SegmentRules, frames: int, *, is_waiting: bool = False
) -> Iterator[tuple[Studio, Manifest, Entry]]:
    """A start behind a recorder that was killed when it had been sent so many frames, with what it
    finds of that.

    Args:
        is_waiting: its publisher had been lost, and all was written.
    """
    disk = OsDisk()
    initialise(folder, None, disk)
    with Storage.open(folder, None, disk) as storage:
        killed = Studio(storage, rules)
        killed.arrive()
        killed.send(frames)
        if is_waiting:
            killed.lose()
            killed.writer.hop()
        else:
            killed.writer.give_up(killed.writer.queues[0])
        _die(killed)
    with Storage.open(folder, None, disk) as storage:
        studio = Studio(storage, rules, killed.clock)
        yield studio, *_inherited(studio)


def _die(studio: Studio) -> None:
    """A killed process closes everything and says nothing."""
    for files in studio.writer.queues[0].files:
        files.close()


def test_a_hole_that_only_the_repair_finds_is_told(
    tmp_path: Path, rules: SegmentRules, caplog: pytest.LogCaptureFixture
) -> None:
    with _start_behind(tmp_path, rules, SECOND) as (studio, manifest, entry):
        recording = studio.recorder.continue_recording(
            manifest, entry, last_file=3, began_ms=0, silent_since_ms=0
        )
        assert not recording.figures().tracks
        sound = TrackFacts(kind="audio", track=0, codec="mp4a")
        recording.recovered([segment(1), segment(3, tracks=(sound,))])
        assert list(recording.figures().tracks) == [sound]
        studio.writer.hop()
        _die(studio)
    told = [text for text in caplog.messages if "gap" in text]
    assert told == ["room101: recording 1: gap of 1 min, what was there is lost"]


@pytest.mark.parametrize("is_repaired_late", [False, True])
def test_a_recording_of_the_recorder_before_is_continued_with_its_number(
    tmp_path: Path, rules: SegmentRules, is_repaired_late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with _start_behind(tmp_path, rules, 4 * SECOND) as (studio, manifest, entry):
        studio.clock.advance(20_000)
        recording = studio.recorder.continue_recording(
            manifest,
            entry,
            last_file=2,
            began_ms=studio.clock.now_ms - 24_000,
            silent_since_ms=studio.clock.now_ms - 20_000,
        )
        assert studio.open_number() == 1
        assert studio.recorder.is_open
        studio.arrive()
        studio.send(SECOND)

        def repair() -> None:
            disk = studio.storage.disk
            with open_recording(disk, studio.storage.root, entry.folder) as folder:
                recording.recovered(repair_files(disk, folder, below=3, creator="test").rows)

        if not is_repaired_late:
            repair()
        studio.send(SECOND)
        studio.end("unpublished")
        studio.writer.hop()
        if is_repaired_late:
            # Nothing is finished while what was cut off is not repaired.
            assert not recording.is_finished
            repair()
        studio.settle()
    (whole,) = manifests(tmp_path)
    assert [row.file for row in whole.segments] == ["0001.flv", "0002.flv", "0003.flv"]
    assert [row.repaired for row in whole.segments] == [False, True, False]
    assert whole.end_reason == "unpublished"
    back = whole.segments[2]
    assert back.start_ms == 24_000
    assert back.gap is not None
    assert back.gap.reason == "reconnect"
    assert back.start_ms == whole.segments[1].end_ms + back.gap.ms
    assert marks(tmp_path) == [*range(4 * SECOND), *range(2 * SECOND)]
    assert all(row.sha256 for row in whole.segments)
    # What is not repaired yet is no hole.
    told = [text for text in caplog.messages if "gap" in text]
    assert told == ["room101: recording 1: gap of 20 s, the connection was lost"]


def test_a_restart_is_a_hole_though_what_came_before_is_ahead_of_the_clock(
    tmp_path: Path, rules: SegmentRules
) -> None:
    """Encoders begin with a burst: three seconds of media had come within two."""
    with _start_behind(tmp_path, rules, 3 * SECOND, is_waiting=True) as (studio, manifest, entry):
        now_ms = studio.clock.now_ms
        recording = studio.recorder.continue_recording(
            manifest,
            entry,
            last_file=len(manifest.segments),
            began_ms=now_ms - 2500,
            silent_since_ms=now_ms - 500,
        )
        recording.recovered([])
        studio.arrive()
        studio.send(SECOND)
        studio.end("unpublished")
        studio.settle()
    (*_, before, back) = manifests(tmp_path)[0].segments
    assert back.gap is not None
    assert back.gap.reason == "reconnect"
    assert back.gap.ms >= 500
    assert back.start_ms == before.end_ms + back.gap.ms


def test_the_hole_in_a_lesson_is_its_own_and_not_that_of_one_that_nobody_came_back_to(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _start_behind(tmp_path, rules, SECOND) as (studio, manifest, entry):
        now_ms = studio.clock.now_ms
        recording = studio.recorder.continue_recording(
            manifest, entry, last_file=1, began_ms=now_ms - 1000, silent_since_ms=now_ms
        )
        recording.recovered([])
        studio.clock.advance(3_600_000)
        studio.recorder.end("lost")
        studio.arrive()
        studio.send(SECOND)
        studio.lose()
        studio.clock.advance(5000)
        studio.arrive()
        studio.send(SECOND)
        studio.end()
        studio.settle()
    (_, behind) = manifests(tmp_path)[1].segments
    assert behind.gap is not None
    assert behind.gap.ms == 5000 + FRAME_MS
    assert behind.start_ms == 1000 + behind.gap.ms


def test_a_continued_recording_that_nobody_comes_back_to_ends(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _start_behind(tmp_path, rules, 2 * SECOND, is_waiting=True) as (studio, manifest, entry):
        assert entry.waiting_since_ms == studio.clock.now_ms
        recording = studio.recorder.continue_recording(
            manifest,
            entry,
            last_file=1,
            began_ms=studio.clock.now_ms - 2000,
            silent_since_ms=studio.clock.now_ms,
        )
        assert [each.kind for each in recording.figures().tracks] == ["video", "audio"]
        studio.recorder.end("lost")
        recording.recovered([])
        studio.settle()
    (whole,) = manifests(tmp_path)
    assert whole.end_reason == "lost"
    assert marks(tmp_path) == [*range(2 * SECOND)]
