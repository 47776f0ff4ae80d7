"""Watches the wall clock: it is set, it is doubted, an operator confirms it.

Owns the rhythm, and the way of a doubt into the state folder and of a confirmation out of it. What
is a step and what is doubted, `recorder.trust` says. A step changes no file and cuts nothing:
whoever is told writes it down.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

from recorder.logs import same
from recorder.recording.clock_state import ClockState, recall_clock_state, write_clock_state
from recorder.trust import Known, doubt_after_step, doubt_at_start, step_of, step_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

LOOK_S = 1.0
CONFIRMED_EVERY_LOOKS = 30
"""So often a doubted clock's confirmation is looked for."""

ADVICE = "If the time is right now, say so with `recorder trust-clock`."


class WatchedClock(Protocol):
    """A `SystemClock`, as far as it is watched."""

    confirmed_utc_ms: int | None
    withdrawn: str | None

    def utc_ns(self) -> int: ...

    def steady_ms(self) -> int: ...

    def trusted(self) -> bool: ...

    def known(self) -> Known: ...


class ClockWatch:
    """Belongs to the loop; `run` is its task.

    Args:
        state: the state folder.
        newest_before_utc_ms: gives the start of the newest recording from before this start, by a
            believed clock; None until it is known.
        on_step: told by how many ms the clock was set.
        is_newest_known: whether None of `newest_before_utc_ms` means that there is none.

    Attributes:
        on_woken: told by how many seconds it was woken too late, once a second: whatever keeps this
            task keeps everybody's, and another that only asked would be one more wake-up.
    """

    def __init__(
        self,
        clock: WatchedClock,
        storage: Storage,
        state: Path,
        *,
        newest_before_utc_ms: Callable[[], int | None],
        on_step: Callable[[int], None],
        is_newest_known: Callable[[], bool] = lambda: False,
    ) -> None:
        self._clock = clock
        self._storage = storage
        self._state = state
        self._newest_before_utc_ms = newest_before_utc_ms
        self.on_step = on_step
        self.on_woken: Callable[[float], None] = lambda late_s: None
        self._is_newest_known = is_newest_known
        self._last = self._times()
        self._limiter = trio.CapacityLimiter(1)
        self._is_unsaved = False
        self._is_start_judged = False

    async def run(self) -> None:
        """Watch until cancelled."""
        looks = 0
        wall_ms, steady_ms = self._last = self._times()
        was_believed = self._clock.trusted()
        while True:
            due_s = trio.current_time() + LOOK_S
            await trio.sleep_until(due_s)
            self.on_woken(trio.current_time() - due_s)
            looks += 1
            before = wall_ms, steady_ms
            wall_ms, steady_ms = self._last = self._times()
            step = step_of(wall_ms - before[0], steady_ms - before[1])
            if step is not None:
                self._stepped(step, wall_ms, was_believed=was_believed)
            self._judge_start()
            if self._is_unsaved:
                await self._save()
            elif self._clock.withdrawn is not None and looks % CONFIRMED_EVERY_LOOKS == 0:
                await self._look_for_confirmation()
            was_believed = self._clock.trusted()

    def believed_utc_ms(self) -> int | None:
        """What the wall clock shows, in ms since 1970, for who deletes by it; None: it is not
        believed, or not yet held against the newest recording, or was set since the last look."""
        wall_ms, steady_ms = self._times()
        is_set = step_of(wall_ms - self._last[0], steady_ms - self._last[1]) is not None
        is_judged = self._is_start_judged or (
            self._is_newest_known() and self._newest_before_utc_ms() is None
        )
        return wall_ms if is_judged and not is_set and self._clock.trusted() else None

    def _times(self) -> tuple[int, int]:
        return self._clock.utc_ns() // 1_000_000, self._clock.steady_ms()

    def _stepped(self, step: int, wall_ms: int, *, was_believed: bool) -> None:
        log.warning("The clock was set %s; recordings go on, and note it.", step_text(step))
        self._withdraw(doubt_after_step(step, wall_ms, was_believed=was_believed))
        self.on_step(step)

    def _judge_start(self) -> None:
        """Once, when the newest recording is known and the clock would be believed."""
        newest = None if self._is_start_judged else self._newest_before_utc_ms()
        if newest is None or not self._clock.trusted():
            return
        self._is_start_judged = True
        self._withdraw(doubt_at_start(attrs.evolve(self._clock.known(), newest_utc_ms=newest)))

    def _withdraw(self, reason: str | None) -> None:
        if reason is None:
            return
        self._clock.withdrawn = reason
        self._is_unsaved = True
        log.warning("The clock is not trusted any more: %s. %s", reason, ADVICE)

    async def _save(self) -> None:
        clock = ClockState(
            withdrawn=self._clock.withdrawn, confirmed_utc_ms=self._clock.confirmed_utc_ms
        )
        call = partial(_write, self._storage, self._state, clock)
        try:
            await trio.to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)
        except OSError as error:
            log.warning(
                "That the clock is not trusted cannot be written into %s: %s. It is tried again.",
                self._state,
                error,
                extra=same("clock state"),
            )
        else:
            self._is_unsaved = False

    async def _look_for_confirmation(self) -> None:
        call = partial(recall_clock_state, self._storage, self._state)
        try:
            found = await trio.to_thread.run_sync(
                call, limiter=self._limiter, abandon_on_cancel=True
            )
        except OSError as error:
            log.warning("%s cannot be read: %s", self._state, error, extra=same("clock state"))
            return
        # A file or a folder that is gone is no confirmation.
        if found.withdrawn is None and found.confirmed_utc_ms is not None:
            self._clock.withdrawn = None
            self._clock.confirmed_utc_ms = found.confirmed_utc_ms
            log.info("The clock is trusted again: an operator confirmed it.")


async def load_clock_state(clock: WatchedClock, storage: Storage, state: Path) -> None:
    """Give a clock what was known of it before this start; nothing where there is no state folder.

    Raises:
        OSError: the state folder cannot be read.
    """
    found = await trio.to_thread.run_sync(partial(recall_clock_state, storage, state))
    clock.withdrawn, clock.confirmed_utc_ms = found.withdrawn, found.confirmed_utc_ms
    if found.withdrawn is not None:
        log.warning("The clock is not trusted: %s. %s", found.withdrawn, ADVICE)


def _write(storage: Storage, state: Path, clock: ClockState) -> None:
    with storage.state_folder(state) as folder:
        write_clock_state(storage.disk, folder, clock)
