"""How late the media of one publish come: on what side of each other arrival and media time lie.

Owns two numbers, which one read after the other can only widen, until they are taken. A delay that
comes and goes between two looks is seen so; looking alone would find it by luck. Costs a few
comparisons per read, and nothing per message. Judges nothing: what is late is late by a constant of
the publish, and whoever takes the numbers holds them against earlier ones.
"""

from __future__ import annotations

from typing import Final

import msgspec

SILENCE_MS: Final = 1000
"""Bytes are left to gather for up to half a second, and so are frames in an encoder: longer, and
what is to come is late already."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    least_ms, most_ms: arrival less media time, up to a constant; None: nothing has come.
    step_ms: so long behind its newest media the next are due.
    begins_anew: nothing from before says what is late now, nor is what has come late by its line:
        we held it back, or its clock has jumped.
    """

    least_ms: int | None
    most_ms: int | None
    step_ms: int
    begins_anew: bool


class Lateness:
    """Of one publish."""

    def __init__(self) -> None:
        self._least_ms: int | None = None
        self._most_ms: int | None = None
        self._newest_dts: int | None = None
        self._last_step_ms = self._step_ms = 0
        self._jumps = 0
        self._is_excused = False
        self._is_held_back = False
        self._begins_anew = False

    def read(self, now_ms: int, newest_dts: int, *, step_ms: int, jumps: int) -> None:
        """A read is handled; where it has brought media, the newest are of this time.

        Args:
            now_ms: when the newest media came.
            step_ms: how a frame follows the one before it, as of now.
            jumps: of the sender's clock so far. Where it jumps media time goes on as if it had
                not been silent before.
        """
        if newest_dts == self._newest_dts:
            return
        if jumps != self._jumps:
            self._jumps, self._begins_anew, self._is_excused = jumps, True, True
        least = most = now_ms - newest_dts
        # A hole is one long step; who sends a picture every few seconds takes them all the time.
        self._step_ms, self._last_step_ms = min(step_ms, self._last_step_ms), step_ms
        if self._newest_dts is not None and not self._is_excused:
            # The first of it, which may have waited long for a lost packet before it.
            most = max(most, now_ms - self._newest_dts - self._step_ms - SILENCE_MS)
        self._newest_dts, self._is_excused = newest_dts, False
        self._least_ms = least if self._least_ms is None else min(self._least_ms, least)
        self._most_ms = most if self._most_ms is None else max(self._most_ms, most)

    def held_back(self, *, begins: bool) -> None:
        """We leave the encoder waiting, or do no more: what comes next is late by our doing."""
        self._is_held_back, self._begins_anew, self._is_excused = begins, True, True

    def take(self) -> Spread:
        """Of all reads since this was last asked for."""
        spread = Spread(
            least_ms=self._least_ms,
            most_ms=self._most_ms,
            step_ms=self._step_ms,
            begins_anew=self._begins_anew,
        )
        self._least_ms = self._most_ms = None
        self._begins_anew = self._is_held_back
        return spread
