"""Repairs behind the running recorder: of segments written off, and of recordings cut off.

Owns the queue of what is to be repaired and the one thread in which it is done, one piece after
the other. It writes no manifest of a recording that goes on: what it finds goes to that recording,
which alone owns it. What the disk refuses is tried again, when somebody says that the disk is well
or after a while; nothing waits for it but the recordings' ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import trio

from recorder.logs import about, of_room, same
from recorder.recording import naming
from recorder.recording.bad_sectors import FIRST_RETRY_S, PATIENCE, longer
from recorder.recording.diary import Diary
from recorder.recording.disk import UnreadableError
from recorder.recording.recovery import Recovered, recover_recording
from recorder.recording.recovery_plan import INTERRUPTED, Found
from recorder.recording.recovery_steps import repair_files
from recorder.recording.shelves import open_recording, walk
from recorder.recording.unfinished import forget
from recorder.recording.written_off import make_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recorder.recording.hashing import Hasher
    from recorder.recording.manifest import Segment
    from recorder.recording.salvage import Salvaged
    from recorder.recording.services import Repaired
    from recorder.recording.storage import Storage
    from recorder.recording.written_off import WrittenOff

log = logging.getLogger(__name__)

PAUSE_S = 0.03
"""Between two files of a deletion that was cut off: the disk belongs to those who record."""


@attrs.frozen
class _Job:
    """`what` is for the log; `work` runs in the thread, `deliver` on the loop with its result."""

    what: str
    work: Callable[[], Any]
    deliver: Callable[[Any], None]


class Repairs:
    """Belongs to the loop; `run` is its task.

    Args:
        creator: what a head names that is written here.

    Attributes:
        on_recovered: called on the loop with what became of each recording.
    """

    def __init__(self, storage: Storage, hasher: Hasher, *, creator: str) -> None:
        self._storage = storage
        self._hasher = hasher
        self._creator = creator
        self.on_recovered: Callable[[Recovered], None] = lambda found: None
        self._jobs = deque[_Job]()
        self._paths = Counter[str]()
        self._unreadable = Counter[str]()
        """How often the disk did not give what was to be repaired."""
        self._wake = trio.Event()
        self._well = trio.Event()
        self._limiter = trio.CapacityLimiter(1)

    @property
    def waiting(self) -> int:
        """How many pieces are still to be repaired."""
        return len(self._jobs)

    @property
    def in_hand(self) -> set[str]:
        """What is repaired or waits for it: folders of recordings, among others."""
        return set(self._paths)

    def repair(self, part: WrittenOff, deliver: Repaired) -> None:
        """Make a segment whole that was written off, and tell what became of it."""
        what = f"{part.path}/{naming.segment_name(part.file)}"
        self._add(_Job(what, partial(self._make_whole, what, part), deliver))

    def go_on_behind(
        self, path: str, below: int, deliver: Callable[[Sequence[Segment], int], None]
    ) -> None:
        """Make whole what lies in the folder of a recording that goes on.

        Args:
            below: the number of its next segment.
            deliver: gets the rows, and how many parts are kept there that cannot be read.
        """
        work = partial(self._repair_below, path, below)
        self._add(_Job(path, work, lambda found: deliver(*found)))

    def recover(self, path: str, deliver: Callable[[Recovered], None] | None = None) -> None:
        """Make a recording whole that nobody goes on with, then compute what checksums it lacks."""

        def recovered(found: Recovered) -> None:
            _say(found)
            self.on_recovered(found)
            if deliver is not None:
                deliver(found)
            if not found.is_done:
                self._add(_Job(path, partial(self._recover, path, with_checksums=True), finished))

        def finished(found: Recovered) -> None:
            _say_unreadable(found)
            self.on_recovered(found)
            if deliver is not None:
                deliver(found)

        self._add(_Job(path, partial(self._recover, path, with_checksums=False), recovered))

    def forget(self, name: str) -> None:
        """Remove an entry that names no folder. Where one bears its number it was damaged later,
        and not cut short: that recording is made whole, and then the entry goes."""

        def looked_for(paths: Sequence[str]) -> None:
            for path in paths:
                self.recover(path)

        self._add(_Job(f"entry {name}", partial(self._forget, name), looked_for))

    def retry(self) -> None:
        """The disk is well: what it refused is tried again at once."""
        self._well.set()

    async def run(self) -> None:
        """Repair until cancelled; what is then under way is left to the next start."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            delay_s = FIRST_RETRY_S
            while self._jobs:
                self._well = trio.Event()
                refused = [job for job in self._take_all() if not await self._do(job)]
                self._jobs.extendleft(reversed(refused))
                if refused:
                    with trio.move_on_after(delay_s):
                        await self._well.wait()
                    delay_s = longer(delay_s)

    def _take_all(self) -> list[_Job]:
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs

    async def _do(self, job: _Job) -> bool:
        try:
            try:
                result = await trio.to_thread.run_sync(
                    job.work, limiter=self._limiter, abandon_on_cancel=True
                )
            except OSError as error:
                self._unreadable[job.what] += isinstance(error, UnreadableError)
                log.warning(
                    "%s cannot be repaired now: %s; it is tried again.",
                    job.what,
                    error,
                    extra=same("repair", job.what) | about(job.what.split("/")[0]),
                )
                return False
            job.deliver(result)
        except Exception:
            # A fault of ours over what one folder holds must end no lesson: the next start would
            # meet it again, and so on (promise 7). It stays in hand, so that nothing deletes it.
            log.exception(
                "%s cannot be repaired; this is a fault of the recorder. It is left as it is.",
                job.what,
                extra=about(job.what.split("/")[0]),
            )
        else:
            self._paths -= Counter({job.what: 1})
            del self._unreadable[job.what]
        return True

    def _add(self, job: _Job) -> None:
        self._paths[job.what] += 1
        self._jobs.append(job)
        self._wake.set()

    # In the thread.

    def _gives_up(self, what: str) -> bool:
        return self._unreadable[what] >= PATIENCE

    def _make_whole(self, what: str, part: WrittenOff) -> Salvaged:
        return make_whole(self._storage, part, creator=self._creator, gives_up=self._gives_up(what))

    def _repair_below(self, path: str, below: int) -> tuple[Sequence[Segment], int]:
        disk = self._storage.disk
        with open_recording(disk, self._storage.root, path) as folder:
            rows = repair_files(
                disk, folder, below=below, creator=self._creator, gives_up=self._gives_up(path)
            ).rows
            return rows, Found(names=frozenset(disk.list_folder(folder))).damaged_segments

    def _forget(self, name: str) -> Sequence[str]:
        number = naming.parse_number(name)
        shelved = walk(self._storage.disk, self._storage.root)
        paths = [each.path for each in shelved if each.number == number]
        if not paths:
            forget(self._storage, name)
        return paths

    def _recover(self, path: str, *, with_checksums: bool) -> Recovered:
        def checksum(_: int, name: str) -> str:
            return self._checksum(path, name)

        return recover_recording(
            self._storage,
            path,
            creator=self._creator,
            checksum=checksum if with_checksums else None,
            gives_up=self._gives_up(path),
            pause=partial(time.sleep, PAUSE_S),
        )

    def _checksum(self, path: str, name: str) -> str:
        """Have it computed where all are, in the thread of low priority, and wait for it."""
        done, results = threading.Event(), list[str | OSError]()

        def deliver(result: str | OSError) -> None:
            results.append(result)
            done.set()

        trio.from_thread.run_sync(self._hasher.submit, path, name, deliver)
        done.wait()
        if isinstance(results[0], OSError):
            raise results[0]
        return results[0]


def _say_unreadable(found: Recovered) -> None:
    number = naming.parse_recording_folder(found.path.rpartition("/")[2])
    for name in found.unreadable:
        of_room(log, found.path.split("/")[0]).warning(
            "recording %s: the disk does not give all of %s, which stays as it is", number, name
        )


def _say(found: Recovered) -> None:
    number = naming.parse_recording_folder(found.path.rpartition("/")[2])
    room_log = of_room(log, found.path.split("/")[0])
    if found.was_deleted:
        room_log.info("recording %s deleted: this had been cut off", number)
        return
    if found.manifest is None:
        # It never began, or somebody removed it: a folder that is gone does not say which.
        room_log.info("nothing is there of recording %s, which was cut off", number)
        return
    is_whole = not (found.made_anew or found.files.salvaged or found.files.damaged)
    if found.was_ended and is_whole and found.manifest.end_reason != INTERRUPTED:
        # Left in order for a publisher who has not come back.
        Diary(found.manifest.room, found.manifest.number).ended(found.manifest)
    elif found.was_ended or found.made_anew or found.files.salvaged:
        room_log.warning(
            "recording %s was cut off: repaired, %d segments, %d of them salvaged, %d damaged, "
            "%d bytes cut off",
            number,
            len(found.manifest.segments),
            found.files.salvaged,
            found.files.damaged,
            found.files.cut_bytes,
        )
