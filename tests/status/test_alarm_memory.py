"""What of the alarms outlasts a restart: which stand, which were seen, and what has happened."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from recorder.status.alarm_rules import conditions
from recorder.status.alarms import HISTORY, SETTLE_S, Alarms
from recorder.status.disk_rules import COUNTED
from recorder.status.house_views import DiskState, HooksView
from recorder.status.snapshot import Severity
from recorder.status.system_rules import STUBBORN_S
from tests.status import snapshots as made
from tests.status.alarm_cases import BLOCKED, GOOD, HAPPENED, STUBBORN, kinds, of_storage, of_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.status.snapshot import Snapshot


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


def test_behind_a_restart_a_clock_that_still_is_not_trusted_is_the_same_alarm() -> None:
    def seen(uptime_s: float, *, is_trusted: bool = False) -> Snapshot:
        reason = None if is_trusted else "no network"
        return of_system(uptime_s=uptime_s, clock=made.clock(is_trusted=is_trusted, reason=reason))

    before = Alarms()
    before.judge(seen(600), 600)
    (first,) = before.judge(seen(605), 605)
    after = Alarms(before.to_bytes())
    for now_s in range(700):
        views = after.judge(seen(now_s), now_s)
        assert [each.id for each in views] == ([first.id] if now_s >= 5 else [])
    assert [each["event"] for each in after.history] == ["raised"]
    assert after.judge(seen(705, is_trusted=True), 705) == ()
    # A start that finds none of it waits for the network as ever.
    again = Alarms(after.to_bytes())
    assert kinds(again, seen(0), 0) == kinds(again, seen(599), 599) == []


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


def test_behind_a_restart_an_encoder_that_is_refused_now_and_then_is_the_same_alarm() -> None:
    """The process counts its refusals anew, and has seen nothing until there are enough."""
    refused = of_system(failed_publishes=5, refused=(STUBBORN,))
    before = Alarms()
    (first,) = before.judge(refused, 1000)
    after = Alarms(Alarms(before.to_bytes()).to_bytes())
    for now_s in (0.0, SETTLE_S, STUBBORN_S - 1):
        assert after.judge(GOOD, now_s) == ()
    (again,) = after.judge(refused, STUBBORN_S - 0.5)
    assert again.id == first.id
    assert [each["event"] for each in after.history] == ["raised"]
    # Whom somebody has mended in that time is over then.
    mended = Alarms(before.to_bytes())
    for now_s in (0.0, SETTLE_S, STUBBORN_S - 1, STUBBORN_S):
        assert mended.judge(GOOD, now_s) == ()
        is_over = now_s == STUBBORN_S
        assert [each["event"] for each in mended.history] == ["raised", "cleared"][: 1 + is_over]


def test_what_an_earlier_version_remembers_of_an_alarm_is_enough() -> None:
    before = Alarms()
    (first,) = before.judge(of_system(failed_logins=20), 0)
    document = json.loads(before.to_bytes())
    del document["standing"][0]["clear_s"]
    after = Alarms(json.dumps(document).encode())
    (again,) = after.judge(of_system(failed_logins=20), 5)
    assert again.id == first.id


def test_behind_a_restart_nothing_is_over_of_which_nobody_knows_yet_whether_it_is() -> None:
    """A catalogue that is made anew, or a disk that is missing, keeps the first sweep waiting for
    longer than alarms have to hold again."""
    full = of_storage(time_left_s=500, foreign_fills=True, blocked=BLOCKED)
    before = Alarms()
    standing = before.judge(full, 0)
    assert {each.kind for each in standing} == COUNTED
    for each in standing:
        before.acknowledge(each.id, "ada", made.SINCE)
    after, told = Alarms(before.to_bytes()), len(before.history)
    waits = of_storage(time_left_s=None, counted_age_s=None)
    for now_s in (0.0, SETTLE_S, 500.0):
        assert after.judge(waits, now_s) == ()
    assert len(after.history) == told
    # Seen is seen: they are the same.
    again = Alarms(after.to_bytes()).judge(full, 600.0)
    assert {(each.id, each.acknowledged_by) for each in again} == {
        (each.id, "ada") for each in standing
    }
    # Or they are over, as the first sweep says.
    after.judge(GOOD, 600.0)
    assert [each["event"] for each in after.history[told:]] == ["cleared"] * 3


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
        alarms.judge(of_storage(foreign_fills=True), number * 200)
        alarms.judge(GOOD, number * 200 + 50)
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
        damages: list[Any] = [None, [], {}, 7, 10**400, math.inf, "x", "gone"]
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
