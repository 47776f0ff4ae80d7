"""The fuse: three conditions, all of them, and a plan that keeps its name."""

from __future__ import annotations

import pytest

from recorder.recording.retention.fuse import by_limits, is_suspicious, plan_id
from recorder.recording.retention.planner import Deletion, Why


def deletions(count: int, size: int = 10, why: Why = Why.AGE) -> list[Deletion]:
    return [Deletion(number, "hall", size, why) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("count", "total", "week", "is_blown"),
    [
        (11, 439, 109, True),
        (10, 399, 99, False),  # ten recordings, not more
        (11, 440, 109, False),  # a quarter of the bytes, not more
        (11, 439, 110, False),  # as much as the last seven days, not more
    ],
)
def test_it_blows_only_when_all_three_are_exceeded(
    count: int, total: int, week: int, is_blown: bool
) -> None:
    found = is_suspicious(deletions(count), total_bytes=total, week_bytes=week)
    assert found is is_blown


def test_free_space_and_what_was_begun_are_not_asked() -> None:
    both = [*deletions(1), *deletions(1, why=Why.FREE_SPACE), *deletions(1, why=Why.BEGUN)]
    assert by_limits(both) == tuple(deletions(1))
    sizes = [*deletions(1, why=Why.SIZE), *deletions(1, why=Why.ROOM_SIZE)]
    assert by_limits(sizes) == tuple(sizes)


def test_a_plan_is_named_by_what_it_deletes_and_why() -> None:
    name = plan_id(deletions(3))
    assert name == plan_id(deletions(3, size=99))
    assert len({name, plan_id(deletions(4)), plan_id(deletions(3, why=Why.SIZE))}) == 3
    assert len(name) == 8
