"""How often something took how long: counts in buckets, as Prometheus wants them.

Knows nothing of what is measured. Several threads may observe; a look gives figures that fit
together. An observation costs less than a microsecond, so there is one for each call of the system
or each file, and none for a message.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

WAITS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
"""For what takes milliseconds on a good day and a minute on the worst."""


@attrs.frozen
class Buckets:
    """Attributes:
    bounds: upper ones, in the unit of what is measured.
    counts: how many were not above each bound; the last one is that of all.
    total: the sum of all.
    """

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


class Histogram:
    """Args:
    bounds: upper ones, ascending; what lies above the last one is counted as well.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0
        self._lock = threading.Lock()

    def observe(self, value: float) -> None:
        """One more."""
        at = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[at] += 1
            self._total += value

    @property
    def buckets(self) -> Buckets:
        """As of now."""
        with self._lock:
            counts, total = list(self._counts), self._total
        return Buckets(self._bounds, tuple(accumulate(counts)), total)
