"""What goes together: a storm of alarms is one call, and nothing overtakes."""

from __future__ import annotations

from recorder.hooks.gathering import GATHER_S, MOST_TOGETHER, Call, Waiting, next_call
from tests.hooks.writing import event

RAISED, CLEARED, ENDED = "alarm_raised", "alarm_cleared", "recording_ended"


def queue(*kinds: str, every_s: float = 0.0) -> list[Waiting]:
    return [Waiting(event(at + 1, kind), 10.0 + at * every_s) for at, kind in enumerate(kinds)]


def test_what_is_no_alarm_goes_alone_and_at_once() -> None:
    assert next_call(queue(ENDED, ENDED, RAISED)) == Call(1, 10.0)


def test_an_alarm_waits_for_others_but_not_longer_than_the_window() -> None:
    assert next_call(queue(RAISED)) == Call(1, 10.0 + GATHER_S)
    assert next_call(queue(RAISED, CLEARED, RAISED, every_s=1.0)) == Call(3, 10.0 + GATHER_S)


def test_alarms_go_at_once_when_something_else_waits_behind_them() -> None:
    assert next_call(queue(RAISED, CLEARED, ENDED, RAISED)) == Call(2, 10.0)


def test_one_call_holds_no_more_than_a_receiver_takes() -> None:
    assert next_call(queue(*[RAISED] * MOST_TOGETHER)) == Call(MOST_TOGETHER, 10.0)
    assert next_call(queue(*[RAISED] * (MOST_TOGETHER + 1))) == Call(MOST_TOGETHER, 10.0)
    assert next_call(queue(*[RAISED] * (MOST_TOGETHER - 1))).at_s == 10.0 + GATHER_S
