"""The timeline: raw times in, one clock without wraps and jumps out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.flv.tags import AUDIO, VIDEO
from recorder.flv.timeline import Placement, Timeline

SOUND = (AUDIO, 0)
PICTURE = (VIDEO, 0)
HOUR_MS = 3_600_000
WRAPS = [1 << 24, 1 << 31, 1 << 32]


def placed(timeline: Timeline, track: tuple[int, int], *raws: int) -> list[int]:
    return [timeline.place(track, raw).dts for raw in raws]


@pytest.mark.parametrize("start", [0, 1, 0xFFFFF0, 0xFFFFFF0, (1 << 31) - 5, (1 << 32) - 1_000])
def test_an_ordinary_stream_keeps_its_times(start: int) -> None:
    timeline = Timeline()
    raws = [start + step for step in range(0, 900, 40)]
    assert placed(timeline, PICTURE, *raws) == raws
    assert timeline.newest == raws[-1]


def test_nothing_is_known_before_the_first_frame() -> None:
    timeline = Timeline()
    assert timeline.newest is None
    assert timeline.clock(SOUND) is None


def test_equal_times_stay_equal() -> None:
    timeline = Timeline()
    assert placed(timeline, PICTURE, 5, 5, 5, 45) == [5, 5, 5, 45]


def test_a_hole_of_ten_seconds_is_kept() -> None:
    timeline = Timeline()
    assert placed(timeline, PICTURE, 0, 40, 10_040) == [0, 40, 10_040]


@pytest.mark.parametrize("slip", [1, 500, 999])
def test_a_small_step_back_is_clamped_and_the_clock_stays(slip: int) -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, 1_000, 2_000)
    assert timeline.place(PICTURE, 2_000 - slip) == Placement(2_000, clamped_ms=slip)
    assert timeline.place(PICTURE, 2_040) == Placement(2_040)


@pytest.mark.parametrize("jump", [HOUR_MS, -HOUR_MS, 10_001, -1_000])
def test_a_jump_is_mapped_away_with_the_usual_step(jump: int) -> None:
    timeline = Timeline()
    start = 2 * HOUR_MS
    placed(timeline, PICTURE, start, start + 40)
    found = timeline.place(PICTURE, start + 40 + jump)
    assert found == Placement(start + 80, jump_ms=jump - 40)
    assert timeline.place(PICTURE, start + 80 + jump) == Placement(start + 120)


def test_a_jump_behind_the_first_frame_takes_a_step_of_its_own() -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, 0)
    assert timeline.place(PICTURE, HOUR_MS).dts == 33


def test_the_usual_step_is_never_longer_than_a_second() -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, 0, 9_000)
    assert timeline.place(PICTURE, HOUR_MS).dts == 10_000


@pytest.mark.parametrize("jump", [HOUR_MS, -HOUR_MS, -1_500])
@pytest.mark.parametrize("step", [40, 1_000])
def test_the_other_tracks_follow_a_jump_with_their_relation_kept(jump: int, step: int) -> None:
    timeline = Timeline()
    start = 2 * HOUR_MS
    for ms in range(0, 5_000, 20):
        placed(timeline, SOUND, start + ms)
        if ms % step == 0:
            placed(timeline, PICTURE, start + ms)
    sound = timeline.place(SOUND, start + 5_000 + jump)
    assert sound.jump_ms is not None
    # A frame from before the jump may still be on its way.
    assert timeline.place(PICTURE, start + 5_000 - 10).dts in (start + 4_990, start + 5_000 - step)
    found = timeline.place(PICTURE, start + 5_000 + jump)
    assert found == Placement(sound.dts)
    assert timeline.place(PICTURE, start + 5_040 + jump) == Placement(sound.dts + 40)


@pytest.mark.parametrize("modulus", WRAPS)
def test_a_wrap_is_unwrapped(modulus: int) -> None:
    timeline = Timeline()
    raws = [(modulus - 100 + ms) % modulus for ms in range(0, 400, 40)]
    assert placed(timeline, SOUND, *raws) == [modulus - 100 + ms for ms in range(0, 400, 40)]


@pytest.mark.parametrize("modulus", WRAPS)
def test_a_clock_that_does_not_wrap_there_goes_on(modulus: int) -> None:
    timeline = Timeline()
    raws = [modulus - 100 + ms for ms in range(0, 100, 20)]
    assert placed(timeline, SOUND, *raws) == raws


@pytest.mark.parametrize("modulus", WRAPS)
@pytest.mark.parametrize("lag", [0, 60, 3_000])
def test_two_tracks_wrap_one_after_the_other(modulus: int, lag: int) -> None:
    """ffmpeg: the sound has wrapped, the picture has not yet."""
    timeline = Timeline()
    for ms in range(-20_000, 20_000, 20):
        raw = modulus + ms
        assert timeline.place(SOUND, raw % modulus) == Placement(raw)
        if ms % 40 == 0:
            assert timeline.place(PICTURE, (raw - lag) % modulus) == Placement(raw - lag)


@pytest.mark.parametrize("modulus", WRAPS)
def test_a_frame_from_before_the_wrap_that_comes_after_it_is_clamped(modulus: int) -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, modulus - 40, 10)
    assert timeline.place(PICTURE, modulus - 5) == Placement(modulus + 10, clamped_ms=15)
    assert timeline.place(PICTURE, 50) == Placement(modulus + 50)


@pytest.mark.parametrize("modulus", WRAPS)
def test_a_track_may_begin_on_either_side_of_a_wrap(modulus: int) -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, modulus - 20)
    assert timeline.place(SOUND, 3) == Placement(modulus + 3)
    assert timeline.place(PICTURE, 20) == Placement(modulus + 20)
    timeline = Timeline()
    placed(timeline, PICTURE, 3)
    assert timeline.place(SOUND, modulus - 20) == Placement(-20)
    assert timeline.place(SOUND, 1) == Placement(1)


def test_near_a_wrap_a_step_too_long_for_it_is_a_jump() -> None:
    timeline = Timeline()
    placed(timeline, SOUND, (1 << 32) - 9_000)
    assert timeline.place(SOUND, 9_000).jump_ms is not None


def test_a_later_track_far_away_has_a_clock_of_its_own() -> None:
    """HaishinKit: picture and sound may begin at 0, each for itself."""
    timeline = Timeline()
    placed(timeline, PICTURE, 60_000, 60_040)
    assert timeline.place(SOUND, 0) == Placement(60_040, apart_ms=-60_040)
    assert timeline.place(SOUND, 23) == Placement(60_063)
    assert timeline.place(PICTURE, 60_080) == Placement(60_080)


def test_a_later_track_within_ten_seconds_keeps_its_times() -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, 60_000)
    assert timeline.place(SOUND, 50_000) == Placement(50_000)
    assert timeline.place((AUDIO, 1), 70_000) == Placement(70_000)


def test_a_track_that_was_silent_finds_its_place_again() -> None:
    timeline = Timeline()
    placed(timeline, SOUND, 0)
    placed(timeline, PICTURE, *range(0, 60_000, 40))
    assert timeline.place(SOUND, 60_000) == Placement(60_000)
    assert timeline.place(SOUND, 60_020) == Placement(60_020)


def test_a_track_that_was_silent_during_a_jump_finds_its_place_again() -> None:
    timeline = Timeline()
    placed(timeline, SOUND, 0)
    placed(timeline, PICTURE, *range(0, 60_000, 40))
    placed(timeline, PICTURE, *range(HOUR_MS, HOUR_MS + 60_000, 40))
    assert timeline.place(SOUND, HOUR_MS + 60_000) == Placement(120_000)


def test_a_hole_that_took_its_time_to_arrive_is_kept() -> None:
    """A laptop that slept for a minute with its connection up: the minute is missing, not moved."""
    timeline = Timeline()
    placed(timeline, PICTURE, 0, 40)
    placed(timeline, SOUND, 0, 23)
    assert timeline.place(PICTURE, 60_000, waited_ms=59_000) == Placement(60_000)
    assert timeline.place(SOUND, 60_010) == Placement(60_010)
    assert timeline.place(PICTURE, 60_040) == Placement(60_040)


def test_a_jump_is_no_hole_although_it_waited() -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, 0, 40)
    assert timeline.place(PICTURE, HOUR_MS, waited_ms=59_000) == Placement(80, HOUR_MS - 80)


def test_a_slow_track_follows_a_small_jump_back() -> None:
    """Its own epoch would do as well; its rhythm tells which one is meant."""
    timeline = Timeline()
    for ms in range(0, 20_000, 20):
        placed(timeline, SOUND, ms + 50_000)
        if ms % 4_000 == 0:
            placed(timeline, PICTURE, ms + 50_000)
    assert timeline.place(SOUND, 68_500) == Placement(70_000, jump_ms=-1_500)
    assert timeline.place(PICTURE, 68_500) == Placement(70_000)
    assert timeline.place(PICTURE, 72_500) == Placement(74_000)


def test_a_frame_at_an_equal_time_does_not_forget_the_rhythm() -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, 2 * HOUR_MS, 2 * HOUR_MS + 40)
    placed(timeline, SOUND, 2 * HOUR_MS, 3 * HOUR_MS)
    placed(timeline, PICTURE, 2 * HOUR_MS + 40)
    assert timeline.place(PICTURE, 0).dts == 2 * HOUR_MS + 80


def test_a_hole_in_all_tracks_does_not_tear_them_apart() -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, 0, 1_000)
    placed(timeline, SOUND, 0, 1_900)
    assert timeline.place(SOUND, 11_890) == Placement(11_890)
    assert timeline.place(PICTURE, 11_900) == Placement(11_900)


def test_only_a_fitting_time_moves_a_clock_that_is_asked_directly() -> None:
    timeline = Timeline()
    placed(timeline, PICTURE, 1_000)
    clock = timeline.clock(PICTURE)
    assert clock is not None
    assert clock.advance(0) is None
    assert clock.dts == 1_000
    assert clock.advance(1_000) == 1_000
    assert clock.advance(1_040) == 1_040 == clock.dts


FRAMES = st.lists(
    st.tuples(
        st.sampled_from([SOUND, PICTURE, (VIDEO, 1)]),
        st.one_of(
            st.integers(0, 200),
            st.integers(-2_000, 20_000),
            st.sampled_from([HOUR_MS, -HOUR_MS, *WRAPS, *(-modulus for modulus in WRAPS)]),
        ),
    ),
    max_size=60,
)


@given(st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([w - 50 for w in WRAPS])), FRAMES)
def test_every_track_is_monotonic_and_near_the_others(
    start: int, steps: list[tuple[tuple[int, int], int]]
) -> None:
    timeline = Timeline()
    raw = start
    last: dict[tuple[int, int], int] = {}
    for track, step in steps:
        raw = (raw + step) % 2**32
        newest = timeline.newest
        found = timeline.place(track, raw)
        clock = timeline.clock(track)
        assert clock is not None
        assert clock.dts == found.dts
        if track in last:
            assert found.dts >= last[track]
        if newest is not None:
            assert found.dts <= max(newest + 10_000, last.get(track, newest) + 10_000)
        last[track] = found.dts


@given(st.integers(0, 2**32 - 1), st.sampled_from(WRAPS), st.data())
def test_a_well_behaved_sender_keeps_all_its_times(
    start: int, modulus: int, data: st.DataObject
) -> None:
    """Steps up to 5 s, tracks within 2 s of each other, wrapping where it likes."""
    timeline = Timeline()
    start %= modulus
    now = 0
    times: dict[tuple[int, int], int] = {}
    offsets: set[int] = set()
    for _ in range(data.draw(st.integers(1, 40))):
        track = data.draw(st.sampled_from([SOUND, PICTURE]))
        now += data.draw(st.integers(0, 2_000))
        ms = max(times.get(track, 0), now - data.draw(st.integers(0, 2_000)))
        times[track] = ms
        offsets.add(timeline.place(track, (start + ms) % modulus).dts - ms)
    assert len(offsets) == 1


def test_a_track_that_was_silent_and_restarts_its_clock_begins_beside_the_others() -> None:
    timeline = Timeline()
    placed(timeline, SOUND, 50_000, 50_020)
    placed(timeline, PICTURE, *range(50_000, 150_000, 40))
    assert timeline.place(SOUND, 0).dts == 149_960
    assert timeline.place(SOUND, 20) == Placement(149_980)


def test_one_frame_far_ahead_does_not_shift_its_track_for_good() -> None:
    timeline = Timeline()
    for ms in range(0, 10_000, 20):
        placed(timeline, SOUND, ms)
        placed(timeline, PICTURE, ms)
    assert timeline.place(SOUND, 19_000).dts == 19_000
    for ms in range(10_000, 25_000, 20):
        placed(timeline, PICTURE, ms)
        late = timeline.place(SOUND, ms)
        assert late.jump_ms is None
        assert late.dts == max(ms, 19_000)


def test_a_track_that_was_silent_for_a_while_only_stays_behind_by_less_than_a_second() -> None:
    timeline = Timeline()
    placed(timeline, SOUND, 50_000, 50_020)
    placed(timeline, PICTURE, *range(50_000, 50_600, 40))
    assert timeline.place(SOUND, 0).dts == 50_040


@pytest.mark.parametrize("modulus", WRAPS)
def test_a_hole_that_took_its_time_to_arrive_may_hold_a_wrap(modulus: int) -> None:
    timeline = Timeline()
    for track in (SOUND, PICTURE):
        placed(timeline, track, modulus - 4_040, modulus - 4_000)
    assert timeline.place(SOUND, 10_000, waited_ms=14_000) == Placement(modulus + 10_000)
    assert timeline.place(PICTURE, 10_020) == Placement(modulus + 10_020)


def test_a_track_finds_the_epoch_of_another_that_is_not_the_newest() -> None:
    """The sender's clock jumped, and one track then jumped again for itself."""
    timeline = Timeline()
    other = (AUDIO, 1)
    for ms in range(0, 1_000, 20):
        for track in (SOUND, PICTURE, other):
            placed(timeline, track, 2 * HOUR_MS + ms)
    placed(timeline, PICTURE, HOUR_MS)
    assert timeline.place(SOUND, 0).jump_ms is not None
    assert timeline.place(other, HOUR_MS + 20).jump_ms is None
