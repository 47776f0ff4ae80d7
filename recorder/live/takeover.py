"""Takeover: may a new publisher have a room in which another one publishes?

Pure decisions; whoever asks carries them out. An encoder that lost its network comes back while we
still hold its old connection: it must get its room. Two encoders with the same key must not tear a
recording into pieces by taking it from each other: after three takeovers in a minute the room comes
to rest, whatever the policy says.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal, TypeAlias

import attrs

from recorder.neighbours import canonical_address

TakeoverPolicy: TypeAlias = Literal["always", "if-stale", "never"]
"""As the configuration spells it (`rtmp.takeover`)."""

STALE_AFTER_MS: Final = 2_000
"""An encoder in real time sends many times a second; 2 s of silence is a lost connection."""

CONTEST_TAKEOVERS: Final = 3
CONTEST_WITHIN_MS: Final = 60_000
REST_MS: Final = 60_000


@attrs.frozen
class Incumbent:
    """The publisher that has the room."""

    address: str
    silent_ms: int
    """How long it has sent no byte while we were reading; silence that we cause does not count."""


@attrs.frozen
class Replace:
    """The new publisher gets the room."""


@attrs.frozen
class Refuse:
    """The incumbent stays; `reason` is for the log."""

    reason: str


class TakeoverHistory:
    """The last takeovers of one room, no more of them than are needed to see a contest.

    Attributes:
        total: how many there were.
    """

    def __init__(self) -> None:
        self.total = 0
        self._times_ms: deque[int] = deque(maxlen=CONTEST_TAKEOVERS)
        self._rests_until_ms: int | None = None

    def add(self, now_ms: int) -> None:
        """Note that the room was taken over now."""
        self.total += 1
        self._times_ms.append(now_ms)
        full = len(self._times_ms) == CONTEST_TAKEOVERS
        if full and now_ms - self._times_ms[0] <= CONTEST_WITHIN_MS:
            self._rests_until_ms = now_ms + REST_MS
            self._times_ms.clear()

    def rests_for_ms(self, now_ms: int) -> int:
        """Return for how long nobody may take the room over; 0 in a room without a contest.

        While it is not 0 two encoders fight for the room, which somebody should be told.
        """
        if self._rests_until_ms is None:
            return 0
        return max(0, self._rests_until_ms - now_ms)


def decide(
    policy: TakeoverPolicy,
    incumbent: Incumbent,
    address: str,
    history: TakeoverHistory,
    now_ms: int,
) -> Replace | Refuse:
    """Decide about a publisher that comes from `address` with the right key.

    A `Replace` is noted in the history: the caller carries it out.
    """
    reason = _objection(policy, incumbent, address, history.rests_for_ms(now_ms))
    if reason is not None:
        return Refuse(reason)
    history.add(now_ms)
    return Replace()


def _objection(
    policy: TakeoverPolicy, incumbent: Incumbent, address: str, rests_for_ms: int
) -> str | None:
    if policy == "never":
        return f"{incumbent.address} publishes here, and rtmp.takeover is never"
    if rests_for_ms:
        seconds = -(-rests_for_ms // 1000)
        return (
            f"the room was taken over {CONTEST_TAKEOVERS} times within a minute:"
            f" {incumbent.address} keeps it for {seconds} s more"
        )
    if policy == "always":
        return None
    if canonical_address(incumbent.address) == canonical_address(address):
        return None
    if incumbent.silent_ms >= STALE_AFTER_MS:
        return None
    return f"{incumbent.address} publishes here and is not silent"
