"""Every number of a picture is a count, true at its time, or has its age beside it (design §9)."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from recorder.status import house_views, room_views, snapshot
from tests.status.snapshots import picture

# What is measured now and then, by its class: which field says how long ago.
MEASURED: Final = {
    "VideoView": {"frame_rate": "frame_age_s", "keyframe_distance_s": "keyframe_age_s"},
    "RoomView": {
        "bitrate": "figures_age_s",
        "quality": "line_age_s",
        "av_offset_ms": "media_age_s",
        "drift_s": "media_age_s",
    },
    "SweepView": {"recordings": "age_s", "bytes": "age_s"},
    "StorageView": {
        "total_bytes": "free_age_s",
        "free_bytes": "free_age_s",
        "time_left_s": "counted_age_s",
        "kept_bytes": "counted_age_s",
        "foreign_bytes": "counted_age_s",
        "foreign_fills": "counted_age_s",
    },
    "ClockView": {"stepped_ms": "step_age_s"},
    "RefusedView": {"times": "age_s"},
    "WearView": {"written_bytes": "age_s", "period_s": "age_s", "total_bytes": "age_s"},
    "HooksView": {
        "is_delivering": "age_s",
        "delivered": "age_s",
        "given_up": "age_s",
    },
    "SystemView": {
        "memory_bytes": "machine_age_s",
        "load": "machine_age_s",
        "temperature_c": "machine_age_s",
        "under_voltage_now": "machine_age_s",
        "under_voltage_ever": "machine_age_s",
    },
}

# What is so at the time of the picture, because it is counted or asked for when it is made.
NOW: Final = {
    # Of a file or a stream: what it is.
    "VideoView": {"width", "height"},
    "AudioView": {"sample_rate", "channels"},
    "RecordingView": {"number", "media_s", "bytes", "segments", "gaps", "safe_bytes", "lost_ms"},
    # Over ten seconds that ended `line_age_s` ago, which stands beside it in its room.
    "LineView": {
        "media_rate",
        "late_ms",
        "jitter_ms",
        "rtt_ms",
        "rtt_variation_ms",
        "out_of_order",
        "loss",
        "resent",
    },
    "RoomView": {
        "waits_s",
        "viewers",
        "buffer_bytes",
        "buffer_limit_bytes",
        "lost_ms",
        "lost_bytes",
        "is_contested",
    },
    # Of the plan that waits, as it was made.
    "BlockedView": {"recordings", "bytes"},
    # Of the last minute.
    "StorageView": {"write_ms", "written_bytes"},
    "ClockView": {"is_trusted", "steps"},
    "ConfigView": {"is_last_good"},
    "HooksView": {"lost"},
    "SystemView": {
        "uptime_s",
        "media_bytes",
        "media_limit_bytes",
        "failed_logins",
        "failed_publishes",
        "viewers",
    },
    "Snapshot": {"version", "sequence"},
}

CLASSES: Final[list[Any]] = [
    found
    for module in (room_views, house_views, snapshot)
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, msgspec.Struct)
]


def figures(view: Any) -> set[str]:
    """The fields that are numbers, or say yes or no, and are no age themselves."""
    return {
        name
        for name, kind in view.__annotations__.items()
        if kind.split(" | ")[0] in ("int", "float", "bool") and not name.endswith("age_s")
    }


@pytest.mark.parametrize("view", CLASSES, ids=lambda view: str(view.__name__))
def test_every_number_is_of_now_or_has_its_age_in_its_class(view: Any) -> None:
    name = view.__name__
    measured, now = MEASURED.get(name, {}), NOW.get(name, set())
    assert figures(view) == set(measured) | now
    assert not set(measured) & now
    assert set(measured.values()) <= set(view.__struct_fields__)


def test_what_is_measured_has_an_age_wherever_it_is_known() -> None:
    seen = picture()
    storage, system = seen.storage, seen.system
    for view in (seen.rooms[0], storage, storage.next_sweep, system, *system.wear):
        for value, age in MEASURED[type(view).__name__].items():
            assert getattr(view, value) is None or getattr(view, age) is not None, (value, age)


def test_every_class_is_looked_at() -> None:
    names = {view.__name__ for view in CLASSES}
    assert set(MEASURED) | set(NOW) <= names
    assert {"Snapshot", "HooksView", "AlarmView"} <= names
