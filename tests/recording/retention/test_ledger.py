"""What retention remembers: seven days of running, and what damage makes of it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.recording.retention.ledger import HOURS, Blocked, Hour, Ledger, Meter
from recorder.recording.retention.planner import Deletion, Why

FULL = Ledger(
    hours=[Hour(5, 6), Hour(7, 8)],
    accepted_bytes=9,
    blocked=Blocked("abcdef01", (Deletion(1, "hall", 2, Why.AGE),)),
)


def test_it_comes_back_as_it_was_written() -> None:
    assert Ledger.from_bytes(FULL.to_bytes()) == FULL
    assert Ledger.from_bytes(Ledger().to_bytes()) == Ledger()


def test_the_last_seven_days_of_running_count() -> None:
    ledger = Ledger()
    ledger.note_rate(100)
    ledger.note_rate(50)
    ledger.note_deleted(7)
    for _ in range(HOURS - 1):
        ledger.begin_hour()
    assert (ledger.highest_rate, ledger.week_bytes) == (100, 7)
    ledger.note_deleted(1)
    ledger.begin_hour()
    assert (ledger.highest_rate, ledger.week_bytes) == (0, 1)
    assert len(ledger.hours) == HOURS


def test_more_hours_than_there_are_are_not_believed() -> None:
    long = Ledger(hours=[Hour(number, 0) for number in range(HOURS + 5)])
    assert len(Ledger.from_bytes(long.to_bytes()).hours) == HOURS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"version": 2}',
        b'{"version": 1, "hours": []}',
        b'{"version": 1, "hours": 5}',
        b'{"version": 1, "hours": [{"rate": "x"}]}',
        FULL.to_bytes().replace(b'"age"', b'"whim"'),
        FULL.to_bytes().replace(b'"version": 1', b'"version": 1, "more": 2'),
        FULL.to_bytes()[:-5],
    ],
)
def test_damage_is_a_value_error_and_nothing_else(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Ledger.from_bytes(content)


@given(st.binary(max_size=60), st.integers(0, 300))
def test_so_is_any_damage(junk: bytes, at: int) -> None:
    content = FULL.to_bytes()
    with suppress(ValueError):
        Ledger.from_bytes(content[:at] + junk + content[at + len(junk) :])


def test_a_rate_is_that_of_the_last_ten_minutes() -> None:
    meter = Meter(0)
    assert meter.rate == 0
    total = 0
    for second in range(1, 1201):
        total += 1000 if second <= 600 else 3000
        meter.note(second * 1000, total)
        if second == 600:
            assert meter.rate == 1000
    assert meter.rate == 3000


def test_a_rate_is_none_of_an_instant() -> None:
    meter = Meter(0)
    meter.note(1000, 10_000_000)
    assert meter.rate == 0
    meter.note(10_000, 10_000_000)
    assert meter.rate == 1_000_000
