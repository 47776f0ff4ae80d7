"""A good picture to begin with: one room that records, and one that is idle."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from recorder.status.house_views import (
    ClockView,
    ConfigView,
    DiskState,
    StorageView,
    SweepView,
    SystemView,
    WearView,
)
from recorder.status.room_views import (
    AudioView,
    PublisherView,
    RecordingView,
    RoomState,
    RoomView,
    VideoView,
)
from recorder.status.snapshot import AlarmView, Severity, Snapshot

SINCE = "2026-11-22T10:30:00.000Z"


def video(**changes: Any) -> VideoView:
    good = VideoView(
        codec="avc1",
        width=1280,
        height=720,
        frame_rate=25.0,
        frame_age_s=0.5,
        keyframe_age_s=1.0,
        keyframe_distance_s=2.0,
    )
    return replace(good, **changes)


def audio(**changes: Any) -> AudioView:
    good = AudioView(codec="mp4a", sample_rate=48_000, channels=2, frame_age_s=0.5)
    return replace(good, **changes)


def room(name: str = "room101", **changes: Any) -> RoomView:
    """One that records."""
    good = RoomView(
        name=name,
        title="Physics",
        state=RoomState.RECORDING,
        reason=None,
        since=SINCE,
        state_age_s=600.0,
        waits_s=None,
        publisher=PublisherView(address="10.0.0.7", software="OBS", age_s=601.0),
        video=video(),
        audio=audio(),
        bitrate=4_000_000,
        figures_age_s=0.0,
        quality=None,
        line=None,
        line_age_s=None,
        av_offset_ms=None,
        viewers=0,
        media_age_s=0.5,
        drift_s=0.1,
        buffer_bytes=100_000,
        buffer_limit_bytes=64 << 20,
        lost_ms=0,
        lost_bytes=0,
        write_age_s=0.7,
        recording=RecordingView(
            number=42,
            path="room101/2026-11-22/0000042-103000Z",
            age_s=600.0,
            media_s=600.0,
            bytes=300_000_000,
            segments=2,
            gaps=0,
            file="0002.flv.part",
            safe_bytes=299_000_000,
            safe_age_s=3.0,
            lost_ms=0,
            anomalies={},
        ),
        is_contested=False,
    )
    return replace(good, **changes)


def idle(name: str = "hall") -> RoomView:
    return room(
        name,
        title=None,
        state=RoomState.IDLE,
        publisher=None,
        video=None,
        audio=None,
        bitrate=None,
        figures_age_s=None,
        media_age_s=None,
        drift_s=None,
        buffer_bytes=0,
        write_age_s=None,
        recording=None,
    )


def storage(**changes: Any) -> StorageView:
    good = StorageView(
        directory="/srv/recordings",
        state=DiskState.GOOD,
        reason=None,
        total_bytes=10**12,
        free_bytes=5 * 10**11,
        free_age_s=0.7,
        time_left_s=1_000_000,
        kept_bytes=10**9,
        foreign_bytes=10**8,
        foreign_fills=False,
        counted_age_s=20.0,
        write_ms=12,
        probe_age_s=5.0,
        written_bytes=10**9,
        next_sweep=SweepView(recordings=1, bytes=10**6, age_s=20.0),
        blocked=None,
    )
    return replace(good, **changes)


def clock(**changes: Any) -> ClockView:
    good = ClockView(is_trusted=True, reason=None, stepped_ms=None, step_age_s=None, steps=0)
    return replace(good, **changes)


def config(**changes: Any) -> ConfigView:
    good = ConfigView(path="/etc/recorder/config.yaml", errors=(), is_last_good=False, restart=())
    return replace(good, **changes)


def system(**changes: Any) -> SystemView:
    good = SystemView(
        version="1.0",
        uptime_s=10_000.0,
        boot="6a1e",
        memory_bytes=60_000_000,
        media_bytes=1_000_000,
        media_limit_bytes=100_000_000,
        load=0.2,
        temperature_c=50.0,
        under_voltage_now=False,
        under_voltage_ever=False,
        machine_age_s=0.6,
        clock=clock(),
        last_end="clean",
        failed_logins=0,
        failed_publishes=0,
        refused=(),
        viewers=1,
        config=config(),
        wear=(
            WearView(
                directory="/srv/recordings",
                written_bytes=20_000_000_000,
                period_s=86_400.0,
                total_bytes=90_000_000_000,
                age_s=0.6,
            ),
        ),
    )
    return replace(good, **changes)


def alarm(**changes: Any) -> AlarmView:
    good = AlarmView(
        id="time_left-1",
        kind="time_left",
        severity=Severity.WARNING,
        room=None,
        since=SINCE,
        age_s=5.0,
        text="The disk is nearly full.",
        advice="Make room.",
        acknowledged_by=None,
    )
    return replace(good, **changes)


def picture(**changes: Any) -> Snapshot:
    good = Snapshot(
        sequence=7,
        run="abc",
        time=SINCE,
        rooms=(room(), idle()),
        storage=storage(),
        system=system(),
    )
    return replace(good, **changes)
