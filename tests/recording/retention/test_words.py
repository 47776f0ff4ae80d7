"""Sizes and reasons, for people."""

from __future__ import annotations

import pytest

from recorder.recording.retention.ledger import Blocked
from recorder.recording.retention.planner import Deletion, Why
from recorder.recording.retention.words import blocked, reason_of, size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1_048_575, "1.0 MiB"),
        (1 << 40, "1.0 TiB"),
        (5000 << 40, "5000.0 TiB"),
    ],
)
def test_a_size_has_a_unit(number: int, text: str) -> None:
    assert size(number) == text


def test_every_reason_has_words_and_a_stranger_s_stays_as_it_is() -> None:
    assert reason_of("age") == "older than max_age"
    assert len({reason_of(why.value) for why in Why}) == len(Why)
    assert reason_of("operator") == "operator"


def test_a_plan_that_waits_says_how_it_is_confirmed() -> None:
    found = Blocked("abcdef01", (Deletion(1, "hall", 1 << 30, Why.AGE),) * 12)
    assert "12 recordings (12.0 GiB)" in blocked(found)
    assert blocked(found).endswith("run `recorder sweep --confirm abcdef01`.")
