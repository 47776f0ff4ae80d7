"""How long to wait before a publishing connection is read again: pure arithmetic.

In real time it is wake-ups that cost, not bytes: an encoder sends a hundred small messages a
second, and nobody needs a recording within a tenth of one. So bytes are left to gather in the
socket for a moment, as many as its buffer takes with ease.

An encoder must not be held back by that. Its rate is measured while it is read without pauses, for
a sender whose window closes in every pause looks slow; and it is measured anew when so much has
come in a pause that the window may have closed, and more than the rate explains, or when behind a
pause the next bytes are there at once.

Knows no socket and no clock; whoever asks says how much the socket can hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_S: Final = 0.5
"""What gathers in the socket a killed process loses, as it does the writer's batch: with that,
one second (promise 2)."""

SHORTEST_S: Final = 0.005
"""A shorter pause saves nothing."""

GRID_S: Final = 0.25
"""Pauses of so long end on multiples of it, so that many rooms wake the loop together."""

MEASURE_S: Final = 0.25
"""A rate is that of so long a time at least."""

SHARE: Final = 1 / 4
"""Of the socket's buffer that may fill in a pause: the kernel counts its own overhead in it, about
half, and it lets the buffer grow for who sends more than a quarter at a time."""

SURPRISE: Final = 1.5
"""So many times more than expected: a keyframe may be, a window that closed is twice."""

OPEN: Final = 0.4
"""Of the socket's buffer: a read that brings less found the window open, however much more it was
than expected. Half is what fits into it (see `SHARE`)."""

DECAY: Final = 0.9
"""The rate is the highest of late: the pause must be short enough for the keyframe too."""

PROBE_EVERY: Final = 8
"""Behind so many pauses the next bytes are waited for without one."""


class ReadPace:
    """Of one connection.

    Args:
        now_s: on the clock of all `now_s` here.
    """

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._bytes = 0
        self._rate = 0.0
        """Bytes a second."""
        self._is_free = True
        """No pauses until the rate is measured."""
        self._expected = 0.0
        """More bytes than these behind the next pause are a surprise."""
        self._gathered = 0
        self._pauses = 0

    def next_read_s(
        self,
        read_bytes: int,
        now_s: float,
        buffer_bytes: Callable[[], int],
        *,
        is_all: bool = True,
        longest_s: float = LONGEST_S,
    ) -> float:
        """When to read again, after so much was read.

        Args:
            buffer_bytes: the size of the socket's receive buffer now; 0: not known, no pause.
            is_all: the read would have taken more. Where it would not, the rest is read at once:
                a pause would leave the window closed for another one.
            longest_s: no pause is longer.
        """
        self._bytes += read_bytes
        self._gathered += read_bytes
        if not is_all:
            return now_s
        gathered, self._gathered = self._gathered, 0
        if self._expected and gathered > self._expected:
            self.measure_anew(now_s)
        elif now_s - self._since_s >= MEASURE_S:
            rate = self._bytes / (now_s - self._since_s)
            self._rate = max(rate, DECAY * self._rate)
            self._is_free = False
            self._since_s, self._bytes = now_s, 0
        if self._is_free:
            self._expected = 0.0
            return now_s
        socket_bytes = buffer_bytes()
        gather_bytes = SHARE * socket_bytes
        pause_s = min(longest_s, gather_bytes / max(1.0, self._rate))
        if pause_s < SHORTEST_S:
            self._expected = 0.0
            return now_s
        self._pauses += 1
        if self._pauses % PROBE_EVERY == 0:
            self._expected = gather_bytes / 2
            return now_s
        if pause_s >= GRID_S:
            pause_s = (now_s + pause_s) // GRID_S * GRID_S - now_s
        self._expected = max(SURPRISE * self._rate * pause_s, OPEN * socket_bytes)
        return now_s + pause_s

    def measure_anew(self, now_s: float) -> None:
        """Make no pause until the rate is known again: it was not the sender's, as when the reading
        had to wait for something else."""
        self._is_free = True
        self._since_s, self._bytes = now_s, 0
