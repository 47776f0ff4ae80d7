"""How far an encoder's time has run from the clock: what adds up while media come.

A part of the app. A pause is left out: it is an alarm of its own while it lasts, and an encoder
whose time stood still meanwhile would be behind by it until the end of the lesson, with an alarm
that nobody can clear. One that catches up gets it back. Pure.
"""

from __future__ import annotations

from typing import Final

PAUSE_S: Final = 4.0
"""By so much media must fall behind between two looks: from then on `no_media` tells of silence."""


class DriftMeter:
    """Of one publish."""

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None
        self._last: tuple[float, int]
        self._paused_s = 0.0

    def clear(self) -> None:
        """Another publish begins."""
        self._began, self._paused_s = None, 0.0

    def look(self, newest_dts: int | None, arrived_s: float, now_s: float) -> float | None:
        """By how many seconds media are ahead; None without any.

        Args:
            newest_dts: media time of the newest, in ms.
            arrived_s: when it came, on the clock of `now_s`.
        """
        if newest_dts is None:
            self.clear()
            return None
        if self._began is None:
            self._began = now_s, newest_dts
            self._last = arrived_s, newest_dts
        behind_s = arrived_s - self._last[0] - (newest_dts - self._last[1]) / 1000
        self._last = arrived_s, newest_dts
        if behind_s >= PAUSE_S:
            self._paused_s += behind_s
        began_s, first_dts = self._began
        ahead_s = (newest_dts - first_dts) / 1000 - (now_s - began_s)
        self._paused_s = max(0.0, min(self._paused_s, -ahead_s))
        return ahead_s + self._paused_s
