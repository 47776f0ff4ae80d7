"""The manifest of a recording that goes on: what is entered, taken back, and told."""

from __future__ import annotations

import attrs

from recorder.recording.actions import Closed, CutReason, Opened, SegmentFacts, TrackFacts
from recorder.recording.manifest import Event, Gap
from recorder.recording.open_files import OpenFile
from recorder.recording.open_manifest import OpenManifest
from tests.helpers.recordings import SHA256, going_on, segment
from tests.helpers.work import Work

SOUND = TrackFacts(kind="audio", track=0, codec="mp4a")
PICTURE = TrackFacts(kind="video", track=0, codec="avc1")


def closed(*tracks: TrackFacts, counts: dict[str, int]) -> Closed:
    """Ten seconds."""
    facts = SegmentFacts(
        duration_ms=10_000,
        size_bytes=100,
        tracks=tracks,
        keyframes=5,
        forced=False,
        counts=counts,
    )
    return Closed(segment=0, patches=(), facts=facts)


def opened(position_ms: int) -> Opened:
    return Opened(
        segment=0,
        head=b"FLV",
        reason=CutReason.DURATION,
        new_recording=False,
        base=0,
        position_ms=position_ms,
        forced=False,
    )


def test_a_closed_segment_has_a_row_and_its_counts_are_added() -> None:
    manifest = OpenManifest(going_on(1, segments=(), counts={"late_frames": 1}))
    gap = Gap(reason="reconnect", ms=500)
    manifest.close(1, OpenFile(opened(60_000), gap), closed(counts={"late_frames": 2, "none": 0}))
    (row,) = manifest.now.segments
    assert (row.index, row.start_ms, row.gap, row.reason) == (1, 60_000, gap, "duration")
    assert manifest.now.counts == {"late_frames": 3}
    assert manifest.end_position_ms == 70_000


def test_what_is_taken_back_has_no_row_and_the_recording_is_as_long_as_it_was() -> None:
    manifest = OpenManifest(going_on(1, segments=(segment(1),)))
    manifest.close(2, OpenFile(opened(60_000), None), closed(counts={}))
    manifest.take_back({2})
    assert [row.index for row in manifest.now.segments] == [1]
    assert manifest.end_position_ms == 70_000


def test_of_the_holes_beside_a_repaired_segment_those_are_told_that_nobody_knew_of() -> None:
    known = segment(2, start_ms=70_000, gap=Gap(reason="reconnect", ms=10_000))
    manifest = OpenManifest(going_on(1, segments=(segment(1), known)))
    assert manifest.adopt([segment(5, start_ms=200_000)]) == [Gap(reason="lost", ms=70_000)]
    assert [row.index for row in manifest.now.segments] == [1, 2, 5]


def test_a_hole_is_measured_anew_where_what_lies_before_it_was_repaired_meanwhile() -> None:
    manifest = OpenManifest(going_on(1, segments=(segment(1),)))
    # When it began, nobody knew how much of the second was there.
    third = OpenFile(opened(150_000), Gap(reason="reconnect", ms=5000))
    assert manifest.adopt([segment(2, repaired=True)]) == []
    assert manifest.close(3, third, closed(counts={})) == []
    assert manifest.now.segments[2].gap == Gap(reason="reconnect", ms=30_000)
    manifest.adopt([segment(4, start_ms=160_000, duration_ms=10_000, repaired=True)])
    lost = manifest.close(5, OpenFile(opened(175_000), None), closed(counts={}))
    assert lost == [manifest.now.segments[4].gap] == [Gap(reason="lost", ms=5000)]


def test_what_has_no_row_yet_counts_for_where_the_recording_ends() -> None:
    manifest = OpenManifest(going_on(1, segments=(segment(1),)))
    manifest.reaches(90_000)
    manifest.reaches(80_000)
    assert manifest.end_position_ms == 90_000


def test_the_first_track_of_each_kind_is_kept() -> None:
    manifest = OpenManifest(going_on(1, segments=(segment(1, tracks=(SOUND,)),)))
    later = attrs.evolve(SOUND, codec="Opus")
    manifest.close(2, OpenFile(opened(60_000), None), closed(PICTURE, later, counts={}))
    manifest.adopt([segment(3, tracks=(attrs.evolve(PICTURE, codec="hvc1"),))])
    assert list(manifest.tracks) == [SOUND, PICTURE]


def test_what_is_there_without_a_checksum_is_known_and_deleted_segments_need_none() -> None:
    rows = (segment(1), segment(2, sha256=None), segment(3, sha256=None))
    manifest = OpenManifest(going_on(1, segments=rows))
    manifest.mark_deleted({3}, deleted=True)
    assert manifest.without_checksum == [2]
    assert [manifest.is_deleted(file) for file in (2, 3, 4)] == [False, True, False]
    manifest.enter_checksum(2, SHA256)
    assert manifest.without_checksum == []
    manifest.mark_deleted({3}, deleted=False)
    assert manifest.without_checksum == [3]


def test_it_ends_goes_on_and_notes_what_the_clock_does() -> None:
    manifest = OpenManifest(going_on(1))
    manifest.leave("shutdown")
    assert (manifest.now.end, manifest.now.end_reason) == (None, "shutdown")
    manifest.end("lost", "2026-11-22T11:30:00.000Z")
    assert (manifest.now.end is None, manifest.now.end_reason) == (False, "lost")
    manifest.go_on()
    assert manifest.now == going_on(1)
    manifest.clock_stepped(-3_600_000, 5_000)
    assert manifest.now.events == (Event(kind="clock_step", at_ms=5_000, ms=-3_600_000),)


def test_what_its_segments_come_to_is_counted_again_only_when_there_are_others() -> None:
    manifest = OpenManifest(going_on(1, segments=()))
    assert manifest.sums(()) == (0, 0, 0)
    gap = Gap(reason="reconnect", ms=40)
    for file in range(1, 1001):
        at_ms = file * 10_000 + (gap.ms if file >= 7 else 0)
        before = gap if file == 7 else None
        manifest.close(file, OpenFile(opened(at_ms), before), closed(PICTURE, counts={}))
    assert manifest.sums(()) == (1000, 100_000, 1)
    # One is closed and has no final name yet.
    assert manifest.sums((1000, 1001)) == (999, 99_900, 1)
    manifest.count({"clock_jumps": 1})
    with Work() as again:
        assert manifest.sums((1000, 1001)) == (999, 99_900, 1)
    assert again.calls < 10
    assert manifest.sums(()) == (1000, 100_000, 1)
    manifest.mark_deleted({7}, deleted=True)
    assert manifest.sums(()) == (999, 99_900, 1), "its hole stays"
    manifest.take_back({8})
    assert manifest.sums(()) == (998, 99_800, 1)
    assert manifest.end_position_ms == 1001 * 10_000 + gap.ms


def test_what_is_gone_leaves_a_hole_before_what_stands_behind_it() -> None:
    manifest = OpenManifest(going_on(1, segments=()))
    manifest.close(2, OpenFile(opened(12_000), None), closed(counts={}))
    assert manifest.lose(1) == [Gap(reason="lost", ms=12_000)]
    assert manifest.lose(3) == []  # nothing stands behind it yet
    behind = OpenFile(opened(30_000), None)
    assert manifest.close(4, behind, closed(counts={})) == [Gap(reason="lost", ms=8000)]
    assert manifest.close(5, OpenFile(opened(40_100), None), closed(counts={})) == []
