"""Stops a sweep that wants to delete suspiciously much. Pure.

Owns the rule and the name of a plan. Ages and sizes come from a clock and from a file that people
edit: a clock ten years ahead, or `max_age: 9d` in place of `90d`, would delete a year of lessons
within a minute, and each of them by the rules. So a plan that takes more than a quarter of all
bytes, and more than ten recordings, and more than the last seven days together waits for a person,
who confirms it by its id. The rule of free space is not asked: it takes what is needed to go on.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from recorder.recording.retention.planner import Deletion, Why

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHARE = 4
"""One part in four of all bytes."""

RECORDINGS = 10

BY_LIMITS = frozenset({Why.AGE, Why.ROOM_SIZE, Why.SIZE})


def by_limits(deletions: Iterable[Deletion]) -> tuple[Deletion, ...]:
    """What goes for its age or for a size, of these."""
    return tuple(each for each in deletions if each.why in BY_LIMITS)


def is_suspicious(deletions: Sequence[Deletion], *, total_bytes: int, week_bytes: int) -> bool:
    """Whether a person must confirm these deletions by age and size.

    Args:
        total_bytes: of all recordings.
        week_bytes: what was deleted in the last seven days, for whatever reason.
    """
    size = sum(each.bytes for each in deletions)
    return size * SHARE > total_bytes and len(deletions) > RECORDINGS and size > week_bytes


def plan_id(deletions: Iterable[Deletion]) -> str:
    """What a person types to confirm exactly these deletions: eight characters."""
    text = ",".join(f"{each.number}:{each.why.value}" for each in deletions)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
