"""The summary of a file, tag by tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.flv import summary as summary_module
from recorder.flv.codecs import classify
from recorder.flv.script import HeadValues, IndexEntry
from recorder.flv.summary import SegmentSummary
from tests.helpers import media
from tests.helpers.media import AUDIO, SCRIPT, VIDEO

if TYPE_CHECKING:
    import pytest

HEADER_BYTES = 13
OVERHEAD = 15


def add(summary: SegmentSummary, kind: int, ms: int, body: bytes) -> int:
    """Add a tag; where it stands."""
    offset = summary.file_bytes
    parts = () if kind == SCRIPT else classify(kind, body)
    summary.add(kind, ms, body, len(body), parts)
    return offset


def test_an_empty_file_is_its_header() -> None:
    summary = SegmentSummary()
    assert summary.file_bytes == HEADER_BYTES
    assert (summary.duration_ms, summary.last_ms) == (0, 0)
    assert summary.index() == []
    assert summary.head_values() == HeadValues(file_bytes=HEADER_BYTES, index=[])


def test_a_file_lasts_until_its_last_frame_has_been_shown() -> None:
    summary = SegmentSummary()
    add(summary, AUDIO, 0, media.aac_frame())
    assert summary.duration_ms == 0
    add(summary, AUDIO, 23, media.aac_frame())
    assert summary.duration_ms == 46
    add(summary, VIDEO, 10, media.avc_frame())
    add(summary, VIDEO, 40, media.avc_frame(key=False))
    assert summary.duration_ms == 70
    assert summary.last_ms == 40


def test_the_last_frame_lasts_a_second_at_most() -> None:
    summary = SegmentSummary()
    add(summary, VIDEO, 0, media.avc_frame())
    add(summary, VIDEO, 9_000, media.avc_frame())
    assert summary.duration_ms == 10_000


def test_equal_and_earlier_times_do_not_shorten_a_file() -> None:
    summary = SegmentSummary()
    for ms in (0, 40, 40, 20):
        add(summary, VIDEO, ms, media.avc_frame())
    assert summary.duration_ms == 80


def test_an_empty_frame_counts_as_time_but_not_as_a_frame() -> None:
    summary = SegmentSummary()
    add(summary, AUDIO, 0, b"")
    assert summary.tracks == {}
    add(summary, AUDIO, 0, media.aac_frame())
    add(summary, AUDIO, 20, b"")
    assert summary.duration_ms == 40
    assert summary.tracks[AUDIO, 0].frames == 1


def test_headers_ends_and_scripts_take_no_time() -> None:
    summary = SegmentSummary()
    add(summary, SCRIPT, 500, media.metadata())
    add(summary, VIDEO, 500, media.avc_config())
    add(summary, VIDEO, 500, media.avc_end())
    assert summary.duration_ms == 0
    assert summary.played_tracks() == []


def test_the_bytes_of_each_kind_are_counted_with_their_frames() -> None:
    summary = SegmentSummary()
    bodies = [
        (SCRIPT, media.metadata()), (VIDEO, media.avc_config()), (VIDEO, media.avc_frame()),
        (AUDIO, media.aac_config()), (AUDIO, media.aac_frame()), (AUDIO, media.aac_frame(size=99)),
    ]  # fmt: skip
    for kind, body in bodies:
        add(summary, kind, 0, body)

    def total(wanted: int) -> int:
        return sum(len(body) + OVERHEAD for kind, body in bodies if kind == wanted)

    assert summary.video_bytes == total(VIDEO)
    assert summary.audio_bytes == total(AUDIO)
    assert summary.file_bytes == HEADER_BYTES + total(VIDEO) + total(AUDIO) + total(SCRIPT)


def test_the_index_names_the_first_header_and_every_keyframe() -> None:
    summary = SegmentSummary()
    add(summary, SCRIPT, 0, media.metadata())
    header = add(summary, VIDEO, 0, media.avc_config())
    offsets = []
    for i in range(6):
        offset = add(summary, VIDEO, 40 * i, media.avc_frame(key=i % 2 == 0))
        offsets += [offset] if i % 2 == 0 else []
        add(summary, VIDEO, 40 * i, media.avc_config(media.SPS_32X32))
    assert summary.index() == [
        IndexEntry(0, header), IndexEntry(0, offsets[0]), IndexEntry(80, offsets[1]),
        IndexEntry(160, offsets[2]),
    ]  # fmt: skip
    assert summary.keyframes == 3
    values = summary.head_values()
    assert values.last_keyframe == IndexEntry(160, offsets[2])
    assert (values.has_video, values.has_audio) == (True, False)


def test_without_a_header_no_keyframe_is_named_twice() -> None:
    summary = SegmentSummary()
    vp9 = media.enhanced_video(b"vp09", 1, b"\x82\x49\x83\x42", key=True)
    offset = add(summary, VIDEO, 0, vp9)
    assert summary.index() == [IndexEntry(0, offset)]


def test_the_index_is_that_of_the_video_track_with_the_lowest_number() -> None:
    summary = SegmentSummary()
    add(summary, VIDEO, 0, media.video_frame_of(2))
    assert summary.keyframes == 1
    offset = add(summary, VIDEO, 0, media.video_frame_of(1))
    add(summary, VIDEO, 40, media.video_frame_of(2))
    assert summary.index() == [IndexEntry(0, offset)]
    assert summary.keyframes == 1


def test_an_index_that_grows_too_long_loses_every_second_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summary_module, "MAX_INDEX_ENTRIES", 8)
    summary = SegmentSummary()
    for i in range(100):
        add(summary, VIDEO, i, media.avc_frame())
        assert len(summary.index()) <= 8
    times = [entry.ms for entry in summary.index()]
    assert times == list(range(0, 100, 16))
    assert summary.keyframes == 100
    assert summary.head_values().last_keyframe is not None


def test_tracks_come_video_first_by_number() -> None:
    summary = SegmentSummary()
    for number in (3, 0):
        add(summary, AUDIO, 0, media.audio_frame_of(number))
        add(summary, VIDEO, 0, media.video_frame_of(number))
    played = [(track.kind, track.number, track.codec) for track in summary.played_tracks()]
    assert played == [
        (VIDEO, 0, "avc1"), (VIDEO, 3, "avc1"), (AUDIO, 0, "mp4a"), (AUDIO, 3, "mp4a")
    ]  # fmt: skip


def test_a_message_of_many_tracks_counts_for_each() -> None:
    summary = SegmentSummary()
    records = {0: media.avc_record(), 5: media.avc_record(media.SPS_32X32)}
    add(summary, VIDEO, 0, media.many_tracks(VIDEO, 0, b"avc1", records))
    add(summary, VIDEO, 0, media.many_tracks(VIDEO, 3, b"avc1", {0: b"a", 5: b"b"}))
    sizes = [track.parameters and track.parameters.width for track in summary.played_tracks()]
    assert sizes == [64, 32]
    assert summary.keyframes == 1


def test_a_damaged_header_among_many_is_passed_over() -> None:
    summary = SegmentSummary()
    body = bytes([0x96, 0x20]) + b"".join(
        fourcc + bytes([track]) + (1).to_bytes(3, "big") + b"\1"
        for track, fourcc in ((0, b"xxxx"), (1, b"avc1"))
    )
    add(summary, VIDEO, 0, body)
    assert list(summary.tracks) == [(VIDEO, 1)]


def test_the_header_before_the_frames_tells_the_parameters() -> None:
    summary = SegmentSummary()
    add(summary, VIDEO, 0, media.avc_config(media.SPS_32X32))
    add(summary, VIDEO, 0, media.avc_config())
    add(summary, VIDEO, 0, media.avc_frame())
    add(summary, VIDEO, 0, media.avc_config(media.SPS_32X32))
    found = summary.tracks[VIDEO, 0].parameters
    assert found is not None
    assert (found.width, found.height) == (64, 48)


def test_a_header_that_comes_late_tells_what_was_not_known() -> None:
    summary = SegmentSummary()
    add(summary, VIDEO, 0, media.avc_frame())
    assert summary.tracks[VIDEO, 0].parameters is None
    add(summary, VIDEO, 0, media.avc_config())
    found = summary.tracks[VIDEO, 0].parameters
    assert found is not None
    assert found.width == 64


def test_frames_tell_what_no_header_told() -> None:
    summary = SegmentSummary()
    add(summary, AUDIO, 0, media.mp3_frame())
    found = summary.tracks[AUDIO, 0].parameters
    assert found is not None
    assert (found.sample_rate, found.channels) == (44_100, 2)


BODIES = st.sampled_from(
    [
        (VIDEO, media.avc_config()), (VIDEO, media.avc_frame()),
        (VIDEO, media.avc_frame(key=False)), (VIDEO, media.video_frame_of(1)),
        (VIDEO, media.avc_end()), (AUDIO, media.aac_config()), (AUDIO, media.aac_frame()),
        (AUDIO, media.mp3_frame()), (AUDIO, b""),
        (SCRIPT, media.metadata()),
    ]
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.tuples(BODIES, st.integers(0, 5_000)), max_size=40))
def test_the_short_way_for_frames_comes_to_the_same(
    tags: list[tuple[tuple[int, bytes], int]],
) -> None:
    """The writer takes it for frames that are neither the first of their track nor keyframes."""
    long_way, short_way = SegmentSummary(), SegmentSummary()
    for (kind, body), ms in tags:
        add(long_way, kind, ms, body)
        parts = () if kind == SCRIPT else classify(kind, body)
        track = short_way.tracks.get((kind, parts[0].track)) if parts else None
        ordinary = parts and parts[0].role.value == "frame" and not parts[0].keyframe
        if track is not None and track.frames and ordinary:
            short_way.frame(track, ms, len(body))
        else:
            short_way.add(kind, ms, body, len(body), parts)
    assert short_way.head_values() == long_way.head_values()
    assert [(t.frames, t.last_ms, t.step_ms) for t in short_way.tracks.values()] == [
        (t.frames, t.last_ms, t.step_ms) for t in long_way.tracks.values()
    ]
