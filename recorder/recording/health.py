"""From probes of the recording disk to a verdict: may a publish begin?

Owns the rule and the figures that the status shows. Pure: told what happened to a probe and when,
never waits for one. A publish that comes while a probe is pending is judged by the last result,
because a disk that stalls for some seconds is a day like any other.

Times are of the monotonic clock, in milliseconds.
"""

from __future__ import annotations

BAD_FOR_MS = 30_000
"""For so long a bad disk is hoped to come back: what a publish brings fits in the room's buffer."""

SILENT = "It does not answer. Check the disk and its cable or card."


class Health:
    """What the probes say of the disk.

    Attributes:
        last_good_ms: when the last good probe ended; None before the first.
        last_latency_ms: how long that one took.
    """

    def __init__(self) -> None:
        self.last_good_ms: int | None = None
        self.last_latency_ms: int | None = None
        self._pending_since_ms: int | None = None
        self._failed_since_ms: int | None = None
        self._reason = ""

    def probe_began(self, now_ms: int) -> None:
        self._pending_since_ms = now_ms

    def probe_good(self, now_ms: int) -> None:
        self.last_latency_ms = now_ms - self._ended()
        self.last_good_ms = now_ms
        self._failed_since_ms = None

    def probe_failed(self, now_ms: int, reason: str) -> None:
        """`reason`: a sentence for a person, what happened and what to do."""
        began_ms = self._ended()
        if self._failed_since_ms is None:
            # Not when it was known: the disk was as bad while the probe was pending.
            self._failed_since_ms = began_ms
        self._reason = reason

    def _ended(self) -> int:
        began_ms, self._pending_since_ms = self._pending_since_ms, None
        assert began_ms is not None, "a probe begins before it ends"
        return began_ms

    def bad_for_ms(self, now_ms: int) -> int:
        """Since the first of an unbroken row of failed probes began, or the one that is pending;
        0 when the last one was good."""
        since = self._failed_since_ms
        if since is None:
            since = self._pending_since_ms
        return 0 if since is None else now_ms - since

    def reason(self, now_ms: int) -> str | None:
        """Why the disk is bad; None while it is not, or only silent for a moment."""
        if self._failed_since_ms is not None:
            return self._reason
        return SILENT if self.bad_for_ms(now_ms) >= BAD_FOR_MS else None

    def refusal(self, now_ms: int) -> str | None:
        """What a publish is told that may not begin; None: it may."""
        if self.bad_for_ms(now_ms) < BAD_FOR_MS:
            return None
        return f"The recording disk takes no writes: {self.reason(now_ms)}"
