"""Alarms as a table of cases with time: not yet, raised, still there, cleared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recorder.status.alarm_rules import conditions
from recorder.status.alarms import HISTORY, SETTLE_S, Alarms
from recorder.status.snapshot import (
    BlockedView,
    DiskState,
    HooksView,
    PublisherView,
    RefusedView,
    RoomState,
    Severity,
)
from tests.status import snapshots as made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.status.snapshot import Snapshot

GOOD = made.picture()


def of_storage(**changes: Any) -> Snapshot:
    return made.picture(storage=made.storage(**changes))


def of_system(**changes: Any) -> Snapshot:
    return made.picture(system=made.system(**changes))


def of_config(**changes: Any) -> Snapshot:
    return of_system(config=made.config(**changes))


def of_room(**changes: Any) -> Snapshot:
    return made.picture(rooms=(made.room(**changes), made.idle()))


def kinds(alarms: Alarms, seen: Snapshot, now_s: float) -> list[tuple[str, str]]:
    return [(each.kind, each.severity.value) for each in alarms.judge(seen, now_s)]


BLOCKED = BlockedView(plan="abcdef01", recordings=30, bytes=10**9)
SILENT = PublisherView(address="10.0.0.7", software="OBS", age_s=6.0)
STUBBORN = RefusedView(address="10.0.0.66", times=5, age_s=60.0)

CASES = [
    # What is seen, the alarm, after how many seconds it is raised, after how many it clears.
    (of_storage(state=DiskState.FAILED, reason="It is away."), "disk_failed", "critical", 0, 30),
    (of_storage(state=DiskState.STALLED, reason="No answer."), "disk_stalled", "warning", 3, 60),
    (of_storage(state=DiskState.HELD, reason="Full."), "disk_held", "critical", 0, 5),
    (of_storage(foreign_fills=True), "foreign_data", "critical", 0, 5),
    (of_storage(blocked=BLOCKED), "sweep_blocked", "warning", 0, 5),
    (of_storage(time_left_s=24 * 3600 - 1), "time_left", "info", 0, 5),
    (of_storage(time_left_s=3 * 3600 - 1), "time_left", "warning", 0, 5),
    (of_storage(time_left_s=599), "time_left", "critical", 0, 5),
    (of_system(media_bytes=80_000_000), "memory", "warning", 5, 30),
    (of_system(temperature_c=80.0), "temperature", "warning", 0, 30),
    (of_system(temperature_c=85.0), "temperature", "critical", 0, 30),
    (of_system(under_voltage_now=True), "under_voltage", "critical", 0, 30),
    (of_system(failed_logins=20), "failed_logins", "warning", 0, 300),
    (of_config(errors=("config.yaml:3: a: is no known key",)), "config_refused", "warning", 0, 0),
    (
        of_config(errors=("config.yaml: a", "config.yaml: b"), is_last_good=True),
        "config_last_good", "critical", 0, 0,
    ),
    (of_config(rtmps_off="cert.pem cannot be read"), "rtmps_off", "critical", 0, 0),
    (of_config(restart=("state", "rtmp.listen")), "config_restart", "info", 0, 0),
    (of_system(failed_publishes=20), "failed_publishes", "warning", 0, 300),
    (of_system(failed_publishes=20, refused=(STUBBORN,)), "failed_publishes", "warning", 0, 300),
    (of_system(failed_publishes=5, refused=(STUBBORN,)), "encoder_refused", "warning", 0, 120),
    (of_system(clock=made.clock(is_trusted=False, reason="no network")), "clock_untrusted",
     "warning", 5, 5),
    (of_room(state=RoomState.FAULT, reason="No disk."), "not_recorded", "critical", 0, 5),
    (of_room(state=RoomState.STOPPED, lost_bytes=1), "not_recorded", "critical", 0, 5),
    (of_room(is_contested=True), "two_encoders", "warning", 0, 300),
    (of_room(buffer_bytes=32 << 20), "write_lag", "critical", 0, 60),
    (of_room(state=RoomState.STALLED, reason="No answer.", buffer_bytes=32 << 20), "write_lag",
     "critical", 0, 60),
    (of_room(media_age_s=4.0), "no_media", "warning", 0, 5),
    (of_room(media_age_s=10.0), "no_media", "critical", 0, 5),
    (of_room(media_age_s=None, publisher=SILENT), "no_media", "warning", 0, 5),
    (of_room(video=made.video(frame_age_s=3.0)), "no_video", "warning", 2, 5),
    (of_room(audio=made.audio(frame_age_s=3.0)), "no_audio", "warning", 2, 5),
    (of_room(state=RoomState.STARTING), "not_begun", "critical", 15, 5),
    (of_room(video=made.video(keyframe_age_s=30.0)), "no_keyframes", "warning", 0, 5),
    # Of the room's publisher none has ever come.
    (of_room(video=made.video(keyframe_age_s=None)), "no_keyframes", "warning", 0, 5),
    (of_room(drift_s=-10.0), "media_time", "warning", 10, 30),
    (of_room(drift_s=10.0), "media_time", "warning", 10, 30),
    (of_room(quality=0.4), "weak_connection", "warning", 15, 15),
]  # fmt: skip

HAPPENED = [
    # What is seen, and the alarm, which is raised at once and stands until somebody has seen it.
    (of_system(under_voltage_ever=True), "under_voltage_before", "warning"),
    (of_system(last_end="crash"), "restarted", "warning"),
    (of_system(last_end="power"), "restarted", "warning"),
    (of_system(clock=made.clock(stepped_ms=-3000, step_age_s=1.0)), "clock_stepped", "info"),
]


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


@pytest.mark.parametrize(("seen", "kind", "severity"), HAPPENED)
def test_what_has_happened_stands_until_it_is_seen_over_restarts_too(
    seen: Snapshot, kind: str, severity: str
) -> None:
    alarms = Alarms()
    (first,) = alarms.judge(seen, 1000)
    assert (first.kind, first.severity.value, first.age_s) == (kind, severity, 0)
    # It holds no more, and nobody has seen it.
    for now_s in (1010.0, 2000.0):
        assert kinds(alarms, GOOD, now_s) == [(kind, severity)]
    for now_s in (5.0, 5 + SETTLE_S, 5000.0):
        alarms = Alarms(alarms.to_bytes())
        (still,) = alarms.judge(GOOD, now_s)
        assert still == replace(first, age_s=None)
    assert alarms.acknowledge(first.id, "ada", made.SINCE)
    assert alarms.judge(GOOD, 5001) == ()
    assert Alarms(alarms.to_bytes()).judge(GOOD, 1) == ()
    events = [each["event"] for each in alarms.history]
    assert events == ["raised", "acknowledged", "cleared"]
    (found,) = conditions(seen)
    for sentence in (found.text, found.advice):
        assert sentence.endswith(".")


@pytest.mark.parametrize(("seen", "kind", "severity"), HAPPENED)
def test_what_somebody_has_seen_is_not_raised_again_by_a_restart(
    seen: Snapshot, kind: str, severity: str
) -> None:
    alarms = Alarms()
    (first,) = alarms.judge(seen, 1000)
    assert alarms.acknowledge(first.id, "ada", made.SINCE)
    for _ in range(3):
        # The first pictures of a process do not know yet what the machine says.
        alarms = Alarms(alarms.to_bytes())
        assert alarms.judge(GOOD, 5) == ()
    for now_s in (6, 7, 5 + SETTLE_S, 6 + SETTLE_S):
        assert alarms.judge(seen, now_s) == ()
    assert kinds(Alarms(), seen, 1) == [(kind, severity)]


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
    assert "+3600 s" in stands.text


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


def test_what_comes_and_goes_within_its_time_is_none() -> None:
    alarms, seen = Alarms(), of_room(drift_s=20.0)
    for second in range(0, 100, 9):
        assert kinds(alarms, seen, second) == []
        assert kinds(alarms, GOOD, second + 8) == []


def test_the_time_left_clears_a_fifth_above_its_limit() -> None:
    alarms, limit_s = Alarms(), 3 * 3600
    assert kinds(alarms, of_storage(time_left_s=limit_s - 1), 0) == [("time_left", "warning")]
    for now_s, left_s, severity in ((10, limit_s * 1.19, "warning"), (20, limit_s * 1.21, "info")):
        seen = of_storage(time_left_s=int(left_s))
        assert kinds(alarms, seen, now_s) == [("time_left", severity)]
    assert kinds(alarms, of_storage(time_left_s=100 * 3600), 30) == []


def test_heat_clears_five_degrees_below_its_limit() -> None:
    alarms = Alarms()
    for now_s, heat, severity in ((0, 85, "critical"), (1, 81, "critical"), (2, 79, "warning")):
        assert kinds(alarms, of_system(temperature_c=float(heat)), now_s) == [
            ("temperature", severity)
        ]
    assert kinds(alarms, of_system(temperature_c=74.0), 40) == []


def test_an_encoder_that_sends_something_now_and_then_has_one_alarm() -> None:
    alarms, since_s = Alarms(), 0
    for second in range(100):
        since_s = 0 if second % 11 == 0 else since_s + 1
        alarms.judge(of_room(media_age_s=float(since_s)), second)
    assert [(each["event"], each["severity"]) for each in alarms.history] == [
        ("raised", "warning"),
        ("raised", "critical"),
    ]
    assert kinds(alarms, GOOD, 200) == []


def test_an_encoder_whose_keyframes_are_a_minute_apart_has_one_alarm() -> None:
    alarms = Alarms()
    for second in range(300):
        video = made.video(
            keyframe_age_s=float(second % 60), keyframe_distance_s=60.0 if second >= 60 else None
        )
        alarms.judge(of_room(video=video), second)
    assert [each["event"] for each in alarms.history] == ["raised"]
    (stands,) = alarms.judge(of_room(video=made.video(keyframe_distance_s=60.0)), 300)
    assert "keyframes are 60 s apart" in stands.text
    assert kinds(alarms, GOOD, 306) == []


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


def test_behind_a_restart_the_same_alarm_is_the_same() -> None:
    before, seen = Alarms(), of_storage(time_left_s=500)
    (first,) = before.judge(seen, 1000)
    before.acknowledge(first.id, "ada", made.SINCE)
    after = Alarms(before.to_bytes())
    (again,) = after.judge(seen, 5)
    assert (again.id, again.since, again.acknowledged_by) == (first.id, first.since, "ada")
    # By a clock that nobody knows any more.
    assert (first.age_s, again.age_s) == (0, None)
    assert after.history == before.history
    # Another one has another id.
    ids = {each.id for each in after.judge(of_storage(time_left_s=500, foreign_fills=True), 6)}
    assert len(ids) == 2


def test_behind_a_restart_what_has_got_worse_is_said_again_and_seen_by_nobody() -> None:
    before = Alarms()
    (first,) = before.judge(of_storage(time_left_s=10_000), 0)
    assert before.acknowledge(first.id, "ada", made.SINCE)
    after = Alarms(before.to_bytes())
    (worse,) = after.judge(of_storage(time_left_s=500), 5)
    assert (worse.id, worse.severity) == (first.id, Severity.CRITICAL)
    assert worse.acknowledged_by is None
    assert [each["event"] for each in after.history] == ["raised", "acknowledged", "raised"]


def test_behind_a_restart_a_limit_is_still_left_by_a_margin_only() -> None:
    before = Alarms()
    before.judge(of_system(temperature_c=80.0), 0)
    after = Alarms(before.to_bytes())
    assert kinds(after, of_system(temperature_c=76.0), 5) == [("temperature", "warning")]
    assert kinds(after, of_system(temperature_c=76.0), 5000) == [("temperature", "warning")]


def test_behind_a_restart_what_must_last_to_be_an_alarm_is_the_same_when_it_has() -> None:
    failing = of_system(
        hooks=HooksView(
            is_delivering=True, failing=("https://a.example",), failing_since=made.SINCE,
            delivered=0, given_up=0, lost=0, age_s=1.0,
        )
    )  # fmt: skip
    before = Alarms()
    before.judge(failing, 0)
    (first,) = before.judge(failing, 300)
    after = Alarms(before.to_bytes())
    for now_s in (5, 5 + SETTLE_S, 304):
        assert after.judge(failing, now_s) == ()
    (again,) = after.judge(failing, 305)
    assert again.id == first.id
    assert [each["event"] for each in after.history] == ["raised"]


def test_behind_a_restart_another_event_of_its_kind_clears_the_one_before() -> None:
    before = Alarms()
    before.judge(of_storage(blocked=BLOCKED), 0)
    after = Alarms(before.to_bytes())
    after.judge(of_storage(blocked=replace(BLOCKED, plan="another")), 5)
    assert [(each["event"], each["id"]) for each in after.history] == [
        ("raised", "sweep_blocked-1"),
        ("cleared", "sweep_blocked-1"),
        ("raised", "sweep_blocked-2"),
    ]


def test_behind_a_restart_what_does_not_hold_any_more_is_cleared() -> None:
    before = Alarms()
    before.judge(of_storage(foreign_fills=True), 0)
    after = Alarms(Alarms(before.to_bytes()).to_bytes())
    after.judge(GOOD, 0)
    after.judge(GOOD, SETTLE_S)
    assert [each["event"] for each in after.history] == ["raised", "cleared"]
    assert after.judge(GOOD, SETTLE_S + 1) == ()


def test_of_equal_ones_what_stood_before_the_restart_stands_last() -> None:
    before = Alarms()
    before.judge(of_storage(foreign_fills=True), 0)
    after = Alarms(before.to_bytes())
    seen = of_storage(foreign_fills=True, state=DiskState.HELD, reason="Full.")
    after.judge(seen, 1)
    found = after.judge(seen, 1000)
    assert [(each.kind, each.age_s) for each in found] == [
        ("disk_held", 999), ("foreign_data", None)
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"version": 2}', b"\xff", b"[" * 9999])
def test_a_damaged_memory_begins_anew(content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert Alarms(content).judge(GOOD, 0) == ()
    assert "history of alarms was damaged" in caplog.text


def test_the_history_is_bounded() -> None:
    alarms = Alarms()
    for number in range(HISTORY):
        alarms.judge(of_storage(foreign_fills=True), number * 100)
        alarms.judge(GOOD, number * 100 + 50)
    assert len(alarms.history) == HISTORY
    assert len(json.loads(alarms.to_bytes())["history"]) == HISTORY


def test_of_a_memory_that_is_half_damaged_nothing_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = Alarms()
    before.judge(of_system(last_end="crash", under_voltage_ever=True), 0)
    document = json.loads(before.to_bytes())
    document["standing"][1]["severity"] = "dreadful"
    after = Alarms(json.dumps(document).encode())
    assert after.judge(GOOD, 0) == ()
    assert after.history == []
    assert "history of alarms was damaged" in caplog.text


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything that holds something, and where it holds it."""
    places = value.items() if isinstance(value, dict) else enumerate(value)
    for place, held in list(places):
        yield value, place
        if isinstance(held, dict | list):
            yield from _parts(held)


def test_whatever_is_damaged_in_a_memory_no_start_fails_by_it() -> None:
    before = Alarms()
    (restarted,) = before.judge(of_system(last_end="crash"), 0)
    before.acknowledge(restarted.id, "ada", made.SINCE)
    before.judge(of_system(temperature_c=80.0, under_voltage_ever=True), 1)
    whole = json.dumps(json.loads(before.to_bytes()))
    for number in range(sum(1 for _ in _parts(json.loads(whole)))):
        damages: list[Any] = [None, [], {}, 7, "x", "gone"]
        for damage in damages:
            document = json.loads(whole)
            holder, place = list(_parts(document))[number]
            if damage == "gone":
                del holder[place]
            else:
                holder[place] = damage
            alarms = Alarms(json.dumps(document).encode())
            for now_s in (0, 1, SETTLE_S, 1000):
                alarms.judge(of_system(temperature_c=80.0, under_voltage_ever=True), now_s)
                alarms.judge(GOOD, now_s + 1)
            Alarms(alarms.to_bytes())


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
