"""Pictures of whole houses: 1, 8 or 100 rooms on an ordinary morning, some of them in need."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from recorder.status.room_views import LineView, PublisherView, RoomState, RoomView
from recorder.status.snapshot import Severity
from tests.status.snapshots import alarm, idle, picture, room, storage

if TYPE_CHECKING:
    from recorder.status.snapshot import AlarmView, Snapshot

SUBJECTS = (
    "Physics", "Lecture hall 1", "Chemistry lab", "Room 204, second floor", "Music", "Library",
    "Gym", "Aula",
)  # fmt: skip
FOREIGN = (
    "אולם 204", "Donaudampfschifffahrt" * 6 + "en", "קומה 2 (חדר 12)", "قاعة", "Müller-Straße",
    "חדר 3", "Physics", "ספרייה",
)  # fmt: skip
"""Of scripts that run from the right, and as long as a title may be without a space in it."""
ENCODERS = ("OBS 31.0.2", "ffmpeg (Lavf61.7.100)", "Teradek Cube 655", "Larix 1.3")
FAULTY, STALLED, WAITING, STOPPED, SILENT, WEAK = 5, 6, 3, 4, 2, 1


def ago(seconds: float) -> str:
    """When that was, as the recorder writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def house(rooms: int, titles: tuple[str, ...] = ()) -> Snapshot:
    """One room that records; eight in all their states; or a hundred, of which few are in need.

    Args:
        titles: of the rooms, in turns; without, what a school calls them.
    """
    names = titles or (SUBJECTS if rooms <= 8 else _numbered(rooms))
    shown = tuple(_room(at, rooms, names[at % len(names)]) for at in range(rooms))
    return picture(
        time=ago(0),
        rooms=shown,
        alarms=_alarms(shown) if rooms > 1 else (),
        storage=storage(time_left_s=41 * 3600 + 1200),
    )


def rates(seconds: int = 300) -> list[tuple[float, int]]:
    """A history as a camera of 4 Mbit/s has it."""
    return [
        (float(age), int(3.6e6 + 5e5 * math.sin(age / 9) + 2e5 * math.sin(age / 2.3)))
        for age in range(seconds, 0, -1)
    ]


def line(**changes: Any) -> LineView:
    """Of an encoder on a good network."""
    good = LineView(
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
    )
    return replace(good, **changes)


def _numbered(rooms: int) -> tuple[str, ...]:
    return tuple(f"Room {at // 20 + 1}{at % 20 + 1:02}" for at in range(rooms))


def _room(at: int, rooms: int, title: str) -> RoomView:
    name = f"room{at + 101}"
    if at % 8 == 7 or (at > 8 and at % 3 == 2):
        return replace(idle(name), title=title, since=ago(7200), state_age_s=7200)
    good = room(
        name,
        title=title,
        since=ago(600 + 7 * at),
        state_age_s=600.0 + 7 * at,
        publisher=PublisherView(
            address=f"10.2.0.{at + 7}:50312", software=ENCODERS[at % 4], age_s=601.0 + 7 * at
        ),
        bitrate=3_200_000 + 150_000 * (at % 8),
        quality=0.97,
        line=line(),
        av_offset_ms=20.0,
    )
    if rooms == 1:
        return good
    return replace(good, **_trouble(at, good))


def _trouble(at: int, good: RoomView) -> dict[str, Any]:
    assert good.recording is not None
    if at == FAULTY:
        return {"state": RoomState.FAULT, "reason": "The disk says: Input/output error."}
    if at == STALLED:
        return {"state": RoomState.STALLED, "reason": "A write takes 12 s already.",
                "buffer_bytes": 9_000_000}  # fmt: skip
    if at == STOPPED:
        return {"state": RoomState.STOPPED, "recording": None,
                "reason": "An operator has stopped it; nothing is recorded."}  # fmt: skip
    if at == WAITING:
        return {"state": RoomState.WAITING, "waits_s": 48.0, "publisher": None, "video": None,
                "audio": None, "bitrate": None, "media_age_s": None, "quality": None,
                "line": None, "av_offset_ms": None,
                "reason": "The encoder was lost; it may come back.",
                "recording": replace(good.recording, file=None, safe_age_s=None)}  # fmt: skip
    if at == WEAK:
        return {"quality": 0.61, "line": line(word="weak", late_ms=780.0,
                reason="what it sends comes 0.8 s late")}  # fmt: skip
    return {}


def _alarms(shown: tuple[RoomView, ...]) -> tuple[AlarmView, ...]:
    faulty, silent = shown[FAULTY], shown[SILENT]
    return (
        alarm(
            id="not_recorded-3", kind="not_recorded", severity=Severity.CRITICAL, room=faulty.name,
            text=f"{faulty.title}: not recorded: The disk says: Input/output error.",
            advice="What comes is kept in memory as far as it goes; see to the disk now.",
            since=ago(80), age_s=80.0,
        ),
        alarm(
            id="no_audio-2", kind="no_audio", severity=Severity.WARNING, room=silent.name,
            text=f"{silent.title}: no sound for 31 s, while the rest goes on.",
            advice="Check the microphone.", since=ago(28), age_s=28.0,
        ),
        alarm(
            id="clock_stepped-1", kind="clock_stepped", severity=Severity.INFO, room=None,
            text="The clock was set forward by 3 s; recordings are whole.",
            advice="Names and times of recordings before and after may not fit together.",
            since=ago(4000), age_s=4000.0, acknowledged_by="operator",
        ),
    )  # fmt: skip
