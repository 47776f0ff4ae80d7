"""The segmenter: where it cuts, and what stands in the files.

Every `finish` checks each file against promise 1 and that each frame sent is in exactly one file,
in order per track (`tests.helpers.segments`).
"""

from __future__ import annotations

import pytest

from recorder.recording.segmenter import CutReason, Segmenter, TrackFacts
from tests.helpers import media
from tests.helpers.media import AUDIO, SCRIPT, VIDEO
from tests.helpers.segments import Publish, Segment, rules


def reasons(segments: list[Segment]) -> list[CutReason]:
    return [segment.reason for segment in segments]


def playing(until_ms: int = 10_000) -> Publish:
    publish = Publish()
    publish.headers()
    publish.play(0, until_ms)
    return publish


def test_segments_are_cut_at_the_first_keyframe_after_the_duration() -> None:
    publish = playing(until_ms=10_000)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, *[CutReason.DURATION] * 3]
    assert [segment.opened.position_ms for segment in segments] == [0, 3_000, 6_000, 9_000]
    assert [segment.closed_facts.duration_ms for segment in segments] == [3_000] * 3 + [1_000]
    publish.check_times(segments)
    assert publish.segmenter.anomalies == {}


def test_a_segment_begins_with_metadata_headers_and_a_keyframe_at_0() -> None:
    publish = Publish()
    publish.segmenter.data("onMetaData", media.metadata(width=64.0, encoder="obs"), 0, 0)
    publish.headers()
    publish.play(0, 4_000)
    for segment in publish.finish():
        tags = segment.tags()
        assert [(tag.kind, tag.timestamp) for tag in tags[:4]] == [
            (SCRIPT, 0), (VIDEO, 0), (AUDIO, 0), (VIDEO, 0)
        ]  # fmt: skip
        assert segment.body(tags[1]) == media.avc_config()
        assert segment.body(tags[2]) == media.aac_config()
        assert segment.head()["encoder"] == "obs"
        assert segment.head()["width"] == 64.0
        assert segment.head()["metadatacreator"] == "test 1"


def test_the_facts_name_the_tracks() -> None:
    segment = playing(until_ms=1_000).finish()[0]
    assert segment.closed_facts.tracks == [
        TrackFacts(kind="video", track=0, codec="avc1", width=64, height=48),
        TrackFacts(kind="audio", track=0, codec="mp4a", sample_rate=44_100, channels=2),
    ]
    assert segment.closed_facts.keyframes == 1


def test_other_rules_hold_from_the_next_segment_on() -> None:
    publish = playing(until_ms=2_000)
    publish.segmenter.follow(rules(duration_ms=1_000, max_duration_ms=6_000))
    publish.play(2_000, 10_000)
    segments = publish.finish()
    assert [each.closed_facts.duration_ms for each in segments] == [3_000, *[1_000] * 7]
    assert reasons(segments)[4] is CutReason.MAX_DURATION


def test_a_slow_sender_is_cut_by_arrival_at_twice_the_duration() -> None:
    publish = Publish(rules(duration_ms=3_000))
    publish.headers()
    for ms in range(0, 3_000, 500):
        publish.now_ms += 2_000
        publish.video(ms, key=True)
    assert reasons(publish.finish()) == [CutReason.START, CutReason.DURATION]


def test_a_segment_is_cut_where_the_next_group_could_exceed_the_size() -> None:
    publish = Publish(rules(duration_ms=600_000, size_bytes=100_000))
    publish.headers()
    publish.play(0, 10_000, size=400)
    segments = publish.finish()
    assert len(segments) > 2
    assert set(reasons(segments)[1:]) == {CutReason.SIZE}
    assert all(len(segment.data) <= 100_000 for segment in segments)
    assert all(len(segment.data) > 70_000 for segment in segments[:-1])


def test_a_group_that_never_ends_is_cut_at_three_times_the_duration() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.play(0, 10_000, gop_ms=1_000_000)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, *[CutReason.FORCED_DURATION] * 3]
    assert [segment.opened.forced for segment in segments] == [False, True, True, True]
    assert [segment.opened.position_ms for segment in segments] == [0, 3_000, 6_000, 9_000]
    publish.check_times(segments)
    assert publish.segmenter.anomalies == {"forced_segments": 3}
    assert segments[1].closed_facts.counts == {"forced_segments": 1}


def test_a_group_that_never_ends_is_cut_by_arrival_too() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.play(0, 1_000, gop_ms=1_000_000)
    publish.now_ms += 3_000
    publish.audio(1_000)
    assert reasons(publish.finish()) == [CutReason.START, CutReason.FORCED_DURATION]


def test_a_group_that_never_ends_is_cut_at_twice_the_size() -> None:
    publish = Publish(rules(duration_ms=600_000, size_bytes=460_000))
    publish.headers()
    publish.play(0, 40_000, gop_ms=1_000_000, size=1_000)
    segments = publish.finish()
    assert reasons(segments)[1:] == [CutReason.FORCED_SIZE] * (len(segments) - 1) != []
    assert all(len(segment.data) < 2 * 460_000 + 2_000 for segment in segments)


def test_a_forced_segment_goes_on_as_if_nothing_were_wrong() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.play(0, 6_000, gop_ms=4_000)
    assert reasons(publish.finish()) == [
        CutReason.START, CutReason.FORCED_DURATION, CutReason.DURATION
    ]  # fmt: skip


def test_every_frame_may_be_a_keyframe() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.play(0, 3_500, gop_ms=40)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 1_000, 2_000, 3_000]
    assert [segment.closed_facts.keyframes for segment in segments] == [25, 25, 25, 13]


def test_no_frame_may_be_a_keyframe() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    for ms in range(0, 12_000, 40):
        publish.now_ms += 40
        publish.video(ms)
    segments = publish.finish()
    assert all(segment.closed_facts.forced for segment in segments)
    assert publish.segmenter.anomalies == {"forced_segments": len(segments)}
    publish.check_times(segments)


def test_sound_alone_is_cut_at_any_frame() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 3_500, 21):
        publish.audio(ms)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 1_008, 2_016, 3_024]
    assert not any(segment.closed_facts.forced for segment in segments)
    assert "keyframes" not in segments[0].head()
    publish.check_times(segments)


def test_sound_alone_is_cut_by_size() -> None:
    publish = Publish(rules(duration_ms=600_000, size_bytes=60_000))
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 20_000, 20):
        publish.audio(ms)
    segments = publish.finish()
    assert set(reasons(segments)[1:]) == {CutReason.SIZE}
    assert all(len(segment.data) <= 60_000 for segment in segments)


def test_picture_alone_is_fine() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.send(VIDEO, 0, media.avc_config())
    for ms in range(0, 2_500, 40):
        publish.video(ms, key=ms % 200 == 0)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 1_000, 2_000]


def test_the_boundary_of_the_clock_is_asked_once_for_each_segment() -> None:
    answers: list[int | None] = [None, 5_000, 1_500, None]
    asked: list[int | None] = []

    def boundary() -> int | None:
        asked.append(answers.pop(0))
        return asked[-1]

    publish = Publish(rules(duration_ms=3_000, boundary=boundary))
    publish.headers()
    publish.play(0, 11_000, gop_ms=500 * 2)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 3_000, 8_000, 10_000]
    assert asked == [None, 5_000, 1_500, None]


def test_the_boundary_is_counted_from_now_and_not_from_the_held_beginning() -> None:
    publish = Publish(rules(duration_ms=3_000, boundary=lambda: 3_000))
    publish.headers()
    publish.play(0, 4_000, gop_ms=40)
    # The first segment opened when 500 ms had come: 3 s from there.
    assert publish.finish()[1].opened.position_ms == 3_520


def test_a_split_begins_a_new_recording_at_the_next_keyframe() -> None:
    publish = playing(until_ms=1_500)
    publish.segmenter.split()
    publish.play(1_500, 4_000)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.SPLIT]
    assert [segment.opened.new_recording for segment in segments] == [False, True]
    assert [segment.opened.position_ms for segment in segments] == [0, 0]
    assert segments[0].closed_facts.duration_ms == 2_000


def test_a_split_without_a_keyframe_is_forced_in_the_end() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.play(0, 1_000, gop_ms=1_000_000)
    publish.segmenter.split()
    publish.play(1_000, 4_000, gop_ms=1_000_000)
    last = publish.finish()[-1]
    assert (last.reason, last.opened.new_recording, last.opened.forced) == (
        CutReason.SPLIT, True, True
    )  # fmt: skip


def test_a_recording_does_not_exceed_its_longest_duration() -> None:
    publish = Publish(rules(duration_ms=3_000, max_duration_ms=5_000))
    publish.headers()
    publish.play(0, 12_000)
    segments = publish.finish()
    assert [(segment.reason, segment.opened.position_ms) for segment in segments] == [
        (CutReason.START, 0),
        (CutReason.DURATION, 3_000),
        (CutReason.MAX_DURATION, 0),
        (CutReason.DURATION, 3_000),
        (CutReason.MAX_DURATION, 0),
    ]


def test_a_publish_that_continues_a_recording_counts_on() -> None:
    publish = Publish(rules(duration_ms=3_000, max_duration_ms=65_000), position_ms=60_000)
    publish.headers()
    publish.play(0, 6_000)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [60_000, 63_000, 0]
    assert [segment.opened.new_recording for segment in segments] == [False, False, True]


# Sound and picture at a cut.


def test_late_sound_belongs_to_the_segment_that_its_time_says() -> None:
    publish = Publish(rules(duration_ms=2_000))
    publish.headers()
    for ms in range(0, 5_000, 40):
        publish.video(ms, key=ms % 1_000 == 0)
        if ms >= 400:
            publish.audio(ms - 400)
    segments = publish.finish()
    publish.check_times(segments)
    assert segments[0].times(AUDIO)[-1] == 1_960
    assert segments[1].times(AUDIO)[0] == 0
    assert publish.segmenter.anomalies == {}


def test_early_sound_stays_where_it_was_written() -> None:
    publish = Publish(rules(duration_ms=2_000))
    publish.headers()
    publish.video(0, key=True)
    for ms in range(40, 5_000, 40):
        publish.audio(ms + 200)
        publish.video(ms, key=ms % 1_000 == 0)
    segments = publish.finish()
    publish.check_times(segments)
    assert segments[0].times(AUDIO)[-1] > 2_000
    assert segments[0].closed_facts.duration_ms > 2_000


def test_the_old_segment_waits_for_one_second_of_media_at_most() -> None:
    publish = Publish(rules(duration_ms=2_000))
    publish.headers()
    publish.audio(0)
    for ms in range(0, 3_000, 40):
        publish.video(ms, key=ms % 1_000 == 0)
    assert publish.segments()[0].facts is None
    publish.video(3_000, key=True)
    assert publish.segments()[0].facts is not None
    publish.audio(1_500)
    publish.audio(3_020)
    segments = publish.finish()
    assert segments[1].times(AUDIO) == [0, 1_020]
    assert segments[1].closed_facts.counts == {"late_frames": 1}


def test_the_old_segment_closes_as_soon_as_every_track_has_passed_the_cut() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.send(AUDIO, 0, media.enhanced_audio(b"mp4a", 0, b"\x11\x90", track=1))
    for ms in range(0, 1_000, 20):
        publish.video(ms, key=ms == 0)
        publish.audio(ms)
        publish.frame(AUDIO, ms, media.audio_frame_of(1, mark=ms))
    publish.video(1_000, key=True)
    publish.audio(1_000)
    assert publish.segments()[0].facts is None
    publish.frame(AUDIO, 1_000, media.audio_frame_of(1, mark=1_000))
    assert publish.segments()[0].facts is not None
    publish.finish()


def test_a_track_that_fell_silent_is_not_waited_for() -> None:
    publish = Publish(rules(duration_ms=11_000))
    publish.headers()
    publish.play(0, 600)
    for ms in range(600, 11_000, 40):
        publish.video(ms)
    publish.video(11_000, key=True)
    assert [segment.facts is None for segment in publish.segments()] == [False, True]
    publish.finish()


def test_a_third_cut_while_two_segments_are_open_closes_the_oldest_first() -> None:
    publish = Publish(rules(duration_ms=300))
    publish.headers()
    for ms in range(0, 600, 20):
        publish.audio(ms)
        publish.video(ms, key=ms == 0)
    publish.video(900, key=True)
    publish.video(1_200, key=True)
    assert [segment.facts is None for segment in publish.segments()] == [False, True, True]
    publish.video(1_500, key=True)
    for ms in range(600, 1_600, 20):
        publish.audio(ms)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 900, 1_200, 1_500]
    # What came for the first two after they had to be closed stands at 0 in the oldest open one.
    assert segments[2].times(AUDIO)[:32] == [0] * 31 + [20]
    assert publish.segmenter.anomalies == {"late_frames": 30}
    assert segments[2].closed_facts.counts == {"late_frames": 30}


def test_nothing_may_follow_the_end() -> None:
    publish = playing(until_ms=1_000)
    publish.finish()
    with pytest.raises(RuntimeError):
        publish.audio(1_000)
    with pytest.raises(RuntimeError):
        publish.segmenter.data("onMetaData", media.metadata(), 0, 0)
    publish.segmenter.tick(publish.now_ms)
    assert publish.segmenter.take() == []


def test_without_a_frame_there_is_no_segment() -> None:
    segmenter = Segmenter(rules(), encoder="test")
    segmenter.data("onMetaData", media.metadata(videocodecid=7.0), 0, 0)
    segmenter.media(VIDEO, 0, media.avc_config(), 0)
    segmenter.media(VIDEO, 0, media.avc_end(), 0)
    segmenter.data("onTextData", media.amf_text("onTextData"), 0, 0)
    segmenter.tick(60_000)
    segmenter.finish(60_000)
    assert segmenter.take() == []


def test_a_hole_in_all_tracks_that_took_its_time_to_arrive_is_kept() -> None:
    """It is no jump of the sender's clock: nothing is moved, nothing is cut for it."""
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.now_ms += 20_000
    publish.play(21_000, 22_000)
    segments = publish.finish()
    assert publish.segmenter.anomalies == {}
    assert segments[-1].closed_facts.duration_ms == 1_000
    assert segments[-1].opened.position_ms == 21_000


def test_one_huge_group_does_not_make_a_file_of_each_small_one_after_it() -> None:
    publish = Publish(rules(duration_ms=600_000, size_bytes=1_000_000))
    publish.headers()
    publish.video(0, key=True, size=900_000)
    for second in range(1, 60):
        for ms in range(second * 1_000, second * 1_000 + 1_000, 40):
            publish.now_ms += 40
            publish.video(ms, key=ms % 1_000 == 0, size=400)
    assert len(publish.finish()) <= 3


def test_a_header_before_the_first_frame_behind_a_hole_does_not_hide_the_hole() -> None:
    """DJI repeats its header before every keyframe."""
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.now_ms += 14_000
    publish.send(VIDEO, 0, media.avc_config())
    publish.play(15_000, 16_000)
    publish.finish()
    assert publish.segmenter.anomalies == {"repeated_headers": 1}


def test_an_empty_frame_far_ahead_moves_no_clock() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.send(VIDEO, 9_000, b"\x27\x01\0\0\0")
    publish.play(1_000, 2_000)
    (segment,) = publish.finish()
    assert segment.closed_facts.duration_ms == 2_000
    assert publish.segmenter.anomalies == {"empty_frames": 1}


def test_a_jump_that_lands_before_the_base_of_the_new_segment_is_cut_for() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 3_000)
    publish.video(3_000, key=True)
    publish.audio(3_600_000)  # sound lags behind the cut, and its clock jumps
    publish.now_ms += 1_000
    for ms in range(3_600_020, 3_601_000, 20):
        publish.now_ms += 20
        if ms % 40 == 0:
            publish.video(ms, key=ms % 200 == 0)
        publish.audio(ms)
    assert CutReason.JUMP in [segment.reason for segment in publish.finish()]
