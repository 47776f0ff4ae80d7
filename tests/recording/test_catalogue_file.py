"""The file of the catalogue: every way it can be damaged, held, or out of reach."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder.recording import catalogue_file
from recorder.recording.catalogue import Catalogue
from recorder.recording.catalogue_file import VERSION, DamagedError, is_damage, remove
from recorder.recording.rows import Row, row_of
from tests.helpers.disk import open_descriptors
from tests.helpers.recordings import finished, folder_of
from tests.recording.read_only import said_where_it_is_read_only

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def _row(number: int) -> Row:
    return row_of(folder_of(number), finished(number), kept=False)


def _complete(path: Path, *numbers: int) -> None:
    """A good catalogue with these recordings."""
    with closing(Catalogue.open(path)) as catalogue:
        for number in numbers:
            catalogue.put(_row(number))
        catalogue.mark_complete()


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
    monkeypatch.setattr(catalogue_file, "BUSY_S", 0)
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
    monkeypatch.setattr(catalogue_file, "BUSY_S", 0)
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
    said = said_where_it_is_read_only(path.parent, path, _READING)
    assert said == "{1}\nrefused\n"


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
