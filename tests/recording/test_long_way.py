"""What becomes of what is no ordinary frame: marks, script data, and what cannot be believed."""

from __future__ import annotations

from tests.helpers import media
from tests.helpers.media import AUDIO, SCRIPT, VIDEO
from tests.helpers.segments import Publish, Segment, rules


def headers_of(segment: Segment, kind: int) -> list[tuple[int, bytes]]:
    return [(time, body) for its_kind, time, body in segment.others() if its_kind == kind]


# Headers and ends.


def test_an_empty_header_behind_a_good_one_configures_nothing() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.send(VIDEO, 1_000, b"\x17\0\0\0\0")
    publish.send(AUDIO, 1_000, b"\xaf\0")
    publish.play(1_000, 2_000)
    (segment,) = publish.finish()
    assert segment.closed_facts.counts == {"empty_headers": 2}


def test_metadata_of_another_codec_do_not_change_a_tracks_codec() -> None:
    """ffmpeg sends the second track's colours as the first one's."""
    publish = Publish()
    publish.headers()
    publish.video(0, key=True)
    publish.send(VIDEO, 0, media.enhanced_video(b"hvc1", 4, media.amf_text("colorInfo")))
    publish.play(40, 2_000)
    (segment,) = publish.finish()
    assert segment.closed_facts.counts == {"foreign_metadata": 1}
    assert not segment.closed_facts.forced


def test_a_header_that_says_the_same_in_other_words_is_a_repeated_one() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.send(VIDEO, 0, b"\x27" + media.avc_config()[1:])
    publish.send(AUDIO, 0, b"\xae" + media.aac_config()[1:])
    publish.play(1_000, 3_000)
    (segment,) = publish.finish()
    assert segment.closed_facts.counts == {"repeated_headers": 2}


def test_the_end_of_another_codec_is_not_that_of_the_track() -> None:
    """ffmpeg ends the second track as the first one."""
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.send(VIDEO, 0, media.enhanced_video(b"hvc1", 2, b""))
    (segment,) = publish.finish()
    assert len(segment.others()) == 2
    assert segment.closed_facts.counts == {"foreign_ends": 1}


# What is no frame.


def test_a_damaged_header_among_many_is_left_out() -> None:
    publish = Publish()
    body = bytes([0x96, 0x20]) + b"".join(
        fourcc + bytes([track]) + (4).to_bytes(3, "big") + b"\1\2\3\4"
        for track, fourcc in ((0, b"avc1"), (1, b"xxxx"))
    )
    publish.send(VIDEO, 0, body)
    publish.send(AUDIO, 0, media.aac_config())
    publish.play(0, 1_000)
    segment = publish.finish()[0]
    assert len(headers_of(segment, VIDEO)) == 1
    assert publish.segmenter.anomalies == {"unknown_tags": 1}


def test_unknown_tags_are_dropped_and_counted() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.send(VIDEO, 0, media.enhanced_video(b"zzzz", 1, b"?"))
    publish.send(VIDEO, 0, b"\x1f")
    publish.play(1_000, 1_100)
    segment = publish.finish()[0]
    assert len(segment.others()) == 2
    assert segment.closed_facts.counts == {"unknown_tags": 2}


def test_a_sequence_end_keeps_the_time_of_its_track_and_begins_nothing() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 2_000)
    publish.send(VIDEO, 0, media.avc_end())
    publish.send(VIDEO, 0, media.video_command())
    segments = publish.finish()
    assert len(segments) == 1
    assert segments[0].others()[2:] == [
        (VIDEO, 1_960, media.avc_end()), (VIDEO, 1_960, media.video_command())
    ]  # fmt: skip


def test_what_is_no_frame_of_a_lagging_track_goes_with_it() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.play(0, 900)
    publish.video(1_000, key=True)
    publish.send(AUDIO, 900, b"")
    publish.send(AUDIO, 50_000, b"")
    segments = publish.finish()
    assert segments[0].others()[2:] == [(AUDIO, 900, b""), (AUDIO, 900, b"")]
    assert segments[1].others()[2:] == []


def test_what_is_no_frame_of_a_track_without_frames_gets_the_newest_time() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.send(AUDIO, 5, media.enhanced_audio(b"mp4a", 2, b"", track=4))
    assert publish.finish()[0].others()[-1][1] == 980


def test_an_empty_frame_behind_a_closed_segment_stands_at_0() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.play(0, 900)
    for ms in range(1_000, 2_100, 40):
        publish.video(ms, key=ms == 1_000)
    publish.send(AUDIO, 900, b"")
    assert publish.finish()[1].others()[2:] == [(AUDIO, 0, b"")]


# Script data.


def test_data_messages_are_written_at_the_time_of_the_newest_frame() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.segmenter.data("onTextData", media.amf_text("onTextData"), 77, 0)
    publish.segmenter.data(None, media.amf_number(1.0), 77, 0)
    publish.play(1_000, 1_100)
    assert publish.finish()[0].others()[2:] == [
        (SCRIPT, 980, media.amf_text("onTextData")), (SCRIPT, 980, media.amf_number(1.0))
    ]  # fmt: skip


def test_the_newest_metadata_stand_in_the_head_of_the_open_file_and_of_the_next() -> None:
    publish = Publish()
    publish.segmenter.data("onMetaData", media.metadata(title="first"), 0, 0)
    publish.headers()
    publish.play(0, 1_000)
    publish.segmenter.data("onMetaData", media.metadata(title="first", duration=7.0), 0, 0)
    publish.segmenter.data("onMetaData", media.metadata(title="second", filesize=9.0), 0, 0)
    publish.play(1_000, 4_000)
    publish.segmenter.data("onMetaData", media.metadata(title="third"), 0, 0)
    segments = publish.finish()
    # As tags of their own they would make ffmpeg announce a stream of subtitles.
    assert segments[0].others()[2:] == []
    assert [segment.head()["title"] for segment in segments] == ["second", "third"]
    assert publish.segmenter.anomalies == {"repeated_metadata": 1}


def test_a_caption_that_would_stop_ffmpeg_is_counted_and_left_out() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    publish.segmenter.data("onCaption", media.amf_text("onCaption"), 0, 0)
    segments = publish.finish()
    assert segments[0].others()[2:] == []
    assert segments[0].closed_facts.counts == {"captions_without_text": 1}


def test_metadata_that_say_nothing_do_not_take_back_what_was_said() -> None:
    publish = Publish()
    publish.segmenter.data("onMetaData", media.metadata(title="first"), 0, 0)
    publish.headers()
    publish.play(0, 1_000)
    publish.segmenter.data("onMetaData", media.amf_text("onMetaData"), 0, 0)
    assert publish.finish()[0].head()["title"] == "first"


def test_damaged_metadata_are_counted() -> None:
    publish = Publish()
    publish.segmenter.data("onMetaData", b"\xff", 0, 0)
    publish.segmenter.data("onMetaData", media.amf_text("onMetaData"), 0, 0)
    publish.headers()
    publish.play(0, 1_000)
    assert publish.finish()[0].closed_facts.counts == {"damaged_metadata": 1}
