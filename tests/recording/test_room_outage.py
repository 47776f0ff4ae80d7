"""Lessons that begin, end, split and go on while the disk of their room takes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.entries import Entry
from recorder.recording.manifest import Gap
from recorder.recording.outage import MOST_PUBLISHES
from recorder.recording.unfinished import read_entries
from tests.helpers.disk import RecordingDisk
from tests.helpers.studio import CLIENT, FRAME_MS, SECOND, marks
from tests.recording.ward import SickDisk, open_ward

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.helpers.disk import T


class NumberlessDisk(SickDisk):
    """Refuses nothing but a new recording."""

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if not subject.endswith("next.tmp"):
            return RecordingDisk.perform(self, operation, subject, action)
        return super().perform(operation, subject, action)


def test_lessons_that_come_and_go_while_the_disk_is_sick_are_separate_recordings(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path, sent=SECOND + 1) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.send(SECOND)
        studio.end("unpublished")
        assert not studio.recorder.is_open
        studio.clock.advance(10_000)
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        studio.clock.advance(3000)
        studio.arrive()
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("lost")
        ward.get_well()
    first, second = ward.manifests()
    assert marks(tmp_path) == studio.sent
    assert [first.end_reason, second.end_reason] == ["unpublished", "lost"]
    gaps = [row.gap for row in second.segments if row.gap is not None]
    assert gaps == [Gap(reason="reconnect", ms=3000 + FRAME_MS)]
    back = next(row for row in second.segments if row.gap is not None)
    assert back.start_ms == 2000 + 3000 + FRAME_MS


def test_a_lost_publisher_continues_its_recording_although_the_disk_fell_sick(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.lose()
        studio.writer.hop()
        studio.clock.advance(4000)
        studio.arrive()
        studio.send(SECOND)
        ward.get_well()
        studio.send(SECOND)
        studio.end("unpublished")
    (manifest,) = ward.manifests()
    assert marks(tmp_path) == studio.sent
    back = next(row for row in manifest.segments if row.gap is not None)
    assert back.gap == Gap(reason="reconnect", ms=4000 + FRAME_MS)
    assert back.start_ms == 2000 + 4000 + FRAME_MS


def test_a_split_while_the_disk_is_sick_is_made_at_the_next_keyframe(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=SECOND + 2) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.send(2)
        studio.writer.hop()
        studio.recorder.split()
        studio.send(2 * SECOND)
        ward.get_well()
        studio.send(SECOND)
        studio.end("unpublished")
    first, second = ward.manifests()
    assert marks(tmp_path) == studio.sent
    assert (first.end_reason, second.end_reason) == ("split", "unpublished")
    assert second.segments[0].reason == "split"
    assert second.segments[0].start_ms == 0


def test_a_publish_of_nothing_but_headers_leaves_nothing_behind(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=SECOND + 1) as ward:
        studio = ward.studio
        studio.end()
        ward.fall_sick()
        studio.writer.hop()
        studio.arrive()
        studio.recorder.flush(studio.clock.now_ms)
        studio.lose()
        ward.get_well()
        assert not studio.recorder.is_open
    assert len(ward.manifests()) == 1


def test_an_encoder_that_comes_and_goes_all_the_time_does_not_fill_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        ward.fall_sick()
        for _ in range(MOST_PUBLISHES + 20):
            studio.arrive()
            studio.send(2, hop_every=0)
            studio.writer.hop()
            studio.lose()
            studio.recorder.end("unpublished")
        ward.get_well()
    assert len(ward.manifests()) == MOST_PUBLISHES
    assert marks(tmp_path) == studio.sent[-2 * MOST_PUBLISHES :]
    assert caplog.text.count("were not written") == 20


def test_a_recording_that_was_open_ends_although_the_disk_is_sick(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        studio.lose()
        studio.writer.hop()
        ward.fall_sick()
        studio.clock.advance(1000)
        studio.arrive()
        studio.lose()
        studio.writer.hop()
        assert studio.fault() is not None
        studio.recorder.end("lost")
        ward.get_well()
    (manifest,) = ward.manifests()
    assert manifest.end_reason == "lost"


@pytest.mark.parametrize("by_policy", [False, True])
def test_a_lesson_that_had_not_begun_when_the_disk_failed_ends_with_its_publisher(
    tmp_path: Path, by_policy: bool
) -> None:
    with open_ward(tmp_path, sent=1) as ward:
        studio = ward.studio
        # It is held for its first segment; the disk is silent for the rooms that write.
        assert not studio.recorder.figures(studio.clock.now_ms).is_open
        if by_policy:
            studio.recorder.hold("The disk is full.")
        else:
            studio.writer.hang()
        studio.send(2 * SECOND, hop_every=0)
        assert studio.recorder.is_open
        studio.end()
        if by_policy:
            studio.recorder.release(studio.clock.now_ms)
        else:
            studio.writer.come_back()
            ward.get_well()
    (manifest,) = ward.manifests()
    assert manifest.end_reason == "unpublished"
    assert marks(tmp_path) == studio.sent


def test_the_end_of_a_lesson_stays_with_it_where_the_next_recording_cannot_begin(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path, disk=NumberlessDisk()) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
        studio.recorder.hold("The disk is full.")
        studio.recorder.split()
        studio.send(SECOND, hop_every=0)
        studio.recorder.release(studio.clock.now_ms)
        # The next one's folder is made before the last frames are written.
        ward.fall_sick()
        studio.writer.hop()
        ward.get_well()
        studio.send(SECOND)
        studio.end()
    first, second = ward.manifests()
    assert (first.end_reason, first.duration_ms) == ("split", 2000)
    assert (second.end_reason, second.duration_ms) == ("unpublished", 1400)
    assert marks(tmp_path) == studio.sent


def test_a_lesson_that_has_ended_is_over_for_the_next_start_before_its_files_are_whole(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
        studio.writer.hop()
        ward.fall_sick()
        studio.send(SECOND)
        ward.disk.sick = None
        studio.recorder.resume(studio.clock.now_ms)
        studio.send(SECOND)
        studio.end()
        studio.writer.hop()
        # The part that was written off waits for its repair.
        (entry,) = read_entries(studio.storage)
        assert isinstance(entry, Entry)
        assert entry.is_ended
        assert ward.manifests()[0].end is None
        studio.work()
        studio.writer.hop()
        assert ward.manifests()[0].end_reason == "unpublished"


def test_a_lesson_that_has_ended_goes_on_where_its_last_media_must_be_written_once_more(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
        studio.writer.hop()
        ward.fall_sick()
        studio.send(SECOND)
        ward.disk.sick = None
        studio.recorder.resume(studio.clock.now_ms)
        studio.end()
        ward.fall_sick()
        studio.writer.hop()
        assert studio.fault() is not None
        ward.get_well()
    (manifest,) = ward.manifests()
    assert manifest.end_reason == "unpublished"
    assert marks(tmp_path) == studio.sent


def test_what_was_given_up_before_the_first_file_is_part_of_the_recording(tmp_path: Path) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        studio.buffer_bytes = 30_000
        ward.fall_sick()
        studio.arrive()
        studio.send(20 * SECOND)
        ward.get_well()
        studio.end()
    (manifest,) = ward.manifests()
    first = manifest.segments[0]
    assert first.gap is not None
    assert first.start_ms == first.gap.ms == manifest.counts["lost_ms"] > 0
    # So what is shown where counts from the start that stands beside it.
    assert manifest.start == "2026-11-22T10:30:00.000Z"
    assert manifest.duration_ms == 20_000


@pytest.mark.parametrize("is_well", [False, True])
def test_who_comes_back_goes_on_behind_a_file_that_is_not_repaired_yet(
    tmp_path: Path, is_well: bool
) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND, hop_every=0)
        studio.writer.hang()
        studio.writer.come_back()
        # Nothing of it waits: the file that was written off has all of it.
        if is_well:
            studio.recorder.resume(studio.clock.now_ms)
        studio.lose()
        studio.clock.advance(5000)
        studio.arrive()
        studio.send(SECOND, hop_every=0)
        studio.recorder.resume(studio.clock.now_ms)
        studio.send(SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    first, second = manifest.segments
    assert first.end_ms == 2000
    assert second.gap is not None
    assert second.gap.ms == second.start_ms - first.end_ms == 5000
    assert marks(tmp_path) == studio.sent


def test_a_lesson_that_ended_in_an_outage_does_not_end_the_next_one_in_another(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.arrive()
        studio.send(SECOND)
        studio.end("unpublished")
        studio.arrive()
        studio.send(SECOND)
        ward.get_well()
        # Both are on their way when the disk fails once more, and come to it all the same.
        studio.writer.hang()
        studio.send(SECOND, hop_every=0)
        studio.writer.come_back()
        ward.get_well()
        studio.send(SECOND)
        studio.end("lost")
    first, second = ward.manifests()
    assert (first.end_reason, second.end_reason) == ("unpublished", "lost")
    assert first.duration_ms == 1000
    assert second.duration_ms == 3000
    assert marks(tmp_path) == studio.sent


def test_a_recording_that_a_split_began_in_an_outage_is_as_old_as_its_media(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        studio.writer.hop()
        ward.fall_sick()
        studio.recorder.split()
        studio.send(2 * SECOND)
        studio.lose()
        studio.clock.advance(60_000)
        ward.get_well()
        recording = studio.recorder.recording
        assert recording is not None
        assert studio.clock.now_ms - recording.began_ms == 62_000 - FRAME_MS
        assert recording.manifest.start == "2026-11-22T10:30:02.200Z"
        studio.recorder.end("lost")
    first, _ = ward.manifests()
    assert (first.end, first.end_reason) == ("2026-11-22T10:30:02.200Z", "split")


def test_arriving_publishers_are_told_apart_by_client(tmp_path: Path) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.arrive()
        studio.send(SECOND)
        studio.end()
        studio.recorder.publisher_arrived(attrs.evolve(CLIENT, address="10.0.0.9"), gap_reason="")
        studio.lose()
        ward.get_well()
    assert ward.manifests()[0].client == CLIENT


def test_a_recording_that_was_to_follow_a_failed_one_takes_another_number(tmp_path: Path) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 1, hop_every=0)
        studio.writer.hop()
        studio.recorder.split()
        studio.send(2 * SECOND, hop_every=0)
        ward.fall_sick()
        studio.writer.hop()  # the first has media to write before the second begins
        ward.get_well()
        studio.end()
    first, second = ward.manifests()
    assert (first.end_reason, second.end_reason) == ("split", "unpublished")
    assert second.number == 3
    assert marks(tmp_path) == studio.sent
