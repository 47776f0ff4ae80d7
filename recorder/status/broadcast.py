"""The newest picture, for everybody who watches: serialised once, skipped by who is slow.

Owns what is not yet sent to whom: never more than the newest text, so that a slow viewer costs
nothing and sees no old picture. Knows no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


class Broadcast:
    """Args:
    on_join: called when somebody begins to watch.
    """

    def __init__(self, on_join: Callable[[], None] = lambda: None) -> None:
        self.watchers = 0
        self.on_join = on_join
        self._text: str | None = None
        self._number = 0
        self._published = trio.Event()
        self.dismissals = 0

    def dismiss(self) -> None:
        """Who watches now has to come in again: who may has changed."""
        self.dismissals += 1
        self._wake()

    def publish(self, text: str) -> None:
        """There is a newer picture."""
        self._text = text
        self._number += 1
        self._wake()

    def join(self) -> Watcher:
        """Somebody watches, as long as the `with` lasts."""
        return Watcher(self)

    async def newer(self, number: int, dismissals: int) -> tuple[int, str | None]:
        """The newest picture behind that of this number, and its own; none behind a dismissal."""
        while self.dismissals == dismissals and (self._text is None or self._number <= number):
            await self._published.wait()
        return self._number, self._text if self.dismissals == dismissals else None

    def _wake(self) -> None:
        published, self._published = self._published, trio.Event()
        published.set()


class Watcher:
    """One viewer's place in a broadcast."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        self._dismissals = broadcast.dismissals
        self._seen = 0

    def __enter__(self) -> Watcher:
        self._broadcast.watchers += 1
        self._broadcast.on_join()
        return self

    def __exit__(self, *_: object) -> None:
        self._broadcast.watchers -= 1

    async def next(self) -> str | None:
        """The newest picture that this viewer has not seen; None: it has to come in again."""
        self._seen, text = await self._broadcast.newer(self._seen, self._dismissals)
        return text
