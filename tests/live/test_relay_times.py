"""The times that viewers are sent, over all that encoders' clocks do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.flv.codecs import classify
from recorder.flv.timeline import USUAL_STEP_MS
from recorder.live.relay_times import RelayTimes
from recorder.recording.tracks import MOST_TRACKS
from tests.helpers.media import many_tracks

if TYPE_CHECKING:
    from collections.abc import Sequence

PICTURE, SOUND = 9, 8
FRAME = {PICTURE: b"\x27\x01\0\0\0inter", SOUND: b"\xaf\x01sound"}
HEADER = b"\x17\0\0\0\0avc"


def frames(
    times: RelayTimes, raw_ms: int, now_ms: int, *, count: int = 5, kinds: Sequence[int] = (9, 8)
) -> list[int]:
    """What a few frames of each kind, 40 ms from one to the next, are sent at."""
    return [
        times.frame(kind, classify(kind, FRAME[kind]), (raw_ms + 40 * each) % 2**32, now_ms)
        for each in range(count)
        for kind in kinds
    ]


def test_an_ordinary_encoders_times_are_its_own() -> None:
    assert frames(RelayTimes(), 700, 0, kinds=[PICTURE]) == [700, 740, 780, 820, 860]


@pytest.mark.parametrize("at", [(1 << 32) - 80, (1 << 24) - 80])
def test_a_clock_that_ends_on_the_wire_ends_for_viewers_as_well(at: int) -> None:
    expected = [(at + 40 * each) % 2**32 for each in range(5)]
    assert frames(RelayTimes(), at, 0, kinds=[PICTURE]) == expected


@pytest.mark.parametrize("raw_ms", [0, 100_000_000, 40])
def test_a_clock_that_jumps_goes_on_for_viewers(raw_ms: int) -> None:
    """Picture and sound alike, at once."""
    times = RelayTimes()
    before = frames(times, 5_000_000, 1000)
    behind = frames(times, raw_ms, 1200)
    assert behind[0] - max(before) in (33, 40)
    assert behind == sorted(behind)
    assert behind[-1] - behind[0] == 4 * 40


@pytest.mark.parametrize("raw_ms", [0, 5_000_200, 77])
def test_another_publish_goes_on_as_much_later_as_it_came_later(raw_ms: int) -> None:
    """So a player that follows the room's clock is neither early nor late behind the gap."""
    times = RelayTimes()
    before = frames(times, 5_000_000, 1000)
    times.begin_anew()
    behind = frames(times, raw_ms, 31_000)
    assert behind[0] == max(before) + 30_000
    assert behind[-1] - behind[0] == 4 * 40


def test_another_publish_that_begins_with_a_track_that_lies_behind_never_goes_back() -> None:
    times = RelayTimes()
    last = frames(times, 1000, 1000)[-1]
    times.begin_anew()
    first = frames(times, 500, 1000, count=1, kinds=[SOUND])[0]
    assert first == last + USUAL_STEP_MS
    assert frames(times, 0, 1000, count=1, kinds=[PICTURE])[0] == last


def test_a_hole_that_took_its_time_to_come_is_one_for_viewers_as_well() -> None:
    """Nobody watched meanwhile, or the encoder's line was gone."""
    times = RelayTimes()
    frames(times, 0, 0)
    assert frames(times, 60_160, 60_000, kinds=[PICTURE])[0] == 60_160


def test_what_is_no_frame_has_the_time_of_its_track_or_of_the_newest_frame() -> None:
    times = RelayTimes()
    header = classify(PICTURE, HEADER)
    assert times.frame(PICTURE, header, 7, 0) == 7
    assert times.other(8) == 8
    frames(times, 1000, 0, count=1, kinds=[SOUND])
    assert times.frame(PICTURE, header, 0, 0) == 1000
    frames(times, 900, 0, count=1, kinds=[PICTURE])
    assert times.frame(PICTURE, header, 0, 0) == 900
    assert times.other(0) == 1000
    times.begin_anew()
    assert times.frame(PICTURE, header, 0, 0) == 1000


def test_frames_of_more_tracks_than_are_recorded_have_the_newest_time() -> None:
    """Their clocks would have to be looked at for each frame that is unusual."""
    times = RelayTimes()
    everything = many_tracks(PICTURE, 1, b"avc1", dict.fromkeys(range(2 * MOST_TRACKS), b"\0" * 8))
    assert times.frame(PICTURE, classify(PICTURE, everything), 1000, 0) == 1000
    one_more = many_tracks(PICTURE, 1, b"avc1", {2 * MOST_TRACKS: b"\0" * 8})
    for raw_ms in (1040, 5_000_000):
        assert times.frame(PICTURE, classify(PICTURE, one_more), raw_ms, 40) == 1000
    assert times.frame(PICTURE, classify(PICTURE, everything), 1040, 40) == 1040


def test_where_nothing_was_sent_yet_another_publish_keeps_its_own_times() -> None:
    times = RelayTimes()
    times.begin_anew()
    assert frames(times, 700, 0, count=1, kinds=[PICTURE]) == [700]


steps = st.tuples(
    st.sampled_from([PICTURE, SOUND]),
    st.one_of(st.integers(-200, 400), st.integers(-(2**33), 2**33)),
    st.integers(0, 20_000),
    st.integers(0, 30).map(lambda each: each == 0),
)


@given(st.lists(steps, max_size=60))
def test_whatever_an_encoders_clock_does_no_tracks_time_goes_back(
    moves: list[tuple[int, int, int, bool]],
) -> None:
    times, raw, now_ms = RelayTimes(), 0, 0
    sent: dict[int, int] = {}
    for kind, step, later_ms, is_anew in moves:
        raw, now_ms = (raw + step) % 2**32, now_ms + later_ms
        if is_anew:
            times.begin_anew()
        at = times.frame(kind, classify(kind, FRAME[kind]), raw, now_ms)
        assert (at - sent.get(kind, at)) % 2**32 < 2**31
        sent[kind] = at
