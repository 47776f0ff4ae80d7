"""How late media come, kept as two numbers from one look to the next."""

from __future__ import annotations

from recorder.recording.lateness import SILENCE_MS, Lateness, Spread


def test_what_has_come_since_the_last_look_lies_between_two_numbers() -> None:
    lateness = Lateness()
    for now_ms, newest_dts in ((1000, 0), (1500, 480), (2000, 1020)):
        lateness.read(now_ms, newest_dts)
    assert lateness.take() == Spread(least_ms=980, most_ms=1020, was_held_back=False)
    lateness.read(2500, 1500)
    assert lateness.take() == Spread(least_ms=1000, most_ms=1000, was_held_back=False)


def test_nothing_has_come() -> None:
    lateness = Lateness()
    lateness.read(1000, 0)
    lateness.take()
    assert lateness.take() == Spread(least_ms=None, most_ms=None, was_held_back=False)


def test_what_waited_behind_a_hole_is_late_although_the_newest_with_it_is_not() -> None:
    lateness = Lateness()
    lateness.read(1000, 0)
    lateness.read(4000, 3000)
    assert lateness.take() == Spread(least_ms=1000, most_ms=4000 - SILENCE_MS, was_held_back=False)


def test_a_pause_of_reading_is_not_late() -> None:
    lateness = Lateness()
    for now_ms in (1000, 1700, 2400):
        lateness.read(now_ms, now_ms)
    assert lateness.take() == Spread(least_ms=0, most_ms=0, was_held_back=False)


def test_what_we_hold_back_is_said_for_as_long_as_it_lasts_and_at_the_next_look() -> None:
    lateness = Lateness()
    lateness.read(1000, 0)
    lateness.held_back(begins=True)
    assert [lateness.take().was_held_back, lateness.take().was_held_back] == [True, True]
    lateness.held_back(begins=False)
    lateness.read(1000, 0)  # a ping
    lateness.read(9000, 500)
    # Not late by the silence, which was ours.
    assert lateness.take() == Spread(least_ms=8500, most_ms=8500, was_held_back=True)
    assert not lateness.take().was_held_back
