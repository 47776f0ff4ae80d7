"""What is shown of a room's tracks, with a real recorder behind it: what is missing stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from recorder.app_tracks import TrackMeter
from recorder.flv.parameters import TrackParameters
from recorder.recording.actions import SegmentRules
from recorder.recording.disk import OsDisk
from recorder.recording.figures import TrackFigures
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.media import AUDIO, VIDEO, aac_config, aac_frame, avc_config, avc_frame
from tests.helpers.studio import CLIENT, FRAME_MS, GOP_FRAMES, SECOND, Studio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder.status.room_views import AudioView, VideoView


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    disk = OsDisk()
    initialise(tmp_path, None, disk)
    with Storage.open(tmp_path, None, disk) as storage:
        rules = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=3600_000)
        it = Studio(storage, rules)
        yield it
        it.settle()


def looked(studio: Studio, meter: TrackMeter) -> tuple[VideoView | None, AudioView | None]:
    figures, now_s = studio.recorder.figures(studio.clock.now_ms), studio.clock.now_ms / 1000
    is_seen = figures.fault is None and not figures.is_stopped
    meter.look(figures, now_s, is_seen=is_seen)
    return meter.video(None, now_s), meter.audio(now_s)


def send_one_kind(studio: Studio, kind: int, frames: int, first: int = 0) -> None:
    """Frames of one kind, as `Studio.send` sends both."""
    for number in range(first, first + frames):
        frame = avc_frame(key=number % GOP_FRAMES == 0) if kind == VIDEO else aac_frame()
        studio.recorder.media(kind, number * FRAME_MS, frame, studio.clock.now_ms)
        studio.clock.advance(FRAME_MS)
        studio.recorder.flush(studio.clock.now_ms)
    studio.writer.hop()


def age_of_sound(studio: Studio, meter: TrackMeter) -> float | None:
    _, audio = looked(studio, meter)
    assert audio is not None
    return audio.frame_age_s


def test_sound_that_stops_is_missing_in_the_next_segments_too(studio: Studio) -> None:
    meter = TrackMeter()
    studio.arrive()
    studio.send(2 * SECOND)
    assert age_of_sound(studio, meter) == 0
    for second in range(2, 12):
        send_one_kind(studio, VIDEO, SECOND, second * SECOND)
        assert age_of_sound(studio, meter) == second - 1
    recording = studio.recorder.figures(studio.clock.now_ms).recording
    assert recording is not None
    assert recording.segments > 2
    # The sound is there again.
    studio.recorder.media(AUDIO, 12_000, aac_frame(), studio.clock.now_ms)
    assert age_of_sound(studio, meter) == 0
    studio.end()


def test_a_picture_that_stops_is_missing_in_the_next_segments_too(studio: Studio) -> None:
    meter = TrackMeter()
    studio.arrive()
    studio.send(2 * SECOND)
    looked(studio, meter)
    send_one_kind(studio, AUDIO, 20 * SECOND, 2 * SECOND)
    video, audio = looked(studio, meter)
    recording = studio.recorder.figures(studio.clock.now_ms).recording
    assert recording is not None
    assert recording.segments > 2
    assert video is not None
    assert (video.frame_age_s, video.width) == (20, 64)
    assert audio is not None
    assert audio.frame_age_s == 0
    studio.end()


@pytest.mark.parametrize("is_another_process", [False, True])
def test_who_comes_back_without_its_sound_misses_it_since_the_rest_came(
    studio: Studio, is_another_process: bool
) -> None:
    meter = TrackMeter()
    studio.arrive()
    studio.send(2 * SECOND)
    looked(studio, meter)
    studio.lose()
    studio.writer.hop()
    studio.clock.advance(7000)
    if is_another_process:
        meter = TrackMeter()
    meter.clear()
    studio.recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
    studio.recorder.media(VIDEO, 0, avc_config(), studio.clock.now_ms)
    # Of what has not begun nothing is missing.
    assert looked(studio, meter) == (None, None)
    send_one_kind(studio, VIDEO, SECOND)
    _, audio = looked(studio, meter)
    assert audio is not None
    assert (audio.codec, audio.sample_rate, audio.frame_age_s) == ("mp4a", 44_100, 0)
    assert meter.av_offset_ms is None
    send_one_kind(studio, VIDEO, 4 * SECOND, SECOND)
    assert age_of_sound(studio, meter) == 4
    studio.recorder.media(AUDIO, 5000, aac_config(), studio.clock.now_ms)
    send_one_kind(studio, AUDIO, SECOND, 5 * SECOND)
    assert age_of_sound(studio, meter) == 0
    studio.end()


def test_a_new_recording_without_sound_misses_none(studio: Studio) -> None:
    meter = TrackMeter()
    studio.arrive()
    studio.send(2 * SECOND)
    looked(studio, meter)
    studio.end()
    meter.clear()
    studio.recorder.publisher_arrived(CLIENT, gap_reason="reconnect")
    studio.recorder.media(VIDEO, 0, avc_config(), studio.clock.now_ms)
    send_one_kind(studio, VIDEO, 2 * SECOND)
    video, audio = looked(studio, meter)
    assert video is not None
    assert audio is None
    studio.end()


@pytest.mark.parametrize("missing", [VIDEO, AUDIO])
def test_what_an_encoder_has_announced_and_never_sent_is_missed(
    studio: Studio, missing: int
) -> None:
    """A camera that was dead before the lesson began is as dead as one that fails in it."""
    meter = TrackMeter()
    studio.arrive()
    other = AUDIO if missing == VIDEO else VIDEO
    # The longest that a picture is waited for, and a second.
    send_one_kind(studio, other, 11 * SECOND)
    looked(studio, meter)
    send_one_kind(studio, other, 4 * SECOND, 11 * SECOND)
    video, audio = looked(studio, meter)
    assert video is not None
    assert audio is not None
    lacking, coming = (video, audio) if missing == VIDEO else (audio, video)
    assert (lacking.frame_age_s, coming.frame_age_s) == (4, 0)
    assert lacking.codec == ("avc1" if missing == VIDEO else "mp4a")
    assert video.width == 64
    # And when it comes it is there.
    send_one_kind(studio, missing, 1, 15 * SECOND)
    video, audio = looked(studio, meter)
    assert video is not None
    assert audio is not None
    assert (video if missing == VIDEO else audio).frame_age_s == 0
    studio.end()


def test_behind_a_stop_frames_are_missed_since_the_start(studio: Studio) -> None:
    meter = TrackMeter()
    studio.arrive()
    studio.send(2 * SECOND)
    looked(studio, meter)
    studio.recorder.stop(studio.clock.now_ms, {})
    studio.clock.advance(600_000)
    assert age_of_sound(studio, meter) is None
    studio.recorder.start(studio.clock.now_ms)
    studio.clock.advance(1000)
    assert age_of_sound(studio, meter) == 1
    # Frames are counted anew, and there are fewer.
    studio.send(SECOND)
    assert age_of_sound(studio, meter) == 0
    studio.end()


@pytest.mark.parametrize("look_every", [1, 3, 7])
def test_frames_are_counted_on_over_cuts_whenever_it_is_looked(
    studio: Studio, look_every: int
) -> None:
    meter = TrackMeter()
    studio.arrive()
    for _ in range(84 // look_every):
        studio.send(look_every)
        looked(studio, meter)
    figures = studio.recorder.figures(studio.clock.now_ms)
    assert figures.recording is not None
    assert figures.recording.segments > 4
    assert meter.video_frames == 84
    studio.end()


def test_sound_that_follows_the_picture_over_a_cut_is_not_behind_it(studio: Studio) -> None:
    meter = TrackMeter()
    studio.arrive()
    for number in range(40):
        # It is looked when the picture of a moment has come, and its sound has not.
        studio.recorder.media(
            VIDEO,
            number * FRAME_MS,
            avc_frame(key=number % GOP_FRAMES == 0),
            studio.clock.now_ms,
        )
        if number > SECOND:
            _, audio = looked(studio, meter)
            assert audio is not None
            assert audio.frame_age_s == 0
            assert meter.av_offset_ms == FRAME_MS
        studio.recorder.media(AUDIO, number * FRAME_MS, aac_frame(), studio.clock.now_ms)
        studio.recorder.flush(studio.clock.now_ms)
        studio.clock.advance(FRAME_MS)
    studio.end()


def test_sound_that_is_before_the_picture_at_a_cut_is_still_told_of(studio: Studio) -> None:
    """The file that it is in ends at the picture, and the next one has none of it yet."""
    meter = TrackMeter()
    studio.arrive()
    for number in range(40):
        now_ms, time = studio.clock.now_ms, number * FRAME_MS
        studio.recorder.media(AUDIO, time + FRAME_MS, aac_frame(), now_ms)
        studio.recorder.media(VIDEO, time, avc_frame(key=number % GOP_FRAMES == 0), now_ms)
        studio.recorder.flush(now_ms)
        if number > SECOND:
            _, audio = looked(studio, meter)
            assert audio is not None
            assert audio.frame_age_s == 0
            assert meter.av_offset_ms == -FRAME_MS
        studio.clock.advance(FRAME_MS)
    studio.end()


def track(number: int, frames: int) -> TrackFigures:
    return TrackFigures(
        kind="audio",
        track=number,
        codec="mp4a",
        parameters=TrackParameters(codec="mp4a", channels=number + 1),
        frames=frames,
        newest_dts=1000,
        key_dts=None,
        key_distance_ms=None,
    )


def test_of_several_tracks_the_first_is_shown_also_when_only_the_second_goes_on(
    studio: Studio,
) -> None:
    meter = TrackMeter()
    figures = studio.recorder.figures(0)
    found = []
    for second, tracks in enumerate([(track(1, 5),), (track(0, 5), track(1, 10)), (track(1, 15),)]):
        meter.look(replace(figures, tracks=tracks), second, is_seen=True)
        audio = meter.audio(second)
        assert audio is not None
        found.append((audio.channels, audio.frame_age_s))
    assert found == [(2, 0), (1, 0), (1, 1)]


def test_another_track_of_its_kind_takes_the_place_of_one_that_this_publish_never_had(
    studio: Studio,
) -> None:
    meter = TrackMeter()
    studio.arrive()
    studio.send(4 * SECOND)
    figures = studio.recorder.figures(studio.clock.now_ms)
    meter.look(replace(figures, tracks=figures.tracks[:1]), 100, is_seen=True)
    meter.look(replace(figures, tracks=(figures.tracks[0], track(1, 5))), 109, is_seen=True)
    audio = meter.audio(109)
    assert audio is not None
    assert (audio.channels, audio.frame_age_s) == (2, 0)
    studio.end()
