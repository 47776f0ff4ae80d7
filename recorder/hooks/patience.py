"""How often a target is tried, and when it is given up. Pure: time and chance are arguments.

A target that does not answer is tried again after 1 s, 2 s, 4 s … 5 min, each shortened by chance
to no less than half, so that a receiver that comes back is not met by all boxes at once. Once it
has not answered for a day, each event has one more try before it is the next one's turn.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 300.0
GIVE_UP_S: Final = 24 * 3600.0

_DOUBLINGS: Final = 16
"""Beyond these the wait is the longest anyway."""


class Outcome(enum.Enum):
    """What became of one call."""

    DONE = "done"
    REFUSED = "refused"
    """It has answered that it does not want this; asking again would not change that."""
    FAILED = "failed"
    """It may be different later."""


@attrs.frozen
class Result:
    """Of one call.

    Attributes:
        reason: why it is not done, in words and without secrets; "" where it is.
    """

    outcome: Outcome
    reason: str = ""


@attrs.frozen
class Verdict:
    """Attributes:
    is_over: these events are done with: delivered, or given up.
    wait_s: before the next call to this target.
    """

    is_over: bool
    wait_s: float


@attrs.define
class Patience:
    """With one target.

    Attributes:
        failures: since it last answered.
    """

    failures: int = 0
    _failing_since_s: float | None = None

    def after(self, outcome: Outcome, now_s: float, chance: float) -> Verdict:
        """What to do behind a call.

        Args:
            now_s: a monotonic clock.
            chance: from 0 to 1.
        """
        if outcome is not Outcome.FAILED:
            self.failures, self._failing_since_s = 0, None
            return Verdict(is_over=True, wait_s=0.0)
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        longest_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self.failures, _DOUBLINGS))
        self.failures += 1
        is_over = now_s - self._failing_since_s >= GIVE_UP_S
        return Verdict(is_over=is_over, wait_s=longest_s * (0.5 + 0.5 * chance))
