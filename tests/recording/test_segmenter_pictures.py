"""Two pictures in one publish: where a segment begins so that both can be decoded in it."""

from __future__ import annotations

import pytest

from recorder.flv.codecs import Role
from recorder.recording.segmenter import CutReason
from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Publish, Segment, rules

KEPT = 1_000
"""How far behind a cut the old segment still takes pictures."""


def two_pictures(
    publish: Publish,
    end_ms: int,
    *,
    later_by: int = 0,
    second_first: bool = False,
    group_ms: int = 1_000,
    second_group_ms: int = 1_000,
) -> None:
    """Both of 25 frames a second. The second one's times are later by so much, and what is sent
    is in the order of its times, as from every muxer."""
    record = media.avc_record()
    publish.headers()
    publish.send(VIDEO, 0, media.enhanced_video(b"avc1", 0, record, key=True, track=1))
    frames = [(ms, 1, 0, ms % group_ms == 0) for ms in range(1_000, end_ms, 40)]
    frames += [
        (ms + later_by, 0 if second_first else 2, 1, ms % second_group_ms == 0)
        for ms in range(1_000, end_ms, 40)
    ]
    for ms, _, track, key in sorted(frames):
        publish.now_ms = 1_000_000 + ms
        if track:
            mark = len(publish.sent)
            publish.frame(VIDEO, ms, media.video_frame_of(1, key=key, mark=mark))
        else:
            publish.video(ms, key=key)


def pictures_of(segment: Segment, track: int) -> list[tuple[int, bool]]:
    """(time, keyframe) of every frame of this picture."""
    return [
        (tag.timestamp, part.keyframe)
        for tag in segment.tags()
        for part in tag.parts
        if (tag.kind, part.track, part.role) == (VIDEO, track, Role.FRAME)
    ]


@pytest.mark.parametrize("second_first", [False, True])
@pytest.mark.parametrize("later_by", [-200, -80, -10, 0, 10, 80, 200])
def test_both_pictures_begin_every_segment_with_a_keyframe(
    later_by: int, second_first: bool
) -> None:
    """Those with more B-frames have smaller DTS; at equal ones either may be sent first."""
    publish = Publish()
    two_pictures(publish, 10_200, later_by=later_by, second_first=second_first)
    segments = publish.finish()
    assert len(segments) == 4
    for segment in segments[1:]:
        begins = [pictures_of(segment, track)[0] for track in (0, 1)]
        assert begins == [(max(0, -later_by), True), (max(0, later_by), True)]
    publish.check_times(segments)
    assert set(publish.segmenter.anomalies) <= {"forced_segments"}


def test_the_second_picture_decides_nothing_alone() -> None:
    """Its keyframes do not go with those of the default one, whose next one is far away."""
    publish = Publish(rules(duration_ms=4_500))
    two_pictures(publish, 14_000, later_by=40, group_ms=5_000, second_group_ms=400)
    positions = [segment.opened.position_ms for segment in publish.finish()[1:]]
    assert [position % 5_000 for position in positions] == [positions[0] % 5_000] * len(positions)


def test_the_nearer_keyframe_is_waited_for() -> None:
    """Half a second behind the default one: a segment that becomes due in between waits."""
    publish = Publish(rules(duration_ms=2_200))
    two_pictures(publish, 8_000, later_by=80)
    segments = publish.finish()
    for segment in segments[1:]:
        assert pictures_of(segment, 0)[0] == (0, True)
        assert pictures_of(segment, 1)[0] == (80, True)


def test_pictures_in_front_of_their_keyframe_stay_in_the_old_segment() -> None:
    publish = Publish()
    two_pictures(publish, 5_000, later_by=360)
    first, second = publish.finish()
    base = second.opened.position_ms - first.opened.position_ms
    assert pictures_of(first, 1)[-1] == (base + 320, False)
    assert pictures_of(second, 1)[0] == (360, True)


def test_a_second_picture_without_a_keyframe_soon_is_counted() -> None:
    publish = Publish()
    two_pictures(publish, 6_000, second_group_ms=20_000)
    _, later = publish.finish()
    assert later.reason is CutReason.DURATION
    assert pictures_of(later, 1)[0] == (KEPT, False)
    assert later.closed_facts.counts == {"undecodable_starts": 1}


def test_a_forced_segment_takes_the_second_picture_at_once() -> None:
    """No picture of it can be decoded; one more does not matter."""
    publish = Publish(rules(duration_ms=1_000))
    two_pictures(publish, 5_000, group_ms=20_000, second_group_ms=20_000)
    forced = publish.finish()[-1]
    assert forced.closed_facts.forced
    assert [pictures_of(forced, track)[0][0] for track in (0, 1)] == [0, 0]
    assert "undecodable_starts" not in forced.closed_facts.counts


def test_sound_is_in_the_segment_of_its_time_whatever_the_pictures_do() -> None:
    publish = Publish()
    publish.headers()
    publish.send(VIDEO, 0, media.enhanced_video(b"avc1", 0, media.avc_record(), track=1))
    for ms in range(0, 4_000, 40):
        publish.now_ms += 40
        publish.frame(VIDEO, ms, media.video_frame_of(1, key=ms % 1_000 == 0, mark=ms))
        publish.audio(ms)
        publish.video(ms, key=ms % 1_000 == 0)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 3_000]
    assert segments[1].times(AUDIO)[0] == 0
    publish.check_times(segments)


def test_a_segment_due_between_two_keyframes_that_go_together_begins_with_the_first() -> None:
    publish = Publish(rules(duration_ms=3_040))
    two_pictures(publish, 6_000, later_by=-80)
    _, later = publish.finish()
    assert [pictures_of(later, track)[0] for track in (0, 1)] == [(80, True), (0, True)]


def test_a_keyframe_that_the_default_picture_follows_too_late_begins_nothing() -> None:
    publish = Publish(rules(duration_ms=8_000), origin=10_000)
    two_pictures(publish, 32_000, later_by=-3_000, group_ms=10_000, second_group_ms=10_000)
    segments = publish.finish()
    assert len(segments) == 4
    assert all(pictures_of(segment, 0)[0] == (0, True) for segment in segments[1:])


def test_an_old_segment_takes_no_pictures_for_longer_although_the_default_one_stopped() -> None:
    publish = Publish()
    two_pictures(publish, 4_040, second_group_ms=20_000)
    for ms in range(4_040, 6_000, 40):
        mark = len(publish.sent)
        publish.frame(VIDEO, ms, media.video_frame_of(1, key=False, mark=mark))
    _, later = publish.finish()
    assert pictures_of(later, 1)[0] == (KEPT, False)
