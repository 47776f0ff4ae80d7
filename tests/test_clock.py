"""The system's clocks, and the one that tests move."""

import time
from pathlib import Path

from recorder.clock import Clock, SystemClock, utc_text
from tests.helpers.clock import START_UTC_NS, FakeClock


def test_the_monotonic_clock_counts_milliseconds() -> None:
    clock = SystemClock()
    before_ms = time.monotonic_ns() // 1_000_000
    now_ms = clock.monotonic_ms()
    assert before_ms <= now_ms <= time.monotonic_ns() // 1_000_000


def test_the_wall_clock_counts_nanoseconds_since_1970() -> None:
    clock = SystemClock()
    before_ns = time.time_ns()
    assert before_ns - 10**9 < clock.utc_ns() < before_ns + 10**9


def test_an_automatic_clock_is_trusted_once_the_marker_appears(tmp_path: Path) -> None:
    marker = tmp_path / "synchronized"
    clock = SystemClock("auto", marker=str(marker))
    assert not clock.trusted()
    marker.touch()
    assert clock.trusted()


def test_a_clock_that_is_always_trusted_needs_no_marker(tmp_path: Path) -> None:
    assert SystemClock("always", marker=str(tmp_path / "absent")).trusted()


def test_time_passes_on_both_clocks_of_the_fake() -> None:
    fake = FakeClock()
    clock: Clock = fake
    start_ms, start_ns = clock.monotonic_ms(), clock.utc_ns()
    fake.advance(1500)
    assert clock.monotonic_ms() - start_ms == 1500
    assert clock.utc_ns() - start_ns == 1_500_000_000


def test_a_step_of_the_wall_clock_leaves_the_monotonic_one_alone() -> None:
    fake = FakeClock(is_trusted=False)
    start_ms, start_ns = fake.monotonic_ms(), fake.utc_ns()
    fake.step_wall(-3_600_000)
    assert fake.monotonic_ms() == start_ms
    assert fake.utc_ns() - start_ns == -3_600_000 * 1_000_000
    assert not fake.trusted()


def test_a_time_is_written_in_utc_to_the_millisecond() -> None:
    assert utc_text(0) == "1970-01-01T00:00:00.000Z"
    assert utc_text(START_UTC_NS) == "2026-11-22T10:30:00.000Z"
    assert utc_text(START_UTC_NS - 1) == "2026-11-22T10:29:59.999Z"
    assert utc_text(START_UTC_NS + 7_999_999) == "2026-11-22T10:30:00.007Z"
