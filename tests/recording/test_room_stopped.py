"""Stop and start of a room, on real files; times are handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.amf import encode_values
from recorder.flv.script import ON_METADATA
from recorder.flv.tags import AUDIO, VIDEO
from recorder.recording.actions import SegmentRules, StreamHead
from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.lateness import Spread
from recorder.recording.storage import Storage
from tests.helpers import media
from tests.helpers.studio import CLIENT, FRAME_MS, SECOND, Studio, manifests, marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    initialise(tmp_path, None, OsDisk())
    rules = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)
    with Storage.open(tmp_path, None, OsDisk()) as storage:
        studio = Studio(storage, rules)
        yield studio
        studio.settle()


def test_what_comes_while_it_is_stopped_is_nowhere_and_a_start_begins_another_recording(
    studio: Studio, tmp_path: Path
) -> None:
    studio.arrive()
    studio.send(3 * SECOND)
    studio.recorder.stop(studio.clock.now_ms, {"unknown_messages": 2})
    assert studio.recorder.is_stopped
    assert studio.open_number() is None
    studio.send(2 * SECOND + 2)
    assert studio.recorder.pending_bytes == 0
    studio.recorder.start(studio.clock.now_ms)
    assert not studio.recorder.figures(studio.clock.now_ms).is_stopped
    studio.send(3 * SECOND - 2)
    studio.end()
    studio.settle()
    first, second = manifests(tmp_path)
    assert first.end_reason == "stopped"
    assert first.counts["unknown_messages"] == 2
    assert second.number == first.number + 1
    assert not any(segment.forced for segment in second.segments)
    # The start came two frames behind a keyframe: it begins with the next.
    assert marks(tmp_path) == [*range(3 * SECOND), *range(6 * SECOND, 8 * SECOND)]
    assert {track.codec for track in second.segments[0].tracks} == {"avc1", "mp4a"}


def test_a_publisher_that_comes_behind_a_stop_is_recorded(studio: Studio, tmp_path: Path) -> None:
    studio.arrive()
    studio.send(SECOND)
    studio.recorder.stop(studio.clock.now_ms, {})
    studio.lose()
    assert not studio.recorder.is_stopped
    studio.arrive()
    studio.send(SECOND)
    studio.end()
    studio.settle()
    assert len(marks(tmp_path)) == 2 * SECOND


def test_a_stop_before_the_first_media_and_a_start_without_a_stop_are_harmless(
    studio: Studio, tmp_path: Path
) -> None:
    studio.recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
    studio.recorder.start(studio.clock.now_ms)
    studio.recorder.stop(studio.clock.now_ms, {})
    studio.send(SECOND)
    assert studio.recorder.figures(studio.clock.now_ms).is_stopped
    studio.end()
    assert manifests(tmp_path) == []


def test_metadata_from_before_and_during_a_stop_are_those_of_the_next_recording(
    studio: Studio, tmp_path: Path
) -> None:
    studio.arrive()
    _metadata(studio, b"before")
    studio.send(SECOND)
    studio.recorder.stop(studio.clock.now_ms, {})
    _metadata(studio, b"during")
    studio.recorder.start(studio.clock.now_ms)
    studio.send(SECOND)
    studio.end()
    studio.settle()
    old, new = sorted(tmp_path.glob("room101/*/*/0001.flv"))
    assert b"before" in old.read_bytes()
    assert b"during" in new.read_bytes()
    assert b"before" not in new.read_bytes()


def test_a_header_that_has_changed_right_before_a_stop_is_that_of_the_next_recording(
    studio: Studio, tmp_path: Path
) -> None:
    """While the first frames are held, no track knows it yet."""
    other = media.avc_config(media.SPS_32X32)
    studio.arrive()
    studio.send(2)
    studio.recorder.media(VIDEO, 0, other, studio.clock.now_ms)
    studio.recorder.stop(studio.clock.now_ms, {})
    studio.recorder.start(studio.clock.now_ms)
    studio.send(2 * SECOND)
    studio.end()
    studio.settle()
    assert [
        track.width
        for manifest in manifests(tmp_path)
        for segment in manifest.segments
        for track in segment.tracks
        if track.kind == "video"
    ] == [64, 32]


def test_how_late_its_media_come_is_told_once_and_anew_behind_a_stop(studio: Studio) -> None:
    studio.arrive()
    nothing = Spread(least_ms=None, most_ms=None, step_ms=0, begins_anew=False)
    assert studio.recorder.take_spread() == nothing
    studio.send(2 * SECOND)
    spread = studio.recorder.take_spread()
    assert spread.least_ms is not None
    assert spread == Spread(
        least_ms=spread.least_ms, most_ms=spread.least_ms, step_ms=FRAME_MS, begins_anew=False
    ), "it sends as the clock goes"
    studio.clock.advance(3000)
    studio.send(SECOND)
    late = studio.recorder.take_spread()
    assert late.most_ms is not None
    assert late.most_ms >= spread.least_ms + 2000
    studio.recorder.stop(studio.clock.now_ms, {})
    studio.recorder.start(studio.clock.now_ms)
    assert studio.recorder.take_spread().begins_anew
    studio.lose()
    studio.arrive()
    assert not studio.recorder.take_spread().begins_anew
    studio.end()


@pytest.mark.parametrize("jump_ms", [-40_000, 3_600_000])
def test_an_encoder_that_is_silent_and_begins_its_clock_anew_is_not_late(
    studio: Studio, jump_ms: int
) -> None:
    recorder, clock = studio.recorder, studio.clock
    studio.arrive()
    studio.send(20 * SECOND)
    studio.recorder.take_spread()
    clock.advance(30_000)
    for number in range(SECOND):
        time = 50_000 + jump_ms + number * FRAME_MS
        recorder.media(VIDEO, time, media.avc_frame(key=number == 0), clock.now_ms)
        recorder.flush(clock.now_ms)
        spread = recorder.take_spread()
        assert spread.begins_anew is (number == 0)
        assert spread.least_ms == spread.most_ms
        clock.advance(FRAME_MS)
    studio.end()


def _metadata(studio: Studio, author: bytes) -> None:
    values = encode_values(ON_METADATA, {"encoder": author.decode()})
    studio.recorder.data(ON_METADATA, values, 0, studio.clock.now_ms)


def test_who_watches_is_told_what_a_decoder_needs_and_nothing_while_it_is_stopped(
    studio: Studio,
) -> None:
    recorder = studio.recorder
    nothing = StreamHead(None, (), entry=None)
    assert recorder.stream_head == nothing
    studio.arrive()
    _metadata(studio, b"lesson")
    studio.send(SECOND)
    live = recorder.stream_head
    assert live.entry == (VIDEO, 0)
    assert {kind for kind, _ in live.headers} == {AUDIO, VIDEO}
    assert live.metadata is not None
    assert b"lesson" in live.metadata
    recorder.stop(studio.clock.now_ms, {})
    studio.send(SECOND)
    assert recorder.stream_head == attrs.evolve(nothing, metadata=live.metadata)
    recorder.start(studio.clock.now_ms)
    studio.send(SECOND)
    assert recorder.stream_head == live
    studio.end()
    assert recorder.stream_head.headers == ()
