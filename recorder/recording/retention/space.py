"""How much of the disk must stay free, when recording stops for it, and whose data fill it. Pure.

Owns the figures and the verdicts; measures nothing and deletes nothing.

The floor is what the rules ask for and never less than `built_in_floor`, which keeps the system
alive. A sweep aims a little above the floor (`lead_bytes`): what is written until it has deleted
something must not come out of the floor.

Data that are not ours are told from ours by subtraction, and only their growth counts: what lay
there when the disk was last not nearly full is accepted. Where that growth is why the floor is
broken, deleting lessons would not help for long, and not for anybody: only what live recordings
need for the next ten minutes is freed, and a person is called.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from recorder.recording.retention.rules import Rules

MIB = 1 << 20

BUILT_IN_SHARE = 50
BUILT_IN_LEAST = 16 * MIB
BUILT_IN_MOST = 512 * MIB

LEAD_S = 10
"""From the moment free space is too small to a sweep that has deleted something, generously."""

LEAD_LEAST = 4 * MIB
LEAD_SHARE = 10
"""One part in ten of the disk is the largest lead."""

FOREIGN_SHARE = 50
"""Growth below one part in fifty of the disk is no news: logs, the file system's own data."""

COUNTED_S = 10
"""What is written in this time may not be counted as ours yet, or not be on the disk."""

ROOMY_SHARE = 10
MUCH_SHARE = 50
"""A disk with this part of it free above what is wanted is not nearly full."""

NEED_S = 600
"""Beside foreign data that fill the disk, so long live recordings can go on."""


def built_in_floor(total: int) -> int:
    """What stays free whatever is configured, on a disk of this size, in bytes."""
    return min(max(BUILT_IN_LEAST, total // BUILT_IN_SHARE), BUILT_IN_MOST, total // 4)


def floor_bytes(rules: Rules, *, total: int, rate: int) -> int:
    """What shall stay free.

    Args:
        rate: the highest one of all rooms together, in bytes per second.
    """
    asked = max(rules.min_free_bytes, rules.min_free_ms * rate // 1000)
    return max(asked, built_in_floor(total))


def lead_bytes(*, total: int, rate: int) -> int:
    """What may be written until a sweep has deleted something."""
    return min(max(LEAD_S * rate, LEAD_LEAST), total // LEAD_SHARE)


@attrs.frozen(kw_only=True)
class Levels:
    """The marks of a disk, in bytes that are free.

    Attributes:
        floor: below it recording stops, unless deleting helps.
        wanted: below it a sweep deletes.
        resume: recording that has stopped goes on above it.
        last: below it recording stops even while a sweep is at work.
    """

    floor: int
    wanted: int
    resume: int
    last: int

    @classmethod
    def of(cls, rules: Rules, *, total: int, rate: int) -> Levels:
        floor = floor_bytes(rules, total=total, rate=rate)
        lead = lead_bytes(total=total, rate=rate)
        return cls(
            floor=floor,
            wanted=floor + lead,
            # Apart from `floor`, or a room would stop and go with every file that is removed.
            resume=floor + max(lead, floor // 20),
            last=built_in_floor(total) // 2,
        )


class Brake:
    """Whether recording stops because the disk is full.

    Attributes:
        is_on: it does.
    """

    def __init__(self) -> None:
        self.is_on = False

    def look(self, available: int, levels: Levels, *, deleting_helps: bool) -> bool:
        """Judge anew; returns `is_on`.

        Args:
            deleting_helps: a sweep has, or may have, something left to delete for it.
        """
        if self.is_on:
            self.is_on = available < levels.resume
        else:
            limit = levels.last if deleting_helps else levels.floor
            self.is_on = available < limit
        return self.is_on


@attrs.frozen(kw_only=True)
class Foreign:
    """Data on the disk that are not recordings.

    Attributes:
        bytes: all of them; None: nobody has looked yet.
        growth: since the disk was last not nearly full.
        fills: they are why less is free than is wanted.
    """

    bytes: int | None = None
    growth: int = 0
    fills: bool = False


def judge_foreign(
    *,
    used: int,
    ours: int,
    accepted: int | None,
    available: int,
    total: int,
    wanted: int,
    rate: int,
) -> Foreign:
    """Whose data fill the disk.

    Args:
        used: bytes of the disk that are not available.
        ours: of recordings and of the reserve.
        accepted: what was not ours when the disk was last not nearly full; None: never looked.
        rate: of the rooms that record now, in bytes per second.
    """
    foreign = max(0, used - ours)
    growth = 0 if accepted is None else max(0, foreign - accepted)
    is_much = growth > total // FOREIGN_SHARE + COUNTED_S * rate
    return Foreign(
        bytes=foreign,
        growth=growth,
        fills=is_much and available < wanted <= available + growth,
    )


def is_roomy(available: int, *, total: int, wanted: int) -> bool:
    """Whether the disk is not nearly full, so that what is not ours on it may be accepted."""
    return available >= wanted + total // ROOMY_SHARE


def wanted_beside_foreign(levels: Levels, *, total: int, rate: int) -> int:
    """How much shall be free where foreign data fill the disk, or may do so.

    Args:
        rate: of the rooms that record now, in bytes per second.
    """
    return min(levels.wanted, built_in_floor(total) + NEED_S * rate)


class TimeLeft(enum.Enum):
    """How urgent it is that somebody makes room; the value is the limit in seconds."""

    PLENTY = None
    A_DAY = 24 * 3600
    THREE_HOURS = 3 * 3600
    TEN_MINUTES = 600


_CLEARS_ABOVE = 1.2
"""A level stands until this times its limit is left again (appliance §5.2)."""


def time_left_s(*, available: int, deletable: int, floor: int, rate: int) -> int | None:
    """How long can be recorded until recording stops, in seconds; None: nothing was ever written.

    Args:
        deletable: what the rules may delete for it, in bytes.
        rate: the highest ten-minute rate of the last seven days (design §9), in bytes per second.
    """
    return None if not rate else max(0, available + deletable - floor) // rate


def level_of(left_s: int | None, before: TimeLeft) -> TimeLeft:
    """The level of a time that is left, after this one before it."""
    for level in (TimeLeft.TEN_MINUTES, TimeLeft.THREE_HOURS, TimeLeft.A_DAY):
        limit_s = level.value
        # It stands already when this or a more urgent one was there.
        stands = before.value is not None and before.value <= limit_s
        if left_s is not None and left_s < limit_s * (_CLEARS_ABOVE if stands else 1):
            return level
    return TimeLeft.PLENTY
