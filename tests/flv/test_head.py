"""What a head says of its file, whole or torn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.amf import Value, encode_values
from recorder.flv.head import Head, read_head
from recorder.flv.script import (
    ON_METADATA,
    HeadValues,
    IndexEntry,
    SegmentPlace,
    copied_fields,
    head_body,
)

SIZE = 6_000
PLACE = SegmentPlace(position_ms=604_001, reason="duration")
COPIED = copied_fields([{"title": "Room 101", "width": 1280.0, "tags": [1.0, {"a": None}]}])


def _head(values: HeadValues | None = None) -> bytes:
    return head_body(
        SIZE, values or HeadValues(), creator="c", place=PLACE, copied=COPIED, forced=True
    )


def test_a_head_names_its_place_its_marks_and_what_the_publisher_said() -> None:
    assert read_head(_head()) == Head(place=PLACE, forced=True, copied=COPIED)
    body = head_body(SIZE, HeadValues(), creator="c", repaired=True, suspect=True)
    assert read_head(body) == Head(repaired=True, suspect=True)


def test_a_head_without_marks_has_none() -> None:
    assert read_head(head_body(SIZE, HeadValues(), creator="c")) == Head()


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"recordingPosition": 1.0},
        {"recordingPosition": "1", "segmentReason": "start"},
        {"recordingPosition": -1.0, "segmentReason": "start"},
        {"recordingPosition": math.nan, "segmentReason": "start"},
        {"recordingPosition": math.inf, "segmentReason": "start"},
        {"recordingPosition": 1.0, "segmentReason": 1.0},
        {"forcedStart": 1.0, "repaired": "true", "suspect": None},
    ],
)
def test_what_makes_no_sense_is_not_said(members: dict[str, Value]) -> None:
    assert read_head(encode_values(ON_METADATA, members)) == Head()


@pytest.mark.parametrize("body", [b"", bytes(40), b"\xff", encode_values(ON_METADATA, "text")])
def test_a_damaged_head_says_nothing(body: bytes) -> None:
    assert read_head(body) == Head()


def test_the_head_of_another_maker_is_read_too() -> None:
    body = encode_values(ON_METADATA, {"title": "a", "recordingPosition": 1.0})
    assert read_head(body) == Head(copied=copied_fields([{"title": "a"}]))


@pytest.mark.parametrize("torn_at", [512, 4096, 5000])
def test_of_a_torn_head_all_is_read_that_stands_before_the_tear(torn_at: int) -> None:
    index = [IndexEntry(ms=2_000 * i, offset=33_000 + 1_000 * i) for i in range(200)]
    closed = _head(HeadValues(duration_ms=9, last_keyframe=index[-1], index=index))
    for before, behind in ((closed, _head()), (_head(), closed), (closed, bytes(SIZE))):
        torn = before[:torn_at] + behind[torn_at:]
        assert read_head(torn) == Head(place=PLACE, forced=True, copied=COPIED)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_whatever_stands_there_reading_ends(noise: bytes, at: int) -> None:
    body = bytearray(_head())
    body[at : at + len(noise)] = noise
    read_head(bytes(body))
