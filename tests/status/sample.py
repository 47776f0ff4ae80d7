"""One whole snapshot: every field is filled, and a test changes what it is about."""

from __future__ import annotations

from recorder.status.house_views import (
    BlockedView,
    ClockView,
    ConfigView,
    DiskState,
    RefusedView,
    StorageView,
    SweepView,
    SystemView,
    WearView,
)
from recorder.status.room_views import (
    AudioView,
    LineView,
    PublisherView,
    RecordingView,
    RoomState,
    RoomView,
    VideoView,
)
from recorder.status.snapshot import AlarmView, Severity, Snapshot

MIB = 1 << 20
GIB = 1 << 30

RECORDING = RecordingView(
    number=42,
    path="room101/2026-11-27/0000042-103000Z",
    age_s=2530.0,
    media_s=2529.0,
    bytes=812 * MIB,
    segments=5,
    gaps=1,
    file="0005.flv.part",
    safe_bytes=810 * MIB,
    safe_age_s=2.1,
    lost_ms=0,
    anomalies={"extended_absent": 2},
)

ROOM = RoomView(
    name="room101",
    title="Room 101",
    state=RoomState.RECORDING,
    reason=None,
    since="2026-11-27T10:30:00.000Z",
    state_age_s=2530.0,
    waits_s=None,
    publisher=PublisherView(address="10.2.0.17:50312", software="OBS 31", age_s=2531.0),
    video=VideoView(
        codec="H.264",
        width=1920,
        height=1080,
        frame_rate=29.97,
        frame_age_s=0.1,
        keyframe_age_s=1.1,
        keyframe_distance_s=2.0,
    ),
    audio=AudioView(codec="AAC", sample_rate=48000, channels=2, frame_age_s=0.1),
    bitrate=3_200_000,
    figures_age_s=0.4,
    quality=0.9,
    line=LineView(
        word="good",
        reason=None,
        media_rate=1.0,
        late_ms=120.0,
        jitter_ms=40.0,
        rtt_ms=18.0,
        rtt_variation_ms=4.0,
        out_of_order=0.001,
        loss=0.0002,
        resent=0,
    ),
    line_age_s=1.2,
    av_offset_ms=20.0,
    viewers=2,
    media_age_s=0.1,
    drift_s=0.02,
    buffer_bytes=300_000,
    buffer_limit_bytes=64 * MIB,
    lost_ms=0,
    lost_bytes=0,
    write_age_s=0.6,
    recording=RECORDING,
    is_contested=False,
)

IDLE = RoomView(
    name="room102",
    title=None,
    state=RoomState.IDLE,
    reason=None,
    since="2026-11-27T09:00:00.000Z",
    state_age_s=7930.0,
    waits_s=None,
    publisher=None,
    video=None,
    audio=None,
    bitrate=None,
    figures_age_s=None,
    quality=None,
    line=None,
    line_age_s=None,
    av_offset_ms=None,
    viewers=0,
    media_age_s=None,
    drift_s=None,
    buffer_bytes=0,
    buffer_limit_bytes=64 * MIB,
    lost_ms=0,
    lost_bytes=0,
    write_age_s=None,
    recording=None,
    is_contested=False,
)

STORAGE = StorageView(
    directory="/srv/recordings",
    state=DiskState.GOOD,
    reason=None,
    total_bytes=931 * GIB,
    free_bytes=212 * GIB,
    free_age_s=3.0,
    time_left_s=41 * 3600,
    kept_bytes=12 * GIB,
    foreign_bytes=GIB,
    foreign_fills=False,
    counted_age_s=50.0,
    write_ms=12,
    probe_age_s=20.0,
    written_bytes=9 * GIB,
    next_sweep=SweepView(recordings=3, bytes=4 * GIB, age_s=50.0),
    blocked=BlockedView(plan="p-1a2b", recordings=120, bytes=90 * GIB),
)

CLOCK = ClockView(is_trusted=True, reason=None, stepped_ms=-2500, step_age_s=600.0, steps=1)

SYSTEM = SystemView(
    version="0.1.0",
    uptime_s=273_600.0,
    boot="6a1e",
    memory_bytes=91 * MIB,
    media_bytes=5 * MIB,
    media_limit_bytes=512 * MIB,
    load=0.31,
    temperature_c=61.5,
    under_voltage_now=False,
    under_voltage_ever=True,
    machine_age_s=0.6,
    clock=CLOCK,
    last_end="power",
    failed_logins=0,
    failed_publishes=0,
    refused=(RefusedView(address="10.2.0.66", times=3, age_s=40.0),),
    viewers=2,
    config=ConfigView(
        path="/etc/recorder/config.yaml",
        errors=("config.yaml:3: storage.speed: is no known key",),
        is_last_good=False,
        restart=("storage.directory",),
        rtmps_off="the certificate cannot be read",
    ),
    wear=(
        WearView(
            directory="/srv/recordings",
            written_bytes=36 * GIB,
            period_s=86_400.0,
            total_bytes=90 * GIB,
            age_s=0.6,
        ),
    ),
)

ALARM = AlarmView(
    id="a7",
    kind="disk-failed",
    severity=Severity.CRITICAL,
    room=None,
    since="2026-11-27T11:10:00.000Z",
    age_s=130.0,
    text="The recording disk fails: Input/output error.",
    advice="Exchange the disk /srv/recordings; recording goes on by itself.",
    acknowledged_by=None,
)

WARNING = AlarmView(
    id="a8",
    kind="no-audio",
    severity=Severity.WARNING,
    room="room101",
    since="2026-11-27T11:11:00.000Z",
    age_s=70.0,
    text="room101 sends no sound.",
    advice="Look at the microphone of room101 and at its encoder.",
    acknowledged_by="operator",
)

SNAPSHOT = Snapshot(
    sequence=7,
    run="r1",
    time="2026-11-27T11:12:10.000Z",
    rooms=(ROOM, IDLE),
    storage=STORAGE,
    system=SYSTEM,
    alarms=(ALARM, WARNING),
)
