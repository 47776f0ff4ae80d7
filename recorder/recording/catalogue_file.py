"""The file of the catalogue: its schema, its version, and what becomes of a damaged one.

A catalogue is a cache: no damage is an error here, no old version is migrated, and a commit is not
synced (`synchronous=NORMAL`: a power cut loses the last commits and leaves the file whole; whoever
opens it again compares it with the folders). What cannot be used is removed and begun anew.

`user_version` is the schema's version, and is given only once every recording has its row: a file
in which rows are still missing looks like one of another version, to readers as to the next start.

The one part of `recording` that does not go through a `Disk`: SQLite calls the operating system
itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs

from recorder.recording.rows import Row

if TYPE_CHECKING:
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

COLUMNS = tuple(field.name for field in attrs.fields(Row))
SELECT = f"SELECT {', '.join(COLUMNS)} FROM recording"

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


class DamagedError(sqlite3.DatabaseError):
    """The file is no catalogue of ours, of this version, that can be read."""


def open_to_write(path: Path) -> sqlite3.Connection:
    """One that is missing, damaged, unfinished or of another version is begun anew, empty.

    Raises:
        sqlite3.Error: it cannot be opened, or somebody else holds it.
        OSError: it is damaged and cannot be removed.
    """
    try:
        return _opened(path, "rw")
    except DamagedError:
        remove(path)
    return _opened(path, "rwc")


def open_to_read(path: Path) -> sqlite3.Connection | None:
    """One that is complete, without changing anything, also while somebody writes to it, and on a
    disk that takes no writes. None: it is missing, damaged, unfinished, of another version, or
    cannot be read."""
    try:
        # Without a log nobody has it open. SQLite would make one to read, and leave it there.
        has_log = path.with_name(f"{path.name}-wal").exists()
        return _opened(path, "ro" if has_log else "ro&immutable=1")
    except (sqlite3.Error, OSError):
        return None


def is_complete(connection: sqlite3.Connection) -> bool:
    """Whether every recording had its row when somebody last looked."""
    return _version(connection) == VERSION


def mark_complete(connection: sqlite3.Connection) -> None:
    """Every recording has its row: the file may be read from, and kept."""
    connection.execute(f"PRAGMA user_version = {VERSION}")


def remove(path: Path) -> None:
    """Remove a catalogue; nothing happens where there is none.

    Raises:
        OSError: it stays.
    """
    # The file first: SQLite throws away a log without one, and would not one with an older file.
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def identity(path: Path) -> tuple[int, int] | None:
    """Two with the same are one file; None: there is none, or none that can be looked at."""
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
    connection.execute(f"{SELECT} LIMIT 1").fetchone()


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault, so that only a new one helps."""
    # Errors of the module itself have no code; the low byte of one is the kind of error.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
