"""The hand that deletes, one at a time, while the recorder runs.

Owns the effects of a deletion on everything that runs: the disk, the catalogue, the account of what
became free, the log; and who must be left alone this moment. Whether something is to be deleted
others decide. Slow on purpose: one file, then a pause, in a thread of its own. Segments of a live
recording are removed by the recording itself, in order with all else that is written of it.

Belongs to the loop. Whoever decides and deletes holds `Hand.lock` meanwhile: a plan is true only as
long as nobody carries out another.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import trio

from recorder.logs import of_room
from recorder.recording import naming
from recorder.recording.retention import words
from recorder.recording.retention.deletion import Fate, Removed, delete_recording, remove_empty_day
from recorder.recording.retention.planner import Why

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable

    from recorder.recording.disk import Space
    from recorder.recording.indexing import Indexer
    from recorder.recording.recording import LiveRecording
    from recorder.recording.retention.planner import Deletion, SegmentDeletion
    from recorder.recording.retention.watch import SpaceWatch
    from recorder.recording.storage import Storage
    from recorder.recording.writer import Writer

log = logging.getLogger(__name__)

T = TypeVar("T")

PAUSE_S = 0.03
"""Between two files: the disk belongs to those who record."""

REMOVAL_S = 60.0
"""How long a recording may take to remove a segment of its own; a disk that takes longer has
failed, and it is removed when the disk is well."""


class Hand:
    """Args:
        live: gives the recordings that may still change.
        in_hand: gives the folders of those that are being repaired.

    Attributes:
        downloaded: how many read each recording now; who does counts himself in and out.
        gone: deleted, and perhaps still in the catalogue.
    """

    def __init__(
        self,
        storage: Storage,
        watch: SpaceWatch,
        *,
        indexer: Indexer,
        writer: Writer,
        live: Callable[[], Iterable[LiveRecording]],
        in_hand: Callable[[], Collection[str]],
    ) -> None:
        self.lock = trio.Lock()
        self.downloaded: dict[int, int] = {}
        self.gone: set[int] = set()
        self._storage = storage
        self._watch = watch
        self._indexer = indexer
        self._writer = writer
        self._live = live
        self._in_hand = in_hand
        self._limiter = trio.CapacityLimiter(1)
        self._stuck: set[int] = set()
        """What the disk does not let be deleted, and what somebody's files keep: asked again, it
        would be the same again, with every sweep."""
        self._stuck_segments: set[tuple[int, int]] = set()
        """So too segments of live recordings, by the recording's number and their own."""

    @property
    def untouchable(self) -> set[int]:
        """Numbers of recordings that a sweep leaves alone: somebody works on them, or they could
        not be deleted."""
        return self.in_use | self._stuck

    def try_again(self) -> None:
        """The disk is well, or a person keeps something no longer: what had to stay may go now."""
        self._stuck.clear()
        self._stuck_segments.clear()

    @property
    def in_use(self) -> set[int]:
        """Numbers of recordings that somebody works on."""
        return {each.number for each in self._live()} | self.in_repair.keys()

    @property
    def in_repair(self) -> dict[int, str]:
        """The number and the folder of each recording that is being repaired, or waits for it."""
        numbers = {
            path: naming.parse_recording_folder(path.rpartition("/")[2]) for path in self._in_hand()
        }
        return {number: path for path, number in numbers.items() if number is not None}

    def read_begins(self, number: int) -> None:
        """Somebody reads a recording, which is left alone until `read_over`."""
        self.downloaded[number] = self.downloaded.get(number, 0) + 1

    def read_over(self, number: int) -> None:
        """One who has read a recording does not read it any more."""
        self.downloaded[number] -= 1
        if not self.downloaded[number]:
            del self.downloaded[number]

    async def measure(self) -> Space:
        """Ask the file system how much is free, and tell who watches it. Raises OSError."""
        space = await self.in_thread(lambda: self._storage.disk.space(self._storage.root))
        self._watch.look(space, self._writer.written_bytes)
        return space

    async def take(self, deletion: Deletion) -> None:
        """Delete what a plan names, if that may still be."""
        number = deletion.number
        if self.downloaded.get(number) or number in self.untouchable:
            return
        try:
            removed = await self.delete(number, deletion.why.value, words.WHY[deletion.why])
            # What the catalogue knows to be kept is not planned. This it cannot know.
            if removed.fate is Fate.EMPTIED or (removed.fate, removed.manifest) == (
                Fate.KEPT,
                None,
            ):
                self._stuck.add(number)
        except OSError as error:
            # One sick folder must not keep all the others.
            self._stuck.add(number)
            of_room(log, deletion.room).warning(
                "recording %d cannot be deleted: %s; it is tried again when the disk is well.",
                number,
                error,
            )

    async def delete(self, number: int, why: str, in_words: str) -> Removed:
        """Delete a recording that is over, unless it is kept.

        Args:
            why: what its manifest says meanwhile; `in_words` what the log does.

        Raises:
            OSError: the rest is still there, and goes with the next sweep.
        """
        path = None if number in self.gone else await self._indexer.folder_of(number)
        if path is None:
            return Removed(Fate.GONE)
        removed, freed = await self._finish(delete_recording(self._storage, path, why))
        await self.measure()
        self._watch.deleted(removed.bytes, freed, why)
        room_log = of_room(log, path.split("/")[0])
        if removed.fate is Fate.GONE:
            size = words.size(removed.bytes)
            room_log.info("recording %d deleted (%s): %s", number, in_words, size)
            self.gone.add(number)
            self._indexer.removed(number)
            with suppress(OSError):
                await self._writer.between_hops(partial(remove_empty_day, self._storage, path))
            return removed
        room_log.info("recording %d is not deleted: it is %s", number, removed.fate.value)
        if removed.manifest is not None:
            # Also of one that was kept before anything was done: its row may not know.
            self._indexer.changed(path, removed.manifest)
        return removed

    async def _finish(self, steps: Generator[None, None, Removed]) -> tuple[Removed, int]:
        """All of a deletion, and how many bytes the file system has freed by it."""
        freed = 0
        while True:
            removed, more = await self.in_thread(partial(self._step, steps))
            freed += more
            if removed is not None:
                return removed, freed
            await trio.sleep(PAUSE_S)

    def _step(self, steps: Generator[None, None, Removed]) -> tuple[Removed | None, int]:
        """In the thread: one step, and what it freed; behind the last one what became of it all.
        What others write in the pauses does not count against it."""
        disk, root, removed = self._storage.disk, self._storage.root, None
        before = disk.space(root).available
        try:
            next(steps)
        except StopIteration as stop:
            removed = stop.value
        return removed, max(0, disk.space(root).available - before)

    def may_go(self, number: int, file: int) -> bool:
        """Whether a live recording's segment may be removed, as far as it is known here."""
        return not self.downloaded.get(number) and (number, file) not in self._stuck_segments

    async def remove_segment(self, part: SegmentDeletion) -> None:
        """Have a live recording remove one of its closed segments."""
        recording = next((each for each in self._live() if each.number == part.number), None)
        # One that has ended meanwhile is soon a recording like every other, and goes as a whole.
        if recording is None or not recording.is_open or not self.may_go(part.number, part.file):
            return
        if part.file not in {row.index for row in recording.closed_segments}:
            return
        before, written = await self.measure(), self._writer.written_bytes
        recording.remove_segments([part.file])
        with trio.move_on_after(REMOVAL_S):
            while recording.is_removing:
                self._writer.hurry()
                await self._writer.next_hop()
        rows, name = recording.manifest.segments, naming.segment_name(part.file)
        if recording.is_removing or not any(row.file == name and row.deleted for row in rows):
            # KEEP has come, the disk refuses or is silent, or the recording has ended.
            of_room(log, part.room).info("recording %d: %s is not deleted", part.number, name)
            self._stuck_segments.add((part.number, part.file))
            return
        after, written = await self.measure(), self._writer.written_bytes - written
        freed = after.available - before.available + written
        self._watch.deleted(part.bytes, freed, Why.FREE_SPACE.value)
        of_room(log, part.room).warning(
            "recording %d goes on; %s deleted (%s): %s",
            part.number,
            name,
            words.WHY[Why.FREE_SPACE],
            words.size(part.bytes),
        )
        await trio.sleep(PAUSE_S)

    async def in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)
