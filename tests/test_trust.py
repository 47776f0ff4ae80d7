"""When the wall clock is believed, when that ends, and what a step is."""

import attrs
import pytest

from recorder.trust import (
    LONG_AGO_MS,
    STEP_MS,
    WITHDRAWING_STEP_MS,
    Known,
    doubt,
    doubt_after_step,
    doubt_at_start,
    step_of,
    step_text,
)

NOON_MS = 1_795_348_800_000
"""2026-11-22T12:00:00Z."""

GOOD = Known(now_utc_ms=NOON_MS, is_synchronised=True, newest_utc_ms=NOON_MS - 1000)


def test_a_synchronised_clock_behind_the_newest_recording_is_believed() -> None:
    assert doubt(GOOD) is None
    assert doubt(attrs.evolve(GOOD, newest_utc_ms=None)) is None
    assert doubt(attrs.evolve(GOOD, newest_utc_ms=NOON_MS)) is None


def test_a_clock_that_nobody_set_is_not() -> None:
    reason = doubt(attrs.evolve(GOOD, is_synchronised=False))
    assert reason == "the system does not say that its clock is synchronised"


def test_a_clock_before_the_newest_recording_is_not() -> None:
    reason = doubt(attrs.evolve(GOOD, newest_utc_ms=NOON_MS + 1))
    assert reason == "it shows 2026-11-22 12:00:00 UTC, which is before the newest recording"


def test_a_withdrawal_stands_above_all_else() -> None:
    assert doubt(attrs.evolve(GOOD, withdrawn="it was set back")) == "it was set back"


def test_a_confirmation_counts_like_a_recording() -> None:
    assert doubt(attrs.evolve(GOOD, confirmed_utc_ms=NOON_MS + 1)) is not None
    late = attrs.evolve(GOOD, newest_utc_ms=NOON_MS - LONG_AGO_MS - 1)
    assert doubt_at_start(late) is not None
    assert doubt_at_start(attrs.evolve(late, confirmed_utc_ms=NOON_MS - LONG_AGO_MS)) is None


def test_a_start_more_than_400_days_after_the_newest_recording_withdraws_trust() -> None:
    assert doubt_at_start(attrs.evolve(GOOD, newest_utc_ms=NOON_MS - LONG_AGO_MS)) is None
    reason = doubt_at_start(attrs.evolve(GOOD, newest_utc_ms=NOON_MS - LONG_AGO_MS - 1))
    assert reason is not None
    assert "more than 400 days after the newest recording" in reason
    assert doubt_at_start(attrs.evolve(GOOD, newest_utc_ms=None)) is None


@pytest.mark.parametrize("sign", [1, -1])
class TestAStep:
    def test_of_more_than_an_hour_withdraws_trust(self, sign: int) -> None:
        step = sign * WITHDRAWING_STEP_MS
        assert doubt_after_step(step, NOON_MS, was_believed=True) is None
        reason = doubt_after_step(step + sign, NOON_MS, was_believed=True)
        assert reason is not None
        assert reason.endswith("to 2026-11-22 12:00:00 UTC")

    def test_of_a_clock_that_was_not_believed_takes_nothing_away(self, sign: int) -> None:
        assert doubt_after_step(sign * 10**12, NOON_MS, was_believed=False) is None

    def test_is_what_no_slewing_makes(self, sign: int) -> None:
        assert step_of(1000 + sign * STEP_MS, 1000) is None
        assert step_of(1000 + sign * (STEP_MS + 1), 1000) == sign * (STEP_MS + 1)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (3_720_000, "forward by 1 h 2 min"),
        (-2_500, "back by 2 s"),
        (90_061_000, "forward by 1 d 1 h"),
        (86_400_000, "forward by 1 d"),
    ],
)
def test_a_step_is_told_in_its_two_largest_units(ms: int, text: str) -> None:
    assert step_text(ms) == text
