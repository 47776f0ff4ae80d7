"""Headers that change or repeat, tracks that come late, and many tracks."""

from __future__ import annotations

import pytest

from recorder.recording.segmenter import CutReason
from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Publish, Segment, rules

OTHER_PICTURE = media.avc_config(media.SPS_32X32)
OTHER_SOUND = media.aac_config(media.AAC_48_KHZ)


def reasons(segments: list[Segment]) -> list[CutReason]:
    return [segment.reason for segment in segments]


def headers_of(segment: Segment, kind: int) -> list[tuple[int, bytes]]:
    return [(time, body) for its_kind, time, body in segment.others() if its_kind == kind]


def test_a_repeated_header_is_ignored_and_counted() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_500)
    publish.headers()
    publish.play(1_500, 2_500)
    segments = publish.finish()
    assert len(segments) == 1
    assert len(segments[0].others()) == 2
    assert publish.segmenter.anomalies == {"repeated_headers": 2}


def test_a_changed_picture_begins_a_segment_that_alone_has_the_new_header() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 2_000)
    publish.send(VIDEO, 0, OTHER_PICTURE)
    publish.play(2_000, 2_500)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.PARAMETERS]
    assert headers_of(segments[0], VIDEO) == [(0, media.avc_config())]
    assert headers_of(segments[1], VIDEO) == [(0, OTHER_PICTURE)]
    assert [segment.closed_facts.tracks[0].width for segment in segments] == [64, 32]
    publish.check_times(segments)


def test_a_changed_picture_between_keyframes_is_told_at_once_and_cut_later() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_600)
    publish.send(VIDEO, 0, OTHER_PICTURE)
    publish.play(1_600, 2_500)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.PARAMETERS]
    assert headers_of(segments[0], VIDEO) == [(0, media.avc_config()), (1_600, OTHER_PICTURE)]
    assert headers_of(segments[1], VIDEO) == [(0, OTHER_PICTURE)]
    publish.check_times(segments)


def test_changed_sound_is_told_at_once_and_cut_at_the_next_keyframe() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_500)
    publish.send(AUDIO, 0, OTHER_SOUND)
    publish.play(1_500, 2_500)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.PARAMETERS]
    assert headers_of(segments[0], AUDIO) == [(0, media.aac_config()), (1_500, OTHER_SOUND)]
    assert headers_of(segments[1], AUDIO) == [(0, OTHER_SOUND)]
    assert segments[1].opened.position_ms == 2_000


def test_changed_sound_without_picture_is_cut_at_once() -> None:
    publish = Publish()
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 1_000, 20):
        publish.audio(ms)
    publish.send(AUDIO, 0, OTHER_SOUND)
    for ms in range(1_000, 2_000, 20):
        publish.audio(ms)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.PARAMETERS]
    assert headers_of(segments[0], AUDIO) == [(0, media.aac_config())]
    assert headers_of(segments[1], AUDIO) == [(0, OTHER_SOUND)]
    assert segments[1].opened.position_ms == 1_000


def test_a_changed_header_that_no_frame_follows_is_nothing() -> None:
    """ffmpeg ends FLAC with its complete header, and an empty frame."""
    publish = Publish()
    publish.send(AUDIO, 0, media.flac_config())
    publish.send(AUDIO, 0, media.multichannel_config(b"fLaC"))
    for ms in range(0, 1_000, 20):
        publish.frame(AUDIO, ms, media.enhanced_audio(b"fLaC", 1, b"%d" % ms))
    publish.send(AUDIO, 1_000, media.flac_config(bytes(33) + b"\1"))
    publish.send(AUDIO, 1_000, media.multichannel_config(b"fLaC"))
    publish.send(AUDIO, 1_000, media.enhanced_audio(b"fLaC", 1, b""))
    segments = publish.finish()
    assert len(segments) == 1
    assert headers_of(segments[0], AUDIO) == [
        (0, media.flac_config()),
        (0, media.multichannel_config(b"fLaC")),
        (1_000, media.enhanced_audio(b"fLaC", 1, b"")),
    ]
    assert publish.segmenter.anomalies == {"repeated_headers": 1, "empty_frames": 1}


def test_a_header_that_changes_and_changes_back_is_nothing() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.send(VIDEO, 0, OTHER_PICTURE)
    publish.send(VIDEO, 0, media.avc_config())
    publish.play(1_000, 2_500)
    segments = publish.finish()
    assert len(segments) == 1
    assert headers_of(segments[0], VIDEO) == [(0, media.avc_config())]


def test_sound_that_lags_behind_a_cut_brings_its_new_header_to_both_segments() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    for ms in range(0, 1_000, 20):
        publish.video(ms, key=ms == 0)
        if ms < 800:
            publish.audio(ms)
    publish.video(1_000, key=True)
    publish.send(AUDIO, 0, OTHER_SOUND)
    publish.audio(900)
    publish.audio(1_100)
    segments = publish.finish()
    assert headers_of(segments[0], AUDIO) == [(0, media.aac_config()), (900, OTHER_SOUND)]
    assert headers_of(segments[1], AUDIO) == [(0, media.aac_config()), (100, OTHER_SOUND)]


def test_new_metadata_of_a_track_are_written_before_its_next_frame_without_a_cut() -> None:
    publish = Publish()
    head = media.enhanced_video(b"hvc1", 0, b"\x01" + bytes(22))
    colours = [media.enhanced_video(b"hvc1", 4, b"colour%d" % i) for i in range(2)]
    publish.send(VIDEO, 0, head)
    publish.send(VIDEO, 0, colours[0])
    for ms in range(0, 2_000, 40):
        if ms == 1_000:
            publish.send(VIDEO, 0, colours[1])
        publish.frame(VIDEO, ms, media.enhanced_video(b"hvc1", 3, b"%d" % ms, key=ms % 1_000 == 0))
    segments = publish.finish()
    assert len(segments) == 1
    assert headers_of(segments[0], VIDEO) == [(0, head), (0, colours[0]), (1_000, colours[1])]


def test_a_new_header_brings_its_metadata_with_it() -> None:
    publish = Publish()
    heads = [media.enhanced_video(b"hvc1", 0, b"\x01" + bytes(21) + bytes([i])) for i in range(2)]
    colour = media.enhanced_video(b"hvc1", 4, b"colour")
    publish.send(VIDEO, 0, heads[0])
    publish.send(VIDEO, 0, colour)
    for ms in range(0, 2_000, 40):
        if ms == 800:
            publish.send(VIDEO, 0, heads[1])
        publish.frame(VIDEO, ms, media.enhanced_video(b"hvc1", 3, b"%d" % ms, key=ms == 0))
    assert headers_of(publish.finish()[0], VIDEO) == [
        (0, heads[0]), (0, colour), (800, heads[1]), (800, colour)
    ]  # fmt: skip


@pytest.mark.parametrize("codec", ["hvc1", "avc1"])
def test_a_codec_that_changes_does_not_keep_the_old_headers(codec: str) -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    head = media.enhanced_video(codec.encode(), 0, b"\x01" + bytes(22))
    publish.send(VIDEO, 0, head)
    for ms in range(1_000, 2_000, 40):
        body = media.enhanced_video(codec.encode(), 3, b"%d" % ms, key=ms == 1_000)
        publish.frame(VIDEO, ms, body)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.PARAMETERS]
    assert headers_of(segments[1], VIDEO) == [(0, head)]
    assert segments[1].closed_facts.tracks[0].codec == codec


def test_a_stray_frame_of_another_codec_does_not_cost_the_header() -> None:
    publish = Publish(rules(duration_ms=2_000))
    publish.headers()
    publish.play(0, 1_500)
    publish.frame(AUDIO, 1_500, media.mp3_frame())
    publish.play(1_500, 5_000)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.PARAMETERS, CutReason.DURATION]
    assert headers_of(segments[0], AUDIO) == [(0, media.aac_config()), (1_500, media.aac_config())]
    assert all(headers_of(segment, AUDIO) for segment in segments)


def test_sound_that_changes_to_a_codec_without_headers_has_none_at_the_next_head() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 900)
    for ms in range(900, 1_100, 40):
        publish.frame(AUDIO, ms, media.mp3_frame(mark=ms))
    publish.video(1_000, key=True)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.PARAMETERS]
    assert headers_of(segments[1], AUDIO) == []


def test_late_picture_begins_a_segment_at_its_first_keyframe() -> None:
    publish = Publish(rules(duration_ms=30_000))
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 2_000, 20):
        publish.audio(ms)
    publish.send(VIDEO, 0, media.avc_config())
    publish.play(2_000, 4_000)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.TRACK]
    assert [segment.opened.position_ms for segment in segments] == [0, 2_000]
    assert [segment.data[4] for segment in segments] == [4, 5]
    assert not any(segment.closed_facts.forced for segment in segments)
    publish.check_times(segments)


def test_late_picture_before_its_first_keyframe_is_kept_in_the_old_segment() -> None:
    publish = Publish(rules(duration_ms=30_000))
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 2_000, 20):
        publish.audio(ms)
    publish.send(VIDEO, 0, media.avc_config())
    publish.play(2_200, 4_000)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.TRACK]
    assert segments[0].times(VIDEO)[0] == 2_200
    assert headers_of(segments[0], VIDEO) == [(2_200, media.avc_config())]
    assert segments[1].opened.position_ms == 3_000


def test_late_sound_is_told_at_once_and_at_the_head_of_the_next_segment() -> None:
    publish = Publish(rules(duration_ms=30_000))
    publish.send(VIDEO, 0, media.avc_config())
    for ms in range(0, 1_500, 40):
        publish.video(ms, key=ms == 0)
    publish.send(AUDIO, 0, media.aac_config())
    publish.play(1_500, 3_000)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.TRACK]
    assert headers_of(segments[0], AUDIO) == [(1_500, media.aac_config())]
    assert headers_of(segments[1], AUDIO) == [(0, media.aac_config())]
    assert segments[1].opened.position_ms == 2_000


def test_late_sound_behind_the_segment_is_counted_and_still_cut_for() -> None:
    publish = Publish(rules(duration_ms=2_000))
    publish.send(VIDEO, 0, media.avc_config())
    for ms in range(0, 3_000, 40):
        publish.video(ms, key=ms % 1_000 == 0)
    publish.send(AUDIO, 0, media.aac_config())
    publish.audio(1_900)
    publish.play(3_000, 3_500)
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.DURATION, CutReason.TRACK]
    assert segments[1].times(AUDIO) == [0]
    assert publish.segmenter.anomalies == {"late_frames": 1}


def test_the_default_picture_decides_when_there_are_two() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    second = media.enhanced_video(b"avc1", 0, media.avc_record(media.SPS_32X32), track=1)
    publish.send(VIDEO, 0, second)
    publish.send(AUDIO, 0, media.enhanced_audio(b"mp4a", 0, b"\x11\x90", track=1))
    for ms in range(0, 3_000, 40):
        publish.video(ms, key=ms % 500 == 0)
        publish.frame(VIDEO, ms, media.video_frame_of(1, key=ms % 400 == 0, mark=ms))
        publish.audio(ms)
        publish.frame(AUDIO, ms, media.audio_frame_of(1, mark=ms))
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 1_000, 2_000]
    for segment in segments:
        assert [(fact.kind, fact.track) for fact in segment.closed_facts.tracks] == [
            ("video", 0), ("video", 1), ("audio", 0), ("audio", 1)
        ]  # fmt: skip
        bodies = [segment.body(tag) for tag in segment.tags()[1:5]]
        assert bodies == [
            media.avc_config(),
            second,
            media.aac_config(),
            media.enhanced_audio(b"mp4a", 0, b"\x11\x90", track=1),
        ]
    publish.check_times(segments)


def test_without_a_track_0_the_first_one_decides() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.send(VIDEO, 0, media.enhanced_video(b"avc1", 0, media.avc_record(), track=3))
    for ms in range(0, 2_500, 40):
        publish.frame(VIDEO, ms, media.video_frame_of(3, key=ms % 1_000 == 0, mark=ms))
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 1_000, 2_000]
    assert segments[0].closed_facts.keyframes == 1


def test_headers_of_many_tracks_are_split_for_the_head() -> None:
    publish = Publish(rules(duration_ms=1_000))
    record = media.avc_record()
    publish.send(VIDEO, 0, media.many_tracks(VIDEO, 0, b"avc1", {0: record, 1: record}))
    for ms in range(0, 1_600, 200):
        frames = {track: b"%d of %d" % (ms, track) for track in (0, 1)}
        publish.frame(VIDEO, ms, media.many_tracks(VIDEO, 3, b"avc1", frames))
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 1_000]
    for segment in segments:
        assert headers_of(segment, VIDEO) == [
            (0, media.enhanced_video(b"avc1", 0, record, key=True, track=track)) for track in (0, 1)
        ]
        assert [fact.track for fact in segment.closed_facts.tracks] == [0, 1]
    publish.check_times(segments)


def test_a_message_of_many_tracks_moves_the_clock_of_each() -> None:
    publish = Publish()
    publish.send(AUDIO, 0, media.many_tracks(AUDIO, 0, b"mp4a", {0: b"\x12\x10", 1: b"\x12\x10"}))
    publish.send(VIDEO, 0, media.avc_config())
    publish.video(0, key=True)
    for ms in range(0, 2_000, 20):
        frames = {track: b"%d of %d" % (ms, track) for track in (0, 1)}
        publish.frame(AUDIO, ms, media.many_tracks(AUDIO, 1, b"mp4a", frames))
    publish.frame(AUDIO, 1_970, media.audio_frame_of(1))
    segment = publish.finish()[0]
    assert segment.times(AUDIO)[-2:] == [1_980, 1_980]
    assert publish.segmenter.anomalies == {"clamped_frames": 1}


def test_a_jump_in_a_message_of_many_tracks_is_one_jump() -> None:
    publish = Publish()
    record = media.avc_record()
    publish.send(VIDEO, 0, media.many_tracks(VIDEO, 0, b"avc1", {0: record, 1: record}))
    for ms in (*range(0, 1_000, 200), *range(3_600_000, 3_601_000, 200)):
        frames = {track: b"%d of %d" % (ms, track) for track in (0, 1)}
        publish.frame(VIDEO, ms, media.many_tracks(VIDEO, 3, b"avc1", frames))
    segments = publish.finish()
    assert reasons(segments) == [CutReason.START, CutReason.JUMP]
    assert publish.segmenter.anomalies == {"clock_jumps": 1}
