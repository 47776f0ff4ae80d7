"""When a target is tried again, and when it is given up."""

from __future__ import annotations

import pytest

from recorder.hooks.patience import GIVE_UP_S, LONGEST_WAIT_S, Outcome, Patience


def waits(count: int, chance: float) -> list[float]:
    patience = Patience()
    return [patience.after(Outcome.FAILED, 0.0, chance).wait_s for _ in range(count)]


def test_each_wait_is_twice_the_last_up_to_five_minutes() -> None:
    assert waits(11, 1.0) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_chance_shortens_a_wait_to_no_less_than_half() -> None:
    assert waits(4, 0.0) == [0.5, 1, 2, 4]
    assert waits(4, 0.5) == [0.75, 1.5, 3, 6]


def test_a_thousand_failures_are_no_overflow() -> None:
    assert waits(5000, 1.0)[-1] == LONGEST_WAIT_S


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.REFUSED])
def test_an_answer_ends_it_and_the_next_failure_begins_with_the_shortest_wait(
    outcome: Outcome,
) -> None:
    patience = Patience()
    for _ in range(5):
        patience.after(Outcome.FAILED, 0.0, 1.0)
    verdict = patience.after(outcome, 10.0, 1.0)
    assert (verdict.is_over, verdict.wait_s, patience.failures) == (True, 0.0, 0)
    assert patience.after(Outcome.FAILED, 20.0, 1.0).wait_s == 1


def test_after_a_day_each_event_has_one_more_try_and_an_answer_gives_all_their_time_back() -> None:
    patience = Patience()
    assert not patience.after(Outcome.FAILED, 100.0, 1.0).is_over
    assert not patience.after(Outcome.FAILED, 99.0 + GIVE_UP_S, 1.0).is_over
    for later_s in (0, 300, 600):
        verdict = patience.after(Outcome.FAILED, 100.0 + GIVE_UP_S + later_s, 1.0)
        assert verdict.is_over
        assert verdict.wait_s > 1, "it is not asked more often for that"
    patience.after(Outcome.DONE, 200.0 + GIVE_UP_S, 1.0)
    assert not patience.after(Outcome.FAILED, 300.0 + GIVE_UP_S, 1.0).is_over
