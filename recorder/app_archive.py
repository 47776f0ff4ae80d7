"""Recordings for the page: the catalogue, page by page, and files to fetch.

A part of the app: it reads the recording side and gives what status answers. A file is found by
the catalogue's folder and the names in it, through descriptors; no path of a request is joined to
anything. As long as somebody fetches a file its recording is left alone by the sweep. A disk that
does not answer holds up nobody but who asks: a thread that waits for it is left behind.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import trio

from recorder.app_download import open_download
from recorder.recording import naming
from recorder.recording.manifest import ManifestError
from recorder.recording.shelves import open_recording, read_manifest
from recorder.status.operations import ActionRefusedError

if TYPE_CHECKING:
    from recorder.app_download import FileDownload
    from recorder.recording.engine import Engine
    from recorder.recording.rows import Row

PAGE: Final = 50

MOST_THREADS: Final = 2
"""In the disk at once for who looks at recordings, and for who fetches them: it belongs to those
who record. One that is left behind counts until the disk answers it."""


def disk_refuses(error: Exception) -> str:
    """The sentence for who asked for something on it."""
    return f"The recording disk refuses: {str(error).rstrip('.')}."


class Archive:
    """Belongs to the loop. Every method raises ActionRefusedError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hand = engine.hand
        # Each its own: one file on a bad spot of the disk must not keep the lists waiting.
        self._lists = trio.CapacityLimiter(MOST_THREADS)
        self._downloads = trio.CapacityLimiter(MOST_THREADS)

    async def recordings(
        self, *, room: str | None, first: str | None, last: str | None, cursor: int | None
    ) -> dict[str, Any]:
        """One page, the newest first.

        Args:
            first: the first day, UTC; `last` the last one, which is among them.
        """
        try:
            page = await self._engine.indexer.page(
                room=room,
                from_ms=_day_ms(first),
                to_ms=_day_ms(last, 1),
                cursor=cursor,
                limit=PAGE,
            )
            if page is None:
                raise ActionRefusedError(
                    self._engine.storage.absence
                    or "The list of recordings is being made; look again soon."
                )
            call = partial(self._documents, page.rows)
            rows = await trio.to_thread.run_sync(call, limiter=self._lists, abandon_on_cancel=True)
        except (OSError, sqlite3.Error) as error:
            raise ActionRefusedError(disk_refuses(error)) from error
        return {"recordings": rows, "next": page.cursor}

    def _documents(self, rows: list[Row]) -> list[dict[str, Any]]:
        return [document for row in rows if (document := self._document(row)) is not None]

    def _document(self, row: Row) -> dict[str, Any] | None:
        """None: it is gone since."""
        disk, segments, is_kept = self._engine.storage.disk, list[dict[str, Any]](), row.kept
        try:
            with open_recording(disk, self._engine.storage.root, row.folder) as folder:
                is_kept = disk.exists(folder, naming.KEEP_FILE)
                with suppress(ManifestError):
                    segments = [
                        {"file": each.file, "bytes": each.bytes, "deleted": each.deleted}
                        for each in read_manifest(disk, folder).segments
                    ]
        except FileNotFoundError:
            return None
        return {
            "number": row.number,
            "room": row.room,
            "path": row.folder,
            "start": row.start_utc,
            "end": row.end_utc,
            "end_reason": row.end_reason,
            "clock": row.clock,
            "media_s": row.duration_ms / 1000,
            "bytes": row.bytes,
            "gaps": row.gaps,
            "repaired": row.repaired,
            "suspect": row.suspect,
            "kept": is_kept,
            "damaged": row.damaged,
            "deleting": row.deleting,
            "segments": segments,
        }

    async def download(self, path: str, file: str) -> FileDownload:
        """A closed segment, open."""
        missing = ActionRefusedError("There is no such file.", is_missing=True)
        number = naming.parse_recording_folder(path.rpartition("/")[2])
        if number is None or number in self._hand.gone:
            raise missing
        try:
            if await self._engine.indexer.folder_of(number) != path:
                raise missing
            return await open_download(
                self._engine.storage,
                self._hand,
                number=number,
                path=path,
                name=file,
                limiter=self._downloads,
            )
        except (FileNotFoundError, NotADirectoryError):
            raise missing from None
        except (OSError, sqlite3.Error) as error:
            raise ActionRefusedError(disk_refuses(error)) from error


def _day_ms(day: str | None, later: int = 0) -> int | None:
    """When a day begins, or so many days later, in ms since 1970; None for no day."""
    if day is None:
        return None
    try:
        moment = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=later)
    except (ValueError, OverflowError):
        raise ActionRefusedError(f"There is no day {day}.") from None
    return int(moment.timestamp() * 1000)
