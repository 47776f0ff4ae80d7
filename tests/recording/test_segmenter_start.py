"""How a recording begins: what is held, for how long, and that nothing of it is lost."""

from __future__ import annotations

import pytest

from recorder.recording.hold import LONGEST_HOLD_MS, MOST_HELD_BYTES
from recorder.recording.segmenter import CutReason, Segmenter
from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Publish, rules


def test_nothing_is_written_before_500_ms_of_media() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 500)
    assert publish.segments() == []
    assert publish.segmenter.held_bytes > 0
    publish.audio(500)
    assert len(publish.segments()) == 1
    assert publish.segmenter.held_bytes == 0


def test_a_second_of_arrival_is_enough_too() -> None:
    publish = Publish()
    publish.headers()
    publish.video(0, key=True)
    publish.wait(999)
    assert publish.segments() == []
    publish.wait(1)
    assert len(publish.segments()) == 1


def test_time_does_not_run_before_the_first_frame() -> None:
    publish = Publish()
    publish.headers()
    publish.wait(60_000)
    publish.video(0, key=True)
    assert publish.segments() == []


def test_the_first_base_is_the_smallest_time_of_the_first_500_ms() -> None:
    publish = Publish()
    publish.headers()
    publish.video(100, key=True)
    publish.audio(70)
    publish.audio(90)
    publish.video(600)
    segment = publish.finish()[0]
    assert segment.times(VIDEO) == [30, 530]
    assert segment.times(AUDIO) == [0, 20]
    assert not segment.closed_facts.forced


def test_sound_before_the_first_keyframe_is_kept_in_front_of_it() -> None:
    publish = Publish()
    publish.headers()
    for ms in range(0, 2_000, 20):
        publish.audio(ms)
    publish.video(2_000, key=True)
    publish.play(2_020, 2_900)
    segment = publish.finish()[0]
    assert segment.reason is CutReason.START
    assert segment.times(AUDIO)[:2] == [0, 20]
    assert segment.times(VIDEO)[0] == 2_000
    assert not segment.closed_facts.forced


def test_picture_before_the_first_keyframe_is_a_segment_of_its_own_and_marked() -> None:
    publish = Publish()
    publish.headers()
    publish.play(400, 4_000)
    segments = publish.finish()
    assert [segment.reason for segment in segments] == [
        CutReason.START, CutReason.FIRST_KEYFRAME
    ]  # fmt: skip
    assert [segment.closed_facts.forced for segment in segments] == [True, False]
    assert segments[0].head()["forcedStart"] is True
    assert "forcedStart" not in segments[1].head()
    assert [segment.opened.position_ms for segment in segments] == [0, 600]
    publish.check_times(segments)


@pytest.mark.parametrize("first", [0, 1])
def test_picture_of_another_track_before_a_keyframe_is_marked_too(first: int) -> None:
    publish = Publish()
    publish.headers()
    publish.frame(VIDEO, 0, media.video_frame_of(1, key=bool(first), mark=1))
    publish.video(20, key=not first)
    publish.play(40, 1_500)
    segments = publish.finish()
    assert [segment.closed_facts.forced for segment in segments] == [True, False]
    assert segments[1].reason is CutReason.FIRST_KEYFRAME
    assert segments[1].opened.position_ms == (1_000 if first else 20)


def test_without_a_keyframe_for_10_s_of_media_what_came_is_recorded() -> None:
    publish = Publish(rules(duration_ms=30_000))
    publish.headers()
    publish.play(20, 10_020, gop_ms=15_000)
    assert publish.segments() == []
    publish.play(10_020, 16_000, gop_ms=15_000)
    segments = publish.finish()
    assert [segment.reason for segment in segments] == [
        CutReason.START, CutReason.FIRST_KEYFRAME
    ]  # fmt: skip
    assert [segment.closed_facts.forced for segment in segments] == [True, False]
    publish.check_times(segments)


def test_without_a_keyframe_for_10_s_of_arrival_what_came_is_recorded() -> None:
    publish = Publish()
    publish.headers()
    publish.video(0)
    publish.wait(LONGEST_HOLD_MS - 1)
    assert publish.segments() == []
    publish.wait(1)
    assert publish.segments()[0].opened.forced
    publish.finish()


def test_without_a_keyframe_in_8_mib_what_came_is_recorded() -> None:
    publish = Publish()
    publish.headers()
    for ms in range(0, 160, 20):
        publish.video(ms, size=1 << 20)
        assert publish.segmenter.held_bytes <= MOST_HELD_BYTES + (1 << 20)
    assert publish.segments()[0].opened.forced
    publish.finish()


def test_what_is_held_is_recorded_when_the_publish_ends() -> None:
    publish = Publish()
    publish.headers()
    publish.video(0, key=True)
    publish.audio(0)
    segments = publish.finish()
    assert len(segments) == 1
    assert not segments[0].closed_facts.forced


def test_a_missing_sequence_header_is_waited_for() -> None:
    publish = Publish()
    publish.play(0, 2_000)
    assert publish.segments() == []
    publish.headers()
    publish.play(2_000, 2_100)
    segment = publish.finish()[0]
    assert not segment.closed_facts.forced
    assert segment.closed_facts.tracks[0].width == 64
    assert segment.body(segment.tags()[1]) == media.avc_config()
    assert segment.body(segment.tags()[2]) == media.aac_config()


def test_without_a_sequence_header_segments_are_cut_but_marked() -> None:
    publish = Publish(rules(duration_ms=12_000))
    publish.play(0, 26_000)
    publish.send(VIDEO, 0, media.avc_config())
    publish.play(26_000, 28_000)
    segments = publish.finish()
    assert [(segment.reason, segment.closed_facts.forced) for segment in segments] == [
        (CutReason.START, True),
        (CutReason.DURATION, True),
        (CutReason.DURATION, True),
        (CutReason.PARAMETERS, False),
    ]
    assert publish.segmenter.anomalies["forced_segments"] == 3


def test_sound_without_its_sequence_header_is_marked() -> None:
    publish = Publish()
    for ms in range(0, 11_000, 20):
        publish.audio(ms)
    assert publish.finish()[0].closed_facts.forced


@pytest.mark.parametrize("codec", [7.0, "avc1", "h264"])
def test_announced_picture_is_waited_for(codec: float | str) -> None:
    publish = Publish()
    publish.segmenter.data("onMetaData", media.metadata(videocodecid=codec), 0, 0)
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 10_000, 20):
        publish.audio(ms)
    assert publish.segments() == []
    publish.audio(10_000)
    segment = publish.finish()[0]
    assert not segment.closed_facts.forced
    assert [track.kind for track in segment.closed_facts.tracks] == ["audio"]


def test_picture_announced_by_its_sequence_header_is_waited_for() -> None:
    publish = Publish()
    publish.headers()
    for ms in range(0, 10_000, 20):
        publish.audio(ms)
    assert publish.segments() == []
    publish.wait(10_000)
    assert len(publish.segments()) == 4
    publish.finish()


@pytest.mark.parametrize("codec", [0.0, "", "0"])
def test_no_picture_is_announced_by_an_empty_codec(codec: float | str) -> None:
    publish = Publish()
    publish.segmenter.data("onMetaData", media.metadata(videocodecid=codec), 0, 0)
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 520, 20):
        publish.audio(ms)
    assert len(publish.segments()) == 1
    publish.finish()


def test_announced_sound_is_never_waited_for() -> None:
    publish = Publish()
    publish.segmenter.data("onMetaData", media.metadata(audiocodecid=10.0), 0, 0)
    publish.headers()
    for ms in range(0, 560, 40):
        publish.video(ms, key=ms == 0)
    segment = publish.finish()[0]
    assert [track.kind for track in segment.closed_facts.tracks] == ["video"]
    assert segment.data[4] == 1


def test_a_header_that_changes_before_the_first_frame_simply_counts() -> None:
    """ffmpeg's first AV1 sequence header may be empty."""
    publish = Publish()
    full = media.enhanced_video(b"av01", 0, b"\x81\x00\x0c\x00")
    publish.send(VIDEO, 0, media.enhanced_video(b"av01", 0, b""))
    publish.send(VIDEO, 0, full)
    for ms in range(0, 1_000, 40):
        mark = media.enhanced_video(b"av01", 1, b"frame%d" % ms, key=ms == 0)
        publish.frame(VIDEO, ms, mark)
    segment = publish.finish()[0]
    assert [segment.body(tag) for tag in segment.tags()[1:2]] == [full]
    assert not segment.closed_facts.forced


def test_an_empty_header_that_a_full_one_follows_later_is_a_change() -> None:
    publish = Publish()
    empty = media.enhanced_video(b"av01", 0, b"")
    full = media.enhanced_video(b"av01", 0, b"\x81\x00\x0c\x00")
    publish.send(VIDEO, 0, empty)
    for ms in range(0, 1_000, 40):
        publish.frame(VIDEO, ms, media.enhanced_video(b"av01", 1, b"%d" % ms, key=ms == 0))
    publish.send(VIDEO, 0, full)
    for ms in range(1_000, 2_000, 40):
        publish.frame(VIDEO, ms, media.enhanced_video(b"av01", 1, b"%d" % ms, key=ms == 1_000))
    segments = publish.finish()
    assert [segment.reason for segment in segments] == [CutReason.START, CutReason.PARAMETERS]
    assert [segment.body(segment.tags()[1]) for segment in segments] == [empty, full]


def test_a_header_that_changes_while_frames_are_held_waits_behind_them() -> None:
    publish = Publish()
    other = media.avc_config(media.SPS_32X32)
    publish.headers()
    publish.video(0, key=True)
    publish.send(VIDEO, 0, other)
    publish.send(VIDEO, 0, other)
    publish.video(40, key=True)
    publish.send(VIDEO, 0, media.avc_config())
    publish.video(80, key=True)
    segments = publish.finish()
    assert [segment.reason for segment in segments] == [
        CutReason.START, CutReason.PARAMETERS, CutReason.PARAMETERS
    ]  # fmt: skip
    assert [segment.body(segment.tags()[1]) for segment in segments] == [
        media.avc_config(), other, media.avc_config()
    ]  # fmt: skip
    assert [segment.closed_facts.tracks[0].width for segment in segments] == [64, 32, 64]


def test_a_codec_that_changes_while_frames_are_held_waits_behind_them() -> None:
    publish = Publish()
    for ms in range(0, 100, 20):
        publish.frame(AUDIO, ms, media.mp3_frame(mark=ms))
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(100, 200, 20):
        publish.audio(ms)
    segments = publish.finish()
    assert [segment.closed_facts.tracks[0].codec for segment in segments] == [".mp3", "mp4a"]
    assert segments[1].reason is CutReason.PARAMETERS
    assert segments[1].body(segments[1].tags()[1]) == media.aac_config()


def test_a_repeated_header_is_not_held() -> None:
    publish = Publish()
    publish.headers()
    publish.video(0, key=True)
    publish.headers()
    publish.play(20, 1_000)
    segments = publish.finish()
    assert len(segments) == 1
    assert publish.segmenter.anomalies == {"repeated_headers": 2}
    assert segments[0].closed_facts.counts == {"repeated_headers": 2}


def test_what_is_no_frame_is_held_in_its_place() -> None:
    publish = Publish()
    publish.headers()
    publish.send(VIDEO, 0, media.video_command())
    publish.video(0, key=True)
    publish.segmenter.data("onTextData", media.amf_text("onTextData"), 0, 0)
    publish.play(40, 1_000)
    segment = publish.finish()[0]
    others = [body for _, _, body in segment.others()]
    assert others == [
        media.avc_config(), media.aac_config(), media.video_command(), media.amf_text("onTextData")
    ]  # fmt: skip


def test_data_without_media_do_not_fill_the_memory() -> None:
    segmenter = Segmenter(rules(), encoder="test")
    for _ in range(20):
        segmenter.data("onTextData", media.amf_text("onTextData") + bytes(1 << 20), 0, 0)
        assert segmenter.held_bytes < MOST_HELD_BYTES
    for _ in range(50_000):
        segmenter.media(VIDEO, 0, b"", 0)
        assert segmenter.held_bytes < MOST_HELD_BYTES
    assert segmenter.anomalies["dropped_data"] > 0
    assert segmenter.take() == []


def test_headers_do_not_fill_the_memory() -> None:
    publish = Publish()
    publish.headers()
    publish.send(VIDEO, 0, media.avc_config() + bytes(1 << 20))
    publish.send(VIDEO, 0, media.enhanced_video(b"avc1", 0, bytes(1 << 20), track=1))
    publish.play(0, 1_000)
    segment = publish.finish()[0]
    assert segment.body(segment.tags()[1]) == media.avc_config()
    assert publish.segmenter.anomalies == {"refused_headers": 2}
