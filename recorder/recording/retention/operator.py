"""What a person does to recordings of a running recorder: keep, let go, delete.

Owns the refusals, each one sentence. Belongs to the loop.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from recorder.clock import utc_text
from recorder.recording.manifest import ManifestError
from recorder.recording.retention.deletion import Fate
from recorder.recording.retention.keeping import keep, unkeep
from recorder.recording.retention.refusals import RefusedError, is_kept, is_not_over, not_there
from recorder.recording.shelves import open_recording, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.clock import Clock
    from recorder.recording.indexing import Indexer
    from recorder.recording.manifest import Manifest
    from recorder.recording.retention.hand import Hand
    from recorder.recording.storage import Storage

OPERATOR = "operator"
"""Why a person's deletion is under way, in a manifest."""


class Operator:
    """Every method raises RefusedError, and OSError or sqlite3.Error where the disk refuses."""

    def __init__(self, storage: Storage, hand: Hand, *, indexer: Indexer, clock: Clock) -> None:
        self._storage = storage
        self._hand = hand
        self._indexer = indexer
        self._clock = clock

    async def keep(self, number: int, *, who: str, why: str) -> bool:
        """Retention never takes the recording; False: it was kept already."""
        when = utc_text(self._clock.utc_ns())
        return await self._change(number, partial(keep, who=who, when=when, why=why))

    async def unkeep(self, number: int) -> bool:
        """Retention may take the recording again; False: nobody kept it."""
        was_kept = await self._change(number, unkeep)
        self._hand.try_again()
        return was_kept

    async def _change(self, number: int, change: Callable[..., bool]) -> bool:
        path = await self._find(number)

        def in_thread() -> tuple[bool, Manifest | None]:
            disk, manifest = self._storage.disk, None
            with open_recording(disk, self._storage.root, path) as folder:
                has_changed = change(disk, folder)
                # A damaged one keeps its row, and who lists it looks for KEEP himself.
                with suppress(FileNotFoundError, ManifestError):
                    manifest = read_manifest(disk, folder)
            return has_changed, manifest

        # Not the lock of who deletes: KEEP stops a deletion that is under way.
        try:
            has_changed, manifest = await self._hand.in_thread(in_thread)
        except FileNotFoundError:
            raise RefusedError(not_there(number), is_missing=True) from None
        if manifest is not None:
            self._indexer.changed(path, manifest)
        return has_changed

    async def delete(self, number: int) -> int:
        """Delete a recording for good; returns its bytes."""
        async with self._hand.lock:
            await self._find(number)
            if number in self._hand.in_use:
                raise RefusedError(is_not_over(number))
            removed = await self._hand.delete(number, OPERATOR, "a person wants it")
        if removed.fate is Fate.KEPT:
            raise RefusedError(is_kept(number))
        return removed.bytes

    async def _find(self, number: int) -> str:
        path = None if number in self._hand.gone else await self._indexer.folder_of(number)
        if path is None:
            raise RefusedError(not_there(number), is_missing=True)
        return path
