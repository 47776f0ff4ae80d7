"""Alarms as a table of cases with time: not yet, raised, still there, cleared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recorder.status.alarm_rules import conditions
from recorder.status.alarms import SETTLE_S, Alarms
from recorder.status.house_views import DiskState, RefusedView
from recorder.status.room_views import RoomState
from recorder.status.snapshot import Severity
from tests.status import snapshots as made
from tests.status.alarm_cases import (
    CASES,
    GOOD,
    HAPPENED,
    SILENT,
    STUBBORN,
    kinds,
    of_room,
    of_storage,
    of_system,
)

if TYPE_CHECKING:
    from recorder.status.snapshot import Snapshot


def test_a_buffer_that_fills_while_the_disk_takes_nothing_is_no_slow_disk() -> None:
    faulty = of_room(state=RoomState.FAULT, reason="No disk.", buffer_bytes=64 << 20)
    assert [each.kind for each in conditions(faulty)] == ["not_recorded"]


def test_a_buffer_that_fills_while_the_disk_hangs_says_so() -> None:
    reason = "The disk has not answered for 20 s."
    hanging = of_room(state=RoomState.STALLED, reason=reason, buffer_bytes=64 << 20)
    (found,) = conditions(hanging)
    assert found.text == f"Physics: {reason} Half of the room's buffer is full."


def test_what_is_lost_so_far_is_told_in_words_and_grows() -> None:
    alarms = Alarms()
    texts = []
    for lost_ms in (0, 9_000, 240_000):
        lost = {"lost_ms": lost_ms, "lost_bytes": 1000 * lost_ms}
        faulty = made.room("a", title=None, state=RoomState.FAULT, reason="No disk.", **lost)
        (alarm,) = alarms.judge(made.picture(rooms=(faulty,)), 1.0)
        texts.append(alarm.text)
    assert texts == [
        "a: not recorded: No disk.",
        "a: not recorded: No disk. 9.0 s of it are lost so far.",
        "a: not recorded: No disk. 4 min of it are lost so far.",
    ]
    # One alarm, and one entry in the history.
    assert len(alarms.history) == 1


@pytest.mark.parametrize(
    "refused",
    [replace(STUBBORN, times=4), replace(STUBBORN, age_s=61.0)],
)
def test_an_encoder_that_was_refused_a_few_times_or_long_ago_is_no_alarm(
    refused: RefusedView,
) -> None:
    assert list(conditions(of_system(failed_publishes=19, refused=(refused,)))) == []


def test_who_was_refused_before_is_not_named_as_the_one_who_guesses_now() -> None:
    """An encoder with an old key is refused a hundred times, and then somebody else guesses."""
    guesser = replace(STUBBORN, address="203.0.113.9", times=20, age_s=1.0)
    before = replace(STUBBORN, times=100, age_s=21.0)
    texts = [
        condition.text
        for refused in ((before, guesser), (before,), ())
        for condition in conditions(of_system(failed_publishes=20, refused=refused))
    ]
    told = "Somebody is guessing stream keys: 20 wrong ones within 20 s."
    assert texts == [f"{told} Refused most often: 203.0.113.9.", told, told]


@pytest.mark.parametrize("keyframe_age_s", [None, 30.0])
@pytest.mark.parametrize("keyframe_distance_s", [None, 30.0])
def test_a_camera_that_sends_nothing_is_not_told_to_send_keyframes(
    keyframe_age_s: float | None, keyframe_distance_s: float | None
) -> None:
    """Of which nobody knows how often they would come."""
    key = {"keyframe_age_s": keyframe_age_s, "keyframe_distance_s": keyframe_distance_s}
    dead = of_room(video=made.video(frame_age_s=30.0, **key))
    assert [each.kind for each in conditions(dead)] == ["no_video"]


@pytest.mark.parametrize("state", [DiskState.FAILED, DiskState.HELD])
def test_a_full_disk_is_given_no_new_cable(state: DiskState) -> None:
    """The reason says what is to be done; what stands behind it must fit to every reason."""
    why = "The disk of the folder /srv is full. Free 12 MiB more on it."
    lost = of_room(state=RoomState.FAULT, reason=why)
    seen = replace(lost, storage=made.storage(state=state, reason=why))
    found = list(conditions(seen))
    assert len(found) == 2
    for condition in found:
        assert why in condition.text
        assert not re.search(r"cable|mend|right one", condition.advice)


@pytest.mark.parametrize(
    ("seen", "kind", "severity", "set_s", "clear_s"),
    CASES,
    ids=[f"{case[1]}-{case[2]}-{number}" for number, case in enumerate(CASES)],
)
def test_each_alarm_is_raised_and_cleared_in_its_time(
    seen: Snapshot, kind: str, severity: str, set_s: int, clear_s: int
) -> None:
    alarms = Alarms()
    if set_s:
        assert kinds(alarms, seen, 0) == []
        assert kinds(alarms, seen, set_s - 0.1) == []
    assert kinds(alarms, seen, set_s) == [(kind, severity)]
    assert kinds(alarms, GOOD, set_s + clear_s - 0.1) == [(kind, severity)]
    # Once more within that time: it has not cleared.
    assert kinds(alarms, seen, set_s + clear_s) == [(kind, severity)]
    assert kinds(alarms, GOOD, set_s + 2 * clear_s) == []
    assert [each["event"] for each in alarms.history] == ["raised", "cleared"]
    (found,) = [each for each in conditions(seen) if each.kind == kind]
    for sentence in (found.text, found.advice):
        assert sentence.endswith((".", "`."))


def test_what_was_seen_and_did_not_hold_any_more_is_another_event() -> None:
    weak = of_system(under_voltage_ever=True)
    alarms = Alarms()
    (first,) = alarms.judge(weak, 0)
    assert alarms.acknowledge(first.id, "ada", made.SINCE)
    later = Alarms(alarms.to_bytes())
    later.judge(GOOD, 0)
    later.judge(GOOD, SETTLE_S)
    assert [each.kind for each in later.judge(weak, SETTLE_S + 1)] == ["under_voltage_before"]
    # The machine was started again, and its power is too weak again.
    another = Alarms(alarms.to_bytes())
    again = of_system(under_voltage_ever=True, boot="7b2f")
    assert [each.kind for each in another.judge(again, 0)] == ["under_voltage_before"]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_happens_again_unseen_is_said_again_and_is_one_alarm(is_restarted: bool) -> None:
    alarms, crash = Alarms(), of_system(last_end="crash")
    (first,) = alarms.judge(crash, 1000)
    if is_restarted:
        alarms = Alarms(alarms.to_bytes())
    later = replace(crash, run="def", time="2026-11-23T08:00:00.000Z")
    for now_s in (1100, 1101):
        (again,) = alarms.judge(later, now_s)
    assert (again.id, again.since, again.age_s) == (first.id, later.time, 1)
    assert [each["event"] for each in alarms.history] == ["raised", "raised"]
    assert alarms.acknowledge(again.id, "ada", made.SINCE)
    assert alarms.judge(later, 1102) == ()


def test_a_small_step_of_the_clock_does_not_hide_the_great_one_before() -> None:
    alarms = Alarms()
    great = of_system(clock=made.clock(stepped_ms=3_600_000, step_age_s=0.0, steps=1))
    small = of_system(clock=made.clock(stepped_ms=300, step_age_s=0.0, steps=2))
    alarms.judge(great, 0)
    (stands,) = alarms.judge(small, 100)
    assert "forward by 1 h;" in stands.text


@pytest.mark.parametrize(
    "seen",
    [
        GOOD,
        made.picture(rooms=()),
        made.picture(rooms=(made.idle(),)),
        of_storage(time_left_s=None),
        of_storage(time_left_s=24 * 3600),
        of_system(temperature_c=None, under_voltage_now=None, under_voltage_ever=None),
        of_system(last_end=None),
        # The network has ten minutes to tell the time.
        of_system(uptime_s=599.0, clock=made.clock(is_trusted=False, reason="no network")),
        of_system(clock=made.clock(stepped_ms=1500, step_age_s=None)),
        of_room(state=RoomState.STOPPED, media_age_s=100.0),
        # We hold it back while the disk stalls, and that is another alarm.
        of_room(state=RoomState.STALLED, reason="A write takes 20 s.", media_age_s=20.0),
        of_room(state=RoomState.STALLED, reason="A write takes 20 s.", media_age_s=1.0,
                video=made.video(frame_age_s=20.0), drift_s=-20.0),
        # The disk's own alarm says why nobody may publish.
        of_room(state=RoomState.FAULT, reason="No disk.", publisher=None, buffer_bytes=0),
        of_room(video=None, audio=None),
        of_room(video=made.video(frame_age_s=None, keyframe_age_s=None)),
        of_room(buffer_limit_bytes=0, buffer_bytes=0, drift_s=None),
        of_room(state=RoomState.STARTING, publisher=replace(SILENT, age_s=1.0),
                media_age_s=None, video=None, audio=None),
    ],
)  # fmt: skip
def test_what_is_as_it_should_be_is_no_alarm(seen: Snapshot) -> None:
    alarms = Alarms()
    for now_s in (0, 100, 10_000):
        assert kinds(alarms, seen, now_s) == []


def test_what_waits_to_clear_does_not_say_that_it_is_still_so() -> None:
    alarms = Alarms()
    stalled = of_storage(state=DiskState.STALLED, reason="The disk has not answered for 3 s.")
    for now_s, seen, is_over in (
        (0, stalled, False), (3, stalled, False), (4, GOOD, True), (62, GOOD, True),
        (63, stalled, False), (64, GOOD, True),
    ):  # fmt: skip
        for view in alarms.judge(seen, now_s):
            text = "The disk has not answered for 3 s. Lessons wait in memory."
            assert view.text == (f"{text} It seems to be over." if is_over else text)
    assert alarms.judge(GOOD, 200) == ()
    # What was told of it is what it was.
    assert [each["text"] for each in alarms.history] == [text, text]
    # What has happened is over by its nature, and waits to be seen.
    alarms.judge(of_system(last_end="crash"), 300)
    (view,) = alarms.judge(GOOD, 301)
    assert "seems" not in view.text


def test_one_that_gets_worse_is_said_again_and_seen_by_nobody() -> None:
    alarms = Alarms()
    (first,) = alarms.judge(of_storage(time_left_s=10_000), 0)
    for _ in range(3):
        # Once more is not one more entry in the history.
        assert alarms.acknowledge(first.id, "ada", made.SINCE)
    (still,) = alarms.judge(of_storage(time_left_s=9_000), 1)
    assert still.acknowledged_by == "ada"
    (worse,) = alarms.judge(of_storage(time_left_s=500), 2)
    assert (worse.id, worse.severity) == (first.id, Severity.CRITICAL)
    assert worse.acknowledged_by is None
    assert [each["event"] for each in alarms.history] == ["raised", "acknowledged", "raised"]


@pytest.mark.parametrize(
    ("age_s", "as_of"),
    [(None, ""), (9.9, ""), (10.0, ", as of 10 s ago"), (75.4, ", as of 1 min 15 s ago")],
)
def test_the_time_left_says_how_old_it_is(age_s: float | None, as_of: str) -> None:
    """A sweep comes once a minute, and somebody may fill the disk in less."""
    (view,) = Alarms().judge(of_storage(time_left_s=500, counted_age_s=age_s), 0)
    room = "The disk has room for 8 min of recording, with all that may be deleted"
    assert view.text == f"{room}{as_of}."


def test_what_has_happened_stands_until_it_is_seen_and_not_again() -> None:
    alarms = Alarms()
    seen = of_system(clock=made.clock(stepped_ms=5000, step_age_s=1.0, steps=1))
    (stepped,) = alarms.judge(seen, 0)
    assert alarms.acknowledge(stepped.id, "ada", made.SINCE)
    assert alarms.judge(seen, 1) == ()
    again = of_system(clock=made.clock(stepped_ms=5000, step_age_s=1.0, steps=2))
    assert kinds(alarms, again, 2) == [("clock_stepped", "info")]
    assert not alarms.acknowledge(stepped.id, "ada", made.SINCE)
    assert not alarms.acknowledge("nothing-1", "ada", made.SINCE)
    # What has gone and comes again is another event.
    (stepped,) = alarms.judge(again, 3)
    assert alarms.acknowledge(stepped.id, "ada", made.SINCE)
    assert alarms.judge(GOOD, 4) == ()
    assert kinds(alarms, again, 5) == [("clock_stepped", "info")]


def test_rooms_have_their_own_and_the_worst_stands_first() -> None:
    alarms = Alarms()
    seen = made.picture(
        rooms=(made.room("a", quality=0.1), made.room("b", state=RoomState.FAULT, reason="x"))
    )
    alarms.judge(seen, 0)
    found = alarms.judge(seen, 16)
    assert [(each.kind, each.room) for each in found] == [
        ("not_recorded", "b"),
        ("weak_connection", "a"),
    ]
    assert found[0].age_s == 16


SEEN = [*(case[0] for case in CASES), *(case[0] for case in HAPPENED), GOOD]


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SEEN) - 1),
            st.floats(0, 100),
            st.sampled_from(["", "", "", "seen", "restarted"]),
        ),
        max_size=40,
    )
)
def test_whatever_is_seen_every_alarm_is_raised_before_it_clears_and_clears_once(
    steps: list[tuple[int, float, str]],
) -> None:
    """Over restarts, and whoever acknowledges what."""
    alarms, now_s = Alarms(), 0.0
    for number, passed_s, event in steps:
        now_s += passed_s
        views = alarms.judge(SEEN[number], now_s)
        ids = [each.id for each in views]
        assert len(ids) == len(set(ids))
        if event == "seen" and ids:
            assert alarms.acknowledge(ids[0], "ada", made.SINCE)
        elif event == "restarted":
            alarms, now_s = Alarms(alarms.to_bytes()), passed_s
    for _ in range(2):
        now_s += 1000
        left = alarms.judge(GOOD, now_s)
    for each in left:
        assert alarms.acknowledge(each.id, "ada", made.SINCE)
    assert alarms.judge(GOOD, now_s) == ()
    state: dict[str, str] = {}
    for entry in alarms.history:
        before = state.get(entry["id"])
        if before is None:
            assert entry["event"] == "raised"
        assert before != "cleared"
        state[entry["id"]] = entry["event"]
    assert set(state.values()) <= {"cleared"}
