"""A room whose disk fails, fills up, vanishes or does not answer, and what is there afterwards.

`test_failing_disks` plays every single operation; here the failure lasts, and the room goes on.
"""

from __future__ import annotations

import errno
import logging
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.actions import SegmentRules
from recorder.recording.batches import Race, write_batch
from recorder.recording.entries import Entry
from recorder.recording.manifest import Gap, Manifest
from recorder.recording.outage import MOST_PUBLISHES
from recorder.recording.recovery import recover_recording, repair_files
from recorder.recording.shelves import open_recording, read_manifest
from recorder.recording.storage import Storage, initialise
from recorder.recording.unfinished import read_entries
from tests.helpers.disk import RecordingDisk
from tests.helpers.media import AUDIO, VIDEO, aac_frame, avc_frame
from tests.helpers.studio import (
    CLIENT,
    FRAME_MS,
    GOP_FRAMES,
    SECOND,
    Studio,
    manifests,
    marks,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recorder.recording.figures import RoomTotals
    from tests.helpers.disk import T

RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


class SickDisk(RecordingDisk):
    """Refuses every operation that changes something, while it is `sick` with an error."""

    sick: int | None = None
    _CHANGES = frozenset(
        {"write", "create_file", "sync_file", "sync_folder", "link", "rename", "unlink",
         "make_folder", "truncate"}
    )  # fmt: skip

    def perform(self, operation: str, subject: str, action: Callable[[], T]) -> T:
        if self.sick is not None and operation in self._CHANGES:
            raise OSError(self.sick, "the disk is sick", subject)
        return super().perform(operation, subject, action)


@attrs.define
class Ward:
    """A studio on a disk that a test makes sick and well."""

    folder: Path
    disk: SickDisk
    studio: Studio

    def fall_sick(self, error: int = errno.EIO) -> None:
        self.disk.sick = error

    def get_well(self) -> None:
        """As the guard says it, when a probe was good."""
        self.disk.sick = None
        self.studio.work()
        self.studio.recorder.resume(self.studio.clock.now_ms)

    def manifests(self) -> list[Manifest]:
        return manifests(self.folder)


class UnsureDisk(SickDisk):
    """Refuses nothing but syncs of files: nobody knows what of them is there."""

    _CHANGES = frozenset({"sync_file"})


@contextmanager
def _ward(
    folder: Path, rules: SegmentRules = RULES, disk: SickDisk | None = None
) -> Iterator[Ward]:
    disk = disk or SickDisk()
    initialise(folder, None, disk)
    with Storage.open(folder, None, disk) as storage:
        ward = Ward(folder, disk, Studio(storage, rules))
        yield ward
        ward.studio.settle()


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_a_failure_that_the_buffer_outlasts_costs_no_frame(
    tmp_path: Path, error: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
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
            manifest, entry, last_file=2, began_ms=studio.clock.now_ms - 4000
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
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
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
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND)
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


def totals(studio: Studio) -> RoomTotals:
    return studio.recorder.totals(studio.clock.now_ms)


def losses(studio: Studio) -> tuple[int, int]:
    """What the room says is lost so far, in ms and in bytes."""
    figures = studio.recorder.figures(studio.clock.now_ms)
    return figures.lost_ms, figures.lost_bytes


def test_what_is_lost_is_told_while_it_is_lost_and_grows_with_every_second(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND)
        ward.fall_sick()
        studio.writer.hop()
        studio.buffer_bytes = 20_000
        assert losses(studio) == (0, 0)
        studio.send(6 * SECOND)
        before = losses(studio)
        assert before > (1000, 0)
        for _ in range(20):
            # Whole groups of pictures are given up, which are one second long.
            studio.send(SECOND)
            lost_ms, lost_bytes = losses(studio)
            assert lost_ms == before[0] + 1000
            assert lost_bytes > before[1]
            assert totals(studio).dropped_bytes == {"buffer": lost_bytes}
            before = lost_ms, lost_bytes
        # It only seems to be well: what is lost stays lost.
        studio.recorder.resume(studio.clock.now_ms)
        assert losses(studio) == before
        studio.writer.hop()
        assert studio.fault() is not None
        assert losses(studio) == before
        ward.get_well()
        assert losses(studio) == before
        studio.send(SECOND)
        # From here on it is the recording's, for good.
        assert losses(studio) == (0, 0)
        studio.end()
    (manifest,) = ward.manifests()
    assert (manifest.counts["lost_ms"], manifest.counts["lost_bytes"]) == before


def test_a_loss_of_which_nothing_is_left_to_be_written_is_told_until_the_disk_is_well(
    tmp_path: Path,
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.buffer_bytes = 1
        studio.arrive()
        studio.send(3 * SECOND)
        studio.end()
        assert losses(studio) > (2000, 0)
        ward.get_well()
        assert losses(studio) == (0, 0)
    assert ward.manifests() == []


def test_a_start_that_fails_takes_another_number_and_leaves_nothing(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
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


def test_lessons_that_come_and_go_while_the_disk_is_sick_are_separate_recordings(
    tmp_path: Path,
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 1)
        ward.fall_sick()
        studio.send(SECOND)
        studio.end("unpublished")
        assert not studio.recorder.is_open
        studio.clock.advance(10_000)
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        studio.clock.advance(3000)
        studio.arrive()
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("lost")
        ward.get_well()
    first, second = ward.manifests()
    assert marks(tmp_path) == studio.sent
    assert [first.end_reason, second.end_reason] == ["unpublished", "lost"]
    gaps = [row.gap for row in second.segments if row.gap is not None]
    assert gaps == [Gap(reason="reconnect", ms=3000 + FRAME_MS)]
    back = next(row for row in second.segments if row.gap is not None)
    assert back.start_ms == 2000 + 3000 + FRAME_MS


def test_a_lost_publisher_continues_its_recording_although_the_disk_fell_sick(
    tmp_path: Path,
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND)
        ward.fall_sick()
        studio.lose()
        studio.writer.hop()
        studio.clock.advance(4000)
        studio.arrive()
        studio.send(SECOND)
        ward.get_well()
        studio.send(SECOND)
        studio.end("unpublished")
    (manifest,) = ward.manifests()
    assert marks(tmp_path) == studio.sent
    back = next(row for row in manifest.segments if row.gap is not None)
    assert back.gap == Gap(reason="reconnect", ms=4000 + FRAME_MS)
    assert back.start_ms == 2000 + 4000 + FRAME_MS


def test_a_split_while_the_disk_is_sick_is_made_at_the_next_keyframe(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
        ward.fall_sick()
        studio.send(2)
        studio.writer.hop()
        studio.recorder.split()
        studio.send(2 * SECOND)
        ward.get_well()
        studio.send(SECOND)
        studio.end("unpublished")
    first, second = ward.manifests()
    assert marks(tmp_path) == studio.sent
    assert (first.end_reason, second.end_reason) == ("split", "unpublished")
    assert second.segments[0].reason == "split"
    assert second.segments[0].start_ms == 0


def test_a_disk_that_fails_again_and_again_costs_no_frame(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
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
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND)
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
    assert marks(tmp_path)[-1] == studio.sent[-1]


class TestWhenAHopDoesNotComeBack:
    def test_it_is_given_up_and_what_it_did_after_all_is_not_written_twice(
        self, tmp_path: Path
    ) -> None:
        with _ward(tmp_path) as ward:
            studio = ward.studio
            studio.arrive()
            studio.send(SECOND + 2)
            studio.writer.hang()
            assert "has not answered" in (studio.recorder.fault or "")
            studio.send(2 * SECOND, hop_every=0)
            studio.recorder.resume(studio.clock.now_ms)  # a probe was good: too early
            assert studio.fault() is not None
            studio.writer.come_back()
            ward.get_well()
            studio.send(SECOND)
            studio.end()
        assert marks(tmp_path) == studio.sent

    def test_and_what_it_did_not_do_is_written_then(self, tmp_path: Path) -> None:
        with _ward(tmp_path) as ward:
            studio = ward.studio
            studio.arrive()
            studio.send(SECOND + 2)
            studio.writer.hang()
            studio.send(2 * SECOND, hop_every=0)
            ward.fall_sick()
            studio.writer.come_back()
            studio.send(SECOND, hop_every=0)
            ward.get_well()
            studio.end()
        (manifest,) = ward.manifests()
        assert marks(tmp_path) == studio.sent
        assert all(row.gap is None for row in manifest.segments)

    def test_what_was_given_up_meanwhile_lies_between(self, tmp_path: Path) -> None:
        with _ward(tmp_path) as ward:
            studio = ward.studio
            studio.arrive()
            studio.send(2 * SECOND, hop_every=0)
            studio.writer.hang()
            studio.buffer_bytes = studio.recorder.pending_bytes + 16_000
            studio.send(10 * SECOND, hop_every=0)
            ward.fall_sick()
            studio.buffer_bytes = 1 << 20
            studio.writer.come_back()
            ward.get_well()
            studio.end()
        (manifest,) = ward.manifests()
        found = marks(tmp_path)
        lost = sorted(set(studio.sent) - set(found))
        assert lost == list(range(lost[0], lost[-1] + 1))
        assert lost[0] == 2 * SECOND
        row = next(row for row in manifest.segments if row.gap is not None)
        assert row.gap == Gap(reason="disk", ms=len(lost) * FRAME_MS)
        assert manifest.counts["lost_ms"] == len(lost) * FRAME_MS

    def test_a_publish_that_begins_meanwhile_waits_like_the_others(self, tmp_path: Path) -> None:
        with _ward(tmp_path) as ward:
            studio = ward.studio
            studio.writer.hang()
            studio.recorder._outage.fault = None  # a room that came into being since
            studio.arrive()
            studio.send(SECOND, hop_every=0)
            assert studio.fault() is not None
            studio.writer.come_back()
            ward.get_well()
            studio.end()
        assert marks(tmp_path) == studio.sent


def test_a_publish_of_nothing_but_headers_leaves_nothing_behind(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 1)
        studio.end()
        ward.fall_sick()
        studio.writer.hop()
        studio.arrive()
        studio.recorder.flush(studio.clock.now_ms)
        studio.lose()
        ward.get_well()
        assert not studio.recorder.is_open
    assert len(ward.manifests()) == 1


def test_an_encoder_that_comes_and_goes_all_the_time_does_not_fill_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        ward.fall_sick()
        for _ in range(MOST_PUBLISHES + 20):
            studio.arrive()
            studio.send(2, hop_every=0)
            studio.writer.hop()
            studio.lose()
            studio.recorder.end("unpublished")
        ward.get_well()
    assert len(ward.manifests()) == MOST_PUBLISHES
    assert marks(tmp_path) == studio.sent[-2 * MOST_PUBLISHES :]
    assert caplog.text.count("were not written") == 20


def test_a_recording_that_was_open_ends_although_the_disk_is_sick(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        studio.writer.hop()
        ward.fall_sick()
        studio.clock.advance(1000)
        studio.arrive()
        studio.lose()
        studio.writer.hop()
        assert studio.fault() is not None
        studio.recorder.end("lost")
        ward.get_well()
    (manifest,) = ward.manifests()
    assert manifest.end_reason == "lost"


def test_a_finished_recording_without_a_checksum_is_left_to_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND)
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


@pytest.mark.parametrize("by_policy", [False, True])
def test_a_lesson_that_had_not_begun_when_the_disk_failed_ends_with_its_publisher(
    tmp_path: Path, by_policy: bool
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(1)
        # It is held for its first segment; the disk is silent for the rooms that write.
        assert not studio.recorder.figures(studio.clock.now_ms).is_open
        if by_policy:
            studio.recorder.hold("The disk is full.")
        else:
            studio.writer.hang()
        studio.send(2 * SECOND, hop_every=0)
        assert studio.recorder.is_open
        studio.end()
        if by_policy:
            studio.recorder.release(studio.clock.now_ms)
        else:
            studio.writer.come_back()
            ward.get_well()
    (manifest,) = ward.manifests()
    assert manifest.end_reason == "unpublished"
    assert marks(tmp_path) == studio.sent


def test_a_fault_of_ours_is_told_with_where_it_happened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND - 1)
        studio.recorder.failed(RuntimeError("a fault of ours"), [])
        ward.get_well()
        studio.end()
    assert "RuntimeError: a fault of ours" in caplog.text
    assert marks(tmp_path) == studio.sent


def test_arriving_publishers_are_told_apart_by_client(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.arrive()
        studio.send(SECOND)
        studio.end()
        studio.recorder.publisher_arrived(attrs.evolve(CLIENT, address="10.0.0.9"), gap_reason="")
        studio.lose()
        ward.get_well()
    assert ward.manifests()[0].client == CLIENT


def test_what_a_stalling_disk_has_not_taken_is_told_in_media_time(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND)
        studio.writer.hop()
        assert studio.recorder.unwritten_ms == 0
        studio.send(3 * SECOND, hop_every=0)
        assert studio.fault() is None
        assert studio.recorder.unwritten_ms == 3000 - FRAME_MS
        studio.end()


def test_somebody_elses_file_under_a_segments_name_is_left_alone(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND)
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


def test_a_room_in_which_nothing_happens_has_nothing_to_say_of_a_sick_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with _ward(tmp_path) as ward:
        ward.studio.recorder.failed(OSError(errno.EIO, "the disk is sick"), [])
        assert ward.studio.fault() is not None
        ward.get_well()
    assert "recorded" not in caplog.text


def test_a_recording_that_waits_for_its_checksums_outlasts_a_sick_disk(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND)
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


def test_a_recording_that_was_to_follow_a_failed_one_takes_another_number(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 1, hop_every=0)
        studio.writer.hop()
        studio.recorder.split()
        studio.send(2 * SECOND, hop_every=0)
        ward.fall_sick()
        studio.writer.hop()  # the first has media to write before the second begins
        ward.get_well()
        studio.end()
    first, second = ward.manifests()
    assert (first.end_reason, second.end_reason) == ("split", "unpublished")
    assert second.number == 3
    assert marks(tmp_path) == studio.sent


def test_a_checksum_that_a_sick_disk_refused_is_computed_when_it_is_well(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(4 * SECOND)
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


# Stopped by a policy.

FULL = "The disk is nearly full. Free some space."


def test_a_policy_stops_recording_in_order_and_costs_no_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
        studio.recorder.hold(FULL)
        studio.writer.hop()
        assert studio.fault() == FULL
        # What was open has its final name, and nothing is begun.
        studio.send(2 * SECOND)
        assert [path.name for path in sorted(tmp_path.glob("room101/*/*/0*"))] == ["0001.flv"]
        studio.recorder.hold(f"{FULL} More.")
        assert studio.fault() == f"{FULL} More."
        studio.recorder.release(studio.clock.now_ms)
        assert studio.fault() is None
        studio.send(2 * SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    assert marks(tmp_path) == studio.sent
    assert not any(row.repaired or row.gap for row in manifest.segments)
    assert manifest.segments[1].reason == "disk"
    assert caplog.text.count(f"room101: not recorded: {FULL}") == 1
    assert "room101: recorded again" in caplog.text


def test_what_the_buffer_does_not_hold_is_a_gap_that_is_told(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND)
        studio.writer.hop()
        studio.buffer_bytes = 20_000
        studio.recorder.hold(FULL)
        studio.send(20 * SECOND)
        lost = losses(studio)
        assert totals(studio).dropped_bytes == {"policy": lost[1]}
        studio.recorder.release(studio.clock.now_ms)
        studio.send(SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    assert (manifest.counts["lost_ms"], manifest.counts["lost_bytes"]) == lost
    (gap,) = [row.gap for row in manifest.segments if row.gap is not None]
    assert gap.reason == "disk"
    assert gap.ms == manifest.counts["lost_ms"]


def test_who_comes_while_a_policy_stops_recording_is_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.recorder.hold(FULL)
        assert "not recorded" not in caplog.text
        studio.arrive()
        studio.send(2 * SECOND)
        assert f"room101: not recorded: {FULL}" in caplog.text
        assert ward.manifests() == []
        studio.recorder.release(studio.clock.now_ms)
        studio.end()
    assert marks(tmp_path) == studio.sent


def test_a_disk_that_fails_as_well_must_be_well_and_have_room(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
        ward.fall_sick()
        studio.send(SECOND)
        sick = studio.fault()
        assert sick is not None
        studio.recorder.hold(FULL)
        assert studio.fault() == sick
        studio.recorder.release(studio.clock.now_ms)
        assert studio.fault() == sick
        studio.recorder.hold(FULL)
        ward.get_well()
        assert studio.fault() == FULL
        studio.send(SECOND)
        studio.recorder.release(studio.clock.now_ms)
        assert studio.fault() is None
        studio.end()
    assert marks(tmp_path) == studio.sent


def test_what_was_on_its_way_when_the_policy_came_is_not_lost_by_a_failure(
    tmp_path: Path,
) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND + 2)
        studio.recorder.hold(FULL)
        ward.fall_sick()
        studio.writer.hop()
        studio.send(SECOND)
        ward.get_well()
        studio.recorder.release(studio.clock.now_ms)
        studio.send(SECOND)
        studio.end()
    assert marks(tmp_path) == studio.sent


def test_the_room_says_what_of_it_may_still_change(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(SECOND)
        studio.writer.hop()
        (recording,) = studio.recorder.live
        assert recording.is_open
        assert recording.open_bytes > 0
        assert studio.clock.now_ms - recording.began_ms == FRAME_MS
        assert recording.closed_segments == []
        studio.end()
        assert not recording.is_open


def test_how_segments_ended_and_gaps_and_frames_are_counted(tmp_path: Path) -> None:
    with _ward(tmp_path, disk=UnsureDisk()) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(3 * SECOND + 2)
        studio.lose()
        studio.writer.hop()
        studio.clock.advance(5000)
        studio.arrive()
        studio.send(SECOND + 2)
        studio.writer.hop()
        told = totals(studio)
        assert (told.ended, told.gaps) == ({"complete": 2}, 1)
        # One of 3 s, and one of 0.4 s.
        seconds = told.segment_seconds
        assert list(seconds.counts[:3]) == [1, 2, 2]
        assert seconds.total == pytest.approx(3.4)
        assert told.segment_bytes == sum(
            path.stat().st_size for path in tmp_path.glob("room101/*/*/*.flv")
        )
        assert told.frames == {"video": 4 * SECOND + 4, "audio": 4 * SECOND + 4}
        ward.fall_sick()
        studio.clock.advance(10_000)
        studio.writer.hop()
        studio.send(SECOND)
        ward.get_well()
        studio.send(2 * SECOND)
        studio.end()
        studio.settle()
        told = totals(studio)
        assert told.ended == {"complete": 4, "suspect": 1}
        assert told.segment_seconds.counts[-1] == 5
        assert told.frames == {"video": len(studio.sent), "audio": len(studio.sent)}


def test_how_long_the_oldest_waits_that_is_in_no_file(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        assert totals(studio).waits_s == 0
        studio.send(2 * SECOND)
        assert totals(studio).waits_s == 0
        studio.send(3 * SECOND, hop_every=0)
        assert totals(studio).waits_s == pytest.approx(3.0, abs=0.3)
        ward.fall_sick()
        studio.writer.hop()
        assert totals(studio).waits_s == pytest.approx(3.0, abs=0.3)
        studio.send(SECOND)
        assert totals(studio).waits_s == pytest.approx(4.0, abs=0.3)
        ward.get_well()
        studio.end()


def test_what_hangs_on_its_way_waits_since_it_came(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND)
        studio.send(SECOND, hop_every=0)
        queue = studio.writer.queues[0]
        job = queue.take()
        studio.clock.advance(9000)
        assert totals(studio).waits_s == pytest.approx(10.0, abs=0.3)
        queue.landed(write_batch([job], studio.clock.now_ms, 0, Race())[0])
        assert totals(studio).waits_s == 0
        studio.end()


def test_jumps_of_an_encoder_s_clock_are_counted_for_good(tmp_path: Path) -> None:
    with _ward(tmp_path) as ward:
        studio = ward.studio
        studio.arrive()
        studio.send(2 * SECOND)
        studio.recorder.media(VIDEO, 100_000_000, avc_frame(key=True, mark=0), studio.clock.now_ms)
        assert totals(studio).clock_jumps == 1
        studio.end()
        ward.studio.settle()
        assert totals(studio).clock_jumps == 1
