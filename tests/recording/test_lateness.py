"""How late media come, kept as two numbers from one look to the next."""

from __future__ import annotations

from recorder.recording.lateness import SILENCE_MS, Lateness, Spread

STEP_MS = 40


def read(lateness: Lateness, now_ms: int, dts: int, step_ms: int = STEP_MS, jumps: int = 0) -> None:
    lateness.read(now_ms, dts, step_ms=step_ms, jumps=jumps)


def spread(least_ms: int | None, most_ms: int | None, *, begins_anew: bool = False) -> Spread:
    return Spread(least_ms=least_ms, most_ms=most_ms, step_ms=STEP_MS, begins_anew=begins_anew)


def started() -> Lateness:
    """One that knows how frames follow each other, and is in time."""
    lateness = Lateness()
    read(lateness, 1000 - STEP_MS, -STEP_MS)
    read(lateness, 1000, 0)
    lateness.take()
    return lateness


def test_what_has_come_since_the_last_look_lies_between_two_numbers() -> None:
    lateness = started()
    for now_ms, newest_dts in ((1500, 480), (2000, 1020)):
        read(lateness, now_ms, newest_dts)
    assert lateness.take() == spread(980, 1020)
    read(lateness, 2500, 1500)
    assert lateness.take() == spread(1000, 1000)


def test_nothing_has_come() -> None:
    assert Lateness().take() == Spread(least_ms=None, most_ms=None, step_ms=0, begins_anew=False)
    assert started().take() == spread(None, None)


def test_what_waited_behind_a_hole_is_late_although_the_newest_with_it_is_not() -> None:
    lateness = started()
    read(lateness, 4000, 3000)
    assert lateness.take() == spread(1000, 4000 - STEP_MS - SILENCE_MS)


def test_a_picture_every_few_seconds_is_not_late_and_a_single_long_step_is_a_hole() -> None:
    lateness = started()
    read(lateness, 9000, 8000, step_ms=8000)
    assert lateness.take() == spread(1000, 9000 - STEP_MS - SILENCE_MS)
    for now_ms in (17_000, 25_000):
        read(lateness, now_ms, now_ms - 1000, step_ms=8000)
        found = lateness.take()
        assert (found.least_ms, found.most_ms, found.step_ms) == (1000, 1000, 8000)
    # Such a sender can be late too.
    read(lateness, 37_000, 32_000, step_ms=8000)
    assert lateness.take().most_ms == 5000
    # And then it sends as others do.
    read(lateness, 37_500, 36_500)
    assert lateness.take().step_ms == STEP_MS


def test_a_pause_of_reading_is_not_late() -> None:
    lateness = Lateness()
    for now_ms in (1000, 1700, 2400):
        read(lateness, now_ms, now_ms)
    assert lateness.take() == spread(0, 0)


def test_behind_a_jump_of_its_clock_a_silence_is_not_late_and_all_is_measured_anew() -> None:
    lateness = started()
    read(lateness, 31_000, STEP_MS, jumps=1)
    assert lateness.take() == spread(30_960, 30_960, begins_anew=True)
    read(lateness, 31_500, 540, jumps=1)
    assert lateness.take() == spread(30_960, 30_960)


def test_what_we_hold_back_is_said_for_as_long_as_it_lasts_and_at_the_next_look() -> None:
    lateness = started()
    lateness.held_back(begins=True)
    assert [lateness.take().begins_anew, lateness.take().begins_anew] == [True, True]
    lateness.held_back(begins=False)
    read(lateness, 1000, 0)  # a ping
    read(lateness, 9000, 500)
    # Not late by the silence, which was ours.
    assert lateness.take() == spread(8500, 8500, begins_anew=True)
    assert not lateness.take().begins_anew
