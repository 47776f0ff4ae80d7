"""Amounts as somebody who reads a log wants them: short, and never more exact than known."""

from __future__ import annotations

import pytest

from recorder.amounts import count, duration, size


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        ((1 << 20) - 1, "1.0 MiB"),
        (310 << 20, "310.0 MiB"),
        (3 << 49, "1536.0 TiB"),
    ],
)
def test_a_size_has_the_unit_that_keeps_it_short(number: int, words: str) -> None:
    assert size(number) == words


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0.0 s"),
        (3_249, "3.2 s"),
        (9_949, "9.9 s"),
        (9_950, "10 s"),
        (59_400, "59 s"),
        (59_600, "1 min"),
        (100_000, "1 min 40 s"),
        (599_400, "9 min 59 s"),
        (600_400, "10 min"),
        (45 * 60_000, "45 min"),
        (59 * 60_000 + 40_000, "1 h"),
        (90 * 60_000, "1 h 30 min"),
        (12 * 3_600_000, "12 h"),
    ],
)
def test_a_duration_is_as_exact_as_it_is_short(ms: int, words: str) -> None:
    assert duration(ms) == words


def test_one_is_one_and_others_are_many() -> None:
    assert [count(number, "gap") for number in (0, 1, 2)] == ["0 gaps", "1 gap", "2 gaps"]
