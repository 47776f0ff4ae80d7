"""What senders do wrong, found by trying: headers, metadata and ends that cannot be believed, and
tracks that are announced, fall silent or come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.segmenter import CutReason
from recorder.recording.tracks import MOST_TRACKS
from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Publish, Segment, rules

if TYPE_CHECKING:
    from recorder.recording.figures import TrackFigures


def kinds_at_the_head(segment: Segment) -> set[int]:
    """Of the tracks whose header stands at a segment's head."""
    return {kind for kind, ms, _ in segment.others() if ms == 0}


def test_a_sender_that_changes_its_header_at_every_frame_does_not_make_a_file_of_each() -> None:
    publish = Publish()
    publish.headers()
    configs = [media.avc_config(), media.avc_config(media.SPS_32X32)]
    for number in range(100):
        publish.now_ms += 10
        publish.send(VIDEO, 0, configs[number % 2])
        publish.video(number * 10, key=True)
    segments = publish.finish()
    assert len(segments) <= 5
    assert sum(len(segment.frames(VIDEO)) for segment in segments) == 100


def test_a_sender_that_changes_its_header_every_second_gets_files_for_some_changes() -> None:
    publish = Publish(rules(duration_ms=3_600_000))
    publish.headers()
    configs = [media.avc_config(), media.avc_config(media.SPS_32X32)]
    publish.play(0, 1_000)
    for ms in range(1_000, 300_000, 1_000):
        publish.send(VIDEO, ms, configs[ms // 1_000 % 2])
        publish.play(ms, ms + 1_000)
    publish.play(300_000, 310_000)
    segments = publish.finish()
    assert len(segments) == 1 + 3 * 10 + 1
    assert publish.segmenter.anomalies == {"refused_cuts": 299 - 3 * 10}
    counted = [segment.closed_facts.counts.get("refused_cuts", 0) for segment in segments]
    assert sum(counted) == 269
    # What it came to rest with is the whole of a file.
    assert segments[-1].opened.position_ms == 301_000
    assert kinds_at_the_head(segments[-1]) == {VIDEO, AUDIO}
    assert [ms for kind, ms, _ in segments[-1].others() if kind == VIDEO] == [0]


def test_a_sender_whose_tracks_come_and_go_every_second_does_not_make_a_file_of_each() -> None:
    publish = Publish(rules(duration_ms=3_600_000))
    publish.headers()
    for ms in range(0, 300_000, 1_000):
        publish.play(ms, ms + 1_000)
        # Each is silent for long enough to stand in no head.
        number = 1 + ms // 1_000 % (MOST_TRACKS - 1)
        publish.frame(AUDIO, ms + 980, media.audio_frame_of(number, mark=ms))
    segments = publish.finish()
    assert 3 * 10 <= len(segments) <= 1 + 3 * 10
    assert publish.segmenter.anomalies["refused_cuts"] > 200


def test_video_that_is_announced_and_never_comes_stands_in_no_head() -> None:
    """ffmpeg would say of every file that it cannot find the picture's size."""
    publish = Publish()
    publish.headers()
    for ms in range(0, 20_000, 20):
        publish.now_ms += 20
        publish.audio(ms)
    assert [kinds_at_the_head(segment) for segment in publish.finish()] == [{AUDIO}] * 7


def test_video_that_comes_late_begins_a_segment_with_its_header() -> None:
    publish = Publish()
    publish.headers()
    for ms in range(0, 12_000, 20):
        publish.now_ms += 20
        publish.audio(ms)
    publish.play(12_000, 13_000)
    segments = publish.finish()
    assert segments[-1].reason is CutReason.TRACK
    assert segments[-1].opened.position_ms == 12_000


def sound_alone(publish: Publish, start_ms: int, end_ms: int) -> None:
    for ms in range(start_ms, end_ms, 20):
        publish.now_ms += 20
        publish.audio(ms)


def picture_alone(publish: Publish, start_ms: int, end_ms: int) -> None:
    for ms in range(start_ms, end_ms, 40):
        publish.now_ms += 40
        publish.video(ms, key=ms % 1_000 == 0)


def test_sound_that_is_announced_and_never_comes_stands_in_no_head() -> None:
    publish = Publish()
    publish.headers()
    picture_alone(publish, 0, 9_000)
    assert [kinds_at_the_head(segment) for segment in publish.finish()] == [{VIDEO}] * 3


def figures_of(publish: Publish) -> list[TrackFigures]:
    return list(publish.segmenter.track_figures)


def test_sound_that_is_announced_and_never_comes_is_told_as_a_track_without_frames() -> None:
    """Once there are frames of others: before, nothing is late."""
    publish = Publish()
    publish.headers()
    assert figures_of(publish) == []
    picture_alone(publish, 0, 9_000)
    video, audio = figures_of(publish)
    assert (video.kind, video.frames) == ("video", 9_000 // 40)
    assert (audio.kind, audio.track, audio.codec, audio.frames) == ("audio", 0, "mp4a", 0)
    assert (audio.parameters.channels, audio.newest_dts) == (2, None)
    publish.finish()
    assert [each.kind for each in figures_of(publish)] == ["video"]


def test_sound_that_comes_late_begins_a_segment_with_its_header() -> None:
    publish = Publish()
    publish.headers()
    picture_alone(publish, 0, 2_000)
    publish.play(2_000, 4_000)
    segments = publish.finish()
    assert [kinds_at_the_head(segment) for segment in segments] == [{VIDEO}, {VIDEO, AUDIO}]
    assert segments[-1].reason is CutReason.TRACK


def test_picture_that_stopped_stands_in_no_head_and_does_not_decide_where_to_cut() -> None:
    """A camera was switched off: the sound is cut as if there were no picture."""
    publish = Publish(rules(duration_ms=10_000))
    publish.headers()
    publish.play(0, 15_000)
    sound_alone(publish, 15_000, 60_000)
    segments = publish.finish()
    positions = [segment.opened.position_ms for segment in segments]
    assert positions == [0, 10_000, 25_000, 35_000, 45_000, 55_000]
    assert [kinds_at_the_head(segment) for segment in segments[2:]] == [{AUDIO}] * 4
    assert not any(segment.opened.forced for segment in segments)


def test_of_two_sounds_the_first_is_cut_by_when_the_picture_stopped() -> None:
    publish = Publish(rules(duration_ms=10_000))
    publish.headers()
    publish.play(0, 5_000)
    for ms in range(5_000, 40_000, 20):
        publish.now_ms += 20
        # The second one is always the first to be there when the segment is looked at.
        publish.frame(AUDIO, ms, media.audio_frame_of(1, mark=ms))
        publish.audio(ms)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 15_000, 25_000, 35_000]


def test_picture_that_comes_back_decides_again_from_its_first_keyframe_on() -> None:
    publish = Publish(rules(duration_ms=10_000))
    publish.headers()
    publish.play(0, 15_000)
    sound_alone(publish, 15_000, 46_480)
    publish.play(46_480, 60_000)
    segments = publish.finish()
    later = [(segment.reason, segment.opened.position_ms) for segment in segments[-3:]]
    assert later == [
        (CutReason.DURATION, 45_000), (CutReason.TRACK, 47_000), (CutReason.DURATION, 57_000)
    ]  # fmt: skip
    assert segments[-3].times(VIDEO)[0] == 1_480
    publish.check_times(segments)


@pytest.mark.parametrize("short", [11_000, 11_500])
def test_picture_that_is_only_late_keeps_the_right_to_cut(short: int) -> None:
    """A segment that is due asks again and again whether its picture has gone."""
    publish = Publish(rules(duration_ms=short - 5_000))
    publish.headers()
    publish.play(0, 2_000)
    sound_alone(publish, 2_000, 11_980)
    publish.play(12_000, 14_000)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 12_000]
    assert all(kinds_at_the_head(segment) == {VIDEO, AUDIO} for segment in segments)


def test_a_pause_of_all_tracks_silences_none() -> None:
    publish = Publish(rules(duration_ms=15_000))
    publish.headers()
    publish.play(0, 1_000)
    publish.now_ms += 20_000
    publish.audio(21_000)
    publish.audio(21_020)
    publish.play(21_040, 23_000)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 22_000]
    assert kinds_at_the_head(segments[1]) == {VIDEO, AUDIO}


def test_a_header_of_another_codec_with_the_same_record_is_new() -> None:
    publish = Publish()
    for ms in range(0, 1_000, 20):
        codec = b"ac-3" if ms < 500 else b"ec-3"
        if ms % 500 == 0:
            publish.send(AUDIO, 0, media.enhanced_audio(codec, 0, b""))
        publish.frame(AUDIO, ms, media.enhanced_audio(codec, 1, b"%d" % ms))
    _, later = publish.finish()
    assert later.others() == [(AUDIO, 0, media.enhanced_audio(b"ec-3", 0, b""))]
