"""How late the event loop is: what keeps it is noted, and waiting in order is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.app_lag import EVERY_S, LoopLag

if TYPE_CHECKING:
    from trio.testing import MockClock


async def test_a_loop_that_has_nothing_to_do_is_never_late(autojump_clock: MockClock) -> None:
    lag = LoopLag()
    with trio.move_on_after(10.5 * EVERY_S):
        await lag.run()
    buckets = lag.seconds.buckets
    assert (buckets.counts[0], buckets.counts[-1], buckets.total) == (10, 10, 0.0)


async def test_what_keeps_the_loop_is_late_by_so_much(
    mock_clock: MockClock, nursery: trio.Nursery
) -> None:
    lag = LoopLag()
    nursery.start_soon(lag.run)
    await trio.testing.wait_all_tasks_blocked()
    # The clock goes on, and nobody has had a turn.
    mock_clock.jump(EVERY_S + 3.0)
    await trio.testing.wait_all_tasks_blocked()
    buckets = lag.seconds.buckets
    assert buckets.total == pytest.approx(3.0)
    below = dict(zip(buckets.bounds, buckets.counts, strict=False))
    assert (below[2.5], below[5.0]) == (0, 1)
