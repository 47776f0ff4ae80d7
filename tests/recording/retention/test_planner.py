"""The planner over random catalogues: what never goes, what goes, in which order, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings

from recorder.recording.retention.candidates import Candidate, LiveSegment, Standing
from recorder.recording.retention.planner import (
    NEWEST_SEGMENTS,
    Deletion,
    Goal,
    Plan,
    SegmentDeletion,
    Why,
    deletable_bytes,
    plan,
)
from recorder.recording.retention.rules import RoomRules, Rules
from tests.recording.retention.strategies import NOW_MS, World, worlds

if TYPE_CHECKING:
    from collections.abc import Iterable

many = settings(max_examples=100, deadline=None)
ENOUGH = Goal(100, 0)


def planned(world: World) -> Plan:
    return plan(
        world.recordings,
        world.segments,
        world.rules,
        now_utc_ms=world.now_utc_ms,
        goal=world.goal,
    )


def by_number(recordings: Iterable[Candidate]) -> dict[int, Candidate]:
    return {each.number: each for each in recordings}


def newest(recordings: Iterable[Candidate]) -> set[int]:
    return set({each.room: each.number for each in recordings}.values())


def is_too_old(world: World, each: Candidate) -> bool:
    age = world.rules.of(each.room).max_age_ms
    return (
        world.now_utc_ms is not None
        and age is not None
        and each.ended_utc_ms is not None
        and each.ended_utc_ms + age < world.now_utc_ms
    )


@many
@given(worlds())
def test_what_must_not_go_is_never_in_a_plan(world: World) -> None:
    found, there = planned(world), by_number(world.recordings)
    for deletion in found.recordings:
        recording = there[deletion.number]
        assert recording.standing is Standing.FREE
        assert (deletion.room, deletion.bytes) == (recording.room, recording.bytes)
        if deletion.why in {Why.ROOM_SIZE, Why.SIZE, Why.FREE_SPACE}:
            assert deletion.number not in newest(world.recordings)
        if deletion.why is Why.AGE:
            assert is_too_old(world, recording)
    numbers = [each.number for each in found.recordings]
    assert len(set(numbers)) == len(numbers)
    by_room: dict[str, list[tuple[int, int]]] = {}
    for each in world.segments:
        by_room.setdefault(each.room, []).append((each.number, each.file))
    for part in found.segments:
        of_room = sorted(by_room[part.room])
        assert (part.number, part.file) in of_room[:-NEWEST_SEGMENTS]


@many
@given(worlds())
def test_a_plan_reaches_its_goals_when_they_can_be_reached(world: World) -> None:
    found = planned(world)
    gone = {each.number for each in found.recordings}
    left = [each for each in world.recordings if each.number not in gone]
    may_go = [each for each in left if each.standing is Standing.FREE]
    assert not [each for each in may_go if is_too_old(world, each)]
    spared = newest(world.recordings)
    for room in {each.room for each in left}:
        limit = world.rules.of(room).max_bytes
        if limit is not None and sum(each.bytes for each in left if each.room == room) > limit:
            assert not [x for x in may_go if x.room == room and x.number not in spared]
    limit = world.rules.max_bytes
    if limit is not None and sum(each.bytes for each in left) > limit:
        assert not [each for each in may_go if each.number not in spared]
    free = world.goal.available + found.bytes
    assert found.missing_bytes == max(0, world.goal.wanted - free)
    if found.missing_bytes and world.rules.deletes_oldest:
        assert not [each for each in may_go if each.number not in spared]
        assert len(found.segments) == len(old_segments(world))
    if not world.rules.deletes_oldest:
        assert not found.segments
        assert Why.FREE_SPACE not in {each.why for each in found.recordings}


def old_segments(world: World) -> list[LiveSegment]:
    found = []
    for room in {each.room for each in world.segments}:
        of_room = [each for each in world.segments if each.room == room]
        of_room.sort(key=lambda each: (each.number, each.file))
        found += of_room[: max(0, len(of_room) - NEWEST_SEGMENTS)]
    return sorted(found, key=lambda each: (each.began_ms, each.number, each.file))


@many
@given(worlds())
def test_each_rule_takes_the_shortest_prefix_in_order(world: World) -> None:
    found = planned(world)
    whys = {each.number: each.why for each in found.recordings}
    assert list(whys) == sorted(whys)
    spared = newest(world.recordings)
    order = [
        each
        for each in world.recordings
        if each.standing is Standing.FREE and each.number not in spared
    ]
    earlier = {number for number, why in whys.items() if why in {Why.BEGUN, Why.AGE}}
    # Each room's size: the oldest of the room, and one fewer would be too few.
    for room in {each.room for each in world.recordings}:
        eligible = [x for x in order if x.room == room and x.number not in earlier]
        taken = [x for x in eligible if whys.get(x.number) is Why.ROOM_SIZE]
        assert taken == eligible[: len(taken)]
        if taken:
            limit = world.rules.of(room).max_bytes
            left = [x for x in world.recordings if x.room == room and x.number not in earlier]
            assert limit is not None
            assert sum(x.bytes for x in left) - sum(x.bytes for x in taken[:-1]) > limit
    earlier |= {number for number, why in whys.items() if why is Why.ROOM_SIZE}
    taken = check_prefix(order, earlier, whys, Why.SIZE)
    if taken:
        left = [x for x in world.recordings if x.number not in earlier]
        limit = world.rules.max_bytes
        assert limit is not None
        assert sum(x.bytes for x in left) - sum(x.bytes for x in taken[:-1]) > limit
    earlier |= {number for number, why in whys.items() if why is Why.SIZE}
    taken = check_prefix(order, earlier, whys, Why.FREE_SPACE)
    sizes = {x.number: x.bytes for x in world.recordings}
    free = world.goal.available + sum(sizes[number] for number in earlier)
    if taken:
        assert free + sum(x.bytes for x in taken[:-1]) < world.goal.wanted
    if found.segments:
        assert taken == [x for x in order if x.number not in earlier]
        expected = old_segments(world)[: len(found.segments)]
        assert [(x.number, x.file) for x in found.segments] == [
            (x.number, x.file) for x in expected
        ]
        free += sum(x.bytes for x in taken) + sum(x.bytes for x in expected[:-1])
        assert free < world.goal.wanted


def check_prefix(
    order: list[Candidate], earlier: set[int], whys: dict[int, Why], why: Why
) -> list[Candidate]:
    eligible = [each for each in order if each.number not in earlier]
    taken = [each for each in eligible if whys.get(each.number) is why]
    assert taken == eligible[: len(taken)]
    return taken


@many
@given(worlds())
def test_planning_again_after_carrying_it_out_gives_nothing(world: World) -> None:
    found = planned(world)
    gone = {each.number for each in found.recordings}
    parts = {(each.number, each.file) for each in found.segments}
    again = plan(
        [each for each in world.recordings if each.number not in gone],
        [each for each in world.segments if (each.number, each.file) not in parts],
        world.rules,
        now_utc_ms=world.now_utc_ms,
        goal=Goal(world.goal.available + found.bytes, world.goal.wanted),
    )
    assert (again.recordings, again.segments) == ((), ())


@many
@given(worlds())
def test_what_may_be_deleted_at_most_is_what_an_endless_need_deletes(world: World) -> None:
    rules = Rules()
    everything = plan(
        [each for each in world.recordings if each.deleting is None],
        world.segments,
        rules,
        now_utc_ms=None,
        goal=Goal(0, 1 << 60),
    )
    without = [each for each in world.recordings if each.deleting is None]
    assert deletable_bytes(without, world.segments) == everything.bytes


def candidate(number: int, size: int = 10, **changes: object) -> Candidate:
    values: dict[str, object] = {
        "number": number,
        "room": "hall",
        "bytes": size,
        "standing": Standing.FREE,
        "ended_utc_ms": None,
    }
    return Candidate(**{**values, **changes})  # type: ignore[arg-type]  # a test's own words


def test_an_age_may_take_the_newest_and_a_space_rule_may_not() -> None:
    one = [candidate(1, ended_utc_ms=0)]
    rules = Rules(others=RoomRules(max_age_ms=10, max_bytes=0), max_bytes=0)
    assert plan(one, [], rules, now_utc_ms=NOW_MS, goal=ENOUGH).recordings == (
        Deletion(1, "hall", 10, Why.AGE),
    )
    assert plan(one, [], rules, now_utc_ms=None, goal=Goal(0, 5)).recordings == ()


def test_a_recording_from_the_future_or_of_unknown_age_is_never_old() -> None:
    rules = Rules(others=RoomRules(max_age_ms=0))
    found = [candidate(1, ended_utc_ms=NOW_MS + 1), candidate(2, ended_utc_ms=None)]
    assert plan(found, [], rules, now_utc_ms=NOW_MS, goal=ENOUGH) == Plan()


def test_it_is_as_old_as_the_rule_says_not_before() -> None:
    rules = Rules(others=RoomRules(max_age_ms=100))
    for age, goes in ((100, False), (101, True)):
        found = [candidate(1, ended_utc_ms=NOW_MS - age)]
        assert bool(plan(found, [], rules, now_utc_ms=NOW_MS, goal=ENOUGH).recordings) is goes


def test_a_room_has_its_own_age_before_the_common_one() -> None:
    rules = Rules(rooms={"lab": RoomRules(max_age_ms=None)}, others=RoomRules(max_age_ms=1))
    found = [candidate(1, ended_utc_ms=0), candidate(2, room="lab", ended_utc_ms=0)]
    chosen = plan(found, [], rules, now_utc_ms=NOW_MS, goal=ENOUGH).recordings
    assert [each.number for each in chosen] == [1]


def test_what_was_begun_goes_on_first_and_whatever_the_rules() -> None:
    found = [candidate(1), candidate(2, deleting="operator")]
    assert plan(found, [], Rules(), now_utc_ms=None, goal=ENOUGH).recordings == (
        Deletion(2, "hall", 10, Why.BEGUN),
    )


def test_a_limit_costs_no_more_than_what_is_above_it() -> None:
    recordings = [
        candidate(number, room=room) for number, room in enumerate(["hall", "lab"] * 6, start=1)
    ]
    a_room = Rules(rooms={"hall": RoomRules(max_bytes=35)})
    found = plan(recordings, [], a_room, now_utc_ms=None, goal=Goal(0, 0))
    assert [each.number for each in found.recordings] == [1, 3, 5]
    both = Rules(rooms={"hall": RoomRules(max_bytes=35)}, max_bytes=75)
    found = plan(recordings, [], both, now_utc_ms=None, goal=Goal(0, 0))
    assert [(each.number, each.why) for each in found.recordings] == [
        (1, Why.ROOM_SIZE), (2, Why.SIZE), (3, Why.ROOM_SIZE), (4, Why.SIZE), (5, Why.ROOM_SIZE),
    ]  # fmt: skip


def test_segments_of_live_recordings_go_last_and_the_oldest_first() -> None:
    live = [candidate(3, standing=Standing.LIVE), candidate(4, room="lab", standing=Standing.LIVE)]
    found = [candidate(1), candidate(2, standing=Standing.KEPT), *live]
    segments = [
        *(LiveSegment("hall", 3, file, 10, 100 + file) for file in range(1, 5)),
        *(LiveSegment("lab", 4, file, 10, 50 + file) for file in range(1, 4)),
    ]
    chosen = plan(found, segments, Rules(), now_utc_ms=None, goal=Goal(0, 30))
    assert chosen.recordings == (Deletion(1, "hall", 10, Why.FREE_SPACE),)
    assert chosen.segments == (
        SegmentDeletion(4, "lab", 1, 10),
        SegmentDeletion(3, "hall", 1, 10),
    )
    assert chosen.missing_bytes == 0
    assert plan(found, segments, Rules(), now_utc_ms=None, goal=Goal(0, 1000)).missing_bytes == 960


def test_the_newest_segments_of_a_room_stay_in_whatever_order_they_are_told() -> None:
    """A row that a repair brings late stands behind those that were written meanwhile."""
    segments = [LiveSegment("hall", 5, file, 10, 1000 * file) for file in (4, 1, 3, 2)]
    chosen = plan([], segments, Rules(), now_utc_ms=None, goal=Goal(0, 1000))
    gone = [each.file for each in chosen.segments]
    assert gone == list(range(1, 5 - NEWEST_SEGMENTS))
