"""What is shown of a room: its state as a table, and rates out of counters."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace

from recorder.app_room_view import HISTORY_S, YOUNG_S, RoomFacts, RoomMeter, state_of
from recorder.flv.parameters import TrackParameters
from recorder.recording.figures import RecordingFigures, RoomFigures, TrackFigures
from recorder.recording.lateness import Spread
from recorder.status.room_views import (
    AudioView,
    PublisherView,
    RecordingView,
    RoomState,
    RoomView,
    VideoView,
)

UTC = "2026-11-22T10:30:00.000Z"
RECORDING = RecordingFigures(
    number=1,
    path="a/2026-11-22/0000001-103000Z",
    age_s=5.5,
    media_ms=5000,
    bytes=1000,
    safe_bytes=500,
    segments=2,
    gaps=3,
    file="0001.flv.part",
    counts={"lost_ms": 7, "clock_jumps": 1},
    tracks=(),
)


SOUND = TrackParameters(codec="mp4a", sample_rate=48_000, channels=2)


def track(kind: str, frames: int, *, key_dts: int | None = None) -> TrackFigures:
    codec = "avc1" if kind == "video" else "mp4a"
    return TrackFigures(
        kind=kind,
        track=0,
        codec=codec,
        parameters=TrackParameters(codec=codec, width=640, height=360),
        frames=frames,
        newest_dts=1000,
        key_dts=key_dts,
        key_distance_ms=2000,
    )


def facts(*, figures: dict[str, Any] | None = None, **changes: Any) -> RoomFacts:
    """A room that records since 100 s, at the moment 200."""
    room = RoomFigures(
        fault=None,
        is_stopped=False,
        is_open=True,
        newest_dts=1000,
        arrived_s=0.1,
        tracks=(),
        pending_bytes=0,
        buffer_bytes=1 << 20,
        written_s=0.5,
        unsafe_s=2.0,
        recording=RECORDING,
        lost_ms=0,
        lost_bytes=0,
    )
    good = RoomFacts(
        name="a",
        title=None,
        figures=replace(room, **(figures or {})),
        publish=1,
        publisher_since_s=100.0,
        address="10.0.0.1",
        software="OBS",
        has_media=True,
        received_bytes=0,
        received_s=None,
        window_ends_s=math.inf,
        stalled=None,
        refused=None,
        is_contested=False,
        spread=Spread(least_ms=None, most_ms=None, step_ms=40, begins_anew=False),
        tcp=None,
        max_delay_s=2.0,
        viewers=0,
    )
    return replace(good, **changes)


WAITS = {"is_open": False, "fault": "no disk", "pending_bytes": 1}


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (facts(), RoomState.RECORDING),
        (facts(figures={"written_s": YOUNG_S - 0.1}), RoomState.RECORDING),
        # Promise 9: green only while something is written.
        (facts(figures={"written_s": YOUNG_S}), RoomState.WAITING),
        (facts(figures={"written_s": YOUNG_S, "pending_bytes": 1}), RoomState.STALLED),
        (facts(figures={"written_s": YOUNG_S}, stalled="no answer"), RoomState.STALLED),
        (facts(figures={"written_s": 0.5}, stalled="no answer"), RoomState.RECORDING),
        (facts(figures={"written_s": None}), RoomState.STARTING),
        # Stopped and started again: the last write was of the recording before.
        (facts(figures={"is_open": False, "recording": None}), RoomState.STARTING),
        # The last write was of the publish before this one.
        (facts(figures={"written_s": 3.0}, publisher_since_s=198.0), RoomState.STARTING),
        (facts(has_media=False), RoomState.STARTING),
        (facts(figures={"fault": "no disk"}), RoomState.FAULT),
        (facts(figures={"is_stopped": True, "fault": "no disk"}), RoomState.STOPPED),
        (facts(publisher_since_s=None), RoomState.WAITING),
        (facts(publisher_since_s=None, figures={"is_open": False}), RoomState.IDLE),
        # What it has sent waits for the disk, or is lost.
        (facts(publisher_since_s=None, figures=WAITS), RoomState.FAULT),
        (facts(publisher_since_s=None, figures={"fault": "x", "lost_bytes": 1}), RoomState.FAULT),
        # Nobody loses anything: the disk's own state says what is the matter.
        (facts(publisher_since_s=None, figures={"is_open": False, "fault": "x"}), RoomState.IDLE),
        # An encoder that came now would be refused.
        (
            facts(publisher_since_s=None, figures={"is_open": False}, refused="no disk"),
            RoomState.FAULT,
        ),
        (facts(publisher_since_s=None, refused="no disk"), RoomState.WAITING),
        (facts(refused="no disk"), RoomState.RECORDING),
    ],
)
def test_the_state_is_what_is_true(seen: RoomFacts, state: RoomState) -> None:
    found, reason = state_of(seen, 200.0)
    assert found is state
    assert (reason is None) == (state in (RoomState.RECORDING, RoomState.IDLE))


def test_rates_are_those_of_the_last_seconds() -> None:
    meter = RoomMeter()
    first = meter.look(facts(figures={"tracks": (track("video", 10, key_dts=0),)}), 200.0, UTC)
    assert (first.bitrate, first.figures_age_s) == (None, None)
    for second in range(1, 31):
        tracks = track("video", 10 + 25 * second, key_dts=0), track("audio", 47 * second)
        seen = facts(figures={"tracks": tracks}, received_bytes=500_000 * second)
        view = meter.look(seen, 200.0 + second, UTC)
    assert view.bitrate == 4_000_000
    assert view.video is not None
    assert view.video.frame_rate == 25
    assert (view.video.frame_age_s, view.video.keyframe_age_s) == (0, 30)
    assert view.audio is not None
    assert view.audio.frame_age_s == 0
    assert view.media_age_s == 0.1
    # None of the first two seconds, which would say anything.
    assert len(meter.history(230.0)) == 29
    assert meter.history(230.0)[0] == (28.0, 4_000_000)
    assert meter.history(230.0 + HISTORY_S) == [(300.0, 4_000_000)]


def test_what_is_lost_so_far_is_shown_as_it_is_told() -> None:
    seen = facts(figures={"fault": "no disk", "lost_ms": 240_000, "lost_bytes": 9_000_000})
    view = RoomMeter().look(seen, 200.0, UTC)
    assert (view.lost_ms, view.lost_bytes) == (240_000, 9_000_000)


def test_ages_grow_while_nothing_comes() -> None:
    meter = RoomMeter()
    seen = facts(figures={"tracks": (track("video", 5, key_dts=0),)}, received_bytes=9)
    meter.look(seen, 200.0, UTC)
    seen = facts(figures={"tracks": seen.figures.tracks, "arrived_s": 7.1}, received_bytes=9)
    view = meter.look(seen, 207.0, UTC)
    assert view.video is not None
    assert (view.video.frame_age_s, view.media_age_s) == (7, 7.1)
    assert view.state_age_s == 7


def test_metadata_and_pings_are_no_media() -> None:
    meter = RoomMeter()
    for second in range(20):
        seen = facts(figures={"arrived_s": 0.3 + second}, received_bytes=500 * second)
        assert meter.look(seen, 200.0 + second, UTC).media_age_s == 0.3 + second
    seen = facts(publish=2, has_media=False, figures={"arrived_s": None}, received_bytes=10**5)
    assert meter.look(seen, 230.0, UTC).media_age_s is None
    # Nobody publishes: that of the last publisher is nobody's.
    assert meter.look(facts(publisher_since_s=None), 231.0, UTC).media_age_s is None


@pytest.mark.parametrize("tick_s", [0.3, 1.0, 1.1, 5.0])
def test_rates_are_those_from_read_to_read_whenever_it_is_looked(tick_s: float) -> None:
    meter = RoomMeter()
    for number in range(100):
        now_s = 200 + number * tick_s
        read_s = now_s // 0.5 * 0.5
        seen = facts(
            figures={"tracks": (track("video", int((read_s - 200) * 24)),)},
            received_bytes=int((read_s - 200) * 50_000),
            received_s=read_s,
        )
        view = meter.look(seen, now_s, UTC)
        assert view.bitrate in {None, 400_000}
        assert view.video is not None
        assert view.video.frame_rate in {None, 24}
    assert view.bitrate is not None
    assert view.figures_age_s is not None
    assert view.figures_age_s < 0.5
    # Nothing comes any more.
    for second in range(12):
        silent = meter.look(seen, now_s + second, UTC)
    assert silent.bitrate == 0


def test_what_waited_for_a_file_is_no_frame_rate() -> None:
    meter = RoomMeter()

    def rate(second: int, frames: int, fault: str | None = None) -> float | None:
        figures = {"tracks": (track("video", frames),), "fault": fault}
        view = meter.look(facts(figures=figures), 200.0 + second, UTC)
        assert view.video is not None
        return view.video.frame_rate

    found = [rate(second, 25 * second if second > 1 else 0) for second in range(5)]
    assert found == [None, None, None, None, 25]
    assert [rate(second, 100, "no disk") for second in range(5, 20)] == [None] * 15
    # All that has gathered comes into a file at once.
    assert [rate(20, 500), rate(21, 525)] == [None, None]
    assert [rate(second, 25 * second) for second in range(22, 40)] == [25] * 18


def test_what_an_encoder_begins_with_is_no_rate() -> None:
    meter = RoomMeter()
    # Ten seconds of video, at once.
    views = [
        meter.look(facts(received_bytes=received), 200.0 + at_s, UTC)
        for at_s, received in ((0.0, 0), (0.1, 5_000_000), (1.9, 5_900_000), (2.0, 6_000_000))
    ]
    assert [view.bitrate for view in views] == [None, None, None, 24_000_000]


def test_media_that_run_ahead_of_the_clock_are_seen() -> None:
    meter = RoomMeter()
    assert meter.look(facts(figures={"newest_dts": 5000}), 200.0, UTC).drift_s == 0
    assert meter.look(facts(figures={"newest_dts": 25_000}), 210.0, UTC).drift_s == 10
    assert meter.look(facts(figures={"newest_dts": None}), 211.0, UTC).drift_s is None
    assert meter.look(facts(figures={"newest_dts": 5000}), 212.0, UTC).drift_s == 0


def test_another_publisher_begins_anew() -> None:
    meter = RoomMeter()
    tracks = (track("video", 5, key_dts=0),)
    for second in (0, 1):
        meter.look(facts(figures={"tracks": tracks}, received_bytes=second), 200.0 + second, UTC)
    view = meter.look(facts(publish=2), 202.0, UTC)
    assert (view.video, view.bitrate) == (None, None)
    gone = meter.look(facts(publisher_since_s=None, window_ends_s=230.0), 203.0, UTC)
    assert gone.publisher is None
    assert gone.waits_s == 27


def test_a_line_is_judged_by_what_came_between_two_looks_and_not_by_what_we_held_back() -> None:
    meter = RoomMeter()

    def look(second: int, **spread: Any) -> RoomView:
        found = {
            "least_ms": 200_000,
            "most_ms": 200_000,
            "step_ms": 40,
            "begins_anew": False,
            **spread,
        }
        figures = {"newest_dts": 1000 * second, "arrived_s": 0.0}
        seen = facts(figures=figures, spread=Spread(**found))
        return meter.look(seen, 200.0 + second, UTC)

    for second in range(6):
        assert look(second).quality in (None, 1)
    late = look(6, most_ms=203_000).line
    assert late is not None
    assert late.word == "bad"
    assert late.late_ms == 3000 - 40  # It may have come just behind the read before.
    assert look(7, begins_anew=True).quality is None
    for second in range(8, 12):
        seen = look(second)
    assert seen.quality == 1


def test_a_line_is_judged_at_every_second_look_and_says_how_long_ago_that_was() -> None:
    meter = RoomMeter()
    judged = Spread(least_ms=200_000, most_ms=200_000, step_ms=40, begins_anew=False)
    found = list[tuple[bool, float | None, float | None]]()

    def look(now_s: float, **changes: Any) -> None:
        figures = {"newest_dts": round((now_s - 200) * 1000), "arrived_s": 0.0}
        is_asked = meter.judges_line(now_s)
        seen = facts(figures=figures, spread=judged if is_asked else None, **changes)
        view = meter.look(seen, now_s, UTC)
        assert (view.line is None) is (view.line_age_s is None)
        found.append((is_asked, view.quality, view.line_age_s))

    for second in range(200, 206):
        look(float(second))
    assert found == [
        (True, None, 0.0),
        (False, None, 1.0),
        (True, None, 0.0),
        (False, None, 1.0),
        (True, 1.0, 0.0),
        (False, 1.0, 1.0),
    ]
    # With nobody watching there are 5 s between two.
    look(210.0)
    look(210.2, stalled="no answer")
    look(210.4)
    look(211.6)
    assert found[6:] == [
        (True, 1.0, 0.0),
        (False, None, None),
        # What was judged before the disk stood still is not said of behind it.
        (False, None, None),
        (True, None, 0.0),
    ]
    # Nor is anything of another publish's line.
    look(212.0, publish=2)
    assert found[10:] == [(False, None, None)]
    assert meter.judges_line(212.2)


def test_while_the_disk_fails_no_frame_is_called_missing() -> None:
    meter = RoomMeter()
    tracks = track("video", 5), track("audio", 5)
    meter.look(facts(figures={"tracks": tracks}), 200.0, UTC)
    view = meter.look(facts(figures={"fault": "no disk"}), 210.0, UTC)
    assert view.video is not None
    assert view.audio is not None
    assert (view.video.frame_age_s, view.audio.frame_age_s) == (None, None)


def test_two_looks_in_one_moment_measure_nothing() -> None:
    meter = RoomMeter()
    meter.look(facts(), 200.0, UTC)
    assert meter.look(facts(), 200.0, UTC).bitrate is None


def test_every_figure_of_a_room_stands_in_its_place() -> None:
    """They are made by position, and no two of these are alike."""
    meter = RoomMeter()

    def look(now_s: float, frames: int, **changes: Any) -> RoomView:
        sound = replace(track("audio", frames), parameters=SOUND, newest_dts=900)
        figures = {
            "tracks": (track("video", frames, key_dts=500), sound),
            "newest_dts": int(now_s * 1000) - 150_000,
            "arrived_s": 0.3,
            "pending_bytes": 31,
            "buffer_bytes": 32,
            "written_s": 0.7,
            "unsafe_s": 0.8,
            "lost_ms": 33,
            "lost_bytes": 34,
        }
        seen = facts(
            figures=figures,
            title="Physics",
            received_bytes=frames * 100,
            received_s=now_s - 0.1,
            viewers=35,
            is_contested=True,
            **changes,
        )
        return meter.look(seen, now_s, UTC)

    look(192.0, 20)
    look(195.0, 80)
    view = look(200.0, 180, spread=None)
    assert view.line is not None
    assert view == RoomView(
        name="a",
        title="Physics",
        state=RoomState.RECORDING,
        reason=None,
        since=UTC,
        state_age_s=8.0,
        waits_s=None,
        publisher=PublisherView(address="10.0.0.1", software="OBS", age_s=100.0),
        video=VideoView(
            codec="avc1",
            width=640,
            height=360,
            frame_rate=20.0,
            frame_age_s=0.0,
            keyframe_age_s=8.0,
            keyframe_distance_s=2.0,
        ),
        audio=AudioView(codec="mp4a", sample_rate=48_000, channels=2, frame_age_s=0.0),
        bitrate=16_000,
        figures_age_s=0.1,
        quality=1.0,
        line=view.line,
        line_age_s=5.0,
        av_offset_ms=100.0,
        viewers=35,
        media_age_s=0.3,
        drift_s=0.0,
        buffer_bytes=31,
        buffer_limit_bytes=32,
        lost_ms=33,
        lost_bytes=34,
        write_age_s=0.7,
        recording=RecordingView(
            number=1,
            path="a/2026-11-22/0000001-103000Z",
            age_s=5.5,
            media_s=5.0,
            bytes=1000,
            segments=2,
            gaps=3,
            file="0001.flv.part",
            safe_bytes=500,
            safe_age_s=0.8,
            lost_ms=7,
            anomalies={"lost_ms": 7, "clock_jumps": 1},
        ),
        is_contested=True,
    )


def test_the_recording_is_shown_with_what_it_has_lost() -> None:
    view = RoomMeter().look(facts(), 200.0, UTC)
    assert view.recording is not None
    assert (view.recording.lost_ms, view.recording.safe_age_s) == (7, 2.0)
    assert RoomMeter().look(facts(figures={"recording": None}), 200.0, UTC).recording is None
