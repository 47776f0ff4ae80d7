"""How long the slowest write of about the last minute took. Pure; times are of one clock, in
seconds."""

from __future__ import annotations

WINDOW_S = 60.0


class Slowest:
    """Two minutes side by side, so that a slow write is shown for one at least, and for two at
    most."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._now: float | None = None
        self._before: float | None = None

    def note(self, seconds: float, now_s: float) -> None:
        """A write took so long."""
        self._turn(now_s)
        self._now = seconds if self._now is None else max(self._now, seconds)

    def seconds(self, now_s: float) -> float | None:
        """None: nothing was written."""
        self._turn(now_s)
        return max((each for each in (self._now, self._before) if each is not None), default=None)

    def _turn(self, now_s: float) -> None:
        passed_s = now_s - self._began_s
        if passed_s < WINDOW_S:
            return
        self._before = self._now if passed_s < 2 * WINDOW_S else None
        self._now, self._began_s = None, now_s
