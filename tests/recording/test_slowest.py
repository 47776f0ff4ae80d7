"""The slowest write of about the last minute."""

from __future__ import annotations

from recorder.recording.slowest import Slowest


def test_the_slowest_is_shown_for_a_minute_at_least_and_two_at_most() -> None:
    slowest = Slowest()
    assert slowest.seconds(0) is None
    slowest.note(0.5, 100)
    slowest.note(0.1, 101)
    assert slowest.seconds(159) == 0.5
    slowest.note(0.2, 161)
    assert slowest.seconds(162) == 0.5
    slowest.note(0.1, 222)
    assert slowest.seconds(223) == 0.2
    assert slowest.seconds(500) is None
