"""How late the event loop is. A part of the app.

Owns a task that wants to be woken once a second and notes how much later that was. Whatever keeps
the loop, a parse too long or a machine that swaps, keeps this task as it keeps every session. A
suspended machine is late for nothing: Trio's clock stands still with it.
"""

from __future__ import annotations

from typing import Final

import trio

from recorder.histogram import WAITS_S, Histogram

EVERY_S: Final = 1.0
"""One wake-up a second costs 0.01 % of a processor, and sees every block of a second."""


class LoopLag:
    """Attributes:
    seconds: how late it was woken, each time.
    """

    def __init__(self) -> None:
        self.seconds = Histogram(WAITS_S)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            due_s = trio.current_time() + EVERY_S
            await trio.sleep_until(due_s)
            self.seconds.observe(trio.current_time() - due_s)
