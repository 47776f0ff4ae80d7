"""The catalogue: rows in, pages out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.catalogue import Catalogue, Page
from recorder.recording.catalogue_file import SELECT
from recorder.recording.manifest import Manifest
from recorder.recording.rows import Row, damaged_row, row_of
from tests.helpers.recordings import START_MS, finished, folder_of, going_on, segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE_MS = 60_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.sqlite3"


@pytest.fixture
def catalogue(path: Path) -> Iterator[Catalogue]:
    with closing(Catalogue.open(path)) as opened:
        yield opened


def _row(number: int, room: str = "room101", **changes: object) -> Row:
    row = row_of(folder_of(number, room), finished(number, room), kept=False)
    return attrs.evolve(row, **changes)  # type: ignore[arg-type]  # A test's names are its own.


def _numbers(page: Page) -> list[int]:
    return [row.number for row in page.rows]


# Rows.


@pytest.mark.parametrize(
    "row",
    [
        _row(42, kept=True, gaps=1, repaired=2, suspect=3, deleted=4, missing_checksums=5),
        row_of(folder_of(42), going_on(42, segments=(), clock="untrusted"), kept=False),
        damaged_row(folder_of(42), "not JSON", kept=True),
        _row(42, start_utc_ms=None),
    ],
    ids=["full", "young", "damaged", "no date"],
)
def test_a_row_is_read_as_it_was_put(row: Row, catalogue: Catalogue) -> None:
    catalogue.put(row)
    assert catalogue.page() == Page([row], None)


def test_a_recording_has_one_row_the_newest(catalogue: Catalogue) -> None:
    catalogue.put(damaged_row(folder_of(42), "not JSON", kept=False))
    catalogue.put(_row(42))
    assert catalogue.page().rows == [_row(42)]


def test_a_row_is_removed(catalogue: Catalogue) -> None:
    catalogue.put(_row(1))
    catalogue.put(_row(2))
    catalogue.remove(1)
    catalogue.remove(3)
    assert catalogue.numbers() == {2}
    assert catalogue.folders() == {2: folder_of(2)}


def test_numbers_and_texts_that_sqlite_cannot_hold_are_held_as_far_as_it_can(
    catalogue: Catalogue,
) -> None:
    huge = finished(42, segments=(segment(1, bytes=10**30, duration_ms=10**20),))
    odd = attrs.evolve(huge, end_reason="half \ud83d a \0 character")
    catalogue.put(row_of(folder_of(42), Manifest.from_json(odd.to_json()), kept=False))
    (row,) = catalogue.page().rows
    assert (row.bytes, row.duration_ms) == (2**63 - 1, 2**63 - 1)
    assert row.end_reason == "half \\ud83d a \0 character"


def test_the_table_takes_nothing_that_is_no_row(catalogue: Catalogue) -> None:
    for wrong in ({"number": 0}, {"bytes": -1}, {"clock": "perhaps"}, {"segments": "many"}):
        with pytest.raises(sqlite3.IntegrityError):
            catalogue.put(attrs.evolve(_row(42), **wrong))


def test_unsettled_is_what_will_change(catalogue: Catalogue) -> None:
    catalogue.put(_row(1))
    catalogue.put(_row(2, end_utc=None))
    catalogue.put(_row(3, missing_checksums=1))
    catalogue.put(damaged_row(folder_of(4), "not JSON", kept=False))
    assert catalogue.unsettled() == {2, 3, 4}


def test_the_newest_start_is_that_of_a_clock_that_was_believed(catalogue: Catalogue) -> None:
    assert catalogue.newest_start_utc_ms() is None
    catalogue.put(damaged_row(folder_of(9), "not JSON", kept=False))
    catalogue.put(_row(8, clock="untrusted", start_utc_ms=START_MS + 2))
    assert catalogue.newest_start_utc_ms() is None
    # A higher number with an older start: the clock was set back.
    catalogue.put(_row(6, start_utc_ms=START_MS + 1))
    catalogue.put(_row(7, start_utc_ms=START_MS))
    assert catalogue.newest_start_utc_ms() == START_MS + 1


def test_a_batch_is_written_whole_or_not_at_all(catalogue: Catalogue) -> None:
    _put_together(catalogue, _row(1), _row(2))
    with pytest.raises(sqlite3.IntegrityError):
        _put_together(catalogue, _row(3), attrs.evolve(_row(4), bytes=-1))
    assert catalogue.numbers() == {1, 2}


def _put_together(catalogue: Catalogue, *rows: Row) -> None:
    with catalogue.batch():
        for row in rows:
            catalogue.put(row)


# Pages.


def test_pages_follow_each_other_from_the_newest(catalogue: Catalogue) -> None:
    for number in (3, 1, 5, 2, 4):
        catalogue.put(_row(number))
    first = catalogue.page(limit=2)
    assert (_numbers(first), first.cursor) == ([5, 4], 4)
    second = catalogue.page(limit=2, cursor=first.cursor)
    assert (_numbers(second), second.cursor) == ([3, 2], 2)
    last = catalogue.page(limit=2, cursor=second.cursor)
    assert (_numbers(last), last.cursor) == ([1], None)


def test_a_page_that_ends_with_the_last_recording_says_so(catalogue: Catalogue) -> None:
    catalogue.put(_row(1))
    catalogue.put(_row(2))
    assert catalogue.page(limit=2).cursor is None


def test_a_recording_that_begins_between_two_pages_moves_nothing(catalogue: Catalogue) -> None:
    for number in (1, 2, 3):
        catalogue.put(_row(number))
    cursor = catalogue.page(limit=2).cursor
    catalogue.put(_row(4))
    assert _numbers(catalogue.page(limit=2, cursor=cursor)) == [1]


def test_a_page_is_of_one_room_and_of_a_span(catalogue: Catalogue) -> None:
    for number in range(1, 7):
        room = "room101" if number % 2 else "room102"
        catalogue.put(_row(number, room, start_utc_ms=START_MS + number * MINUTE_MS))
    assert _numbers(catalogue.page(room="room101")) == [5, 3, 1]
    assert _numbers(catalogue.page(room="room103")) == []
    first, last = START_MS + 2 * MINUTE_MS, START_MS + 5 * MINUTE_MS
    assert _numbers(catalogue.page(from_ms=first, to_ms=last)) == [4, 3, 2]
    page = catalogue.page("room102", first, last, limit=1)
    assert (_numbers(page), page.cursor) == ([4], 4)
    assert _numbers(catalogue.page("room102", first, last, cursor=4, limit=1)) == [2]


def test_a_page_is_found_without_reading_every_row(catalogue: Catalogue) -> None:
    for select in (
        f"{SELECT} WHERE room = ? AND number < ? ORDER BY number DESC LIMIT ?",
        f"{SELECT} WHERE number < ? ORDER BY number DESC LIMIT ?",
        "SELECT max(start_utc_ms) FROM recording WHERE clock = 'trusted'",
    ):
        values = [1] * select.count("?")
        plan = catalogue._connection.execute(f"EXPLAIN QUERY PLAN {select}", values).fetchall()
        assert [line for *_, line in plan if line.startswith("SEARCH")] != []
        assert [line for *_, line in plan if line.startswith("SCAN")] == []
