"""Watches the free space of the recording disk, and remembers what it has seen.

Owns the present figures, the brake, and the ledger while it is in memory: told of every
measurement, after each batch of the writer and from time to time, it says when recording must stop
or may go on, and when a sweep is wanted. Never waits and touches no disk; what is decided is
`space`'s part.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from recorder.logs import same
from recorder.recording.retention import words
from recorder.recording.retention.ledger import Meter
from recorder.recording.retention.planner import Goal
from recorder.recording.retention.space import (
    MUCH_SHARE,
    Brake,
    Foreign,
    Levels,
    TimeLeft,
    is_roomy,
    judge_foreign,
    level_of,
    time_left_s,
    wanted_beside_foreign,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.recording.disk import Space
    from recorder.recording.retention.decision import Decision
    from recorder.recording.retention.ledger import Ledger
    from recorder.recording.retention.rules import Rules

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000

PENDING_MS = 60_000
"""So long what was deleted may take to become free: btrfs frees with its next commit, and a file
that somebody reads when he is done."""


class SpaceWatch:
    """Belongs to the loop.

    Args:
        directory: the storage's, for sentences.
        now_ms: the monotonic clock.
        is_recording: whether anybody needs room now.
        on_change: told why recording must stop, in words; None: it may go on.
        on_sweep: called when less is free than is wanted, and when there is room again: who has
            made it looks whether that was enough, and a minute is long then.

    Attributes:
        space: as it was last measured; None: never.
        foreign: what is known of data that are not ours.
        held: why recording has stopped; None: it has not.
        time_left: how urgent it is that somebody makes room.
        time_left_s: how long can be recorded; None: not known.
        last_decision: what the last sweep decided; `others_bytes` what it found of ours that nobody
            keeps; None: none has looked yet.
        looked_ms: when `space` was measured; `decided_ms` when it was decided. By `now_ms`.
    """

    def __init__(
        self,
        rules: Rules,
        ledger: Ledger,
        *,
        directory: Path,
        now_ms: Callable[[], int],
        is_recording: Callable[[], bool],
        on_change: Callable[[str | None], None],
        on_sweep: Callable[[], None],
    ) -> None:
        self.rules = rules
        self.ledger = ledger
        self.space: Space | None = None
        self.foreign = Foreign()
        self.held: str | None = None
        self.time_left = TimeLeft.PLENTY
        self.time_left_s: int | None = None
        self.last_decision: Decision | None = None
        self.others_bytes: int | None = None
        self.looked_ms = self.decided_ms = 0
        self._directory = directory
        self._now_ms = now_ms
        self._is_recording = is_recording
        self._on_change = on_change
        self._on_sweep = on_sweep
        self._decided_available = 0
        self._brake = Brake()
        self._meter = Meter(now_ms())
        self._hour_began_ms = now_ms()
        self._pending: list[tuple[int, int]] = []
        self.deleted_bytes: Counter[str] = Counter()
        """By why, since the start of the process."""

    @property
    def levels(self) -> Levels | None:
        """The marks of the disk; None before the first measurement."""
        if self.space is None:
            return None
        return Levels.of(self.rules, total=self.space.total, rate=self.rate)

    @property
    def rate(self) -> int:
        """The highest of the last seven days, in bytes per second."""
        return max(self.ledger.highest_rate, self._meter.rate)

    @property
    def is_low(self) -> bool:
        """Whether less is free, or about to be, than is wanted."""
        goal = self.goal
        return goal is not None and goal.available < goal.wanted

    @property
    def wants_sweep(self) -> bool:
        """Whether less is free than is wanted, and deleting may help."""
        return self.is_low and self._deleting_helps

    @property
    def is_better(self) -> bool:
        """Whether much more is free than when somebody was told that there is too little."""
        if self.space is None or not (self.foreign.fills or self.time_left is not TimeLeft.PLENTY):
            return False
        return self.space.available >= self._decided_available + self.space.total // MUCH_SHARE

    @property
    def blocked_by(self) -> dict[str, bool]:
        """What keeps a sweep from what the rules want: a person must say yes (`limit`), the clock
        is not believed (`clock`), or what could go is kept (`locked`)."""
        last = self.last_decision
        return {
            "limit": self.ledger.blocked is not None,
            "clock": last is not None and self.rules.has_ages and not last.ages_count,
            "locked": last is not None and bool(last.plan.missing_bytes and last.kept_bytes),
        }

    @property
    def goal(self) -> Goal | None:
        """What is free, or will be by what was deleted already, and what shall be."""
        space, levels = self.space, self.levels
        if space is None or levels is None:
            return None
        wanted = levels.wanted
        if self.foreign.fills or self.foreign.bytes is None:
            rate = self._meter.rate if self._is_recording() else 0
            wanted = wanted_beside_foreign(levels, total=space.total, rate=rate)
        now_ms = self._now_ms()
        pending = sum(size for until_ms, size in self._pending if until_ms > now_ms)
        return Goal(available=space.available + pending, wanted=wanted)

    def look(self, space: Space, written_bytes: int) -> None:
        """The disk was measured.

        Args:
            written_bytes: of all that the recorder has written since its start.
        """
        self.space = space
        now_ms = self.looked_ms = self._now_ms()
        self._meter.note(now_ms, written_bytes)
        self.ledger.note_rate(self._meter.rate)
        if now_ms - self._hour_began_ms >= HOUR_MS:
            self._hour_began_ms = now_ms
            self.ledger.begin_hour()
        self._judge_brake(space)
        if self.wants_sweep or self.is_better:
            self._on_sweep()

    def _judge_brake(self, space: Space) -> None:
        levels = Levels.of(self.rules, total=space.total, rate=self.rate)
        was_on = self._brake.is_on
        is_on = self._brake.look(space.available, levels, deleting_helps=self._deleting_helps)
        if not is_on:
            self.held = None
            if was_on:
                log.info(
                    "There is room on the disk again: %s are free; recording goes on.",
                    words.size(space.available),
                    extra=same("space", "good"),
                )
                self._on_change(None)
            return
        decision = self.last_decision
        self.held = words.held(
            self._directory,
            available=space.available,
            levels=levels,
            kept=0 if decision is None else decision.kept_bytes,
            deletes_oldest=self.rules.deletes_oldest,
        )
        if not was_on:
            log.error("Recording stops: %s", self.held, extra=same("space", "bad"))
        self._on_change(self.held)

    @property
    def _deleting_helps(self) -> bool:
        """Until a sweep has found that nothing is left to delete."""
        decision = self.last_decision
        return self.rules.deletes_oldest and (decision is None or not decision.plan.missing_bytes)

    def decided(self, decision: Decision, ours: int) -> None:
        """A sweep has looked at all there is.

        Args:
            ours: bytes of everything on the disk that is ours.
        """
        self.last_decision, self.decided_ms = decision, self._now_ms()
        self.others_bytes = max(0, ours - decision.kept_bytes)
        space, levels = self.space, self.levels
        assert space is not None, "measured before anything is decided"
        self._decided_available = space.available
        assert levels is not None, "known with the space"
        self._judge_foreign(space, levels, ours)
        self.time_left_s = time_left_s(
            available=space.available,
            deletable=decision.deletable_bytes,
            floor=levels.floor,
            rate=self.rate,
        )
        before, self.time_left = self.time_left, level_of(self.time_left_s, self.time_left)
        if self.time_left is not before:
            self._say_time_left()
        self._judge_brake(space)

    def _judge_foreign(self, space: Space, levels: Levels, ours: int) -> None:
        before = self.foreign
        self.foreign = judge_foreign(
            used=space.total - space.available,
            ours=ours,
            accepted=self.ledger.accepted_bytes,
            available=space.available,
            total=space.total,
            wanted=levels.wanted,
            rate=self._meter.rate,
        )
        is_new = self.ledger.accepted_bytes is None
        if is_new or is_roomy(space.available, total=space.total, wanted=levels.wanted):
            self.ledger.accepted_bytes = self.foreign.bytes
        if self.foreign.fills and not before.fills:
            text = words.foreign(self._directory, self.foreign)
            log.critical("%s", text, extra=same("foreign", "bad"))

    def _say_time_left(self) -> None:
        if self.time_left is TimeLeft.PLENTY or self.time_left_s is None:
            log.info("There is room for more than a day of recording again.")
            return
        hours, seconds = divmod(self.time_left_s, 3600)
        level = logging.CRITICAL if self.time_left is TimeLeft.TEN_MINUTES else logging.WARNING
        log.log(
            level,
            "The disk of the folder %s has room for no more than %d h %d min of recording at the "
            "highest rate of the last seven days, with all that may be deleted. Free some space "
            "on it.",
            self._directory,
            hours,
            seconds // 60,
        )

    def deleted(self, expected: int, freed: int, why: str) -> None:
        """Something was deleted.

        Args:
            expected: bytes of its files.
            freed: bytes that are free since.
            why: the word of manifests.
        """
        self.deleted_bytes[why] += expected
        self.ledger.note_deleted(expected)
        now_ms = self._now_ms()
        self._pending = [each for each in self._pending if each[0] > now_ms]
        if freed < expected:
            self._pending.append((now_ms + PENDING_MS, expected - freed))
