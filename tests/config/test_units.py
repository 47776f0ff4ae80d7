"""Sizes and times as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.config.units import UnitError, format_size, format_time, parse_size, parse_time


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0B", 0),
        ("1B", 1),
        ("64kB", 64_000),
        ("64KB", 64_000),
        ("64KiB", 65_536),
        ("512MiB", 536_870_912),
        ("512 MiB", 536_870_912),
        ("1.5GiB", 1_610_612_736),
        ("0.001KiB", 1),
        ("2TB", 2_000_000_000_000),
        ("1TiB", 1_099_511_627_776),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text",
    ["", "5", "MiB", "-5MiB", "5mib", "5Mb", "5  MiB", " 5MiB", "5MiB\n", "5.MiB", "1e3B", "٣MiB"],
)
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UnitError, match="such as 512MiB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("1.05s", 1.05),
        ("10m", 600),
        ("10m5ms", 600.005),
        ("1h30m", 5400),
        ("90m", 5400),
        ("1d2h3m4s5ms", 93_784.005),
    ],
)
def test_a_time_is_numbers_with_units(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "-5m", "30m1h", "1h1h", "1 h", "5min", "1.5h", "1.s", "1m ", "10m\n", "٣s"],
)
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UnitError, match="such as 30s, 10m or 1h30m"):
        parse_time(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_written_size_reads_back(size_bytes: int) -> None:
    text = format_size(size_bytes)
    if len(text) <= 13:  # twelve digits are read
        assert parse_size(text) == size_bytes


@given(st.integers(min_value=0, max_value=10**12))
def test_a_written_time_reads_back(milliseconds: int) -> None:
    assert parse_time(format_time(milliseconds / 1000)) == milliseconds / 1000


def test_sizes_and_times_are_written_as_people_write_them() -> None:
    assert [format_size(size) for size in (0, 1000, 2048, 2**30, 2**41)] == [
        "0B",
        "1000B",
        "2KiB",
        "1GiB",
        "2TiB",
    ]
    assert [format_time(time) for time in (0, 0.25, 600, 5400, 86_400)] == [
        "0s",
        "250ms",
        "10m",
        "1h30m",
        "1d",
    ]
