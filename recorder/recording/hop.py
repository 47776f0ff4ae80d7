"""A hop: one way to the thread that writes and back, and the patience with a disk that is silent.

Owns when a hop is a stall, which is said, and when it is given up. The thread itself cannot be
stopped: who gives it up goes on without it, and hears of it when it returns. Whether it returned or
was given up is decided once, for both sides (`Race`). Knows nothing of what is written.

Not `to_thread.run_sync`, because the loop has things to say and to do while the disk does not
answer.
"""

from __future__ import annotations

import errno
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    import outcome

log = logging.getLogger(__name__)

STALL_S = 3.0
"""A hop that takes longer is a stall: the limit of promise 9."""

GIVE_UP_S = 60.0
"""A hop that takes longer than a stall may is a failure (design §4)."""

T = TypeVar("T")


class DiskSilentError(OSError):
    """The disk has not answered for GIVE_UP_S; the text says so."""


def silence() -> DiskSilentError:
    return DiskSilentError(errno.ETIMEDOUT, f"the disk has not answered for {GIVE_UP_S:.0f} s")


class Race:
    """Between a hop that returns and a loop that gives it up: the first one is believed."""

    def __init__(self) -> None:
        self._winner = dict[str, str]()

    def is_won_by(self, who: str) -> bool:
        # One operation for both threads.
        return self._winner.setdefault("winner", who) == who


class Hops:
    """The hops of one writer, one at a time.

    Attributes:
        silent_since_s: when the one under way began, on Trio's clock, once that is a stall.
    """

    def __init__(self, gave_up: Callable[[], None]) -> None:
        """Args:
        gave_up: called when one is given up; it is still waited for.
        """
        self.silent_since_s: float | None = None
        self._gave_up = gave_up

    async def carry(self, work: Callable[[], T], began_s: float, race: Race) -> T:
        """One way to the thread and back.

        Args:
            began_s: on Trio's clock; math.inf: however long it takes.
            race: a hop that has won it is not given up any more.

        Raises:
            Exception: what the work raises.
        """
        landed = trio.Event()
        results: list[outcome.Outcome[T]] = []
        token = trio.lowlevel.current_trio_token()

        def deliver(result: outcome.Outcome[T]) -> None:
            results.append(result)
            # The loop may have stopped meanwhile: what was written is found at the next start.
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(landed.set)

        trio.lowlevel.start_thread_soon(work, deliver)
        with trio.move_on_at(began_s + STALL_S):
            await landed.wait()
        if not landed.is_set():
            await self._outwait(landed, began_s, race)
        return results[0].unwrap()

    async def _outwait(self, landed: trio.Event, began_s: float, race: Race) -> None:
        """The disk stalls: say so, and give it up in the end."""
        self.silent_since_s = began_s
        log.warning("The disk has not answered for %.0f s; media wait in memory.", STALL_S)
        with trio.move_on_at(began_s + GIVE_UP_S):
            await landed.wait()
        if not landed.is_set() and race.is_won_by("loop"):
            self._gave_up()
        await landed.wait()
        log.warning("The disk answers again after %.0f s.", trio.current_time() - began_s)
        self.silent_since_s = None
