"""The catalogue: rows in, pages out, and every way its file can be damaged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording import catalogue as module
from recorder.recording.catalogue import VERSION, Catalogue, DamagedError, Page, is_damage, remove
from recorder.recording.manifest import Manifest
from recorder.recording.rows import Row, damaged_row, row_of
from tests.helpers.disk import open_descriptors
from tests.helpers.recordings import START_MS, finished, folder_of, going_on, segment

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def _no_descriptor_leaks() -> Iterator[None]:
    before = open_descriptors()
    yield
    assert open_descriptors() == before


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


def _complete(path: Path, *numbers: int) -> None:
    """A good catalogue with these recordings."""
    with closing(Catalogue.open(path)) as catalogue:
        for number in numbers:
            catalogue.put(_row(number))
        catalogue.mark_complete()


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
        f"{module._SELECT} WHERE room = ? AND number < ? ORDER BY number DESC LIMIT ?",
        f"{module._SELECT} WHERE number < ? ORDER BY number DESC LIMIT ?",
        "SELECT max(start_utc_ms) FROM recording WHERE clock = 'trusted'",
    ):
        values = [1] * select.count("?")
        plan = catalogue._connection.execute(f"EXPLAIN QUERY PLAN {select}", values).fetchall()
        assert [line for *_, line in plan if line.startswith("SEARCH")] != []
        assert [line for *_, line in plan if line.startswith("SCAN")] == []


# The file.


def test_a_catalogue_is_kept_once_it_was_complete(path: Path) -> None:
    _complete(path, 1, 2)
    with closing(Catalogue.open(path)) as again:
        assert again.is_complete
        assert again.numbers() == {1, 2}
    assert os.listdir(path.parent) == [path.name]


def test_a_catalogue_that_was_never_complete_begins_anew(path: Path) -> None:
    with closing(Catalogue.open(path)) as catalogue:
        catalogue.put(_row(1))
        assert not catalogue.is_complete
    assert Catalogue.open_to_read(path) is None
    with closing(Catalogue.open(path)) as again:
        assert again.numbers() == set()


def test_it_is_written_with_a_log_and_without_a_sync_for_each_commit(catalogue: Catalogue) -> None:
    settings = [
        catalogue._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]
    assert settings == ["wal", 1]


def _truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _random(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 100)


def _scribbled(path: Path) -> None:
    """The first page is good, the rest is not."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


def _scribbled_at_the_end(path: Path) -> None:
    """Only who looks at every page sees it."""
    content = path.read_bytes()
    path.write_bytes(content[:-4096] + b"\xa5" * 4096)


def _other_version(path: Path) -> None:
    _statement(path, f"PRAGMA user_version = {VERSION + 1}")


def _other_table(path: Path) -> None:
    _statement(path, "ALTER TABLE recording DROP COLUMN kept")


def _no_table(path: Path) -> None:
    _statement(path, "DROP TABLE recording")


def _future_format(path: Path) -> None:
    """The header asks for a newer SQLite."""
    content = bytearray(path.read_bytes())
    content[18:20] = b"\x09\x09"
    path.write_bytes(content)


def _a_stray_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\xff" * 5000)
    _random(path)


def _statement(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


DAMAGES = [
    _truncated, _emptied, _random, _scribbled, _scribbled_at_the_end, _other_version, _other_table,
    _no_table, _future_format, _a_stray_log,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_catalogue_is_not_read_and_begins_anew(damage: object, path: Path) -> None:
    _complete(path, *range(1, 200))
    damage(path)  # type: ignore[operator]  # One of the functions above.
    assert Catalogue.open_to_read(path) is None
    with closing(Catalogue.open(path)) as again:
        assert again.numbers() == set()
        again.put(_row(1))
        again.mark_complete()
    with closing(Catalogue.open(path)) as once_more:
        assert once_more.numbers() == {1}


def test_damage_that_shows_late_is_known_as_damage(path: Path) -> None:
    _complete(path, *range(1, 200))
    with closing(Catalogue.open(path)) as catalogue:
        with closing(Catalogue.open(path)) as other:
            # A commit of somebody else: what this one has in memory is no longer good.
            other.put(_row(200))
        _scribbled(path)
        with pytest.raises(sqlite3.DatabaseError) as caught:
            catalogue.page()
    assert is_damage(caught.value)
    assert not is_damage(sqlite3.ProgrammingError("Cannot operate on a closed database."))


def test_a_catalogue_that_is_deleted_while_it_is_open_begins_anew(path: Path) -> None:
    _complete(path, 1)
    with closing(Catalogue.open(path)) as catalogue:
        remove(path)
        catalogue.put(_row(2))
    with closing(Catalogue.open(path)) as again:
        assert again.numbers() == set()


def test_a_file_that_was_removed_or_replaced_is_noticed(path: Path) -> None:
    _complete(path, 1)
    with closing(Catalogue.open(path)) as catalogue:
        catalogue.check_in_place()
        path.rename(path.with_name("aside"))
        with pytest.raises(DamagedError, match="removed or replaced"):
            catalogue.check_in_place()
        path.write_bytes(b"another")
        with pytest.raises(DamagedError):
            catalogue.check_in_place()
        path.with_name("aside").rename(path)
        catalogue.check_in_place()


def test_removing_a_catalogue_leaves_nothing_of_it(path: Path) -> None:
    _complete(path, 1)
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).touch()
    remove(path)
    assert os.listdir(path.parent) == []
    remove(path)


def test_a_folder_in_its_place_is_an_error(path: Path) -> None:
    path.mkdir()
    assert Catalogue.open_to_read(path) is None
    with pytest.raises(sqlite3.OperationalError):
        Catalogue.open(path)


def test_a_catalogue_that_cannot_even_be_looked_for_is_not_read(path: Path) -> None:
    # The same as a folder of somebody else's: no permission, which root does not lack.
    assert Catalogue.open_to_read(path / ("x" * 300)) is None


def test_a_folder_that_is_not_there_is_not_made(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Catalogue.open(path.parent / "missing" / path.name)
    assert os.listdir(path.parent) == []


def test_a_catalogue_that_somebody_else_holds_is_an_error_and_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0)
    _complete(path, 1)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as holder,
        closing(Catalogue.open(path)) as catalogue,
    ):
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked") as caught, catalogue.batch():
            pass
        assert not is_damage(caught.value)
        assert catalogue.numbers() == {1}


def test_a_catalogue_that_somebody_has_for_himself_is_not_thought_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0)
    _complete(path, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("UPDATE recording SET kept = 1")
        assert Catalogue.open_to_read(path) is None
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Catalogue.open(path)
    with closing(Catalogue.open(path)) as catalogue:
        assert catalogue.numbers() == {1}


def test_a_catalogue_is_read_while_it_is_written(path: Path) -> None:
    _complete(path, 1)
    with closing(Catalogue.open(path)) as writer:
        reader = Catalogue.open_to_read(path)
        assert reader is not None
        with closing(reader), writer.batch():
            writer.put(_row(2))
            assert reader.numbers() == {1}
        reader = Catalogue.open_to_read(path)
        assert reader is not None
        with closing(reader):
            assert reader.numbers() == {1, 2}
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.put(_row(3))


def test_reading_a_catalogue_leaves_nothing_beside_it(path: Path) -> None:
    _complete(path, 1)
    reader = Catalogue.open_to_read(path)
    assert reader is not None
    with closing(reader):
        assert reader.numbers() == {1}
    assert os.listdir(path.parent) == [path.name]


def test_what_a_killed_writer_committed_is_read(path: Path) -> None:
    _complete(path, 1)
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(path)], cwd=Path(__file__).parents[2], check=False
    )
    assert killed.returncode == 9
    for opened in (Catalogue.open_to_read(path), Catalogue.open(path)):
        assert opened is not None
        with closing(opened):
            assert opened.numbers() == {1, 2}


_KILLED = """
import os, sys
from pathlib import Path
from recorder.recording.catalogue import Catalogue
from recorder.recording.rows import damaged_row
catalogue = Catalogue.open(Path(sys.argv[1]))
catalogue.put(damaged_row("room101/2026-11-22/0000002-103000Z", "", kept=False))
os._exit(9)
"""


@pytest.mark.root
def test_a_catalogue_on_a_disk_that_takes_no_writes_is_read(path: Path) -> None:
    _complete(path, 1)
    inside = (
        f"mount --bind {path.parent} {path.parent} && "
        f"mount -o remount,bind,ro {path.parent} && {sys.executable} -c '{_READING}' {path}"
    )
    answer = subprocess.run(
        ["unshare", "--mount", "sh", "-c", inside],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "{1}\nrefused\n"


_READING = """
import sqlite3, sys
from pathlib import Path
from recorder.recording.catalogue import Catalogue
path = Path(sys.argv[1])
reader = Catalogue.open_to_read(path)
print(reader and reader.numbers())
try:
    writer = Catalogue.open(path)
    with writer.batch():
        writer.remove(1)
except (sqlite3.Error, OSError):
    print("refused")
"""
