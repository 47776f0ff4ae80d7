"""The guard: is the recording disk in its place, does it take writes, does it take them again?

Owns the probes, their rhythm, and the ballast. The writer tells it of a write that failed, the
rooms are told when the disk is good again; what either means for a recording is decided there.

A probe runs in a thread of its own: the writer's is held up by the very disk that is asked about.
A stop does not wait for it, since nothing depends on what a probe leaves behind.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

import trio

from recorder.logs import same
from recorder.recording.ballast import Ballast
from recorder.recording.health import Health
from recorder.recording.refusals import (
    FULL,
    StorageError,
    StorageGone,
    StorageMoved,
    full,
    in_words,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

T = TypeVar("T")

PROBE_EVERY_S = 30.0

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
"""After a failure the disk is tried at once, then after 1, 2, 4 ... seconds up to this."""

AWAY_WAIT_S = 4.0
"""The same of one that is not there: looking for it touches no disk, and a person stands beside
it who has just plugged it in."""


class Guard:
    """Watches one storage.

    Args:
        now_ms: the monotonic clock, in milliseconds.
        between_hops: runs a blocking function in the writer's thread while nothing is written,
            and raises what it raises.
        on_good: called on the loop when the disk takes writes again: what waits may resume.

    Attributes:
        health: what the probes say.
        reason: why the disk takes no writes, from the failure to the probe that says otherwise;
            None while it does.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        now_ms: Callable[[], int],
        between_hops: Callable[[Callable[[], None]], Awaitable[None]],
        on_good: Callable[[], None],
    ) -> None:
        self.health = Health()
        self.reason: str | None = None
        self._storage = storage
        self._ballast = Ballast(storage)
        self._now_ms = now_ms
        self._between_hops = between_hops
        self._on_good = on_good
        self._limiter = trio.CapacityLimiter(1)
        self._changed = trio.Event()
        self._due = trio.current_time()
        # Failures and failed probes in a row, until something is written again.
        self._attempts = 0
        self._failures = 0
        self._bad_since_ms = 0
        self._said: str | None = None
        self._is_full = False
        self._release_wanted = False
        self._is_away = False
        if storage.absence is not None:
            self._begin_without(storage.absence)

    def _begin_without(self, absence: str) -> None:
        """The disk has not been there since the start: the first probe says so, and until then
        nobody is told that it is good."""
        self.health.probe_began(self._now_ms())
        self.health.probe_failed(self._now_ms(), absence)
        self.reason, self._bad_since_ms = absence, self._now_ms()

    def refusal(self) -> str | None:
        """What a publish is told that may not begin; None: it may. Never waits."""
        return self.health.refusal(self._now_ms())

    def failed(self, error: BaseException) -> None:
        """A write has failed, of whatever recording. Never waits; `on_good` follows."""
        self._failures += 1
        if isinstance(error, OSError) and error.errno in FULL:
            self._is_full = self._release_wanted = True
        if self.reason is None:
            self._due = min(self._due, trio.current_time() + self._next_wait_s())
        self._turn_bad(error, in_words(error, self._storage.directory))
        self._changed.set()

    def try_now(self) -> None:
        """What was in the way may be gone: a disk that takes no writes is tried at once. Never
        waits."""
        if self.reason is not None:
            self._due = trio.current_time()
            self._changed.set()

    def written(self) -> None:
        """Something has landed: the next failure is a new one, and the disk tried at once."""
        if self.reason is None:
            self._attempts = 0

    async def run(self) -> None:
        """Probe until cancelled."""
        while True:
            if self._release_wanted:
                self._release_wanted = False
                await self._release_ballast()
            elif trio.current_time() >= self._due:
                await self._probe()
            else:
                with trio.move_on_at(self._due):
                    await self._changed.wait()
                self._changed = trio.Event()

    async def _probe(self) -> None:
        failures = self._failures
        self.health.probe_began(self._now_ms())
        try:
            try:
                missing = await self._in_thread(self._examine)
            except StorageMoved:
                await self._between_hops(self._storage.reopen)
                missing = await self._in_thread(self._examine)
        except Exception as error:  # noqa: BLE001
            # Also a fault of ours: without the guard no room would ever resume.
            self._is_full |= isinstance(error, OSError) and error.errno in FULL
            self._probe_failed(error, in_words(error, self._storage.directory))
            return
        if missing and self._is_full:
            self._probe_failed(OSError(), full(self._storage.directory, missing))
            return
        self.health.probe_good(self._now_ms())
        if failures == self._failures:
            self._turn_good()
        # Else a write failed while this probe was under way, and it says nothing of that.

    def _examine(self) -> int:
        """In the thread: how many bytes are missing for the ballast on a disk that is good."""
        self._storage.probe()
        return self._ballast.make()

    def _probe_failed(self, error: Exception, reason: str) -> None:
        self._is_away = isinstance(error, StorageGone)
        self.health.probe_failed(self._now_ms(), reason)
        self._attempts = max(1, self._attempts)
        self._due = trio.current_time() + self._next_wait_s()
        self._turn_bad(error, reason)

    def _next_wait_s(self) -> float:
        """How long to wait before the next probe: none at first, then ever longer."""
        attempts, self._attempts = self._attempts, self._attempts + 1
        if not attempts:
            return 0.0
        # The exponent is bounded for a disk that stays away for years.
        longest_s = AWAY_WAIT_S if self._is_away else LONGEST_WAIT_S
        return min(FIRST_WAIT_S * (1 << min(attempts - 1, 10)), longest_s)

    def _turn_bad(self, error: BaseException, reason: str) -> None:
        if self.reason is None:
            self._bad_since_ms = self._now_ms()
        self.reason = reason
        # A fault of ours is said by the recording it has hit, and is none of the disk's.
        if self._said is None and isinstance(error, OSError | StorageError):
            self._said = reason
            log.error("The disk takes no writes: %s", reason, extra=same("disk", "bad"))
        elif isinstance(error, StorageGone) and reason != self._said:
            # Another disk was mounted, say: who mounts one reads what is wrong with it.
            self._said = reason
            log.error("The disk takes no writes: %s", reason, extra=same("disk", "bad", reason))

    def _turn_good(self) -> None:
        self._due = trio.current_time() + PROBE_EVERY_S
        self._is_full = False
        if self.reason is None:
            return
        self.reason = None
        self._is_away = False
        if self._said is not None:
            self._said = None
            seconds = (self._now_ms() - self._bad_since_ms) // 1000
            log.info("The disk takes writes again after %d s.", seconds, extra=same("disk", "good"))
        self._on_good()

    async def _release_ballast(self) -> None:
        try:
            await self._in_thread(self._ballast.release)
        except OSError as error:
            log.warning(
                "The reserve that is kept for a full disk could not be given back: %s",
                in_words(error, self._storage.directory),
                extra=same("disk", "ballast"),
            )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)
