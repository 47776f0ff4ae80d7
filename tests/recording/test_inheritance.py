"""What a start reads before it listens, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.recording.actions import SegmentRules
from recorder.recording.continuation import Now
from recorder.recording.inheritance import inherit, read_left
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk
from tests.helpers.studio import BOOT, SECOND, Studio

if TYPE_CHECKING:
    from pathlib import Path

RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)
WINDOW_MS = 60_000


def _record(storage: Storage, *, ends: bool, seconds: int = 2) -> Studio:
    """A lesson of a process that is killed, behind its end or before."""
    studio = Studio(storage, RULES)
    studio.arrive()
    studio.send(seconds * SECOND)
    if ends:
        studio.end()
        studio.settle()
    for queue in studio.writer.queues:
        for files in queue.files:
            files.close()
    return studio


def _now(studio: Studio, *, later_ms: int = 1000) -> Now:
    return Now(
        boot=BOOT,
        monotonic_ms=studio.clock.now_ms + later_ms,
        utc_ms=studio.clock.now_utc_ns // 1_000_000 + later_ms,
        is_trusted=True,
        last_beat_ms=studio.clock.now_ms,
    )


def test_an_open_recording_is_continued_and_older_ones_of_its_room_are_not(tmp_path: Path) -> None:
    disk = RecordingDisk()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        _record(storage, ends=False)
        studio = _record(storage, ends=False, seconds=5)
    with Storage.open(tmp_path, None, disk) as storage:
        found = inherit(read_left(storage, BOOT), _now(studio), window_ms=WINDOW_MS)
    (continued,) = found.continued
    assert continued.manifest.number == 2
    assert continued.last_file == 2
    assert continued.continuation.left_ms == WINDOW_MS - 1000
    assert found.cut_off == ["room101/2026-11-22/0000001-103000Z"]
    assert found.without_folder == []
    assert sorted(found.numbers) == [1, 2]


def test_a_recording_goes_on_behind_every_row_also_of_files_that_are_gone(tmp_path: Path) -> None:
    """Who removed them, or lost them in a check of the disk, has not freed their numbers."""
    disk = RecordingDisk()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        studio = _record(storage, ends=False, seconds=8)
        for file in tmp_path.glob("room101/*/*/000*.flv*"):
            file.unlink()
        found = inherit(read_left(storage, BOOT), _now(studio), window_ms=WINDOW_MS)
    (continued,) = found.continued
    assert [row.file for row in continued.manifest.segments] == ["0001.flv", "0002.flv"]
    assert continued.last_file == 2


def test_what_is_over_damaged_or_without_a_folder_is_left_to_recovery(tmp_path: Path) -> None:
    disk = RecordingDisk()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        _record(storage, ends=False)
        studio = _record(storage, ends=False)
        (damaged,) = tmp_path.glob("room101/*/0000002-*/recording.json")
        damaged.write_bytes(b"{")
        (tmp_path / ".recorder/open/0000009").write_bytes(b"")
        late = _now(studio, later_ms=WINDOW_MS + 1)
        found = inherit(read_left(storage, BOOT), late, window_ms=WINDOW_MS)
    assert found.continued == []
    assert [path[-15:] for path in found.cut_off] == ["0000001-103000Z", "0000002-103000Z"]
    assert found.without_folder == ["0000009"]


def test_a_start_touches_no_finished_recording_however_many_there_are(tmp_path: Path) -> None:
    disk = RecordingDisk()
    initialise(tmp_path, None, disk)
    counts = []
    for number in (1, 20):
        with Storage.open(tmp_path, None, disk) as storage:
            for _ in range(number):
                studio = _record(storage, ends=True)
        disk.operations.clear()
        with Storage.open(tmp_path, None, disk) as storage:
            found = inherit(read_left(storage, BOOT), _now(studio), window_ms=WINDOW_MS)
        assert found == attrs.evolve(found, continued=[], cut_off=[], without_folder=[])
        assert not [each for each in disk.operations if "room101" in each]
        counts.append(len(disk.operations))
    assert counts[0] == counts[1]


def test_what_was_to_replace_an_entry_that_is_gone_is_removed_too(tmp_path: Path) -> None:
    disk = RecordingDisk()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        studio = _record(storage, ends=True)
        (tmp_path / ".recorder/open/0000009.tmp").write_bytes(b"")
        found = inherit(read_left(storage, BOOT), _now(studio), window_ms=WINDOW_MS)
    assert found.without_folder == ["0000009.tmp"]
