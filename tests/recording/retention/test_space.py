"""The marks of a disk, the brake, whose data fill it, and how long it lasts: at their edges."""

from __future__ import annotations

import attrs
import pytest

from recorder.recording.retention.rules import Rules
from recorder.recording.retention.space import (
    MIB,
    Brake,
    Foreign,
    Levels,
    TimeLeft,
    built_in_floor,
    floor_bytes,
    is_roomy,
    judge_foreign,
    lead_bytes,
    level_of,
    time_left_s,
    wanted_beside_foreign,
)

GIB = 1 << 30
LEVELS = Levels(floor=100, wanted=120, resume=130, last=50)


@pytest.mark.parametrize(
    ("total", "floor"),
    [
        (32 * MIB, 8 * MIB),
        (128 * MIB, 16 * MIB),
        (10 * GIB, 10 * GIB // 50),
        (GIB * 999, 512 * MIB),
    ],
)
def test_a_floor_is_built_in(total: int, floor: int) -> None:
    assert built_in_floor(total) == floor
    assert floor_bytes(Rules(), total=total, rate=10**9) == floor


def test_of_size_and_time_the_larger_counts() -> None:
    rules = Rules(min_free_bytes=4 * GIB, min_free_ms=3_600_000)
    assert floor_bytes(rules, total=999 * GIB, rate=1_000_000) == 4 * GIB
    assert floor_bytes(rules, total=999 * GIB, rate=2_000_000) == 7_200_000_000


def test_the_lead_is_ten_seconds_of_writing_within_reason() -> None:
    assert lead_bytes(total=999 * GIB, rate=0) == 4 * MIB
    assert lead_bytes(total=999 * GIB, rate=10**6) == 10**7
    assert lead_bytes(total=100 * MIB, rate=10**9) == 10 * MIB


def test_the_marks_lie_above_each_other() -> None:
    levels = Levels.of(Rules(min_free_bytes=4 * GIB), total=100 * GIB, rate=10**6)
    assert levels.last < levels.floor < levels.wanted < levels.resume
    assert levels.resume == 4 * GIB + 4 * GIB // 20


def test_where_deleting_does_not_help_recording_stops_below_the_floor() -> None:
    brake = Brake()
    assert not brake.look(100, LEVELS, deleting_helps=False)
    assert brake.look(99, LEVELS, deleting_helps=False)
    # Apart, or it would go and stop with every file that is removed.
    assert brake.look(129, LEVELS, deleting_helps=False)
    assert not brake.look(130, LEVELS, deleting_helps=False)
    assert not brake.is_on


def test_where_it_helps_recording_goes_on_to_the_last() -> None:
    brake = Brake()
    assert not brake.look(50, LEVELS, deleting_helps=True)
    assert brake.look(49, LEVELS, deleting_helps=True)
    assert brake.look(120, LEVELS, deleting_helps=True)


def judged(**changes: int | None) -> Foreign:
    values: dict[str, int | None] = {
        "used": 900,
        "ours": 500,
        "accepted": 100,
        "available": 100,
        "total": 1000,
        "wanted": 150,
        "rate": 0,
    }
    return judge_foreign(**{**values, **changes})  # type: ignore[arg-type]  # a test's own words


def test_what_is_not_ours_and_has_grown_fills_the_disk() -> None:
    assert judged() == Foreign(bytes=400, growth=300, fills=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"accepted": None},
        {"accepted": 380},  # a fiftieth of the disk is no news
        {"available": 150, "used": 850},  # there is room
        {"wanted": 401},  # less would be free without it, too
        {"rate": 28},  # what is written in ten seconds may not be counted yet
        {"ours": 2000},
    ],
)
def test_else_it_does_not(changes: dict[str, int | None]) -> None:
    assert not judged(**changes).fills


def test_what_lies_on_a_roomy_disk_is_accepted() -> None:
    assert is_roomy(250, total=1000, wanted=150)
    assert not is_roomy(249, total=1000, wanted=150)


def test_beside_foreign_data_ten_minutes_are_enough() -> None:
    levels = attrs.evolve(LEVELS, wanted=10 * GIB)
    total, floor = 100 * GIB, built_in_floor(100 * GIB)
    assert wanted_beside_foreign(levels, total=total, rate=0) == floor
    assert wanted_beside_foreign(levels, total=total, rate=10**6) == floor + 600_000_000
    assert wanted_beside_foreign(levels, total=total, rate=10**9) == 10 * GIB


def test_the_time_that_is_left_ends_at_the_floor() -> None:
    assert time_left_s(available=1000, deletable=500, floor=300, rate=10) == 120
    assert time_left_s(available=100, deletable=0, floor=300, rate=10) == 0
    assert time_left_s(available=100, deletable=0, floor=300, rate=0) is None


def test_a_level_stands_until_a_fifth_more_is_left() -> None:
    day, hours, minutes = 86_400, 10_800, 600
    level = TimeLeft.PLENTY
    steps = [
        (day, TimeLeft.PLENTY),
        (day - 1, TimeLeft.A_DAY),
        (hours - 1, TimeLeft.THREE_HOURS),
        (minutes - 1, TimeLeft.TEN_MINUTES),
        (minutes * 12 // 10 - 1, TimeLeft.TEN_MINUTES),
        (minutes * 12 // 10, TimeLeft.THREE_HOURS),
        (hours * 12 // 10 - 1, TimeLeft.THREE_HOURS),
        (hours * 12 // 10, TimeLeft.A_DAY),
        (day * 12 // 10 - 1, TimeLeft.A_DAY),
        (day * 12 // 10, TimeLeft.PLENTY),
        (minutes - 1, TimeLeft.TEN_MINUTES),
    ]
    for left, expected in steps:
        level = level_of(left, level)
        assert level is expected, left
    assert level_of(None, TimeLeft.TEN_MINUTES) is TimeLeft.PLENTY
