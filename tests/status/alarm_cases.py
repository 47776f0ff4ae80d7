"""What is seen, and the alarm that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recorder.status.house_views import BlockedView, DiskState, RefusedView
from recorder.status.room_views import PublisherView, RoomState
from tests.status import snapshots as made

if TYPE_CHECKING:
    from recorder.status.alarms import Alarms
    from recorder.status.snapshot import Snapshot

GOOD = made.picture()


def of_storage(**changes: Any) -> Snapshot:
    return made.picture(storage=made.storage(**changes))


def of_system(**changes: Any) -> Snapshot:
    return made.picture(system=made.system(**changes))


def of_config(**changes: Any) -> Snapshot:
    return of_system(config=made.config(**changes))


def of_room(**changes: Any) -> Snapshot:
    return made.picture(rooms=(made.room(**changes), made.idle()))


def kinds(alarms: Alarms, seen: Snapshot, now_s: float) -> list[tuple[str, str]]:
    return [(each.kind, each.severity.value) for each in alarms.judge(seen, now_s)]


BLOCKED = BlockedView(plan="abcdef01", recordings=30, bytes=10**9)
SILENT = PublisherView(address="10.0.0.7", software="OBS", age_s=6.0)
STUBBORN = RefusedView(address="10.0.0.66", times=5, age_s=60.0)

CASES = [
    # What is seen, the alarm, after how many seconds it is raised, after how many it clears.
    (of_storage(state=DiskState.FAILED, reason="It is away."), "disk_failed", "critical", 0, 30),
    (of_storage(state=DiskState.STALLED, reason="No answer."), "disk_stalled", "warning", 3, 60),
    (of_storage(state=DiskState.HELD, reason="Full."), "disk_held", "critical", 0, 5),
    (of_storage(foreign_fills=True), "foreign_data", "critical", 0, 5),
    (of_storage(blocked=BLOCKED), "sweep_blocked", "warning", 0, 5),
    (of_storage(time_left_s=24 * 3600 - 1), "time_left", "info", 0, 5),
    (of_storage(time_left_s=3 * 3600 - 1), "time_left", "warning", 0, 5),
    (of_storage(time_left_s=599), "time_left", "critical", 0, 5),
    (of_system(media_bytes=80_000_000), "memory", "warning", 5, 30),
    (of_system(temperature_c=80.0), "temperature", "warning", 0, 30),
    (of_system(temperature_c=85.0), "temperature", "critical", 0, 30),
    (of_system(under_voltage_now=True), "under_voltage", "critical", 0, 30),
    (of_system(failed_logins=20), "failed_logins", "warning", 0, 300),
    (of_config(errors=("config.yaml:3: a: is no known key",)), "config_refused", "warning", 0, 0),
    (
        of_config(errors=("config.yaml: a", "config.yaml: b"), is_last_good=True),
        "config_last_good", "critical", 0, 0,
    ),
    (of_config(rtmps_off="cert.pem cannot be read"), "rtmps_off", "critical", 0, 0),
    (of_config(restart=("state", "rtmp.listen")), "config_restart", "info", 0, 0),
    (of_system(failed_publishes=20), "failed_publishes", "warning", 0, 300),
    (of_system(failed_publishes=20, refused=(STUBBORN,)), "failed_publishes", "warning", 0, 300),
    (of_system(failed_publishes=5, refused=(STUBBORN,)), "encoder_refused", "warning", 0, 600),
    (of_system(clock=made.clock(is_trusted=False, reason="no network")), "clock_untrusted",
     "warning", 5, 5),
    (of_room(state=RoomState.FAULT, reason="No disk."), "not_recorded", "critical", 0, 5),
    (of_room(state=RoomState.STOPPED, lost_bytes=1), "not_recorded", "critical", 0, 5),
    (of_room(is_contested=True), "two_encoders", "warning", 0, 300),
    (of_room(buffer_bytes=32 << 20), "write_lag", "critical", 3, 60),
    (of_room(state=RoomState.STALLED, reason="No answer.", buffer_bytes=32 << 20), "write_lag",
     "critical", 3, 60),
    (of_room(media_age_s=4.0), "no_media", "warning", 0, 5),
    (of_room(media_age_s=10.0), "no_media", "critical", 0, 5),
    (of_room(media_age_s=None, publisher=SILENT), "no_media", "warning", 0, 5),
    (of_room(video=made.video(frame_age_s=3.0)), "no_video", "warning", 2, 5),
    (of_room(audio=made.audio(frame_age_s=3.0)), "no_audio", "warning", 2, 5),
    (of_room(state=RoomState.STARTING), "not_begun", "critical", 15, 5),
    (of_room(video=made.video(keyframe_age_s=30.0)), "no_keyframes", "warning", 0, 5),
    # Of the room's publisher none has ever come.
    (of_room(video=made.video(keyframe_age_s=None)), "no_keyframes", "warning", 0, 5),
    (of_room(drift_s=-10.0), "media_time", "warning", 10, 30),
    (of_room(drift_s=10.0), "media_time", "warning", 10, 30),
    (of_room(quality=0.4), "weak_connection", "warning", 15, 15),
]  # fmt: skip

HAPPENED = [
    # What is seen, and the alarm, which is raised at once and stands until somebody has seen it.
    (of_system(under_voltage_ever=True), "under_voltage_before", "warning"),
    (of_system(last_end="crash"), "restarted", "warning"),
    (of_system(last_end="power"), "restarted", "warning"),
    (of_system(clock=made.clock(stepped_ms=-3000, step_age_s=1.0)), "clock_stepped", "info"),
]
