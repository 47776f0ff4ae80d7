"""What goes to the writer's thread in one hop, and what comes back: the thread's half of it.

Owns the order of one room's operations, when its open segments are synced, and that an error of one
room is its own. Blocking; touches the files of the rooms it was handed and nothing else of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

from recorder.recording.hop import silence
from recorder.recording.operations import newest_manifests, perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.recording.files import RecordingFiles
    from recorder.recording.hop import Race
    from recorder.recording.operations import Operation

Safe: TypeAlias = "tuple[RecordingFiles, int, int]"
"""A segment's file, by its number, and how many bytes of it are safe."""


@attrs.frozen
class Job:
    """One room's part of a batch."""

    files: Sequence[RecordingFiles]
    operations: Sequence[Operation]
    since_ms: int


@attrs.frozen(kw_only=True)
class Landing:
    """What became of it."""

    done: int
    safe: Sequence[Safe] = ()
    error: Exception | None = None
    unsafe_since_ms: int | None = None


def write_batch(jobs: Sequence[Job], now_ms: int, sync_before_ms: int, race: Race) -> list[Landing]:
    """In the thread: every room's operations in order, each room's error apart.

    Args:
        now_ms: on the loop's clock.
        sync_before_ms: segments with an unsafe byte from before this are synced.
        race: asked, when all is done, whether the loop still waits.
    """
    landings = [_write_one(job, now_ms, sync_before_ms) for job in jobs]
    if race.is_won_by("thread"):
        return landings
    close_all([job.files for job in jobs])
    return [attrs.evolve(landing, error=landing.error or silence()) for landing in landings]


def close_all(rooms: Sequence[Sequence[RecordingFiles]]) -> None:
    """In the thread: give back what the recordings of these rooms have open."""
    for room in rooms:
        for files in room:
            files.close()


def _write_one(job: Job, now_ms: int, sync_before_ms: int) -> Landing:
    done, safe = 0, list[Safe]()
    newest = newest_manifests(job.operations)
    try:
        for at, operation in enumerate(job.operations):
            save = newest.get(operation.files) == at
            perform(operation, now_ms=now_ms, since_ms=job.since_ms, save=save)
            done += 1
        for files in job.files:
            safe += [(files, file, size) for file, size in files.sync_due(sync_before_ms)]
    except Exception as error:  # noqa: BLE001
        # A fault of ours as much as one of the disk's: it stops this room and no other.
        close_all([job.files])
        return Landing(done=done, safe=safe, error=error)
    unsafe = (files.unsafe_since_ms for files in job.files)
    oldest = min((each for each in unsafe if each is not None), default=None)
    return Landing(done=done, safe=safe, unsafe_since_ms=oldest)
