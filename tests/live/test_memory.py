"""The memory bound as arithmetic."""

from __future__ import annotations

from functools import partial

from recorder.live.memory import MemoryBudget


def _budget(limit: int, **usages: int) -> MemoryBudget:
    budget = MemoryBudget(limit)
    for name, used in usages.items():
        budget.enter(name, partial(int, used))
    return budget


def test_below_the_total_everybody_reads() -> None:
    budget = _budget(100, a=98, b=1)
    assert budget.may_read("a")
    assert budget.may_read("b")
    assert not budget.exhausted


def test_at_the_total_those_above_their_equal_share_stop_and_the_others_go_on() -> None:
    budget = _budget(100, a=70, b=30)
    assert not budget.may_read("a")
    assert budget.may_read("b")
    assert budget.exhausted


def test_a_publisher_that_left_is_not_counted() -> None:
    budget = _budget(100, a=70, b=30)
    budget.leave("b")
    budget.leave("b")
    assert budget.may_read("a")
    assert not budget.exhausted


def test_an_empty_budget_is_not_exhausted() -> None:
    assert not MemoryBudget(100).exhausted
