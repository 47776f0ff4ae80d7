"""The newest picture, for everybody who watches: made into a frame once, skipped by who is slow.

Owns who watches, and how many may; what is not yet sent to whom: never more than the newest frame,
so that a slow viewer costs nothing and sees no old picture; and for how many a picture has to be
made. Who is still sent an older one needs none. Knows no socket: it is told how to begin a frame,
which goes out whole at once to nearly everybody, and then wakes nobody's task. To wake 32 of them
took three times as long as to send.
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
        frame: the newest picture, as a message of a WebSocket; `number` counts them.
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
        self.frame = b""
        self.number = 0
        self._watchers: list[Watcher] = []

    @property
    def watchers(self) -> int:
        """How many watch, the stuck ones included."""
        return len(self._watchers)

    def dismiss(self) -> None:
        """Who watches now has to come in again: who may has changed."""
        for each in self._watchers:
            each.dismiss()

    def publish(self, text: bytes) -> None:
        """There is a newer picture, in UTF-8."""
        self.frame = text_frame(text)
        self.number += 1
        for each in self._watchers:
            each.offer()

    def join(self, *, is_operator: bool) -> Watcher | None:
        """Somebody watches from now on, until it leaves its `with`; None: there is no place.

        An operator has one as long as not all are operators': who came last of the others goes.
        """
        if len(self._watchers) >= self.most:
            self.refused += 1
            others = [each for each in self._watchers if not each.is_operator]
            if not (is_operator and others):
                return None
            others[-1].dismiss()
            self.leave(others[-1])
        watcher = Watcher(self, is_operator=is_operator)
        self._watchers.append(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Somebody watches no more, who may have left already."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)


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
        self._begin: Callable[[bytes], bool] | None = None
        """While it waits for a picture."""
        self._woken = trio.Event()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._broadcast.leave(self)

    def dismiss(self) -> None:
        """It has to come in again."""
        self.is_dismissed = True
        self._woken.set()

    def offer(self) -> None:
        """There is a newer picture. Who is still sent an older one finds it later."""
        if self._begin is not None and not self.is_dismissed:
            self._seen = self._broadcast.number
            if not self._begin(self._broadcast.frame):
                self._begin = None
                self._woken.set()

    async def next(self, begin: Callable[[bytes], bool]) -> bool:
        """Begin every picture from now on, the newest first, as long as each goes out whole.

        Args:
            begin: sends of a frame what can be sent without waiting; False: there is a rest.

        Returns:
            When there is a rest to be sent, True; when it has to come in again, False.
        """
        broadcast = self._broadcast
        if self._seen is None:
            # What was made before may be old: nobody may have watched since.
            self._seen = broadcast.number
            broadcast.on_join()
        self._woken, self._begin = trio.Event(), begin
        broadcast.waiting += 1
        try:
            if broadcast.waiting == 1:
                broadcast.on_wait()
            if broadcast.number > self._seen:
                self.offer()
            if not self.is_dismissed:
                await self._woken.wait()
        finally:
            self._begin = None
            broadcast.waiting -= 1
        return not self.is_dismissed


def text_frame(payload: bytes) -> bytes:
    """A whole message of a server (RFC 6455 §5.2): final, of text in UTF-8, not masked."""
    size = len(payload)
    if size < 126:
        length = bytes((size,))
    elif size < 1 << 16:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return b"\x81" + length + payload
