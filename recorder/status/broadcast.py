"""The newest picture, for everybody who watches: made into a frame once, skipped by who is slow.

Owns who watches, and how many may; what is not yet sent to whom: never more than the newest frame,
so that a slow viewer costs nothing and sees no old picture; and for how many a picture has to be
made. Who is still sent an older one needs none. Knows no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


class Broadcast:
    """Args:
    most: `limits.clients`. It may be exchanged, and is followed as watchers come.
    on_join: called when somebody begins to watch, who waits for a picture of now.
    on_wait: called when somebody waits, and nobody did.

    Attributes:
        waiting: how many have got all that there is, and wait for the next picture.
        refused: how many found no place, or gave theirs to an operator.
    """

    def __init__(
        self,
        most: int,
        on_join: Callable[[], None] = lambda: None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        self.most = most
        self.on_join = on_join
        self.on_wait = on_wait
        self.waiting = 0
        self.refused = 0
        self._watchers: list[Watcher] = []
        self._frame = b""
        self._number = 0
        self._published = trio.Event()

    @property
    def watchers(self) -> int:
        """How many watch, the stuck ones included."""
        return len(self._watchers)

    def dismiss(self) -> None:
        """Who watches now has to come in again: who may has changed."""
        for each in self._watchers:
            each.is_dismissed = True
        self._wake()

    def publish(self, text: str) -> None:
        """There is a newer picture."""
        self._frame = text_frame(text)
        self._number += 1
        self._wake()

    def join(self, *, is_operator: bool) -> Watcher | None:
        """Somebody watches from now on, until it leaves its `with`; None: there is no place.

        An operator has one as long as not all are operators': who came last of the others goes.
        """
        if len(self._watchers) >= self.most:
            self.refused += 1
            others = [each for each in self._watchers if not each.is_operator]
            if not (is_operator and others):
                return None
            others[-1].is_dismissed = True
            self.leave(others[-1])
            self._wake()
        watcher = Watcher(self, is_operator=is_operator)
        self._watchers.append(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Somebody watches no more, who may have left already."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    @property
    def number(self) -> int:
        """Of the newest picture."""
        return self._number

    async def newer(self, watcher: Watcher, number: int) -> tuple[int, bytes | None]:
        """The newest picture behind that of this number, and its own; none for who is dismissed."""
        self.waiting += 1
        if self.waiting == 1:
            self.on_wait()
        try:
            while not watcher.is_dismissed and self._number <= number:
                await self._published.wait()
        finally:
            self.waiting -= 1
        return self._number, None if watcher.is_dismissed else self._frame

    def _wake(self) -> None:
        published, self._published = self._published, trio.Event()
        published.set()


class Watcher:
    """One viewer's place in a broadcast. Made by `Broadcast.join`.

    Attributes:
        is_dismissed: it has to come in again.
    """

    def __init__(self, broadcast: Broadcast, *, is_operator: bool) -> None:
        self.is_operator = is_operator
        self.is_dismissed = False
        self._broadcast = broadcast
        self._seen: int | None = None

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._broadcast.leave(self)

    async def next(self) -> bytes | None:
        """The newest picture that this viewer has not seen, as a frame of its WebSocket; None: it
        has to come in again."""
        if self._seen is None:
            # What was made before may be old: nobody may have watched since.
            self._seen = self._broadcast.number
            self._broadcast.on_join()
        self._seen, frame = await self._broadcast.newer(self, self._seen)
        return frame


def text_frame(text: str) -> bytes:
    """A whole message of a server (RFC 6455 §5.2): final, of text, not masked."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        length = bytes((size,))
    elif size < 1 << 16:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return b"\x81" + length + payload
