"""A room whose disk fails, fills up or vanishes, and what is there afterwards.

`test_failing_disks` plays every single operation; here the failure lasts, and the room goes on.
"""

from __future__ import annotations

import errno
import logging
import shutil
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.clock import utc_text
from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Gap
from recorder.recording.recovery import recover_recording
from recorder.recording.recovery_steps import repair_files
from recorder.recording.shelves import open_recording, read_manifest
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from tests.helpers.clock import START_UTC_NS
from tests.helpers.media import AUDIO, aac_frame
from tests.helpers.studio import FRAME_MS, GOP_FRAMES, SECOND, Studio, manifests, marks
from tests.recording.ward import RULES, SickDisk, open_ward, totals

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "room101/2026-11-22/0000001-103000Z"


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_a_failure_that_the_buffer_outlasts_costs_no_frame(
    tmp_path: Path, error: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with open_ward(tmp_path, sent=SECOND + 2) as ward:
        studio = ward.studio
        studio.writer.hop()
        ward.fall_sick(error)
        studio.send(2 * SECOND)
        fault = studio.fault()
        assert fault is not None
        assert "Check the disk" in fault or "is full" in fault
        assert not studio.recorder.holds_back
        assert not studio.recorder.is_settled
        assert studio.recorder.backlog_bytes > 0
        assert studio.recorder.unwritten_ms >= 2000 - FRAME_MS
        ward.get_well()
        assert studio.fault() is None
        studio.send(2 * SECOND)
        studio.end()
        assert totals(studio).ended["recovered"] == 1
    (manifest,) = ward.manifests()
    assert marks(tmp_path) == studio.sent
    first, second, third = manifest.segments[:3]
    assert (first.repaired, first.suspect, first.reason) == (True, False, "start")
    assert (second.reason, second.gap, second.forced) == ("disk", None, True)
    assert (third.reason, third.gap, third.forced) == ("first_keyframe", None, False)
    # As if nothing had been: every segment begins where it would have.
    assert second.start_ms == (SECOND + 2) * FRAME_MS
    assert "room101: not recorded: " in caplog.text
    assert "room101: recorded again" in caplog.text
    assert "were not written" not in caplog.text


@pytest.mark.parametrize("is_repaired_first", [False, True])
def test_a_part_from_before_a_restart_keeps_its_number_on_a_disk_that_takes_nothing(
    tmp_path: Path, is_repaired_first: bool
) -> None:
    disk = SickDisk()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        killed = Studio(storage, RULES)
        killed.arrive()
        killed.send(4 * SECOND)
        for files in killed.writer.queues[0].files:
            files.close()
    with Storage.open(tmp_path, None, disk) as storage:
        studio = Studio(storage, RULES, killed.clock)
        (entry,) = read_entries(storage)
        assert isinstance(entry, Entry)
        with open_recording(disk, storage.root, entry.folder) as folder:
            manifest = read_manifest(disk, folder)
        recording = studio.recorder.continue_recording(
            manifest,
            entry,
            last_file=2,
            began_ms=studio.clock.now_ms - 4000,
            silent_since_ms=studio.clock.now_ms,
        )
        studio.arrive()
        disk.sick = errno.EIO
        # Its file is not even made: its number is free again, and that of the part is not.
        studio.send(SECOND)
        assert studio.fault() is not None
        disk.sick = None

        def repair() -> None:
            with open_recording(disk, storage.root, entry.folder) as folder:
                recording.recovered(repair_files(disk, folder, below=3, creator="test").rows)

        if is_repaired_first:
            repair()
        studio.recorder.resume(studio.clock.now_ms)
        studio.send(SECOND)
        if not is_repaired_first:
            # What was written off meanwhile is repaired before it.
            studio.work()
            repair()
        studio.end()
        studio.settle()
    (whole,) = manifests(tmp_path)
    assert [row.file for row in whole.segments] == ["0001.flv", "0002.flv", "0003.flv"]
    assert marks(tmp_path) == [*range(4 * SECOND), *range(2 * SECOND)]


def test_a_disk_that_is_well_again_before_a_picture_came_costs_no_frame(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=SECOND + 2) as ward:
        studio = ward.studio
        studio.writer.hop()
        ward.fall_sick()
        studio.send(SECOND)
        ward.get_well()
        studio.writer.hop()
        ward.fall_sick()
        studio.recorder.clock_stepped(5000)
        studio.writer.hop()  # fails with nothing of the media lost
        assert studio.fault() is not None
        time = len(studio.sent) * FRAME_MS
        studio.recorder.media(AUDIO, time, aac_frame(mark=999), studio.clock.now_ms)
        studio.recorder.flush(studio.clock.now_ms)
        ward.get_well()
        studio.send(2 * SECOND)
        studio.end()
    assert marks(tmp_path) == studio.sent


def test_what_the_buffer_cannot_hold_goes_in_whole_groups_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.writer.hop()
        studio.buffer_bytes = 20_000
        studio.send(20 * SECOND)
        assert studio.recorder.pending_bytes <= 20_000
        ward.get_well()
        studio.send(2 * SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    found = marks(tmp_path)
    lost = sorted(set(studio.sent) - set(found))
    assert found == [mark for mark in studio.sent if mark not in lost]
    # One hole, up to a keyframe.
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert (lost[-1] + 1) % GOP_FRAMES == 0
    resumed = next(row for row in manifest.segments if row.reason == "disk")
    assert resumed.gap == Gap(reason="disk", ms=len(lost) * FRAME_MS)
    assert not resumed.forced
    assert resumed.start_ms == (lost[-1] + 1) * FRAME_MS
    assert manifest.counts["lost_ms"] == len(lost) * FRAME_MS
    assert manifest.counts["lost_bytes"] > 0
    assert totals(studio).dropped_bytes == {"buffer": manifest.counts["lost_bytes"]}
    assert f"room101: {len(lost) * FRAME_MS / 1000:.1f} s were not written" in caplog.text


def test_a_start_that_fails_takes_another_number_and_leaves_nothing(tmp_path: Path) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.arrive()
        studio.send(3 * SECOND)
        assert studio.recorder.number is None
        assert studio.recorder.is_open
        ward.get_well()
        studio.send(SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    assert manifest.number == 2
    assert manifest.segments[0].reason == "start"
    assert marks(tmp_path) == studio.sent


def test_a_disk_that_fails_again_and_again_costs_no_frame(tmp_path: Path) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        for _ in range(5):
            studio.send(SECOND + 1)
            ward.fall_sick()
            studio.send(2)
            studio.writer.hop()
            ward.get_well()
            ward.fall_sick()
            studio.writer.hop()
            studio.send(SECOND)
            ward.get_well()
        studio.end()
    assert marks(tmp_path) == studio.sent
    (manifest,) = ward.manifests()
    assert all(row.gap is None for row in manifest.segments)


def test_a_recording_whose_folder_is_gone_is_given_up_and_another_begins(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        shutil.rmtree(tmp_path / "room101")
        studio.send(2 * SECOND)  # the next segment has no folder
        assert studio.fault() is not None
        ward.get_well()
        studio.writer.hop()  # nor is there one to open
        ward.get_well()
        studio.send(SECOND)
        studio.end()
        assert "room101: recording 1 is lost: its folder" in caplog.text
        ended = totals(studio).ended
        assert ended == {"aborted": 2}
    (manifest,) = ward.manifests()
    assert manifest.number == 2
    kept = marks(tmp_path)
    assert kept == studio.sent[-len(kept) :]
    # It began when its first frame came, and the clock is a frame ahead of that.
    before_ms = (len(studio.sent) - len(kept) + 1) * FRAME_MS
    assert manifest.start == utc_text(START_UTC_NS + before_ms * 1_000_000)
    assert [row.start_ms for row in manifest.segments][:1] == [0]
    last = manifest.segments[-1]
    assert last.start_ms + last.duration_ms == pytest.approx(len(kept) * FRAME_MS, abs=FRAME_MS)


@pytest.mark.parametrize("removed", [FOLDER, f"{FOLDER}/0001.flv.part"])
def test_a_file_that_somebody_removes_is_missed_at_its_next_sync_and_not_at_its_end(
    tmp_path: Path, removed: str, caplog: pytest.LogCaptureFixture
) -> None:
    rules = attrs.evolve(RULES, duration_ms=600_000)
    with open_ward(tmp_path, rules, sent=2 * SECOND) as ward:
        studio = ward.studio
        if (tmp_path / removed).is_dir():
            shutil.rmtree(tmp_path / removed)
        else:
            (tmp_path / removed).unlink()
        studio.send(5 * SECOND)
        fault = studio.fault()
        assert fault is not None
        assert "nobody removes files there" in fault
        safe = dict(studio.safe)
        ward.get_well()
        studio.writer.hop()
        ward.get_well()
        studio.send(20 * SECOND)
        studio.end()
    # What stood in it when it was missed is gone; all that came behind is there.
    kept = marks(tmp_path)
    assert kept == studio.sent[-len(kept) :]
    assert len(kept) >= 20 * SECOND
    assert safe.get((FOLDER, 1), 0) == 0
    (manifest,) = ward.manifests()
    if manifest.number == 1:
        # The folder is still there, and says what is not.
        lost_ms = (len(studio.sent) - len(kept)) * FRAME_MS
        assert manifest.segments[0].gap == Gap(reason="lost", ms=lost_ms)
        assert "room101: recording 1: 0001.flv is lost: the file is gone" in caplog.text
        assert f"recording 1: gap of {lost_ms / 1000:.1f} s, what was there is lost" in caplog.text


@pytest.mark.parametrize("has_been_tried", [False, True])
def test_a_publish_that_waits_behind_the_one_whose_recording_is_gone_continues_the_new_one(
    tmp_path: Path, has_been_tried: bool
) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        studio.lose()
        shutil.rmtree(tmp_path / "room101")
        studio.clock.advance(10_000)
        studio.arrive()
        studio.send(2 * SECOND)
        assert studio.fault() is not None
        if has_been_tried:
            ward.get_well()
            studio.writer.hop()  # it is missed now, and else when both have been played once
        studio.lose()
        studio.clock.advance(3000)
        studio.arrive()
        studio.send(2 * SECOND)
        ward.get_well()
        studio.writer.hop()
        ward.get_well()
        studio.send(2 * SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    first, *_, last = manifest.segments
    assert (first.start_ms, first.gap) == (0, None)
    kept = marks(tmp_path)
    assert kept == studio.sent[-len(kept) :]
    # Of the clock, from the last frame before to the first behind.
    gap_ms = 3000 + FRAME_MS
    assert [row.gap for row in manifest.segments if row.gap] == [Gap(reason="reconnect", ms=gap_ms)]
    lasts_ms = len(kept) * FRAME_MS + gap_ms
    assert last.start_ms + last.duration_ms == pytest.approx(lasts_ms, abs=2 * FRAME_MS)


def test_a_finished_recording_without_a_checksum_is_left_to_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ward(tmp_path, sent=SECOND) as ward:
        studio = ward.studio
        studio.end()
        studio.writer.hop()
        (path,) = tmp_path.glob("room101/*/*/0001.flv")
        path.rename(path.with_suffix(".away"))
        studio.work()
        path.with_suffix(".away").rename(path)
        studio.settle()
        (entry,) = read_entries(studio.storage)
        assert isinstance(entry, Entry)
        recover_recording(studio.storage, entry.folder, creator="test", checksum=studio.checksum)
        assert read_entries(studio.storage) == []
    assert "room101: recording 1: no checksum of 0001.flv yet" in caplog.text
    assert ward.manifests()[0].segments[0].sha256 is not None


def test_a_fault_of_ours_is_told_with_where_it_happened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ward(tmp_path, sent=SECOND - 1) as ward:
        studio = ward.studio
        studio.recorder.failed(RuntimeError("a fault of ours"), [])
        ward.get_well()
        studio.end()
    assert "RuntimeError: a fault of ours" in caplog.text
    assert marks(tmp_path) == studio.sent


def test_somebody_elses_file_under_a_segments_name_is_left_alone(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=SECOND) as ward:
        studio = ward.studio
        (folder,) = tmp_path.glob("room101/*/*")
        (folder / "0001.flv").write_bytes(b"not ours")
        studio.send(3 * SECOND)  # the segment cannot get its name
        assert studio.fault() is not None
        ward.get_well()
        studio.send(SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    assert (folder / "0001.flv").read_bytes() == b"not ours"
    assert list(folder.glob("*.damaged"))
    assert "0001.flv" not in [row.file for row in manifest.segments]


def test_a_part_that_nobody_can_read_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ward(tmp_path, sent=SECOND + 2) as ward:
        ward.fall_sick()
        ward.studio.send(SECOND)
        ward.studio.writer.hop()
        (part,) = tmp_path.glob("*/*/*/0001.flv.part")
        part.write_bytes(b"nothing that could be a recording")
        ward.get_well()
        ward.studio.end("unpublished")
    (manifest,) = ward.manifests()
    assert manifest.counts["damaged_segments"] == 1
    assert (part.parent / "0001.flv.damaged").exists()
    assert "0001.flv.part not all can be read, and what cannot is kept" in caplog.text


def test_a_room_in_which_nothing_happens_has_nothing_to_say_of_a_sick_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with open_ward(tmp_path) as ward:
        ward.studio.recorder.failed(OSError(errno.EIO, "the disk is sick"), [])
        assert ward.studio.fault() is not None
        ward.get_well()
    assert "recorded" not in caplog.text


def test_a_recording_that_waits_for_its_checksums_outlasts_a_sick_disk(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=SECOND) as ward:
        studio = ward.studio
        studio.end()
        studio.writer.hop()
        studio.arrive()
        studio.send(SECOND)
        ward.fall_sick()
        studio.send(SECOND)
        ward.get_well()
        studio.end()
    first, second = ward.manifests()
    assert (first.end_reason, second.end_reason) == ("unpublished", "unpublished")
    assert all(row.sha256 for row in first.segments + second.segments)


def test_a_checksum_that_a_sick_disk_refused_is_computed_when_it_is_well(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=4 * SECOND) as ward:
        studio = ward.studio
        (path,) = tmp_path.glob("room101/*/*/0001.flv")
        path.rename(path.with_suffix(".away"))
        studio.work()
        path.with_suffix(".away").rename(path)
        ward.fall_sick()
        studio.send(SECOND)
        ward.get_well()
        studio.end()
    (manifest,) = ward.manifests()
    assert all(row.sha256 for row in manifest.segments)
    assert read_entries_of(tmp_path) == []


def read_entries_of(folder: Path) -> list[str]:
    return [path.name for path in (folder / ".recorder/open").iterdir()]


def test_who_comes_back_to_a_lesson_that_had_not_begun_when_the_disk_was_full_goes_on_with_it(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2)
        studio.recorder.hold("The disk is full.")
        studio.lose()
        studio.clock.advance(5000)
        studio.arrive()
        studio.send(SECOND, hop_every=0)
        studio.recorder.release(studio.clock.now_ms)
        studio.end()
    (manifest,) = ward.manifests()
    assert [row.gap for row in manifest.segments] == [
        None,
        Gap(reason="reconnect", ms=5000 + FRAME_MS),
    ]
    assert marks(tmp_path) == studio.sent
