"""Names, and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.recording import naming
from recorder.recording.naming import SegmentFile

MOMENT_NS = 1_795_343_400 * 1_000_000_000
"""2026-11-22T10:30:00Z."""

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize("name", ["a", "room101", "Room_1-b", "-", "x" * 64])
def test_a_room_is_named_by_letters_digits_dash_and_underscore(name: str) -> None:
    assert naming.is_room_name(name)
    assert naming.room_folder(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "x" * 65, ".", "..", ".recorder", "a/b", "a b", "a\n", "\na", "raum-ä", "٣", "a\0", "a."],
)
def test_nothing_else_names_a_room(name: str) -> None:
    assert not naming.is_room_name(name)
    with pytest.raises(ValueError, match="not a room name"):
        naming.room_folder(name)


def test_a_recording_lies_under_the_utc_date_of_its_start() -> None:
    assert naming.date_folder(MOMENT_NS) == "2026-11-22"
    assert naming.recording_folder(42, MOMENT_NS) == "0000042-103000Z"


def test_the_date_changes_at_midnight_utc_and_not_a_nanosecond_before() -> None:
    midnight = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp()) * SECOND_NS
    assert naming.date_folder(midnight - 1) == "2026-11-22"
    assert naming.recording_folder(1, midnight - 1) == "0000001-235959Z"
    assert naming.date_folder(midnight) == "2026-11-23"
    assert naming.recording_folder(1, midnight) == "0000001-000000Z"


def test_a_clock_before_1970_and_in_1970_still_gives_names() -> None:
    assert naming.date_folder(0) == "1970-01-01"
    assert naming.recording_folder(1, 0) == "0000001-000000Z"
    assert naming.date_folder(-1) == "1969-12-31"


def test_recordings_of_the_same_second_differ_in_their_number() -> None:
    assert naming.recording_folder(1, MOMENT_NS) != naming.recording_folder(2, MOMENT_NS)


@given(st.integers(1, 10**17), st.integers(0, 4_000_000_000 * SECOND_NS))
def test_a_recordings_folder_gives_its_number_back(number: int, start_utc_ns: int) -> None:
    name = naming.recording_folder(number, start_utc_ns)
    assert naming.parse_recording_folder(name) == number
    assert naming.parse_number(naming.number_name(number)) == number
    assert naming.is_date_folder(naming.date_folder(start_utc_ns))


@given(st.integers(1, 9_999_999), st.integers(1, 9_999_999))
def test_names_sort_as_numbers_do(first: int, second: int) -> None:
    assert (naming.number_name(first) < naming.number_name(second)) == (first < second)


@pytest.mark.parametrize(
    "name",
    [
        "42-103000Z",
        "0000042",
        "0000042-103000",
        "0000042-243000Z",
        "0000042-106000Z",
        "0000042-103060Z",
        "00000042-103000Z",
        "0000000-103000Z",
        "0000042-103000Z\n",
        "0000042-103000Z.tmp",
        "٠٠٠٠٠٤٢-103000Z",
        "",
    ],
)
def test_what_we_would_not_have_written_is_no_recording(name: str) -> None:
    assert naming.parse_recording_folder(name) is None


@pytest.mark.parametrize("name", ["", "42", "0000000", "00000042", "-000042", "0000042 "])
def test_what_we_would_not_have_written_is_no_number(name: str) -> None:
    assert naming.parse_number(name) is None


@pytest.mark.parametrize("name", ["", "2026-11-2", "2026-11-22Z", "20261122", "2026-11-22\n"])
def test_what_we_would_not_have_written_is_no_date(name: str) -> None:
    assert not naming.is_date_folder(name)


@pytest.mark.parametrize(
    ("index", "name"),
    [(1, "0001.flv"), (42, "0042.flv"), (9999, "9999.flv"), (10000, "10000.flv")],
)
def test_segments_are_counted_from_one(index: int, name: str) -> None:
    assert naming.segment_name(index) == name
    assert naming.part_name(index) == f"{name}.part"
    assert naming.parse_segment(name) == SegmentFile(index, part=False)
    assert naming.parse_segment(f"{name}.part") == SegmentFile(index, part=True)


@pytest.mark.parametrize(
    "name",
    [
        "0000.flv",
        "00001.flv",
        "1.flv",
        "0001.FLV",
        "0001.flv.tmp",
        "0001.flv.part.part",
        "0001xflv",
        "a/0001.flv",
        "0001.flv\n",
        "recording.json",
    ],
)
def test_what_we_would_not_have_written_is_no_segment(name: str) -> None:
    assert naming.parse_segment(name) is None


@pytest.mark.parametrize("number", [0, -1])
def test_there_is_no_recording_and_no_segment_before_the_first(number: int) -> None:
    with pytest.raises(ValueError, match="not a recording number"):
        naming.number_name(number)
    with pytest.raises(ValueError, match="counted from 1"):
        naming.segment_name(number)


@pytest.mark.parametrize(
    ("name", "number", "damaged", "index"),
    [
        ("0003.flv.part", 1, "0003.flv.damaged", 3),
        ("10000.flv.part", 2, "10000.flv.damaged.2", 10_000),
        ("recording.json", 1, "recording.json.damaged", None),
    ],
)
def test_what_cannot_be_read_is_named_so(
    name: str, number: int, damaged: str, index: int | None
) -> None:
    assert naming.damaged_name(name, number) == damaged
    assert naming.parse_damaged(damaged) == index
    assert naming.parse_segment(damaged) is None


@pytest.mark.parametrize("name", ["0000.flv.damaged", "0003.flv", "1.flv.damaged", "a.damaged"])
def test_what_is_no_segment_is_no_damaged_one(name: str) -> None:
    assert naming.parse_damaged(name) is None
