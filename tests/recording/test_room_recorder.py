"""A room's recordings as files: real segmenter, real files, hops of the writer made by hand.

Times are handed in, so nothing waits; leaving `_studio` writes everything and checks that the
recorder would call it settled.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.actions import SegmentRules, TrackFacts
from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Gap
from recorder.recording.recovery_steps import repair_files
from recorder.recording.shelves import open_recording, read_manifest
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from tests.helpers.media import VIDEO, avc_config
from tests.helpers.recordings import segment
from tests.helpers.studio import CLIENT, FRAME_MS, SECOND, Studio, manifests, marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Manifest


@pytest.fixture
def rules() -> SegmentRules:
    return SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


@contextmanager
def _studio(folder: Path, rules: SegmentRules, disk: Disk | None = None) -> Iterator[Studio]:
    disk = disk or OsDisk()
    initialise(folder, None, disk)
    with Storage.open(folder, None, disk) as storage:
        studio = Studio(storage, rules)
        yield studio
        studio.settle()


def test_a_lesson_becomes_segments_and_a_manifest_that_agree(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(10 * SECOND)
        studio.lose()
        assert studio.open_number() == 1
        studio.recorder.end("unpublished")
        assert studio.open_number() is None
    (manifest,) = manifests(tmp_path)
    assert len(marks(tmp_path)) == 10 * SECOND
    assert [segment.file for segment in manifest.segments] == [f"000{n}.flv" for n in (1, 2, 3, 4)]
    assert [segment.start_ms for segment in manifest.segments] == [0, 3000, 6000, 9000]
    assert [segment.reason for segment in manifest.segments] == ["start"] + 3 * ["duration"]
    assert manifest.end_reason == "unpublished"
    assert manifest.start == "2026-11-22T10:30:00.000Z"
    assert manifest.end == "2026-11-22T10:30:10.000Z"
    assert manifest.client == CLIENT
    folder = tmp_path / "room101" / "2026-11-22" / "0000001-103000Z"
    assert {path.name: path.stat().st_size for path in folder.glob("*.flv")} == {
        segment.file: segment.bytes for segment in manifest.segments
    }
    assert list((tmp_path / ".recorder" / "open").iterdir()) == []


def test_other_rules_hold_from_the_next_segment_on_and_for_the_next_publish(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(SECOND)
        studio.recorder.follow(attrs.evolve(rules, duration_ms=1000))
        studio.send(4 * SECOND)
        studio.lose()
        studio.recorder.follow(attrs.evolve(rules, duration_ms=2000))
        studio.arrive()
        studio.send(4 * SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    (manifest,) = manifests(tmp_path)
    assert [each.duration_ms for each in manifest.segments] == [3000, 1000, 1000, 2000, 2000]


def test_a_publisher_that_returns_continues_its_recording_with_the_gap(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        studio.clock.advance(7000)
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        studio.arrive("takeover")
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("lost")
    (manifest,) = manifests(tmp_path)
    assert len(marks(tmp_path)) == 5 * SECOND
    # The gap begins with the last frame that came, not with our noticing.
    assert [segment.gap for segment in manifest.segments] == [
        None,
        Gap(reason="reconnect", ms=7000 + FRAME_MS),
        Gap(reason="takeover", ms=FRAME_MS),
    ]
    starts = [segment.start_ms for segment in manifest.segments]
    ends = [segment.start_ms + segment.duration_ms for segment in manifest.segments]
    assert starts[1] == ends[0] + 7000 + FRAME_MS
    assert starts[2] == ends[1] + FRAME_MS
    assert manifest.end_reason == "lost"


def test_a_gap_begins_with_the_last_media_also_when_the_loss_is_noticed_late(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(2 * SECOND)
        studio.clock.advance(15_000)  # a read without media, then the end of the connection
        studio.recorder.flush(studio.clock.now_ms)
        studio.lose()
        studio.clock.advance(2000)
        studio.arrive()  # headers, and gone again
        studio.recorder.flush(studio.clock.now_ms)
        studio.lose()
        studio.clock.advance(3000)
        studio.arrive()
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("lost")
    (manifest,) = manifests(tmp_path)
    assert manifest.segments[1].gap == Gap(reason="reconnect", ms=20_000 + FRAME_MS)


def test_after_max_duration_the_next_recording_begins_without_a_gap(
    tmp_path: Path, rules: SegmentRules
) -> None:
    rules = attrs.evolve(rules, max_duration_ms=5000)
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(12 * SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    first, second, third = manifests(tmp_path)
    assert len(marks(tmp_path)) == 12 * SECOND
    assert [m.number for m in (first, second, third)] == [1, 2, 3]
    assert [m.end_reason for m in (first, second, third)] == [
        "max_duration",
        "max_duration",
        "unpublished",
    ]
    assert all(m.segments[0].start_ms == 0 for m in (first, second, third))
    assert second.segments[0].reason == "max_duration"
    assert first.start < second.start < third.start


def test_a_split_begins_another_recording_at_the_next_keyframe(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.recorder.split()  # nobody publishes: nothing to split
        studio.arrive()
        studio.send(SECOND + 5)
        studio.recorder.split()
        studio.send(2 * SECOND - 5)
        studio.lose()
        studio.recorder.end("unpublished")
    first, second = manifests(tmp_path)
    assert first.end_reason == "split"
    assert second.segments[0].reason == "split"
    assert len(marks(tmp_path)) == 3 * SECOND


def test_a_publish_without_media_makes_no_recording(tmp_path: Path, rules: SegmentRules) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
        studio.recorder.flush(studio.clock.now_ms)
        studio.lose()
        studio.recorder.end("unpublished")
        assert studio.open_number() is None
    assert not (tmp_path / "room101").exists()


def test_a_publish_of_nothing_but_data_makes_no_recording(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
        studio.recorder.data("onTextData", b"\x02\x00\x0aonTextData\x05", 0, studio.clock.now_ms)
        studio.lose()
        studio.recorder.end("unpublished")
    assert not (tmp_path / "room101").exists()


def test_a_last_frame_that_opens_the_recording_is_not_lost(
    tmp_path: Path, rules: SegmentRules
) -> None:
    """All of a short publish is still held for its first segment when it ends."""
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(3)
        assert studio.open_number() is None
        assert studio.recorder.held_bytes > 0
        assert studio.recorder.pending_bytes == 0  # no disk is waited for
        studio.lose()
        assert studio.open_number() == 1
        studio.recorder.end("unpublished")
    assert len(marks(tmp_path)) == 3


def test_anomalies_of_the_connection_and_of_the_media_are_counted_in_the_manifest(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(SECOND)
        studio.recorder.media(VIDEO, 0, avc_config(), studio.clock.now_ms)
        studio.recorder.publisher_left(
            studio.clock.now_ms, {"unknown_messages": 2, "acknowledgements": 0}
        )
        studio.recorder.end("unpublished")
    (manifest,) = manifests(tmp_path)
    assert manifest.counts == {"repeated_headers": 1, "unknown_messages": 2}


def test_the_counts_of_a_publish_that_ends_while_it_is_held_are_kept(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(3)
        studio.recorder.publisher_left(studio.clock.now_ms, {"unknown_messages": 2})
        studio.recorder.end("unpublished")
    (manifest,) = manifests(tmp_path)
    assert manifest.counts == {"unknown_messages": 2}


def test_the_manifest_says_whether_the_wall_clock_was_believed(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.clock.is_trusted = False
        studio.arrive()
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    assert manifests(tmp_path)[0].clock == "untrusted"


def test_a_step_of_the_wall_clock_changes_no_duration_and_no_order(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.arrive()
        studio.send(4 * SECOND)
        studio.clock.step_wall(-3600_000)
        studio.send(4 * SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    (manifest,) = manifests(tmp_path)
    assert [segment.start_ms for segment in manifest.segments] == [0, 3000, 6000]
    assert len(marks(tmp_path)) == 8 * SECOND


def test_a_step_of_the_wall_clock_is_an_event_of_the_open_recording(
    tmp_path: Path, rules: SegmentRules
) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.recorder.clock_stepped(5000)  # nobody records
        studio.arrive()
        studio.send(4 * SECOND)
        studio.recorder.clock_stepped(-3_600_000)
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    (manifest,) = manifests(tmp_path)
    # The recording begins when its first segment does: with the hold of half a second.
    (event,) = manifest.events
    assert (event.kind, event.ms) == ("clock_step", -3_600_000)
    assert 3000 <= event.at_ms <= 4000


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


def test_the_room_says_what_is_safe_and_what_is_saved(tmp_path: Path, rules: SegmentRules) -> None:
    with _studio(tmp_path, rules) as studio:
        studio.writer.sync_interval_ms = 1000
        studio.arrive()
        studio.send(5 * SECOND)
        recording = studio.recorder.recording
        assert recording is not None
        assert recording.path == "room101/2026-11-22/0000001-103000Z"
        first = (tmp_path / recording.path / "0001.flv").stat().st_size
        assert recording.safe_bytes > first
        studio.end()
    assert studio.safe
    assert next(manifest.end for _, manifest in studio.saved) is None
    assert studio.saved[-1][1] == manifests(tmp_path)[0]
