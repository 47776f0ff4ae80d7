"""The pulse of a session: by when it must have run again. Pure.

Owns what a watchdog believes of sessions. Each says, before it waits, until when at the latest;
what it waits for, the disk included, does not matter. One that has not run although its time is
over, while the loop runs, is stuck: nothing of it comes to a file any more, and nobody else would
say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

TURN_S: Final = 10.0
"""From one sign of life to the next while a session works. It works for milliseconds at a time; on
a machine that swaps for some seconds everything does."""

GRACE_S: Final = 5.0
"""Behind its time before anybody wonders."""


class Pulse:
    """What a session leaves for others to see.

    Attributes:
        who: for the log.
        due_s: when it must have run again, on Trio's clock.
    """

    def __init__(self, who: str, now_s: float) -> None:
        self.who = who
        self.due_s = now_s + TURN_S

    def works(self, now_s: float) -> None:
        """It has its turn now."""
        self.due_s = now_s + TURN_S

    def waits_until(self, at_s: float) -> None:
        """It goes on by then, whatever becomes of what it waits for."""
        self.due_s = at_s


class Overdue:
    """Tells the stuck from those that only have not had their turn yet."""

    def __init__(self) -> None:
        self._before: dict[Pulse, float] = {}

    def look(self, pulses: Iterable[Pulse], now_s: float) -> list[Pulse]:
        """Those that are stuck: overdue at this look and at the one before, and not a sign of life
        in between. After the whole machine stood still everybody is overdue once, and runs."""
        overdue = {each: each.due_s for each in pulses if each.due_s + GRACE_S < now_s}
        stuck = [each for each, due_s in overdue.items() if self._before.get(each) == due_s]
        self._before = overdue
        return stuck
