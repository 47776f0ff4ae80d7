"""A room's recordings as files: real segmenter, real writer thread, real folder.

Times are handed in, so nothing waits; `recorded` leaves the writer, which writes everything.
"""

from __future__ import annotations

import errno
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.flv.scanner import scan_file
from recorder.recording.actions import SegmentRules
from recorder.recording.disk import OsDisk
from recorder.recording.manifest import Client, Gap, Manifest
from recorder.recording.room_recorder import RoomRecorder
from recorder.recording.storage import Storage, initialise
from recorder.recording.writer import Writer, open_writer
from tests.helpers.clock import FakeClock
from tests.helpers.disk import open_descriptors
from tests.helpers.media import AUDIO, VIDEO, aac_config, aac_frame, avc_config, avc_frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CLIENT = Client(address="10.0.0.1", software="test")
FRAME_MS = 40
GOP_FRAMES = 25
SECOND = 1000 // FRAME_MS


@attrs.define
class Studio:
    """A room, its folder, and an encoder that sends 25 frames a second with a key each second."""

    folder: Path
    storage: Storage
    writer: Writer
    clock: FakeClock
    recorder: RoomRecorder
    sent: int = 0

    def arrive(self, gap_reason: str = "reconnect") -> None:
        self.sent = 0
        self.recorder.publisher_arrived(CLIENT, gap_reason=gap_reason)
        self.recorder.media(VIDEO, 0, avc_config(), self.clock.now_ms)
        self.recorder.media(AUDIO, 0, aac_config(), self.clock.now_ms)

    def send(self, frames: int) -> None:
        for _ in range(frames):
            now, time = self.clock.now_ms, self.sent * FRAME_MS
            frame = avc_frame(key=self.sent % GOP_FRAMES == 0, mark=self.sent)
            self.recorder.media(VIDEO, time, frame, now)
            self.recorder.media(AUDIO, time, aac_frame(mark=self.sent), now)
            self.sent += 1
            self.clock.advance(FRAME_MS)
            self.recorder.flush(self.clock.now_ms)

    def lose(self) -> None:
        self.recorder.publisher_left(self.clock.now_ms, {})

    def open_number(self) -> int | None:
        return self.recorder.number

    def error(self) -> Exception | None:
        return self.recorder.error

    def manifests(self) -> list[Manifest]:
        found = sorted(self.folder.glob("room101/*/*/recording.json"))
        return [Manifest.from_json(path.read_bytes()) for path in found]

    def frames(self) -> int:
        """Video frames in all final segments of the folder, each of which must be whole."""
        total = 0
        for path in sorted(self.folder.glob("room101/*/*/*")):
            if path.suffix == ".json":
                continue
            assert path.suffix == ".flv", f"unfinished: {path}"
            with path.open("rb") as file:
                tags = list(scan_file(file))
            total += sum(tag.kind == VIDEO and tag.head[1] == 1 for tag in tags)
        return total


@pytest.fixture
def rules() -> SegmentRules:
    return SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


@asynccontextmanager
async def _studio(folder: Path, rules: SegmentRules) -> AsyncIterator[Studio]:
    disk = OsDisk()
    initialise(folder, None, disk)
    clock = FakeClock()
    with Storage.open(folder, None, disk) as storage:
        async with open_writer(drain_s=30) as writer:
            recorder = RoomRecorder(
                "room101", rules, storage=storage, writer=writer, clock=clock, encoder="test"
            )
            yield Studio(folder, storage, writer, clock, recorder)


async def test_a_lesson_becomes_segments_and_a_manifest_that_agree(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.arrive()
        studio.send(10 * SECOND)
        studio.lose()
        assert studio.open_number() == 1
        studio.recorder.end("unpublished")
        assert studio.open_number() is None
    (manifest,) = studio.manifests()
    assert studio.frames() == 10 * SECOND
    assert [segment.file for segment in manifest.segments] == [f"000{n}.flv" for n in (1, 2, 3, 4)]
    assert [segment.start_ms for segment in manifest.segments] == [0, 3000, 6000, 9000]
    assert [segment.reason for segment in manifest.segments] == ["start"] + 3 * ["duration"]
    assert manifest.end_reason == "unpublished"
    assert manifest.start == "2026-11-22T10:30:00.000Z"
    assert manifest.end == "2026-11-22T10:30:10.000Z"
    assert manifest.client == CLIENT
    folder = studio.folder / "room101" / "2026-11-22" / "0000001-103000Z"
    assert {path.name: path.stat().st_size for path in folder.glob("*.flv")} == {
        segment.file: segment.bytes for segment in manifest.segments
    }
    assert list((studio.folder / ".recorder" / "open").iterdir()) == []


async def test_a_publisher_that_returns_continues_its_recording_with_the_gap(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        studio.clock.advance(7000)
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        studio.arrive("takeover")
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("lost")
    (manifest,) = studio.manifests()
    assert studio.frames() == 5 * SECOND
    # The gap begins with the last frame that came, not with our noticing.
    assert [segment.gap for segment in manifest.segments] == [
        None,
        Gap(reason="reconnect", ms=7000 + FRAME_MS),
        Gap(reason="takeover", ms=FRAME_MS),
    ]
    starts = [segment.start_ms for segment in manifest.segments]
    ends = [segment.start_ms + segment.duration_ms for segment in manifest.segments]
    assert starts[1] == ends[0] + 7000 + FRAME_MS
    assert starts[2] == ends[1] + FRAME_MS
    assert manifest.end_reason == "lost"


async def test_a_gap_begins_with_the_last_media_also_when_the_loss_is_noticed_late(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.arrive()
        studio.send(2 * SECOND)
        studio.clock.advance(15_000)  # a read without media, then the end of the connection
        studio.recorder.flush(studio.clock.now_ms)
        studio.lose()
        studio.clock.advance(2000)
        studio.arrive()  # headers, and gone again
        studio.recorder.flush(studio.clock.now_ms)
        studio.lose()
        studio.clock.advance(3000)
        studio.arrive()
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("lost")
    (manifest,) = studio.manifests()
    assert manifest.segments[1].gap == Gap(reason="reconnect", ms=20_000 + FRAME_MS)


async def test_after_max_duration_the_next_recording_begins_without_a_gap(
    tmp_path: Path, rules: SegmentRules
) -> None:
    rules = attrs.evolve(rules, max_duration_ms=5000)
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.arrive()
        studio.send(12 * SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    first, second, third = studio.manifests()
    assert studio.frames() == 12 * SECOND
    assert [m.number for m in (first, second, third)] == [1, 2, 3]
    assert [m.end_reason for m in (first, second, third)] == [
        "max_duration",
        "max_duration",
        "unpublished",
    ]
    assert all(m.segments[0].start_ms == 0 for m in (first, second, third))
    assert second.segments[0].reason == "max_duration"
    assert first.start < second.start < third.start


async def test_a_split_begins_another_recording_at_the_next_keyframe(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.recorder.split()  # nobody publishes: nothing to split
        studio.arrive()
        studio.send(SECOND + 5)
        studio.recorder.split()
        studio.send(2 * SECOND - 5)
        studio.lose()
        studio.recorder.end("unpublished")
    first, second = studio.manifests()
    assert first.end_reason == "split"
    assert second.segments[0].reason == "split"
    assert studio.frames() == 3 * SECOND


async def test_a_publish_without_media_makes_no_recording(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
        studio.recorder.flush(studio.clock.now_ms)
        studio.lose()
        studio.recorder.end("unpublished")
        assert studio.open_number() is None
    assert not (studio.folder / "room101").exists()


async def test_a_publish_of_nothing_but_data_makes_no_recording(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
        studio.recorder.data("onTextData", b"\x02\x00\x0aonTextData\x05", 0, studio.clock.now_ms)
        studio.lose()
        studio.recorder.end("unpublished")
    assert not (studio.folder / "room101").exists()


async def test_a_last_frame_that_opens_the_recording_is_not_lost(
    tmp_path: Path, rules: SegmentRules
) -> None:
    """All of a short publish is still held for its first segment when it ends."""
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.arrive()
        studio.send(3)
        assert studio.open_number() is None
        assert studio.recorder.buffered_bytes > 0
        assert studio.recorder.pending_bytes == 0  # no disk is waited for
        studio.lose()
        assert studio.open_number() == 1
        studio.recorder.end("unpublished")
    assert studio.frames() == 3


async def test_anomalies_of_the_connection_and_of_the_media_are_counted_in_the_manifest(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.arrive()
        studio.send(SECOND)
        studio.recorder.media(VIDEO, 0, avc_config(), studio.clock.now_ms)
        studio.recorder.publisher_left(
            studio.clock.now_ms, {"unknown_messages": 2, "acknowledgements": 0}
        )
        studio.recorder.end("unpublished")
    (manifest,) = studio.manifests()
    assert manifest.counts == {"repeated_headers": 1, "unknown_messages": 2}


async def test_the_counts_of_a_publish_that_ends_while_it_is_held_are_kept(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.arrive()
        studio.send(3)
        studio.recorder.publisher_left(studio.clock.now_ms, {"unknown_messages": 2})
        studio.recorder.end("unpublished")
    (manifest,) = studio.manifests()
    assert manifest.counts == {"unknown_messages": 2}


class _FullDisk(OsDisk):
    """A disk that is full when the test says so."""

    is_full = False

    def create_file(self, folder: int, name: str, mode: int = 0o640) -> int:
        if self.is_full and name.endswith(".part"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().create_file(folder, name, mode)


async def test_a_disk_that_refuses_is_told_and_the_next_publish_begins_anew(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        disk = _FullDisk()
        studio.storage.disk = disk
        disk.is_full = True
        studio.arrive()
        studio.send(2 * SECOND)
        assert studio.error() is None
        await studio.writer.drained()
        assert isinstance(studio.error(), OSError)
        assert studio.recorder.buffered_bytes == 0
        studio.recorder.abandon()
        assert studio.error() is None
        assert studio.open_number() is None
        disk.is_full = False
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    left, whole = studio.manifests()
    assert (left.number, left.end) == (1, None)
    assert (whole.number, whole.end_reason) == (2, "unpublished")
    assert [path.name for path in (studio.folder / ".recorder" / "open").iterdir()] == ["0000001"]


async def test_an_error_found_after_the_publisher_has_left_is_said_and_not_the_next_ones(
    tmp_path: Path, rules: SegmentRules, caplog: pytest.LogCaptureFixture
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        disk = _FullDisk()
        studio.storage.disk = disk
        disk.is_full = True
        studio.arrive()
        studio.send(2 * SECOND)
        studio.lose()
        await studio.writer.drained()  # in the reconnect window
        assert "room101: recording 1 is cut off" in caplog.text
        assert "No space left on device" in caplog.text
        disk.is_full = False
        studio.arrive()
        assert studio.error() is None
        studio.send(2 * SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    left, whole = studio.manifests()
    assert (left.end, whole.end_reason) == (None, "unpublished")


async def test_a_recording_that_fails_while_it_ends_does_not_harm_the_one_after_it(
    tmp_path: Path, rules: SegmentRules, caplog: pytest.LogCaptureFixture
) -> None:
    before = open_descriptors()
    async with _studio(tmp_path / "rec", rules) as studio:
        disk = _FullDisk()
        studio.storage.disk = disk
        disk.is_full = True
        studio.arrive()
        studio.send(2 * SECOND)
        studio.recorder.split()
        await studio.writer.drained()
        disk.is_full = False
        studio.recorder.abandon()
        studio.arrive()
        studio.send(2 * SECOND)
        studio.recorder.split()
        studio.send(2 * SECOND)
        assert studio.error() is None
        studio.lose()
        studio.recorder.end("unpublished")
    assert [m.end_reason for m in studio.manifests()] == [None, "split", "unpublished"]
    assert open_descriptors() == before


async def test_the_manifest_says_whether_the_wall_clock_was_believed(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.clock.is_trusted = False
        studio.arrive()
        studio.send(SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    assert studio.manifests()[0].clock == "untrusted"


async def test_a_step_of_the_wall_clock_changes_no_duration_and_no_order(
    tmp_path: Path, rules: SegmentRules
) -> None:
    async with _studio(tmp_path / "rec", rules) as studio:
        studio.arrive()
        studio.send(4 * SECOND)
        studio.clock.step_wall(-3600_000)
        studio.send(4 * SECOND)
        studio.lose()
        studio.recorder.end("unpublished")
    (manifest,) = studio.manifests()
    assert [segment.start_ms for segment in manifest.segments] == [0, 3000, 6000]
    assert studio.frames() == 8 * SECOND
