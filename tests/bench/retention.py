"""What a sweep costs: planning over a large catalogue, and how long a writer waits beside one.

The catalogue is a real one of 200 000 segments, once as recordings of ten and once as recordings of
one. The writer does what a room's does, a write and a sync at a time, on the disk from which a
sweep removes files of 100 MB beside it; what it waits without a sweep stands beside.
"""

from __future__ import annotations

import shutil
import statistics
import threading
import time
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING, Final

from recorder.recording.catalogue import Catalogue
from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Client, Manifest, Segment
from recorder.recording.retention.candidates import candidates
from recorder.recording.retention.decision import decide
from recorder.recording.retention.deletion import delete_recording
from recorder.recording.retention.hand import PAUSE_S
from recorder.recording.retention.planner import Goal
from recorder.recording.retention.rules import RoomRules, Rules
from recorder.recording.rows import Row
from recorder.recording.storage import Storage
from tests.bench.results import Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from recorder.recording.retention.decision import Decision

SEGMENTS: Final = 200_000
SEGMENT_BYTES: Final = 300_000_000
MINUTE_MS: Final = 600_000
ROOMS: Final = 50

RULES: Final = Rules(
    others=RoomRules(max_age_ms=SEGMENTS * MINUTE_MS // 2, max_bytes=1 << 44),
    max_bytes=SEGMENTS * SEGMENT_BYTES // 3,
)
"""Everything at once: half is too old, and of the rest there is too much."""

DELETED: Final = 12
DELETED_BYTES: Final = 100_000_000

WRITE_BYTES: Final = 256 << 10
WRITE_EVERY_S: Final = 0.05


def rows(segments_each: int) -> Iterator[Row]:
    """A catalogue of SEGMENTS segments, a recording's worth to a row."""
    for number in range(1, SEGMENTS // segments_each + 1):
        room = f"room{number % ROOMS:03}"
        start_ms = number * segments_each * MINUTE_MS
        yield Row(
            number=number,
            room=room,
            folder=f"{room}/2026-11-22/{number:07}-103000Z",
            start_utc="2026-11-22T10:30:00.000Z",
            start_utc_ms=start_ms,
            end_utc="2026-11-22T11:30:00.000Z",
            end_reason="unpublished",
            clock="trusted",
            duration_ms=segments_each * MINUTE_MS,
            bytes=segments_each * SEGMENT_BYTES,
            segments=segments_each,
            kept=number % 100 == 0,
        )


def filled(path: Path, segments_each: int) -> Catalogue:
    catalogue = Catalogue.open(path)
    with catalogue.batch():
        for row in rows(segments_each):
            catalogue.put(row)
    catalogue.mark_complete()
    return catalogue


def plan(catalogue: Catalogue) -> Decision:
    """What a sweep does in its thread before it deletes anything."""
    return decide(
        candidates(catalogue.known()),
        [],
        RULES,
        now_utc_ms=SEGMENTS * MINUTE_MS,
        goal=Goal(0, 1 << 44),
        week_bytes=1 << 60,
        blocked=None,
    )


def measure(folder: Path, rounds: int) -> Sequence[Figures]:
    """Blocking; everything in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = []
    for each in (10, 1):
        with closing(filled(folder / f"catalogue-{each}.sqlite3", each)) as catalogue:
            seconds = []
            for _ in range(rounds):
                began_s = time.monotonic()
                decision = plan(catalogue)
                seconds.append(time.monotonic() - began_s)
                assert decision.plan.recordings
                del decision
            tracemalloc.start()
            plan(catalogue)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        name = f"planning a sweep of {SEGMENTS:,} segments in {SEGMENTS // each:,} recordings"
        found += [
            Figures(name=name, unit="s", ours=seconds, theirs=[]),
            Figures(name=f"{name}: memory", unit="MB", ours=[peak / 1e6], theirs=[]),
        ]
    alone, beside = _waits(folder / "storage")
    found += [
        Figures(
            name="longest write and sync while a sweep deletes files of 100 MB, and without one",
            unit="ms",
            ours=[max(beside) * 1000],
            theirs=[max(alone) * 1000],
        ),
        Figures(
            name="median write and sync while a sweep deletes files of 100 MB, and without one",
            unit="ms",
            ours=[statistics.median(beside) * 1000],
            theirs=[statistics.median(alone) * 1000],
        ),
    ]
    return found


def _waits(folder: Path) -> tuple[list[float], list[float]]:
    """How long writes took, in seconds: without a sweep, and beside one."""
    folder.mkdir()
    disk = OsDisk()
    initialise(folder, None, disk)
    with Storage.open(folder, None, disk) as storage:
        paths = [_recording(folder, number) for number in range(1, DELETED + 1)]
        # Nothing but writes, for about as long as the sweep takes.
        alone = _writes(folder / "written", lambda: time.sleep(DELETED * 2 * PAUSE_S + 3))

        def sweep() -> None:
            for path in paths:
                for _ in delete_recording(storage, path, "age"):
                    time.sleep(PAUSE_S)  # as a sweep does, in which writes have their turn

        return alone, _writes(folder / "written", sweep)


def _recording(folder: Path, number: int) -> str:
    path = f"hall/2026-11-22/{number:07}-103000Z"
    (folder / path).mkdir(parents=True)
    block = bytes(1 << 20)
    with (folder / path / "0001.flv").open("wb") as file:
        for _ in range(DELETED_BYTES // len(block)):
            file.write(block)
    manifest = Manifest(
        room="hall",
        number=number,
        start="2026-11-22T10:30:00.000Z",
        end="2026-11-22T11:30:00.000Z",
        clock="trusted",
        client=Client(address="", software=""),
        segments=(
            Segment(
                file="0001.flv", start_ms=0, duration_ms=1, bytes=DELETED_BYTES, reason="start"
            ),
        ),
    )
    (folder / path / "recording.json").write_bytes(manifest.to_json())
    return path


def _writes(path: Path, beside: Callable[[], None]) -> list[float]:
    """Write and sync at a steady pace while something else is done; gives what each took."""
    over, taken = threading.Event(), list[float]()
    disk = OsDisk()

    def write() -> None:
        block, offset = bytes(WRITE_BYTES), 0
        with path.open("wb") as file:
            while not over.wait(WRITE_EVERY_S):
                began_s = time.monotonic()
                disk.write(file.fileno(), block, offset)
                disk.sync_file(file.fileno())
                taken.append(time.monotonic() - began_s)
                offset += len(block)

    writer = threading.Thread(target=write)
    writer.start()
    beside()
    over.set()
    writer.join()
    return taken
