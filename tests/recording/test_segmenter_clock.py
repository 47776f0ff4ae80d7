"""Clocks that jump, wrap, begin anywhere or stand still: the segments play on.

`check_times` says that every frame lies in its recording where its sender put it, up to one base.
"""

from __future__ import annotations

import pytest

from recorder.recording.segmenter import CutReason
from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Publish, rules

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    "origin",
    [0, 0xFFFFF0 - 2_000, 0xFFFFFF0, 0xFFFFFF - 2_000, (1 << 31) - 2_000, (1 << 32) - 2_000],
)
def test_a_clock_may_begin_and_wrap_anywhere(origin: int) -> None:
    publish = Publish(rules(duration_ms=1_000), origin=origin)
    publish.headers()
    publish.play(0, 5_000)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 1_000, 2_000, 3_000, 4_000]
    publish.check_times(segments)
    assert publish.segmenter.anomalies == {}


@pytest.mark.parametrize("modulus", [1 << 24, 1 << 31])
def test_a_sender_that_loses_the_high_bits_plays_on(modulus: int) -> None:
    publish = Publish(rules(duration_ms=1_000), origin=modulus - 2_000)
    publish.headers()
    publish.play(0, 2_000)
    publish.origin = -2_000
    publish.play(2_000, 5_000)
    segments = publish.finish()
    assert [segment.opened.position_ms for segment in segments] == [0, 1_000, 2_000, 3_000, 4_000]
    publish.check_times(segments)


@pytest.mark.parametrize("jump", [HOUR_MS, -HOUR_MS])
def test_a_jump_is_cut_at_the_next_keyframe_and_leaves_no_hole(jump: int) -> None:
    publish = Publish(rules(duration_ms=30_000), origin=2 * HOUR_MS)
    publish.headers()
    publish.play(0, 1_500)
    publish.origin += jump
    publish.play(1_500, 4_000)
    segments = publish.finish()
    assert [segment.reason for segment in segments] == [CutReason.START, CutReason.JUMP]
    assert publish.segmenter.anomalies == {"clock_jumps": 1}
    assert segments[0].closed_facts.counts == {"clock_jumps": 1}
    # The sound was the first to jump, 20 ms behind its last frame: just where it would have been.
    publish.check_times(segments)


@pytest.mark.parametrize("jump", [HOUR_MS, -HOUR_MS])
def test_a_jump_of_sound_alone_is_cut_at_once(jump: int) -> None:
    publish = Publish(rules(duration_ms=30_000), origin=2 * HOUR_MS)
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 1_000, 20):
        publish.audio(ms)
    publish.origin += jump
    for ms in range(1_000, 2_000, 20):
        publish.audio(ms)
    segments = publish.finish()
    assert [segment.reason for segment in segments] == [CutReason.START, CutReason.JUMP]
    assert segments[1].opened.position_ms == 1_000
    publish.check_times(segments)


def test_a_jump_while_frames_are_held_is_cut_too() -> None:
    publish = Publish(rules(duration_ms=30_000))
    publish.headers()
    publish.play(0, 400)
    publish.origin = HOUR_MS
    publish.play(400, 2_500)
    segments = publish.finish()
    assert [segment.reason for segment in segments] == [CutReason.START, CutReason.JUMP]
    publish.check_times(segments)


def test_equal_times_stay_equal() -> None:
    publish = Publish()
    publish.headers()
    for ms in (0, 0, 0, 40, 40, 600):
        publish.video(ms, key=ms == 0)
    assert publish.finish()[0].times(VIDEO) == [0, 0, 0, 40, 40, 600]


def test_a_header_at_0_in_the_middle_moves_nothing() -> None:
    publish = Publish(origin=HOUR_MS)
    publish.headers()
    publish.play(0, 1_000)
    publish.send(AUDIO, -HOUR_MS, media.aac_config(media.AAC_48_KHZ))
    publish.send(VIDEO, -HOUR_MS, media.enhanced_video(b"avc1", 4, b"colour"))
    publish.play(1_000, 1_400)
    segments = publish.finish()
    publish.check_times(segments)
    assert publish.segmenter.anomalies == {}


def test_an_end_at_0_moves_nothing() -> None:
    """OBS stamps it 0 (its issue 8764)."""
    publish = Publish(origin=HOUR_MS)
    publish.headers()
    publish.play(0, 1_000)
    publish.send(VIDEO, -HOUR_MS, media.avc_end())
    publish.send(AUDIO, -HOUR_MS, media.enhanced_audio(b"mp4a", 1, b""))
    segment = publish.finish()[0]
    assert [time for _, time, _ in segment.others()[2:]] == [960, 980]
    assert segment.closed_facts.duration_ms == 1_000


def test_small_steps_back_are_clamped_and_counted() -> None:
    publish = Publish()
    publish.headers()
    for ms in (0, 40, 80, 79, 120, 600):
        publish.video(ms, key=ms == 0)
    segment = publish.finish()[0]
    assert segment.times(VIDEO) == [0, 40, 80, 80, 120, 600]
    assert segment.closed_facts.counts == {"clamped_frames": 1}


def test_a_track_with_a_clock_of_its_own_is_counted() -> None:
    publish = Publish(origin=HOUR_MS)
    publish.headers()
    publish.video(0, key=True)
    publish.audio(-HOUR_MS)
    publish.video(600)
    segment = publish.finish()[0]
    assert segment.times(AUDIO) == [0]
    assert segment.closed_facts.counts == {"separate_clocks": 1}


def test_composition_times_are_left_alone() -> None:
    publish = Publish()
    publish.headers()
    bodies = [media.avc_frame(key=not i, cts=cts, mark=i) for i, cts in enumerate((80, -40, 0))]
    for i, body in enumerate(bodies):
        publish.frame(VIDEO, 300 * i, body)
    assert [body for _, body in publish.finish()[0].frames(VIDEO)] == bodies
