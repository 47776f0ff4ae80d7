"""Time that passes only when everything has come to rest, threads included.

An autojump clock jumps over a thread that is at work, and every limit around it expires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio.testing

if TYPE_CHECKING:
    from trio.testing import MockClock


async def settle() -> None:
    """Wait until every task waits for something, and none of them for a thread."""
    while True:
        await trio.testing.wait_all_threads_completed()
        await trio.testing.wait_all_tasks_blocked()
        if not trio.testing.active_thread_count():
            return


async def pass_time(clock: MockClock, seconds: float) -> None:
    """Let what is under way come to rest, then time pass, then the same again."""
    await settle()
    clock.jump(seconds)
    await settle()
