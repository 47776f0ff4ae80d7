"""What a room says of itself: what is lost, what waits, what may change, and what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.batches import write_batch
from recorder.recording.hop import Race
from tests.helpers.media import VIDEO, avc_frame
from tests.helpers.studio import FRAME_MS, SECOND
from tests.recording.ward import UnsureDisk, losses, open_ward, totals

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_lost_is_told_while_it_is_lost_and_grows_with_every_second(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
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
    with open_ward(tmp_path) as ward:
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


def test_what_a_stalling_disk_has_not_taken_is_told_in_media_time(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        studio.writer.hop()
        assert studio.recorder.unwritten_ms == 0
        studio.send(3 * SECOND, hop_every=0)
        assert studio.fault() is None
        assert studio.recorder.unwritten_ms == 3000 - FRAME_MS
        studio.end()


def test_the_room_says_what_of_it_may_still_change(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=SECOND) as ward:
        studio = ward.studio
        studio.writer.hop()
        (recording,) = studio.recorder.live
        assert recording.is_open
        assert recording.bytes_on_disk > 0
        assert studio.clock.now_ms - recording.began_ms == 1000
        assert recording.closed_segments == []
        studio.end()
        assert not recording.is_open


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("room101/*/*/*.flv*"))


def test_what_its_files_take_is_known_while_the_disk_takes_no_manifest(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=4 * SECOND) as ward:
        studio = ward.studio
        studio.writer.hop()
        (recording,) = studio.recorder.live
        assert [row.index for row in recording.closed_segments] == [1]
        assert recording.bytes_on_disk == on_disk(tmp_path)
        recording.remove_segments([1])
        ward.fall_sick()
        studio.send(SECOND)
        # Its first is to go and is still there; its second was written off.
        assert recording.manifest.segments[0].deleted
        assert recording.bytes_on_disk == on_disk(tmp_path)
        ward.get_well()
        studio.writer.hop()
        assert not (tmp_path / recording.path / "0001.flv").exists()
        assert recording.bytes_on_disk == on_disk(tmp_path)
        studio.work()
        studio.writer.hop()
        assert next(row.index for row in recording.closed_segments) == 2
        assert recording.bytes_on_disk == on_disk(tmp_path)
        studio.end()


def test_how_segments_ended_and_gaps_and_frames_are_counted(tmp_path: Path) -> None:
    with open_ward(tmp_path, disk=UnsureDisk(), sent=3 * SECOND + 2) as ward:
        studio = ward.studio
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
    with open_ward(tmp_path) as ward:
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
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        studio.send(SECOND, hop_every=0)
        queue = studio.writer.queues[0]
        job = queue.take()
        studio.clock.advance(9000)
        assert totals(studio).waits_s == pytest.approx(10.0, abs=0.3)
        queue.landed(write_batch([job], studio.clock.now_ms, 0, Race())[0])
        assert totals(studio).waits_s == 0
        studio.end()


def test_jumps_of_an_encoder_s_clock_are_counted_for_good(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=2 * SECOND) as ward:
        studio = ward.studio
        studio.recorder.media(VIDEO, 100_000_000, avc_frame(key=True, mark=0), studio.clock.now_ms)
        assert totals(studio).clock_jumps == 1
        studio.end()
        ward.studio.settle()
        assert totals(studio).clock_jumps == 1
