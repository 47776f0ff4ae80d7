"""From rows to what the planner wants: who protects what, and since when it is over."""

from __future__ import annotations

import attrs
import pytest

from recorder.recording.retention.candidates import (
    Known,
    Standing,
    candidates,
    is_emptied,
    known_of,
    total_bytes,
)
from recorder.recording.rows import Row

GOOD = Known(
    number=1,
    room="hall",
    bytes=10,
    start_utc_ms=1000,
    duration_ms=50,
    is_trusted=True,
    is_ended=True,
    is_kept=False,
    is_damaged=False,
)
ROW = Row(
    number=1,
    room="hall",
    folder="hall/2026-11-22/0000001-103000Z",
    start_utc="2026-11-22T10:30:00.000Z",
    start_utc_ms=1000,
    end_utc="2026-11-22T10:30:50.000Z",
    clock="trusted",
    duration_ms=50,
    bytes=10,
    segments=1,
)


@pytest.mark.parametrize(
    ("row", "standing"),
    [
        (GOOD, Standing.FREE),
        (attrs.evolve(GOOD, is_kept=True), Standing.KEPT),
        (attrs.evolve(GOOD, is_damaged=True), Standing.DAMAGED),
        (attrs.evolve(GOOD, is_ended=False), Standing.LIVE),
        (attrs.evolve(GOOD, is_damaged=True, is_ended=False), Standing.DAMAGED),
        (attrs.evolve(GOOD, number=2), Standing.LIVE),
        (attrs.evolve(GOOD, number=2, is_kept=True), Standing.LIVE),
        (attrs.evolve(GOOD, number=3), Standing.DOWNLOADED),
    ],
)
def test_a_recording_stands_under_who_protects_it(row: Known, standing: Standing) -> None:
    (found,) = candidates([row], live=[2], downloaded=[3])
    assert found.standing is standing


def test_it_was_over_when_its_duration_had_passed_since_its_start() -> None:
    (found,) = candidates([GOOD])
    assert found.ended_utc_ms == 1050


def test_without_a_believed_start_it_is_as_old_as_the_next_that_has_one() -> None:
    rows = [
        attrs.evolve(GOOD, number=1, is_trusted=False),
        attrs.evolve(GOOD, number=2, start_utc_ms=None),
        attrs.evolve(GOOD, number=3, start_utc_ms=7000),
        attrs.evolve(GOOD, number=4, is_trusted=False, start_utc_ms=0),
    ]
    found = candidates(reversed(rows))
    assert [each.number for each in found] == [1, 2, 3, 4]
    assert [each.ended_utc_ms for each in found] == [7000, 7000, 7050, None]


def test_what_is_gone_is_none_though_its_row_is_still_there() -> None:
    assert candidates([GOOD], gone=[1]) == []


def test_bytes_are_counted_whoever_protects_them() -> None:
    rows = [attrs.evolve(GOOD, number=2, is_kept=True, bytes=5), GOOD]
    assert total_bytes(candidates(rows)) == 15


def test_a_whole_row_says_the_same() -> None:
    assert known_of(ROW) == GOOD
    other = attrs.evolve(ROW, end_utc=None, clock="untrusted", kept=True, damaged="x", deleting="y")
    assert known_of(other) == attrs.evolve(
        GOOD, is_ended=False, is_trusted=False, is_kept=True, is_damaged=True, deleting="y"
    )


def test_what_has_only_deleted_segments_left_is_emptied() -> None:
    emptied = attrs.evolve(ROW, segments=0, deleted=2)
    assert is_emptied(emptied)
    assert not is_emptied(attrs.evolve(emptied, deleting="age"))
    assert not is_emptied(attrs.evolve(ROW, deleted=2))
    assert not is_emptied(attrs.evolve(ROW, segments=0))
