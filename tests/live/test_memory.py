"""The memory bound as arithmetic."""

from __future__ import annotations

import attrs

from recorder.live.memory import MemoryBudget


@attrs.define(eq=False)
class _Holder:
    held: int
    pending: int = 0

    def held_bytes(self) -> int:
        return self.held

    def pending_bytes(self) -> int:
        return self.pending


def _budget(limit: int, *holders: _Holder, left_behind: int = 0) -> MemoryBudget:
    budget = MemoryBudget(limit, lambda: sum(one.pending for one in holders) + left_behind)
    for holder in holders:
        budget.enter(holder)
    return budget


def test_below_the_total_everybody_reads() -> None:
    a, b = _Holder(98), _Holder(1)
    budget = _budget(100, a, b)
    assert budget.may_read(a)
    assert budget.may_read(b)
    assert not budget.exhausted


def test_at_the_total_those_above_their_equal_share_stop_and_the_others_go_on() -> None:
    a, b = _Holder(20, pending=50), _Holder(30)
    budget = _budget(100, a, b)
    assert not budget.may_read(a)
    assert budget.may_read(b)
    assert budget.exhausted


def test_what_a_publisher_left_behind_counts_until_it_is_on_the_disk() -> None:
    a, b = _Holder(70), _Holder(30)
    budget = _budget(100, a, b, left_behind=30)
    budget.leave(b)
    budget.leave(b)
    assert budget.exhausted


def test_who_has_left_holds_nothing_and_takes_no_share() -> None:
    a, b = _Holder(60), _Holder(40)
    budget = _budget(100, a, b)
    assert (budget.exhausted, budget.share_bytes, budget.may_read(a)) == (True, 50, False)
    budget.leave(b)
    assert (budget.exhausted, budget.share_bytes, budget.may_read(a)) == (False, 100, True)


def test_who_holds_exactly_its_share_goes_on() -> None:
    a, b = _Holder(50), _Holder(51)
    budget = _budget(100, a, b)
    assert (budget.may_read(a), budget.may_read(b)) == (True, False)


def test_an_empty_budget_is_not_exhausted() -> None:
    budget = _budget(100)
    assert not budget.exhausted
    assert budget.share_bytes == 100
