"""Plan, fuse, and a plan that waits for a person, together."""

from __future__ import annotations

import attrs

from recorder.recording.retention.candidates import Candidate, LiveSegment, Standing
from recorder.recording.retention.decision import Decision, confirmed, decide
from recorder.recording.retention.ledger import Blocked
from recorder.recording.retention.planner import Deletion, Goal, Why
from recorder.recording.retention.rules import RoomRules, Rules

DAY = 86_400_000
NOW = 1000 * DAY
RULES = Rules(others=RoomRules(max_age_ms=90 * DAY))
ENOUGH = Goal(100, 0)


def lessons(*ages_days: int, size: int = 10) -> list[Candidate]:
    """By number, one a day or so, the last of them of today."""
    return [
        Candidate(number, "hall", size, Standing.FREE, NOW - age * DAY)
        for number, age in enumerate([*ages_days, 0], 1)
    ]


def decided(
    recordings: list[Candidate],
    *,
    goal: Goal = ENOUGH,
    week_bytes: int = 0,
    blocked: Blocked | None = None,
    now_utc_ms: int | None = NOW,
    rules: Rules = RULES,
) -> Decision:
    return decide(
        recordings,
        [],
        rules,
        now_utc_ms=now_utc_ms,
        goal=goal,
        week_bytes=week_bytes,
        blocked=blocked,
    )


def test_a_plan_like_every_day_s_is_carried_out() -> None:
    found = decided(lessons(91, 91, 5))
    assert [each.number for each in found.plan.recordings] == [1, 2]
    assert found.blocked is None
    assert found.total_bytes == 40
    assert found.ages_count


def test_suspiciously_much_waits_and_space_is_made_all_the_same() -> None:
    old = lessons(*[91] * 12)
    found = decided(old, goal=Goal(0, 15))
    assert found.blocked is not None
    assert [each.number for each in found.blocked.deletions] == list(range(1, 13))
    assert found.plan.recordings == (
        Deletion(1, "hall", 10, Why.FREE_SPACE),
        Deletion(2, "hall", 10, Why.FREE_SPACE),
    )


def test_what_was_shown_stays_as_it_was_though_more_grows_old() -> None:
    first = decided(lessons(*[91] * 12, 89, 89)).blocked
    assert first is not None
    later = decided(lessons(*[91] * 12, 91, 91), blocked=first)
    assert later.blocked == first


def test_it_waits_no_more_when_nothing_suspicious_is_left() -> None:
    first = decided(lessons(*[91] * 12)).blocked
    assert decided(lessons(5, 5), blocked=first).blocked is None


def test_another_plan_is_shown_when_nothing_of_the_old_one_is_there() -> None:
    old = Blocked("12345678", (Deletion(99, "hall", 1, Why.AGE),))
    found = decided(lessons(*[91] * 12), blocked=old).blocked
    assert found is not None
    assert found.plan_id != old.plan_id


def test_a_confirmed_plan_is_carried_out_but_for_what_was_kept_since() -> None:
    recordings = lessons(*[91] * 12)
    shown = decided(recordings).blocked
    assert shown is not None
    recordings[2] = attrs.evolve(recordings[2], standing=Standing.KEPT)
    found = confirmed(shown, recordings[1:])
    assert [each.number for each in found] == [2, *range(4, 13)]


def test_a_clock_that_nobody_believes_makes_nothing_old() -> None:
    found = decided(lessons(*[5000] * 20), now_utc_ms=None)
    assert (found.plan.recordings, found.blocked) == ((), None)
    assert not found.ages_count


def test_what_may_be_deleted_and_what_is_kept_are_summed_up() -> None:
    recordings = [
        *lessons(5, 5),
        Candidate(4, "lab", 7, Standing.KEPT, NOW),
        Candidate(5, "lab", 3, Standing.LIVE, None),
    ]
    segments = [LiveSegment("lab", 5, file, 1, file) for file in (1, 2, 3)]
    found = decide(
        recordings,
        segments,
        Rules(),
        now_utc_ms=NOW,
        goal=ENOUGH,
        week_bytes=0,
        blocked=None,
    )
    assert (found.deletable_bytes, found.kept_bytes, found.total_bytes) == (21, 7, 40)
    stops = decided(recordings, rules=Rules(deletes_oldest=False))
    assert stops.deletable_bytes == 0
