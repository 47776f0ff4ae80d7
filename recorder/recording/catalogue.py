"""The catalogue: an SQLite index over all manifests, so that a listing reads one file.

Owns what is put into it and asked of it. It is a cache: the manifests are the truth, nothing needs
it to record, and deleting it loses nothing. The file itself is `catalogue_file`.

Blocking, and used from one thread at a time.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording import catalogue_file
from recorder.recording.catalogue_file import COLUMNS, SELECT, DamagedError
from recorder.recording.retention.candidates import Known
from recorder.recording.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# But for `is_emptied`, which is said here once more.
_KNOWN = """
SELECT number, room, bytes, start_utc_ms, duration_ms,
    clock = 'trusted', end_utc IS NOT NULL, kept, damaged IS NOT NULL, deleting
FROM recording WHERE NOT (segments = 0 AND deleted > 0 AND deleting IS NULL)
ORDER BY number DESC
"""
_REPLACE = (
    f"INSERT OR REPLACE INTO recording ({', '.join(COLUMNS)}) "
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)

_LARGEST = (1 << 63) - 1


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
        self._identity = catalogue_file.identity(path)

    @classmethod
    def open(cls, path: Path) -> Catalogue:
        """As of `catalogue_file.open_to_write`."""
        return cls(catalogue_file.open_to_write(path), path)

    @classmethod
    def open_to_read(cls, path: Path) -> Catalogue | None:
        """As of `catalogue_file.open_to_read`."""
        connection = catalogue_file.open_to_read(path)
        return None if connection is None else cls(connection, path)

    @property
    def is_complete(self) -> bool:
        """Whether every recording had its row when somebody last looked."""
        return catalogue_file.is_complete(self._connection)

    def mark_complete(self) -> None:
        """Every recording has its row: the catalogue may be read from, and kept."""
        catalogue_file.mark_complete(self._connection)

    def check_in_place(self) -> None:
        """See that the file under the path is still the open one: SQLite would write on into one
        that was removed, and nobody would ever read it.

        Raises:
            DamagedError: it was removed, or another stands there.
        """
        if catalogue_file.identity(self._path) != self._identity:
            raise DamagedError(
                "the catalogue was removed or replaced, as by a disk that is not mounted any more"
            )

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
        select = f"{SELECT}{where} ORDER BY number DESC LIMIT ?"
        # One more than asked for: whether there is another page.
        found = self._connection.execute(select, (*given.values(), limit + 1)).fetchall()
        rows = [_row(values) for values in found[:limit]]
        return Page(rows, rows[-1].number if len(found) > limit else None)

    def close(self) -> None:
        """Give the file back; a last commit goes from the log into the file itself."""
        self._connection.close()


def _row(values: tuple[object, ...]) -> Row:
    named = dict(zip(COLUMNS, values, strict=True))
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
