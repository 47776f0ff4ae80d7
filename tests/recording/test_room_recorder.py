"""A room's recordings as files: real segmenter, real files, hops of the writer made by hand.

Times are handed in, so nothing waits; leaving `_studio` writes everything and checks that the
recorder would call it settled.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.actions import SegmentRules
from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Gap
from recorder.recording.storage import Storage
from tests.helpers.media import VIDEO, avc_config
from tests.helpers.studio import CLIENT, FRAME_MS, SECOND, Studio, manifests, marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder.recording.disk import Disk


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
