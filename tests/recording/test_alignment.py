"""Ends of segments on the local clock."""

from __future__ import annotations

import itertools
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.recording.alignment import until_boundary_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BERLIN = "Europe/Berlin"
ZONES = ["UTC", BERLIN, "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]


def _utc_ns(local: str, zone: str, *, fold: int = 0) -> int:
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(moment.timestamp() * 1000) * 1_000_000


def _local(utc_ns: int, zone: str) -> datetime:
    return datetime.fromtimestamp(utc_ns // 1_000_000 / 1000, ZoneInfo(zone))


def _end(local: str, duration_ms: int, zone: str = BERLIN, *, fold: int = 0) -> str:
    """Where a segment that begins at a local time ends, in local time."""
    now = _utc_ns(local, zone, fold=fold)
    end = now + until_boundary_ms(now, duration_ms, zone) * 1_000_000
    return _local(end, zone).isoformat()[11:]


@pytest.mark.parametrize(
    ("start", "duration_ms", "end"),
    [
        ("2026-11-22T10:00:00", 10 * MINUTE, "10:10:00+01:00"),
        ("2026-11-22T10:03:00", 10 * MINUTE, "10:10:00+01:00"),
        # Half is long enough, less is not.
        ("2026-11-22T10:05:00", 10 * MINUTE, "10:10:00+01:00"),
        ("2026-11-22T10:05:00.001", 10 * MINUTE, "10:20:00+01:00"),
        ("2026-11-22T10:09:59", 10 * MINUTE, "10:20:00+01:00"),
        ("2026-11-22T10:00:00", 1000, "10:00:01+01:00"),
        ("2026-11-22T10:00:00", HOUR, "11:00:00+01:00"),
        # Counted from local midnight, which is not a multiple of the day in UTC.
        ("2026-11-22T10:00:00", DAY, "00:00:00+01:00"),
        ("2026-11-22T14:00:00", DAY, "00:00:00+01:00"),
        ("2026-11-22T05:00:00", 6 * HOUR, "12:00:00+01:00"),
        # A duration that does not divide the day: midnight begins anew.
        ("2026-11-22T23:48:00", 7 * MINUTE, "23:55:00+01:00"),
        ("2026-11-22T23:55:00", 7 * MINUTE, "00:00:00+01:00"),
        ("2026-11-22T23:57:00", 7 * MINUTE, "00:07:00+01:00"),
    ],
)
def test_a_segment_ends_on_a_multiple_of_its_duration(
    start: str, duration_ms: int, end: str
) -> None:
    assert _end(start, duration_ms) == end


def test_less_than_half_a_day_left_takes_the_next_midnight() -> None:
    start = _utc_ns("2026-11-22T14:00:00", BERLIN)
    assert until_boundary_ms(start, DAY, BERLIN) == 34 * HOUR


def test_a_zone_with_odd_minutes_counts_from_its_own_midnight() -> None:
    assert _end("2026-11-22T10:02:00", HOUR, "Asia/Kathmandu") == "11:00:00+05:45"


@pytest.mark.parametrize(
    ("start", "fold", "duration_ms", "end"),
    [
        # 2026-03-29: 02:00 to 03:00 is left out.
        ("2026-03-29T01:50:00", 0, 10 * MINUTE, "03:00:00+02:00"),
        ("2026-03-29T01:00:00", 0, HOUR, "03:00:00+02:00"),
        # 02:00 does not happen, 04:00 is three real hours after midnight.
        ("2026-03-29T00:00:00", 0, 2 * HOUR, "04:00:00+02:00"),
        ("2026-03-29T00:00:00", 0, DAY, "00:00:00+02:00"),
        # 2026-10-25: 02:00 to 03:00 happens twice.
        ("2026-10-25T02:50:00", 0, 10 * MINUTE, "02:00:00+01:00"),
        ("2026-10-25T02:50:00", 1, 10 * MINUTE, "03:00:00+01:00"),
        ("2026-10-25T02:00:00", 0, 20 * MINUTE, "02:20:00+02:00"),
        ("2026-10-25T02:00:00", 1, 20 * MINUTE, "02:20:00+01:00"),
        ("2026-10-25T01:00:00", 0, HOUR, "02:00:00+02:00"),
        ("2026-10-25T02:00:00", 0, HOUR, "02:00:00+01:00"),
        ("2026-10-25T02:00:00", 0, 2 * HOUR, "02:00:00+01:00"),
        ("2026-10-25T00:00:00", 0, DAY, "00:00:00+01:00"),
    ],
)
def test_the_local_clock_decides_when_summer_time_changes(
    start: str, fold: int, duration_ms: int, end: str
) -> None:
    assert _end(start, duration_ms, fold=fold) == end


@given(
    st.integers(1_700_000_000_000, 2_000_000_000_000),
    st.integers(1000, DAY),
    st.sampled_from(ZONES),
)
def test_no_segment_is_shorter_than_half_and_each_ends_on_a_multiple(
    utc_ms: int, duration_ms: int, zone: str
) -> None:
    span = until_boundary_ms(utc_ms * 1_000_000, duration_ms, zone)
    assert span * 2 >= duration_ms
    # At most one and a half durations, or what is left of the longest day: its extra hour.
    assert span <= duration_ms // 2 + 1 + duration_ms + HOUR
    end = _local((utc_ms + span) * 1_000_000, zone).replace(tzinfo=None)
    since_midnight = end - end.replace(hour=0, minute=0, second=0, microsecond=0)
    assert since_midnight % timedelta(milliseconds=duration_ms) == timedelta()


@given(st.integers(0, 400), st.sampled_from([5, 10, 15, 20, 30, 60]), st.sampled_from(ZONES))
def test_a_duration_that_divides_the_hour_is_exact_all_year(
    day: int, minutes: int, zone: str
) -> None:
    duration_ms = minutes * MINUTE
    now_ms = 1_767_225_600_000 + day * DAY
    now_ms += until_boundary_ms(now_ms * 1_000_000, duration_ms, zone)
    # From one boundary to the next, through a whole day. Lord Howe moves its clock by half an
    # hour, and Kathmandu lives at 5:45; both stay on the local clock.
    for _ in range(2 * 24 * 60 // minutes):
        step = until_boundary_ms(now_ms * 1_000_000, duration_ms, zone)
        assert duration_ms // 2 <= step <= duration_ms + duration_ms // 2
        now_ms += step


def test_a_fraction_of_a_millisecond_never_ends_a_segment_early() -> None:
    on_time = _utc_ns("2026-11-22T10:00:00", BERLIN)
    assert until_boundary_ms(on_time - 1, 10 * MINUTE, BERLIN) == 10 * MINUTE
    assert until_boundary_ms(on_time - 999_999, 10 * MINUTE, BERLIN) == 10 * MINUTE


@pytest.fixture
def berlin_system(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", BERLIN)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin_system")
def test_the_systems_zone_is_used_with_its_summer_time() -> None:
    for local, duration_ms in itertools.product(
        ["2026-03-29T00:00:00", "2026-10-25T00:00:00", "2026-07-01T11:11:11"], [HOUR, 2 * HOUR]
    ):
        start = _utc_ns(local, BERLIN)
        for ms in range(0, 6 * HOUR, 17 * MINUTE):
            now = start + ms * 1_000_000
            expected = until_boundary_ms(now, duration_ms, BERLIN)
            assert until_boundary_ms(now, duration_ms, "system") == expected
