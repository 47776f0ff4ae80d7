"""Watching the free space: when recording stops, when a sweep is wanted, what is remembered."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from recorder.recording.disk import Space
from recorder.recording.retention.decision import Decision
from recorder.recording.retention.ledger import Blocked, Ledger
from recorder.recording.retention.planner import Goal, Plan
from recorder.recording.retention.rules import RoomRules, Rules
from recorder.recording.retention.space import MIB, TimeLeft
from recorder.recording.retention.watch import HOUR_MS, PENDING_MS, SpaceWatch

if TYPE_CHECKING:
    import pytest

TOTAL = 1000 * MIB
"""Its own floor is 20 MiB, a lead at least 4 MiB."""

DECISION = Decision(
    plan=Plan(),
    blocked=None,
    goal=Goal(0, 0),
    total_bytes=0,
    deletable_bytes=0,
    kept_bytes=0,
    ages_count=True,
)


@attrs.define
class Bench:
    """A watch, and what it said."""

    rules: Rules = attrs.field(factory=Rules)
    now_ms: int = 0
    is_recording: bool = False
    said: list[str | None] = attrs.field(factory=list)
    sweeps: int = 0
    watch: SpaceWatch = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.watch = SpaceWatch(
            self.rules,
            Ledger(),
            directory=Path("/srv/recordings"),
            now_ms=lambda: self.now_ms,
            is_recording=lambda: self.is_recording,
            on_change=self.said.append,
            on_sweep=self._swept,
        )

    def _swept(self) -> None:
        self.sweeps += 1

    def look(self, available: int, written: int = 0) -> None:
        self.watch.look(Space(TOTAL, available * MIB), written)

    def decided(self, ours: int, **changes: object) -> None:
        decision = attrs.evolve(DECISION, **changes)  # type: ignore[arg-type]
        self.watch.decided(decision, ours * MIB)


def test_before_the_first_measurement_nothing_is_known() -> None:
    watch = Bench().watch
    assert (watch.levels, watch.goal, watch.is_low, watch.wants_sweep) == (None, None, False, False)


def test_what_keeps_old_recordings_from_going_is_told() -> None:
    rules = Rules(rooms={"hall": RoomRules(max_age_ms=1)})
    bench = Bench(rules)
    assert not any(bench.watch.blocked_by.values())
    assert bench.watch.others_bytes is None
    bench.look(500)
    bench.decided(ours=1, ages_count=False)
    assert bench.watch.blocked_by == {"limit": False, "clock": True, "locked": False}
    bench.decided(ours=1, plan=Plan(missing_bytes=1))
    bench.watch.ledger.blocked = Blocked("p1", ())
    assert bench.watch.blocked_by == {"limit": True, "clock": False, "locked": False}
    # Without a rule for ages nobody waits for the clock.
    other = Bench()
    other.look(500)
    other.decided(ours=1, ages_count=False)
    assert not any(other.watch.blocked_by.values())


def why(bench: Bench) -> str | None:
    """Why recording has stopped, asked anew."""
    return bench.watch.held


def seconds_left(bench: Bench) -> int | None:
    """Asked anew, too."""
    return bench.watch.time_left_s


def level(bench: Bench) -> TimeLeft:
    """Asked anew, too."""
    return bench.watch.time_left


def test_a_disk_with_room_wants_nothing() -> None:
    bench = Bench()
    bench.look(500)
    assert (bench.said, bench.sweeps) == ([], 0)
    assert why(bench) is None


def test_less_than_is_wanted_calls_for_a_sweep_until_nothing_is_left_to_delete() -> None:
    bench = Bench()
    bench.look(600)
    bench.decided(ours=400)
    bench.look(23)
    assert bench.sweeps == 1
    assert bench.said == []
    bench.decided(ours=977, plan=Plan(missing_bytes=1))
    bench.look(23)
    assert bench.sweeps == 1
    assert bench.watch.is_low
    assert not bench.watch.wants_sweep


def test_recording_stops_where_nothing_more_may_be_deleted_and_goes_on_with_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench()
    bench.look(600)
    bench.decided(ours=400, kept_bytes=5 * MIB)
    bench.look(19)
    assert bench.said == []
    bench.decided(ours=981, plan=Plan(missing_bytes=1), kept_bytes=5 * MIB)
    assert bench.watch.blocked_by == {"limit": False, "clock": False, "locked": True}
    assert bench.watch.others_bytes == 976 * MIB
    (reason,) = bench.said
    assert reason is not None
    assert "19.0 MiB are free, 20.0 MiB shall stay free" in reason
    assert "5.0 MiB are marked to be kept" in reason
    assert "Free 5.0 MiB on it" in reason
    assert why(bench) == reason
    bench.look(23)
    assert why(bench) is not None
    bench.look(24)
    assert bench.said[-1] is None
    assert why(bench) is None
    assert ["Recording stops" in line.getMessage() for line in caplog.records].count(True) == 1
    assert "There is room on the disk again: 24.0 MiB are free" in caplog.text


def test_by_the_other_policy_it_stops_at_the_floor_at_once() -> None:
    bench = Bench(Rules(deletes_oldest=False, min_free_bytes=100 * MIB))
    bench.look(99)
    (reason,) = bench.said
    assert reason is not None
    assert "retention.when_full is stop-recording" in reason
    assert bench.sweeps == 0


def test_nothing_kept_and_nothing_to_delete_is_said_as_well() -> None:
    bench = Bench()
    bench.look(600)
    bench.decided(ours=400)
    bench.look(19)
    bench.decided(ours=981, plan=Plan(missing_bytes=1))
    (reason,) = bench.said
    assert reason is not None
    assert "and nothing more may be deleted. Free" in reason


def test_the_last_megabytes_are_left_to_the_system_though_a_sweep_is_at_work() -> None:
    bench = Bench()
    bench.look(600)
    bench.decided(ours=400)
    bench.look(9)
    assert len(bench.said) == 1


def test_what_was_deleted_counts_as_free_for_a_minute_though_it_is_not_yet() -> None:
    bench = Bench()
    bench.look(600)
    bench.decided(ours=400)
    bench.look(20)
    bench.watch.deleted(expected=50 * MIB, freed=10 * MIB, why="age")
    assert bench.watch.goal == Goal(60 * MIB, 24 * MIB)
    bench.now_ms = PENDING_MS
    assert bench.watch.goal == Goal(20 * MIB, 24 * MIB)
    bench.watch.deleted(expected=5 * MIB, freed=5 * MIB, why="age")
    assert bench.watch.goal == Goal(20 * MIB, 24 * MIB)
    assert bench.watch.ledger.week_bytes == 55 * MIB
    assert bench.watch.deleted_bytes == {"age": 55 * MIB}


def test_before_anybody_knows_whose_data_they_are_little_is_wanted() -> None:
    bench = Bench(Rules(min_free_bytes=500 * MIB))
    bench.look(100)
    assert bench.watch.goal == Goal(100 * MIB, 20 * MIB)
    bench.decided(ours=0)
    assert bench.watch.goal == Goal(100 * MIB, 504 * MIB)


def test_data_of_others_are_named_once_and_cost_what_live_recordings_need(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(Rules(min_free_bytes=100 * MIB))
    bench.look(500)
    bench.decided(ours=450)
    assert bench.watch.ledger.accepted_bytes == 50 * MIB
    bench.look(60)
    bench.decided(ours=450)
    assert bench.watch.foreign.fills
    assert bench.watch.foreign.growth == 440 * MIB
    # Nobody records, so nobody needs more than the floor that is built in.
    assert bench.watch.goal == Goal(60 * MIB, 20 * MIB)
    bench.is_recording = True
    bench.now_ms = 10_000
    bench.look(60, written=MIB)
    assert bench.watch.goal is not None
    assert bench.watch.goal.wanted > 20 * MIB
    bench.decided(ours=450)
    named = [each for each in caplog.records if "Data that are not recordings" in each.getMessage()]
    assert [each.levelno for each in named] == [logging.CRITICAL]
    assert "440.0 MiB more" in named[0].getMessage()
    assert bench.watch.ledger.accepted_bytes == 50 * MIB


def test_who_has_made_room_is_told_at_once_whether_it_was_enough() -> None:
    bench = Bench()
    bench.look(900)
    bench.now_ms = 10_000
    bench.look(900, written=MIB)
    bench.decided(ours=100)
    bench.look(10)
    bench.decided(ours=100, plan=Plan(missing_bytes=1))
    assert bench.watch.foreign.growth == 890 * MIB
    assert level(bench) is not TimeLeft.PLENTY
    before = bench.sweeps
    # As much as recordings free and take is no news.
    bench.look(29)
    assert (bench.sweeps, bench.watch.is_better) == (before, False)
    bench.look(500)
    assert (bench.sweeps, bench.watch.is_better) == (before + 1, True)
    bench.decided(ours=100)
    assert (bench.watch.foreign.fills, bench.watch.is_better) == (False, False)


def test_time_that_runs_out_is_said_when_it_becomes_urgent_and_when_it_is_not_any_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench()
    bench.look(900)
    bench.decided(ours=100)
    assert seconds_left(bench) is None
    bench.now_ms = 10_000
    bench.look(900, written=MIB // 4)
    # 880 MiB above the floor at 25.6 KiB/s.
    bench.decided(ours=100)
    assert level(bench) is TimeLeft.A_DAY
    assert 35_000 < (seconds_left(bench) or 0) < 35_300
    bench.look(30, written=MIB // 4)
    bench.decided(ours=970)
    assert level(bench) is TimeLeft.TEN_MINUTES
    bench.decided(ours=970, deletable_bytes=1 << 40)
    assert level(bench) is TimeLeft.PLENTY
    levels = [
        each.levelno for each in caplog.records if "has room for no more" in each.getMessage()
    ]
    assert levels == [logging.WARNING, logging.CRITICAL]
    assert "more than a day of recording again" in caplog.text


def test_the_highest_rate_is_remembered_by_the_hour() -> None:
    bench = Bench()
    bench.look(900)
    bench.now_ms = 10_000
    bench.look(900, written=10_000_000)
    assert bench.watch.rate == 1_000_000
    bench.now_ms = HOUR_MS
    bench.look(900, written=10_000_000)
    assert len(bench.watch.ledger.hours) == 2
    assert bench.watch.rate == 1_000_000
