"""What a room says of itself, on real files; times are handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.amf import encode_values
from recorder.flv.parameters import TrackParameters
from recorder.flv.script import ON_METADATA
from recorder.recording.actions import SegmentRules, TrackFacts
from recorder.recording.disk import OsDisk
from recorder.recording.figures import RecordingFigures, RoomFigures, TrackFigures
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.studio import CLIENT, FRAME_MS, SECOND, Studio
from tests.helpers.work import Work

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


def test_the_figures_of_a_room_that_records(studio: Studio) -> None:
    before = studio.recorder.figures(studio.clock.now_ms)
    assert before.written_s is None
    assert before.recording is None
    assert before.tracks == ()
    assert before.newest_dts is None
    studio.arrive()
    assert studio.recorder.figures(studio.clock.now_ms).tracks == ()
    studio.send(4 * SECOND)
    studio.clock.advance(700)
    figures = studio.recorder.figures(studio.clock.now_ms)
    recording = figures.recording
    assert recording is not None
    assert figures.is_open
    assert figures.fault is None
    assert figures.written_s == 0.7
    assert figures.newest_dts == 4000 - FRAME_MS
    video, audio = figures.tracks
    assert (video.kind, video.codec) == ("video", "avc1")
    assert (video.frames, video.key_dts) == (4 * SECOND, 3000)
    assert (audio.kind, audio.frames, audio.key_dts) == ("audio", 4 * SECOND, None)
    assert recording.number == 1
    # It began with its first media, though half a second of them was held.
    assert recording.age_s == 4.7
    assert recording.file == "0002.flv.part"
    assert (recording.segments, recording.gaps) == (2, 0)
    # The open file counts: it is as long as ten minutes, and the lesson goes on.
    assert recording.media_ms == 4000 - FRAME_MS
    folder = studio.storage.directory / recording.path
    on_disk = sum(path.stat().st_size for path in folder.glob("*.flv*"))
    assert recording.bytes == on_disk
    assert recording.safe_bytes <= on_disk
    assert figures.unsafe_s is not None
    assert [each.kind for each in recording.tracks] == ["video", "audio"]
    studio.end()


def test_every_figure_stands_in_its_place(studio: Studio, tmp_path: Path) -> None:
    """They are made by position, and no two of these are alike but what there is none of: what is
    lost has a test of its own."""
    studio.writer.sync_interval_ms = 1000
    studio.arrive()
    studio.send(12)
    # From here on nothing is made safe.
    studio.writer.sync_interval_ms = 60_000
    studio.send(6)
    now_ms = studio.clock.now_ms
    studio.clock.advance(700)
    safe = sum(studio.safe.values())
    written = sum(each.stat().st_size for each in tmp_path.rglob("*.flv*"))
    assert 0 < safe < written
    assert studio.recorder.figures(now_ms + 300) == RoomFigures(
        fault=None,
        is_stopped=False,
        is_open=True,
        newest_dts=17 * FRAME_MS,
        arrived_s=0.5,
        tracks=(
            TrackFigures(
                kind="video",
                track=0,
                codec="avc1",
                parameters=TrackParameters(codec="avc1", width=64, height=48),
                frames=18,
                newest_dts=17 * FRAME_MS,
                key_dts=3000,
                key_distance_ms=1000,
            ),
            TrackFigures(
                kind="audio",
                track=0,
                codec="mp4a",
                parameters=TrackParameters(codec="mp4a", sample_rate=44_100, channels=2),
                frames=18,
                newest_dts=17 * FRAME_MS,
                key_dts=None,
                key_distance_ms=None,
            ),
        ),
        pending_bytes=studio.recorder.pending_bytes,
        buffer_bytes=64 << 20,
        written_s=1.3,
        unsafe_s=1.7,
        recording=RecordingFigures(
            number=1,
            path="room101/2026-11-22/0000001-103000Z",
            age_s=4.3,
            media_ms=17 * FRAME_MS,
            bytes=written,
            safe_bytes=safe,
            segments=2,
            gaps=0,
            file="0002.flv.part",
            counts={},
            tracks=(
                TrackFacts(kind="video", track=0, codec="avc1", width=64, height=48),
                TrackFacts(kind="audio", track=0, codec="mp4a", sample_rate=44_100, channels=2),
            ),
        ),
        lost_ms=0,
        lost_bytes=0,
    )
    studio.end()


def test_to_say_how_a_lesson_is_takes_no_longer_the_longer_it_is(studio: Studio) -> None:
    studio.arrive()
    studio.send(4 * SECOND)
    calls = []
    for _ in range(2):
        studio.recorder.figures(studio.clock.now_ms)
        with Work() as work:
            studio.recorder.figures(studio.clock.now_ms)
        calls.append(work.calls)
        studio.send(40 * SECOND)
    assert calls[0] == calls[1]
    studio.end()


def test_media_are_what_is_audio_or_video_recorded_or_not(studio: Studio) -> None:
    def arrived_s() -> float | None:
        return studio.recorder.figures(studio.clock.now_ms).arrived_s

    assert arrived_s() is None
    studio.arrive()
    studio.send(SECOND)
    assert arrived_s() == FRAME_MS / 1000
    metadata = encode_values(ON_METADATA, {"title": "a"})
    for _ in range(10):
        studio.clock.advance(1000)
        studio.recorder.data(ON_METADATA, metadata, 0, studio.clock.now_ms)
        studio.recorder.flush(studio.clock.now_ms)
    assert arrived_s() == 10 + FRAME_MS / 1000
    studio.recorder.stop(studio.clock.now_ms, {})
    studio.send(1)
    assert arrived_s() == FRAME_MS / 1000
    studio.lose()
    # Another one has sent nothing but metadata.
    studio.recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
    studio.recorder.data(ON_METADATA, metadata, 0, studio.clock.now_ms)
    assert arrived_s() is None
    studio.end()


def test_the_figures_between_publishes(studio: Studio) -> None:
    studio.arrive()
    studio.send(SECOND)
    studio.lose()
    studio.writer.hop()
    studio.clock.advance(5000)
    studio.arrive()
    studio.send(SECOND)
    recording = studio.recorder.figures(studio.clock.now_ms).recording
    assert recording is not None
    assert recording.gaps == 1
    studio.lose()
    studio.writer.hop()
    figures = studio.recorder.figures(studio.clock.now_ms)
    assert figures.recording is not None
    assert figures.recording.file is None
    assert figures.unsafe_s is None
    studio.recorder.end("lost")
