"""From what there is to what is done now. Pure.

Owns how the plan, the fuse and a plan that waits for a person come together. A plan that was shown
is not changed any more: who confirms it by its id gets exactly that, though more may have grown old
meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.recording.retention.candidates import Standing, total_bytes
from recorder.recording.retention.fuse import by_limits, is_suspicious, plan_id
from recorder.recording.retention.ledger import Blocked
from recorder.recording.retention.planner import Goal, Plan, deletable_bytes, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.recording.retention.candidates import Candidate, LiveSegment
    from recorder.recording.retention.planner import Deletion
    from recorder.recording.retention.rules import Rules


@attrs.frozen(kw_only=True)
class Decision:
    """Attributes:
    plan: what is deleted now.
    blocked: what waits for a person; None: nothing.
    goal: the free space that the plan was made for.
    total_bytes: of all recordings that are over, or whose segments are closed.
    deletable_bytes: what the rules may delete for the free space at most.
    kept_bytes: what people keep.
    ages_count: the wall clock is believed, so that recordings can be too old.
    """

    plan: Plan
    blocked: Blocked | None
    goal: Goal
    total_bytes: int
    deletable_bytes: int
    kept_bytes: int
    ages_count: bool


def decide(
    recordings: Sequence[Candidate],
    segments: Sequence[LiveSegment],
    rules: Rules,
    *,
    now_utc_ms: int | None,
    goal: Goal,
    week_bytes: int,
    blocked: Blocked | None,
) -> Decision:
    """What a sweep does now.

    Args:
        now_utc_ms, goal: as of `planner.plan`.
        week_bytes: deleted in the last seven days.
        blocked: a plan that waits for a person since an earlier time.
    """
    total = total_bytes(recordings)
    chosen = plan(recordings, segments, rules, now_utc_ms=now_utc_ms, goal=goal)
    suspects = by_limits(chosen.recordings)
    shown = None
    if is_suspicious(suspects, total_bytes=total, week_bytes=week_bytes):
        there = {each.number for each in recordings}
        is_valid = blocked is not None and any(each.number in there for each in blocked.deletions)
        shown = blocked if is_valid else Blocked(plan_id(suspects), suspects)
        unlimited = rules.without_limits
        chosen = plan(recordings, segments, unlimited, now_utc_ms=now_utc_ms, goal=goal)
    return Decision(
        plan=chosen,
        blocked=shown,
        goal=goal,
        total_bytes=total,
        deletable_bytes=deletable_bytes(recordings, segments) if rules.deletes_oldest else 0,
        kept_bytes=sum(each.bytes for each in recordings if each.standing is Standing.KEPT),
        ages_count=now_utc_ms is not None,
    )


def confirmed(blocked: Blocked, recordings: Sequence[Candidate]) -> tuple[Deletion, ...]:
    """What of a plan that was confirmed may still be deleted: exactly what was shown, but for what
    was kept, or taken in hand, since."""
    free = {each.number for each in recordings if each.standing is Standing.FREE}
    return tuple(each for each in blocked.deletions if each.number in free)
