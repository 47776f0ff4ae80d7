"""What a sweep would do, or has done, as a document for programs: the API and `--json`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recorder.recording.retention import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder.recording.retention.decision import Decision
    from recorder.recording.retention.planner import Deletion
    from recorder.recording.retention.watch import SpaceWatch


def report(decision: Decision, watch: SpaceWatch) -> dict[str, Any]:
    """Sizes in bytes, times in seconds."""
    space, levels, blocked = watch.space, watch.levels, decision.blocked
    return {
        "recordings": _deletions(decision.plan.recordings),
        "segments": [
            {
                "number": each.number,
                "room": each.room,
                "segment": each.file,
                "bytes": each.bytes,
                "why": "free-space",
            }
            for each in decision.plan.segments
        ],
        "missing_bytes": decision.plan.missing_bytes,
        "blocked": None
        if blocked is None
        else {
            "plan": blocked.plan_id,
            "recordings": _deletions(blocked.deletions),
            "text": words.blocked(blocked),
        },
        "free_bytes": None if space is None else space.available,
        "floor_bytes": None if levels is None else levels.floor,
        "wanted_bytes": decision.goal.wanted,
        "foreign_bytes": watch.foreign.bytes,
        "foreign_fills": watch.foreign.fills,
        "seconds_left": watch.time_left_s,
        "held": watch.held,
        "ages_count": decision.ages_count,
    }


def _deletions(deletions: Iterable[Deletion]) -> list[dict[str, Any]]:
    return [
        {"number": each.number, "room": each.room, "bytes": each.bytes, "why": each.why.value}
        for each in deletions
    ]
