"""The outbox: what the recorder tells, on its way to the journal. The recorder waits for nothing.

Owns the queue before the disk. `add` only appends; a task writes in a thread. While the state's
disk stalls or refuses, the queue fills, and the oldest go for the newest, counted and said: an
alarm of now is worth more than one of yesterday, and a lesson more than both.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import trio

from recorder.hooks.announced import Announced
from recorder.hooks.events import Event
from recorder.logs import same

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from recorder.hooks.journal import Journal

log = logging.getLogger(__name__)

MOST_WAITING: Final = 1000
BATCH: Final = 200
"""What is in the hands of a thread cannot be given up for something newer."""

RETRY_S: Final = 5.0
LAST_WORDS_S: Final = 5.0
"""What the last events may take to reach the disk when the recorder stops."""


class Outbox:
    """Belongs to the loop; `run` is its task.

    Args:
        journal: from here on it belongs to this.
        now: the time in UTC, as text.

    Attributes:
        announced: with everything that was added.
    """

    def __init__(self, journal: Journal, now: Callable[[], str]) -> None:
        self._journal = journal
        self._now = now
        self._next_id = journal.next_id
        self._waiting: deque[Event] = deque()
        self._in_hand: list[Event] = []
        self._dropped = 0
        self._added = trio.Event()
        self._settled = trio.Event()
        self._settled.set()
        self.announced = Announced(journal.announced.to_document())

    @property
    def lost(self) -> int:
        """Events that nobody will be told of, because there was no room for them."""
        return self._dropped + self._journal.lost

    def add(self, kind: str, fields: dict[str, Any]) -> None:
        """This has happened now."""
        event = Event(self._next_id, kind, self._now(), fields)
        self._next_id += 1
        self.announced.take(event)
        self._waiting.append(event)
        self._limit()
        self._settled = trio.Event()
        self._added.set()

    async def run(self) -> None:
        """Write what is added, until cancelled."""
        lost = 0
        while True:
            await self._added.wait()
            self._added = trio.Event()
            await self._write()
            if self.lost > lost:
                log.warning(
                    "The outbox of the hooks is full: %d events were given up so far. Mend the "
                    "receivers, or see that `recorder deliver` runs.",
                    self.lost,
                    extra=same("outbox full"),
                )
            lost = self.lost
            if self._waiting:
                self._added.set()
            else:
                self._settled.set()

    async def settled(self) -> None:
        """Return when everything that was added is on the disk."""
        await self._settled.wait()

    async def _write(self) -> None:
        while self._waiting and len(self._in_hand) < BATCH:
            self._in_hand.append(self._waiting.popleft())
        try:
            # The loop must be able to end while the disk does not answer.
            await trio.to_thread.run_sync(
                self._journal.append, self._in_hand, abandon_on_cancel=True
            )
        except OSError as error:
            log.warning(
                "What the hooks are to tell cannot be written: %s. It is tried again.",
                error,
                extra=same("outbox"),
            )
            self._waiting.extendleft(reversed(self._in_hand))
            self._in_hand = []
            self._limit()
            await trio.sleep(RETRY_S)
        else:
            self._in_hand = []

    def _limit(self) -> None:
        while len(self._waiting) + len(self._in_hand) > MOST_WAITING and self._waiting:
            self._waiting.popleft()
            self._dropped += 1


@asynccontextmanager
async def open_outbox(journal: Journal, now: Callable[[], str]) -> AsyncIterator[Outbox]:
    """An outbox at work; on leaving, what was added is on the disk, or its time is up."""
    outbox = Outbox(journal, now)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, name="outbox")
        try:
            yield outbox
        finally:
            with trio.move_on_after(LAST_WORDS_S, shield=True) as limit:
                await outbox.settled()
            if limit.cancelled_caught:
                log.warning(
                    "The last events could not be written for the hooks in %g s.", LAST_WORDS_S
                )
            nursery.cancel_scope.cancel()
    if not limit.cancelled_caught:
        journal.close()
