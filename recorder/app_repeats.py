"""Repeated lines of the log: their counts are written while the loop runs. A part of the app.

The log knows no loop, and says only that a count waits (`logs.FoldRepeats`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from recorder.logs import FoldRepeats

REPEATS_S: Final = 10.0
"""How long counted repeats of a log line may wait to be reported."""


async def report_repeats(fold: FoldRepeats) -> None:
    """Write the counts of repeated lines some seconds after the first repeat, until cancelled."""
    while True:
        held = trio.Event()
        fold.on_held = held.set
        await held.wait()
        await trio.sleep(REPEATS_S)
        fold.report_all()
