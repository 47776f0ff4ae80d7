"""The catalogue: an SQLite index over all manifests, so that a listing reads one file.

Owns the file `.recorder/catalogue.sqlite3`, its schema, and what becomes of a damaged one: it is
removed and begun anew. It is a cache. The manifests are the truth, nothing needs it to record, and
deleting it loses nothing; so no damage is an error here, no old version is migrated, and a commit
is not synced (`synchronous=NORMAL`: a power cut loses the last commits and leaves the file whole;
whoever opens it again compares it with the folders).

`user_version` is the schema's version, and is given only once every recording has its row: a file
in which rows are still missing looks like one of another version, to readers as to the next start.

Blocking, and used from one thread at a time. The one part of `recording` that does not go through
a `Disk`: SQLite calls the operating system itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording.retention.candidates import Known
from recorder.recording.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CATALOGUE_FILE = "catalogue.sqlite3"

VERSION = 2
"""Of the schema. Another one is made anew from the manifests; raise it for any change below."""

BUSY_S = 2.0
"""How long somebody else, perhaps a person at an SQLite shell, may hold the file."""

_SCHEMA = """
CREATE TABLE recording (
    number INTEGER PRIMARY KEY CHECK (number >= 1),
    room TEXT NOT NULL,
    folder TEXT NOT NULL,       -- Below the storage: room/date/name.
    start_utc TEXT NOT NULL,    -- The wall clock at the start, as the manifest has it. A label.
    start_utc_ms INTEGER,       -- The same since 1970. Null: it is no date.
    end_utc TEXT,               -- Null: nobody has ended it yet.
    end_reason TEXT,
    clock TEXT NOT NULL CHECK (clock IN ('trusted', 'untrusted')),  -- At the start.
    duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0),  -- Gaps included.
    bytes INTEGER NOT NULL CHECK (bytes >= 0),              -- Of the segments that are there.
    segments INTEGER NOT NULL CHECK (segments >= 0),        -- Those that are there.
    gaps INTEGER NOT NULL CHECK (gaps >= 0),
    missing_checksums INTEGER NOT NULL CHECK (missing_checksums >= 0),  -- Of those there.
    repaired INTEGER NOT NULL CHECK (repaired >= 0),        -- Segments that recovery has mended.
    suspect INTEGER NOT NULL CHECK (suspect >= 0),          -- Segments whose sync failed.
    deleted INTEGER NOT NULL CHECK (deleted >= 0),          -- Segments removed by retention.
    kept INTEGER NOT NULL CHECK (kept IN (0, 1)),  -- KEEP lay beside it when the row was made.
    damaged TEXT,               -- Why the manifest cannot be read. Null: it can.
    deleting TEXT               -- Why it is being deleted. Null: it is not.
) STRICT;
CREATE INDEX recording_by_room ON recording (room, number);
CREATE INDEX recording_by_start ON recording (start_utc_ms) WHERE clock = 'trusted';
"""

_COLUMNS = tuple(field.name for field in attrs.fields(Row))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM recording"
# But for `is_emptied`, which is said here once more.
_KNOWN = """
SELECT number, room, bytes, start_utc_ms, duration_ms,
    clock = 'trusted', end_utc IS NOT NULL, kept, damaged IS NOT NULL, deleting
FROM recording WHERE NOT (segments = 0 AND deleted > 0 AND deleting IS NULL)
ORDER BY number DESC
"""
_REPLACE = (
    f"INSERT OR REPLACE INTO recording ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)

_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        # A table or a column that is not there, in a file that says it is of our version.
        sqlite3.SQLITE_ERROR,
        # Larger than what a file of ours can be told to hold.
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_FORMAT,
    }
)

_LARGEST = (1 << 63) - 1


class DamagedError(sqlite3.DatabaseError):
    """The file is no catalogue of ours, of this version, that can be read."""


@attrs.frozen
class Page:
    """Recordings, the newest first; `cursor` is what gives the next page, None: there is none."""

    rows: list[Row]
    cursor: int | None


class Catalogue:
    """An open catalogue. Made by `open` or `open_to_read`.

    Every method raises sqlite3.Error: damage that shows late, a disk that refuses, a file that
    somebody else holds. The only call that makes sense is then `close`.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._identity = _identity(path)

    @classmethod
    def open(cls, path: Path) -> Catalogue:
        """Open the catalogue to write; one that is missing, damaged, unfinished or of another
        version is begun anew, empty.

        Raises:
            sqlite3.Error: it cannot be opened, or somebody else holds it.
            OSError: it is damaged and cannot be removed.
        """
        try:
            return cls(_opened(path, "rw"), path)
        except DamagedError:
            remove(path)
        return cls(_opened(path, "rwc"), path)

    @classmethod
    def open_to_read(cls, path: Path) -> Catalogue | None:
        """Open a catalogue that is complete, without changing anything, also while somebody writes
        to it, and on a disk that takes no writes. None: it is missing, damaged, unfinished, of
        another version, or cannot be read."""
        try:
            # Without a log nobody has it open. SQLite would make one to read, and leave it there.
            has_log = path.with_name(f"{path.name}-wal").exists()
            return cls(_opened(path, "ro" if has_log else "ro&immutable=1"), path)
        except (sqlite3.Error, OSError):
            return None

    @property
    def is_complete(self) -> bool:
        """Whether every recording had its row when somebody last looked."""
        return _version(self._connection) == VERSION

    def mark_complete(self) -> None:
        """Every recording has its row: the catalogue may be read from, and kept."""
        self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def check_in_place(self) -> None:
        """See that the file under the path is still the open one: SQLite would write on into one
        that was removed, and nobody would ever read it.

        Raises:
            DamagedError: it was removed, or another stands there.
        """
        if _identity(self._path) != self._identity:
            raise DamagedError("the file was removed or replaced")

    @contextmanager
    def batch(self) -> Iterator[None]:
        """What is changed inside is changed at once or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # It has rolled back by itself after some errors, a full disk among them.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def put(self, row: Row) -> None:
        """Give a recording its row, in place of the one it had."""
        self._connection.execute(_REPLACE, [_storable(value) for value in attrs.astuple(row)])

    def remove(self, number: int) -> None:
        """The recording is gone; nothing happens when it has no row."""
        self._connection.execute("DELETE FROM recording WHERE number = ?", (number,))

    def folders(self) -> dict[int, str]:
        """The number and the folder of every recording that has a row."""
        return dict(self._connection.execute("SELECT number, folder FROM recording"))

    def numbers(self) -> set[int]:
        """The number of every recording that has a row."""
        return set(self.folders())

    def unsettled(self) -> set[int]:
        """Recordings whose manifest is about to change: not ended, damaged, or without a checksum.
        A row that a power cut has thrown back to an older state is one of them."""
        select = "SELECT number FROM recording WHERE end_utc IS NULL OR missing_checksums > 0"
        return {number for (number,) in self._connection.execute(select)}

    def known(self) -> Iterator[Known]:
        """What retention must know of every recording, the newest first, but of those that are
        emptied."""
        # A few names for many recordings: each is kept once.
        rooms = dict[str, str]()
        for number, room, *rest in self._connection.execute(_KNOWN):
            yield Known(number, rooms.setdefault(room, room), *rest)

    def folder(self, number: int) -> str | None:
        """Of a recording, below the storage; None: it has no row."""
        select = "SELECT folder FROM recording WHERE number = ?"
        found = self._connection.execute(select, (number,)).fetchone()
        return None if found is None else str(found[0])

    def newest_start_utc_ms(self, below: int | None = None) -> int | None:
        """The latest start by a believed clock, in ms since 1970; None: there is none.

        Args:
            below: only recordings with a lower number.
        """
        select = "SELECT max(start_utc_ms) FROM recording WHERE clock = 'trusted' AND number < ?"
        highest = _LARGEST if below is None else below
        (newest,) = self._connection.execute(select, (highest,)).fetchone()
        return None if newest is None else int(newest)

    def page(
        self,
        room: str | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        cursor: int | None = None,
        limit: int = 50,
    ) -> Page:
        """Recordings by number, the newest first.

        Args:
            room: of this room only.
            from_ms: that started at this moment or later, in ms since 1970 by the wall clock.
            to_ms: that started before this moment.
            cursor: from the page before; None is the first page.
            limit: how many at most.
        """
        asked = {
            "room = ?": room,
            "start_utc_ms >= ?": from_ms,
            "start_utc_ms < ?": to_ms,
            "number < ?": cursor,
        }
        given = {clause: value for clause, value in asked.items() if value is not None}
        where = f" WHERE {' AND '.join(given)}" if given else ""
        select = f"{_SELECT}{where} ORDER BY number DESC LIMIT ?"
        # One more than asked for: whether there is another page.
        found = self._connection.execute(select, (*given.values(), limit + 1)).fetchall()
        rows = [_row(values) for values in found[:limit]]
        return Page(rows, rows[-1].number if len(found) > limit else None)

    def close(self) -> None:
        """Give the file back; a last commit goes from the log into the file itself."""
        self._connection.close()


def remove(path: Path) -> None:
    """Remove a catalogue; nothing happens where there is none.

    Raises:
        OSError: it stays.
    """
    # The file first: SQLite throws away a log without one, and would not one with an older file.
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    """A connection to a catalogue that is good, or with `rwc` to a new and empty one.

    Raises:
        sqlite3.Error, OSError; DamagedError where only a new file helps.
    """
    if mode != "rwc" and not path.exists():
        raise DamagedError("missing")
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        # Transactions are begun and ended here, not guessed by the module.
        isolation_level=None,
        # Trio's threads come and go; one limiter sees to it that there is one caller at a time.
        check_same_thread=False,
    )
    with ExitStack() as on_error:
        on_error.callback(connection.close)
        try:
            if mode == "rwc":
                connection.executescript(f"PRAGMA journal_mode = WAL; {_SCHEMA}")
            else:
                _check(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            # A new file cannot be damaged: what goes wrong with it is for a person to hear.
            if mode != "rwc" and is_damage(error):
                raise DamagedError(str(error)) from error
            raise
        on_error.pop_all()
    return connection


def _check(connection: sqlite3.Connection) -> None:
    version = _version(connection)
    if version != VERSION:
        raise DamagedError(f"version {version}")
    (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise DamagedError(answer)
    # Names every column.
    connection.execute(f"{_SELECT} LIMIT 1").fetchone()


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault, so that only a new one helps."""
    # Errors of the module itself have no code; the low byte of one is the kind of error.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _row(values: tuple[object, ...]) -> Row:
    named = dict(zip(_COLUMNS, values, strict=True))
    named["kept"] = bool(named["kept"])
    return Row(**named)  # type: ignore[arg-type]  # The table is STRICT, and its columns are Row's.


def _storable(value: object) -> object:
    """What SQLite takes: a manifest may hold larger numbers, and halves of characters."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case int():
            return min(value, _LARGEST)
        case _:
            return value
