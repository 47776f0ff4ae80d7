"""Rows that come late, and the gaps beside them."""

from __future__ import annotations

import attrs
import pytest

from recorder.recording.late_rows import LOST, RECONNECTED, with_rows
from recorder.recording.manifest import Gap, Manifest, Segment
from tests.helpers.cut_off import YOUNG


def row(
    index: int, start_ms: int, end_ms: int, reason: str = "duration", gap: Gap | None = None
) -> Segment:
    return Segment(
        file=f"{index:04}.flv",
        start_ms=start_ms,
        duration_ms=end_ms - start_ms,
        bytes=1,
        gap=gap,
        reason=reason,
    )


def repaired(index: int, start_ms: int, end_ms: int, reason: str = "duration") -> Segment:
    return attrs.evolve(row(index, start_ms, end_ms, reason), repaired=True)


def manifest(*rows: Segment) -> Manifest:
    return attrs.evolve(YOUNG, segments=rows)


def gaps(found: Manifest) -> list[Gap | None]:
    return [each.gap for each in found.segments]


def test_without_rows_nothing_changes() -> None:
    before = manifest(row(1, 0, 1000))
    assert with_rows(before, []) is before


def test_rows_stand_in_the_order_of_their_index() -> None:
    before = manifest(row(2, 1000, 2000), row(10_000, 3000, 4000))
    found = with_rows(before, [row(9_999, 2000, 3000), row(1, 0, 1000)])
    assert [each.index for each in found.segments] == [1, 2, 9_999, 10_000]


def test_a_row_replaces_that_of_the_same_file() -> None:
    found = with_rows(manifest(row(1, 0, 1000)), [repaired(1, 0, 900)])
    assert found.segments == (repaired(1, 0, 900),)


def test_it_is_counted_what_is_repaired_and_suspect() -> None:
    before = attrs.evolve(manifest(row(1, 0, 1000)), counts={"late_frames": 2})
    suspect = attrs.evolve(repaired(3, 2000, 3000), suspect=True)
    found = with_rows(before, [repaired(2, 1000, 2000), suspect])
    assert found.counts == {"late_frames": 2, "repaired_segments": 2, "suspect_segments": 1}
    assert with_rows(before, [row(2, 1000, 2000)]).counts == {"late_frames": 2}


def test_where_a_segment_follows_at_a_cut_there_is_no_gap() -> None:
    found = with_rows(manifest(row(1, 0, 990)), [row(2, 1000, 2000)])
    assert gaps(found) == [None, None]


def test_what_a_repaired_segment_lost_is_a_gap_before_the_next() -> None:
    found = with_rows(manifest(row(2, 1000, 2000)), [repaired(1, 0, 700)])
    assert gaps(found) == [None, Gap(reason=LOST, ms=300)]


def test_what_a_repaired_segment_holds_is_no_gap() -> None:
    before = manifest(row(2, 1000, 2000, gap=Gap(reason="disk", ms=500)))
    assert gaps(with_rows(before, [repaired(1, 0, 1000)])) == [None, None]


def test_a_known_gap_keeps_its_reason_and_is_as_long_as_the_hole() -> None:
    before = manifest(row(2, 1000, 2000, gap=Gap(reason="disk", ms=400)), row(4, 5000, 6000))
    found = with_rows(before, [repaired(1, 0, 700)])
    assert gaps(found) == [None, Gap(reason="disk", ms=300), None]


@pytest.mark.parametrize("first", [row(1, 0, 1000, "start"), repaired(1, 0, 1000, "start")])
def test_a_publisher_that_came_back_is_a_reconnect(first: Segment) -> None:
    found = with_rows(manifest(first), [repaired(2, 8000, 9000, "start")])
    assert gaps(found) == [None, Gap(reason=RECONNECTED, ms=7000)]


def test_where_a_number_is_missing_its_media_are_lost() -> None:
    found = with_rows(manifest(), [repaired(2, 1000, 2000), repaired(4, 3000, 4000, "start")])
    assert gaps(found) == [Gap(reason=LOST, ms=1000), Gap(reason=LOST, ms=1000)]


def test_before_the_first_segment_is_what_a_full_buffer_gave_up() -> None:
    assert gaps(with_rows(manifest(), [repaired(1, 0, 2000, "start")])) == [None]
    late = repaired(1, 5000, 7000, "start")
    assert gaps(with_rows(manifest(), [late])) == [Gap(reason="lost", ms=5000)]
    known = attrs.evolve(late, gap=Gap(reason="disk", ms=4000))
    assert gaps(with_rows(manifest(), [known])) == [Gap(reason="disk", ms=5000)]


def test_gaps_that_no_late_row_is_beside_stay() -> None:
    gap = Gap(reason="reconnect", ms=7)
    before = manifest(row(1, 0, 1000), row(2, 1000, 2000, gap=gap), row(3, 2000, 3000))
    assert gaps(with_rows(before, [repaired(4, 3000, 4000)])) == [None, gap, None, None]
