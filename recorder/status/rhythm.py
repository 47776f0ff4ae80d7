"""When the next picture is made: soon where something has changed, else after a wait.

Owns the one wait of who makes pictures. How long it is may change while it lasts: somebody begins
to wait for a picture, and it is that of somebody who looks. Knows no picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


LATE_S: Final = 0.2
GIVE_WAY_S: Final = 0.05
"""A picture that is so late is made a little later still: what kept it has kept everybody, and
before the encoders are read all of them would seem silent."""


class Rhythm:
    """Args:
    wait_s: gives how long after a picture the next one is due, as things are.
    least_s: between two pictures, whatever changes.
    """

    def __init__(self, wait_s: Callable[[], float], least_s: float) -> None:
        self._wait_s = wait_s
        self._least_s = least_s
        self._began_s = 0.0
        self._is_changed = False
        self._woken = trio.Event()

    def begin(self) -> None:
        """A picture is made now; what changes from here on is not in it."""
        self._began_s = trio.current_time()
        self._is_changed = False

    def changed(self) -> None:
        """The next picture is due."""
        self._is_changed = True
        self._woken.set()

    def hurried(self) -> None:
        """`wait_s` may be shorter now."""
        self._woken.set()

    async def next(self) -> None:
        """Return when the next picture is due."""
        while not self._is_changed:
            self._woken = trio.Event()
            due_s = max(trio.current_time(), self._began_s + self._wait_s())
            with trio.move_on_at(due_s) as scope:
                await self._woken.wait()
            if scope.cancelled_caught:
                if trio.current_time() - due_s >= LATE_S:
                    await trio.sleep(GIVE_WAY_S)
                break
        await trio.sleep_until(self._began_s + self._least_s)
