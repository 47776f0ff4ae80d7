"""The newest picture, for everybody who watches: made into a frame once, skipped by who is slow.

Owns what is not yet sent to whom: never more than the newest frame, so that a slow viewer costs
nothing and sees no old picture; and for how many a picture has to be made. Who is still sent an
older one needs none. Knows no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


class Broadcast:
    """Args:
    on_join: called when somebody begins to watch, who waits for a picture of now.
    on_wait: called when somebody waits, and nobody did.

    Attributes:
        watchers: how many watch, the stuck ones included.
        waiting: how many have got all that there is, and wait for the next picture.
    """

    def __init__(
        self,
        on_join: Callable[[], None] = lambda: None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        self.watchers = 0
        self.waiting = 0
        self.on_join = on_join
        self.on_wait = on_wait
        self._frame = b""
        self._number = 0
        self._published = trio.Event()
        self.dismissals = 0

    def dismiss(self) -> None:
        """Who watches now has to come in again: who may has changed."""
        self.dismissals += 1
        self._wake()

    def publish(self, text: str) -> None:
        """There is a newer picture."""
        self._frame = text_frame(text)
        self._number += 1
        self._wake()

    def join(self) -> Watcher:
        """Somebody watches, as long as the `with` lasts."""
        return Watcher(self)

    @property
    def number(self) -> int:
        """Of the newest picture."""
        return self._number

    async def newer(self, number: int, dismissals: int) -> tuple[int, bytes | None]:
        """The newest picture behind that of this number, and its own; none behind a dismissal."""
        self.waiting += 1
        if self.waiting == 1:
            self.on_wait()
        try:
            while self.dismissals == dismissals and self._number <= number:
                await self._published.wait()
        finally:
            self.waiting -= 1
        return self._number, self._frame if self.dismissals == dismissals else None

    def _wake(self) -> None:
        published, self._published = self._published, trio.Event()
        published.set()


class Watcher:
    """One viewer's place in a broadcast."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        self._dismissals = broadcast.dismissals
        # What was made before may be old: nobody may have watched since.
        self._seen = broadcast.number

    def __enter__(self) -> Watcher:
        self._broadcast.watchers += 1
        self._broadcast.on_join()
        return self

    def __exit__(self, *_: object) -> None:
        self._broadcast.watchers -= 1

    async def next(self) -> bytes | None:
        """The newest picture that this viewer has not seen, as a frame of its WebSocket; None: it
        has to come in again."""
        self._seen, frame = await self._broadcast.newer(self._seen, self._dismissals)
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
