"""The short way of ordinary frames makes the same files as the long one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.recording.segmenter import Segmenter, SegmentRules
from recorder.recording.short_way import ShortWay
from recorder.recording.tracks import MOST_TRACKS
from tests.flv.building import one_track
from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import carry_out, rules


class LongSegmenter(Segmenter):
    """Never recognises an ordinary frame: everything goes the long way."""

    def __init__(self, its_rules: SegmentRules, *, encoder: str) -> None:
        super().__init__(its_rules, encoder=encoder)
        self._ways = {VIDEO: {}, AUDIO: {}}  # of which nobody tells it


Message = tuple[int, int, bytes]


@st.composite
def publishes(draw: st.DrawFn) -> list[Message]:
    """Sound and picture of two codecs and two tracks, with steps back, jumps, new headers and
    what is no frame among them."""
    messages: list[Message] = [
        (VIDEO, 0, media.avc_config()),
        (AUDIO, 0, media.aac_config()),
        (VIDEO, 0, media.avc_frame()),
    ]
    ms = draw(st.sampled_from([0, 5_000, (1 << 24) - 500, (1 << 32) - 400]))
    for number in range(draw(st.integers(20, 90))):
        ms += draw(st.sampled_from([0, 20, 20, 20, 40, 40, 400]))
        sort = draw(st.integers(0, 40))
        body = {
            0: (VIDEO, media.avc_config(media.SPS_32X32)),
            1: (VIDEO, media.avc_frame(mark=number)),
            2: (VIDEO, media.avc_end()),
            3: (VIDEO, b""),
            4: (VIDEO, b"\x27\x01\0\0\0"),
            5: (AUDIO, media.mp3_frame(mark=number)),
            6: (VIDEO, media.enhanced_video(b"hvc1", 1, b"\0\0\0frame")),
            7: (AUDIO, media.audio_frame_of(1, mark=number)),
            8: (VIDEO, media.video_frame_of(1, key=False, mark=number)),
            9: (AUDIO, media.many_tracks(AUDIO, 1, b"mp4a", {0: b"a", 1: b"b"})),
            10: (VIDEO, media.video_command()),
            11: (AUDIO, media.enhanced_audio(b"Opus", 1, b"sound")),
        }.get(sort)
        if body is None and sort % 2:
            body = (AUDIO, media.aac_frame(mark=number))
        if body is None:
            body = (VIDEO, media.avc_frame(key=False, mark=number, size=8 + 100 * (sort % 3)))
        late = draw(st.sampled_from([0, 0, 0, 0, 60, 20_000]))
        messages.append((body[0], (ms - late) % (1 << 32), body[1]))
    return messages


def runs(
    messages: list[Message], sizes: list[int]
) -> list[list[tuple[int, int, int, bytes, list[bytes]]]]:
    """The messages in runs of these sizes, each body in pieces."""
    cut, at = [], 0
    for size in [*sizes, len(messages)]:
        part = messages[at : at + size]
        cut.append(
            [(kind, ms, len(body), body[:7], [body[:3], body[3:]]) for kind, ms, body in part]
        )
        at += size
    return cut


@settings(max_examples=80, deadline=None)
@given(publishes(), st.lists(st.integers(1, 9), max_size=12), st.booleans())
def test_both_ways_make_the_same_files(
    messages: list[Message], sizes: list[int], take_often: bool
) -> None:
    made = []
    for segmenter in (
        Segmenter(rules(duration_ms=2_000), encoder="test"),
        LongSegmenter(rules(duration_ms=2_000), encoder="test"),
    ):
        actions = []
        for now_ms, run in enumerate(runs(messages, sizes)):
            segmenter.media_run(run, 1_000 + now_ms)
            if take_often:
                actions += segmenter.take()
        segmenter.finish(99_000)
        actions += segmenter.take()
        segments = carry_out(actions)
        made.append(
            ([(each.opened, each.data, each.facts) for each in segments], segmenter.anomalies)
        )
    assert made[0] == made[1]


def test_ordinary_frames_take_the_short_way() -> None:
    segmenter = Segmenter(rules(duration_ms=60_000), encoder="test")
    looked_at = []
    long_way = segmenter._long_way.media

    def look_at(kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        looked_at.append(timestamp)
        long_way(kind, timestamp, body, now_ms)

    segmenter._long_way.media = look_at  # type: ignore[method-assign]  # only counts
    segmenter.media(VIDEO, 0, media.avc_config(), 0)
    segmenter.media(AUDIO, 0, media.aac_config(), 0)
    segmenter.media(VIDEO, 0, media.avc_frame(), 0)
    for ms in range(20, 4_000, 20):
        segmenter.media(AUDIO, ms, media.aac_frame(), ms)
        segmenter.media(VIDEO, ms, media.avc_frame(key=False), ms)
    # While the first segment waits to begin, and the first frame of each sort behind that.
    assert max(looked_at) < 1_000


def test_a_sender_of_ever_new_sorts_of_frames_is_remembered_no_further() -> None:
    segmenter = Segmenter(rules(duration_ms=60_000), encoder="test")
    for track in range(MOST_TRACKS):
        for fourcc in (b"avc1", b"hvc1", b"vvc1", b"vp08", b"vp09"):
            for frame_type in (2, 3):
                first_byte = 0x86 | frame_type << 4
                body = one_track(first_byte, 1, fourcc, track, bytes(9))
                segmenter.media(VIDEO, track, body, 0)
    ways = segmenter._long_way.ways[VIDEO]
    assert len(ways) == 256
    assert all(isinstance(way, ShortWay) for way in ways.values())


def test_a_segment_that_takes_too_long_to_arrive_is_cut_on_the_long_way() -> None:
    segmenter = Segmenter(rules(duration_ms=1_000), encoder="test")
    segmenter.media(VIDEO, 0, media.avc_config(), 0)
    segmenter.media(VIDEO, 0, media.avc_frame(), 0)
    for ms in range(0, 1_000, 20):
        segmenter.media(VIDEO, ms, media.avc_frame(key=False), ms)
    # Three durations by the clock of arrival, though not of media.
    segmenter.media(VIDEO, 1_000, media.avc_frame(key=False), 4_500)
    segmenter.finish(5_000)
    assert len(carry_out(segmenter.take())) == 2
