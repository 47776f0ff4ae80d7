"""Alarms of what comes and goes: one, and not one each time."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from recorder.live.attempts import Attempts, Kind
from recorder.status.alarms import Alarms
from recorder.status.house_views import RefusedView
from recorder.status.room_views import RoomState
from recorder.status.system_rules import REFUSALS, STUBBORN_S
from tests.status import snapshots as made
from tests.status.alarm_cases import (
    GOOD,
    STUBBORN,
    kinds,
    of_config,
    of_room,
    of_storage,
    of_system,
)


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


def test_a_line_that_falls_silent_again_and_again_is_told_twice_and_not_each_time() -> None:
    alarms = Alarms()
    for second in range(600):
        # Six seconds of each twenty: it is well for longer than one silence needs to be over.
        silent_s = max(0.0, second % 20 - 14.0)
        alarms.judge(of_room(media_age_s=silent_s), second)
    assert [each["event"] for each in alarms.history] == ["raised", "cleared", "raised"]
    (stands,) = alarms.judge(GOOD, 658)
    assert stands.text.endswith("It seems to be over.")
    assert alarms.judge(GOOD, 659) == ()
    # A minute later it is an event of its own, and over as soon as one is.
    assert kinds(alarms, of_room(media_age_s=4.0), 719) == [("no_media", "warning")]
    assert alarms.judge(GOOD, 724) == ()


def test_what_somebody_mends_again_and_again_is_over_at_once_each_time() -> None:
    alarms, wrong = Alarms(), of_config(errors=("config.yaml:3: a: is no known key",))
    for second in range(0, 20, 2):
        assert kinds(alarms, wrong, second) == [("config_refused", "warning")]
        assert alarms.judge(GOOD, second + 1) == ()


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


@pytest.mark.parametrize("every_s", [180, 599])
def test_an_encoder_that_tries_every_few_minutes_is_one_alarm(every_s: int) -> None:
    alarms, attempts = Alarms(), Attempts()
    for second in range(10 * every_s):
        if second % every_s == 0:
            attempts.refused(Kind.KEY, "10.0.0.66", second)
        refused = tuple(
            RefusedView(address=each.address, times=each.times, age_s=each.age_s)
            for each in attempts.worst(5, second)
        )
        alarms.judge(of_system(refused=refused), second)
    assert [each["event"] for each in alarms.history] == ["raised"]
    (stands,) = alarms.judge(GOOD, second + 1)
    assert "(10 times)" in stands.text
    assert stands.text.endswith("It seems to be over.")
    assert alarms.judge(GOOD, second + 601) == ()


@pytest.mark.parametrize("every_s", [180, 599])
def test_an_encoder_that_tries_every_few_minutes_is_the_same_alarm_behind_a_restart(
    every_s: int,
) -> None:
    """Which counts its refusals anew."""
    before = Alarms()
    before.judge(of_system(refused=(STUBBORN,)), 0)
    alarms, attempts = Alarms(before.to_bytes()), Attempts()
    texts = set[str]()
    for second in range(10 * every_s):
        if second % every_s == every_s // 2:
            attempts.refused(Kind.KEY, "10.0.0.66", second)
        refused = tuple(
            RefusedView(address=each.address, times=each.times, age_s=each.age_s)
            for each in attempts.worst(5, second)
        )
        views = alarms.judge(of_system(refused=refused, uptime_s=float(second)), second)
        texts |= {each.text.partition(":")[0] for each in views}
    assert [each["event"] for each in alarms.history] == ["raised"]
    assert {text.partition(" is refused ")[2] for text in texts} == {
        "(once since the recorder was started)",
        *(f"({times} times since the recorder was started)" for times in (2, 3, 4)),
        *(f"again and again ({times} times)" for times in range(5, 11)),
    }
    # A start that finds no such alarm counts as ever.
    again = of_system(refused=(replace(STUBBORN, times=4),), uptime_s=60.0)
    assert Alarms().judge(again, 60) == ()


def test_who_mistypes_a_key_does_not_prolong_the_alarm_of_an_encoder_that_is_mended() -> None:
    """Except behind a start, where as few may be all that there has been time for."""
    alarms, long_ago_s = Alarms(), REFUSALS * STUBBORN_S
    for uptime_s in (long_ago_s, long_ago_s + 1):
        alarms.judge(of_system(refused=(STUBBORN,), uptime_s=uptime_s), uptime_s)
    once = RefusedView(address="10.0.0.9", times=1, age_s=0.0)
    for uptime_s in range(int(long_ago_s) + 2, int(long_ago_s + STUBBORN_S) + 2):
        views = alarms.judge(of_system(refused=(once,), uptime_s=uptime_s), uptime_s)
    assert views == ()


@pytest.mark.parametrize(("silent_s", "severity"), [(5.0, "warning"), (15.0, "critical")])
def test_a_silence_is_not_over_because_its_connection_was_given_up(
    silent_s: float, severity: str
) -> None:
    waiting = of_room(state=RoomState.WAITING, publisher=None, waits_s=40.0, media_age_s=None)
    # Who leaves in the midst of a lesson may be coming back: that is a state, and no alarm.
    assert kinds(Alarms(), waiting, 0) == []
    alarms = Alarms()
    assert kinds(alarms, of_room(media_age_s=silent_s), 0) == [("no_media", severity)]
    (told,) = alarms.judge(of_room(state=RoomState.WAITING, media_age_s=silent_s), 1)
    assert "is connected and has sent nothing" in told.text
    for now_s in (2, 30, 59):
        (told,) = alarms.judge(waiting, now_s)
        # Who pulled the plug behind a lesson that was over calls nobody out of bed.
        assert (told.kind, told.severity.value) == ("no_media", "warning")
        assert told.text.endswith("is gone; its recording waits for it.")
    assert kinds(alarms, GOOD, 60) == [("no_media", "warning")]
    assert kinds(alarms, GOOD, 64) == []
    assert [each["event"] for each in alarms.history] == ["raised", "cleared"]


def test_who_was_silent_and_came_back_before_it_left_is_not_said_to_have_fallen_silent() -> None:
    waiting = of_room(state=RoomState.WAITING, publisher=None, waits_s=40.0, media_age_s=None)
    alarms = Alarms()
    assert kinds(alarms, of_room(media_age_s=5.0), 0) == [("no_media", "warning")]
    assert kinds(alarms, GOOD, 1) == [("no_media", "warning")]
    for now_s in (2, 3, 4):
        (told,) = alarms.judge(waiting, now_s)
        assert told.text.endswith("has sent nothing for 5 s. It seems to be over.")
    assert alarms.judge(waiting, 5) == ()
