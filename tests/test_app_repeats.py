"""Counts of repeated log lines, on a clock that jumps."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from recorder.app_repeats import REPEATS_S, report_repeats
from recorder.logs import FoldRepeats, same

if TYPE_CHECKING:
    from trio.testing import MockClock


def line(fold: FoldRepeats) -> None:
    fold.filter(logging.makeLogRecord({"msg": "again", **same("again")}))


async def test_a_count_is_written_some_seconds_after_the_first_repeat_and_so_is_the_next(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    fold = FoldRepeats(now=trio.current_time)
    written: list[tuple[float, str]] = []
    fold.emit = lambda record: written.append((trio.current_time(), record.getMessage()))
    nursery.start_soon(report_repeats, fold)
    await trio.sleep(100)
    for _ in range(2):
        began_s = trio.current_time()
        written.clear()
        for _ in range(3):
            line(fold)
        await trio.sleep(60)
        assert written == [(began_s + REPEATS_S, "again (and 2 more like this)")]
