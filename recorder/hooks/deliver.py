"""Delivery: every event of the journal to every target that wants it, in order, at least once.

Owns one queue and one task per target, so that a receiver that is away keeps only its own events
waiting, and what is remembered of each. A call that was on its way at a restart is made again:
receivers tell it by the ids. It knows neither how a call is made (`call`) nor when to try again
(`patience`), nor what goes together (`gathering`).
"""

from __future__ import annotations

import logging
import random
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from recorder.hooks.events import to_line
from recorder.hooks.gathering import Waiting, next_call
from recorder.hooks.patience import Outcome, Patience
from recorder.hooks.progress import FILE, load_progress
from recorder.hooks.reading import Reader
from recorder.logs import same

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from recorder.hooks.events import Event
    from recorder.hooks.patience import Result
    from recorder.hooks.progress import Progress, TargetProgress
    from recorder.hooks.targets import Target

log = logging.getLogger(__name__)

POLL_S: Final = 1.0
MESSAGE_VERSION: Final = 1


@attrs.frozen(kw_only=True)
class Means:
    """What delivery needs of the world.

    Attributes:
        call: makes one call to a target.
        save: gives a small file this content as a whole, durably, or raises OSError. Blocking.
        now: the time in UTC, as text.
        host: what this machine is called, for receivers of several.
        most_waiting: events in one target's queue; the oldest go for the newest.
        chance: a number from 0 to 1.
    """

    call: Callable[[Target, bytes], Awaitable[Result]]
    save: Callable[[Path, bytes], object]
    now: Callable[[], str]
    host: str
    most_waiting: int
    chance: Callable[[], float] = random.random


async def deliver(folder: Path, targets: Sequence[Target], means: Means) -> None:
    """Deliver until cancelled.

    Args:
        folder: the outbox's, which need not be there yet. Nobody else delivers from it.

    Raises:
        OSError: what was delivered cannot be read.
    """
    progress = await trio.to_thread.run_sync(load_progress, folder)
    progress.settle(targets)
    keeper = _Keeper(partial(means.save, folder / FILE), progress)
    couriers = [Courier(target, progress.targets[target.key], keeper, means) for target in targets]
    async with trio.open_nursery() as nursery:
        for courier in couriers:
            nursery.start_soon(courier.run, name=f"hook {courier.target.label}")
        await _read(Reader(folder), couriers, keeper)


async def _read(reader: Reader, couriers: Sequence[Courier], keeper: _Keeper) -> None:
    progress = keeper.progress
    while True:
        events: list[Event] = []
        try:
            events = await trio.to_thread.run_sync(reader.new, abandon_on_cancel=True)
        except OSError as error:
            log.warning("The outbox of the hooks cannot be read: %s", error, extra=same("reading"))
        if events and reader.outbox != progress.outbox:
            for courier in couriers:
                courier.forget()
            progress.begin(reader.outbox)
        skipped = False
        for courier in couriers:
            skipped |= courier.take(events)
        if skipped:
            # So that the recorder knows what of the journal may go.
            await keeper.save()
        await trio.sleep(POLL_S)


class _Keeper:
    """Remembers on the disk, one at a time, and before the next call: so a restart repeats at most
    the call that was on its way."""

    def __init__(self, save: Callable[[bytes], object], progress: Progress) -> None:
        self.progress = progress
        self._save = save
        self._saved = b""
        self._one = trio.Lock()

    async def save(self) -> None:
        """What is remembered now is durable, or a line says that it is not."""
        async with self._one:
            content = self.progress.to_bytes()
            if content == self._saved:
                return
            try:
                await trio.to_thread.run_sync(self._save, content)
            except OSError as error:
                log.warning(
                    "What was delivered cannot be remembered: %s. A restart will tell it again.",
                    error,
                    extra=same("progress"),
                )
            else:
                self._saved = content


class Courier:
    """One target: its queue, and the one who goes there."""

    def __init__(
        self, target: Target, progress: TargetProgress, keeper: _Keeper, means: Means
    ) -> None:
        self.target = target
        self._progress = progress
        self._keeper = keeper
        self._means = means
        self._patience = Patience()
        self._queue: deque[Waiting] = deque()
        self._seen = 0
        self._arrived = trio.Event()
        if progress.failing_since is not None:
            # It was so before a restart; the next call tells.
            self._patience.failures = 1

    def forget(self) -> None:
        """All that waits is of an outbox that is gone."""
        self._queue.clear()
        self._seen = 0

    def take(self, events: Sequence[Event]) -> bool:
        """Queue what of these the target wants.

        Returns:
            Whether it is done with more than before.
        """
        progress, now_s, before = self._progress, trio.current_time(), self._progress.after
        for event in events:
            if event.id <= progress.after:
                continue
            self._seen = event.id
            if event.kind in self.target.events:
                self._queue.append(Waiting(event, now_s))
                self._limit()
            elif not self._queue:
                progress.after = event.id
        self._arrived.set()
        return progress.after != before

    async def run(self) -> None:
        """Tell it one thing after another, until cancelled."""
        while True:
            self._arrived = trio.Event()
            if not self._queue:
                await self._arrived.wait()
                continue
            call = next_call(self._queue)
            if call.at_s > trio.current_time():
                with trio.move_on_at(call.at_s):
                    await self._arrived.wait()
                continue
            await self._tell([self._queue[at].event for at in range(call.count)])

    async def _tell(self, events: list[Event]) -> None:
        result = await self._means.call(self.target, self._message(events))
        was_failing = self._patience.failures > 0
        verdict = self._patience.after(result.outcome, trio.current_time(), self._means.chance())
        self._say(result, events, was_failing=was_failing, is_over=verdict.is_over)
        progress = self._progress
        if result.outcome is not Outcome.FAILED:
            progress.failing_since = None
        elif progress.failing_since is None:
            progress.failing_since = self._means.now()
        if verdict.is_over:
            if result.outcome is Outcome.DONE:
                progress.delivered += len(events)
            else:
                progress.given_up += len(events)
            self._done_with(events[-1].id)
        await self._keeper.save()
        await trio.sleep(verdict.wait_s)

    def _message(self, events: list[Event]) -> bytes:
        message: dict[str, Any] = {
            "version": MESSAGE_VERSION,
            "host": self._means.host,
            "outbox": self._keeper.progress.outbox,
            "events": [event.document for event in events],
        }
        return to_line(message)

    def _done_with(self, last: int) -> None:
        # Some may have gone meanwhile, for there were too many; or the whole outbox.
        while self._queue and self._queue[0].event.id <= last:
            self._queue.popleft()
        upto = last if self._queue else self._seen
        self._progress.after = max(self._progress.after, upto)

    def _limit(self) -> None:
        while len(self._queue) > self._means.most_waiting:
            self._progress.after = self._queue.popleft().event.id
            self._progress.given_up += 1

    def _say(
        self, result: Result, events: list[Event], *, was_failing: bool, is_over: bool
    ) -> None:
        label, first = self.target.label, events[0]
        what = f"{first.kind} {first.id}" + (f" and {len(events) - 1} more" if events[1:] else "")
        if result.outcome is Outcome.DONE:
            level = logging.INFO if was_failing else logging.DEBUG
            log.log(level, "Hook %s: %s delivered", label, what)
        elif is_over:
            log.error("Hook %s: %s given up: %s", label, what, result.reason)
        elif not was_failing:
            log.warning(
                "Hook %s: %s not delivered: %s. It is tried again.", label, what, result.reason
            )
        else:
            log.debug("Hook %s: still not delivered: %s", label, result.reason)
