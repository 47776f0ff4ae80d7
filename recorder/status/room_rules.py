"""Which conditions of a room are alarms. Pure; `alarm_rules` gathers them.

An idle room is no alarm. Of an encoder nothing is said while our own disk may be the cause.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from recorder.amounts import duration
from recorder.status.condition import CRITICAL, WARNING, Condition, stands
from recorder.status.room_views import RoomState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recorder.status.condition import Key
    from recorder.status.room_views import PublisherView, RoomView, VideoView
    from recorder.status.snapshot import Severity

SILENT_S, LOST_S = 4.0, 10.0
MISSING_S: Final = 3.0
"""A track that is so far behind is missing, while the rest goes on."""

DRIFT_S: Final = 10.0
KEYFRAME_S: Final = 30.0
WEAK: Final = 0.5

LAGS_S: Final = 3.0
"""A disk that is well again takes in a moment what has waited for it: that it waits is no lag."""

BEGINS_S: Final = 15.0
"""A file begins sooner with whatever it can begin with: the longest hold is 10 s, and then it is
written."""

HICCUP_S: Final = 15.0
"""The score of a line remembers ten seconds, and is looked at every five when nobody watches: one
hiccup is no alarm."""


def room_conditions(room: RoomView, standing: Mapping[Key, Severity]) -> Iterator[Condition]:
    """All that hold; `standing` as of `alarm_rules.conditions`."""
    name = room.title or room.name
    # With nobody's media in hand nothing is lost yet: the disk's own alarm says why none may come.
    has_media = room.publisher is not None or room.buffer_bytes > 0
    if (room.state is RoomState.FAULT and has_media) or room.lost_bytes:
        reason = room.reason if room.state is RoomState.FAULT else "The disk took nothing."
        # Of the newest it keeps as much as fits; what is lost is the oldest, and grows.
        lost = f" {duration(room.lost_ms)} of it are lost so far." if room.lost_bytes else ""
        yield Condition(
            kind="not_recorded",
            room=room.name,
            severity=CRITICAL,
            text=f"{name}: not recorded: {reason}{lost}",
            advice="What comes is kept in memory as far as it goes; see to the disk now.",
        )
    if room.is_contested:
        yield Condition(
            kind="two_encoders",
            room=room.name,
            severity=WARNING,
            text=f"{name}: two encoders want to publish here.",
            advice="Stop one of them, or give each its own room and key.",
            clear_s=300,
        )
    # What waits for a disk that takes nothing says nothing of how fast that is.
    is_filling = room.buffer_limit_bytes and room.buffer_bytes >= room.buffer_limit_bytes / 2
    if is_filling and room.state is not RoomState.FAULT:
        yield _write_lag(room, name)
    is_gone = room.state is RoomState.WAITING and room.publisher is None
    if is_gone and stands("no_media", WARNING, standing, room.name):
        # That its connection was given up is no end of the silence. Nor is it more than a warning:
        # many pull the plug when a lesson is over, and nobody shall be called for that.
        yield Condition(
            kind="no_media",
            room=room.name,
            severity=WARNING,
            text=f"{name}: the encoder fell silent and is gone; its recording waits for it.",
            advice="Look at the encoder and at its network.",
            prolongs=True,
        )
    # While the disk stalls we may hold the encoder back: a silence that we cause is not its fault.
    if room.publisher is not None and room.state not in (RoomState.STOPPED, RoomState.STALLED):
        yield from _publisher(room, name, standing)


def _write_lag(room: RoomView, name: str) -> Condition:
    if room.state is RoomState.STALLED:
        text = f"{name}: {room.reason} Half of the room's buffer is full."
        advice = "If this comes often, replace the card or disk."
    else:
        text = f"{name}: the disk is too slow; half of the room's buffer is full."
        advice = "Use a faster disk, or a lower bitrate in the encoder."
    return Condition(
        kind="write_lag",
        room=room.name,
        severity=CRITICAL,
        text=text,
        advice=advice,
        set_s=LAGS_S,
        clear_s=60,
    )


def _publisher(room: RoomView, name: str, standing: Mapping[Key, Severity]) -> Iterator[Condition]:
    media_s = room.media_age_s
    if media_s is None:
        media_s = room.publisher.age_s if room.publisher is not None else 0.0
    if media_s >= SILENT_S:
        # Who sends something every now and then has no new alarm each time.
        is_lost = media_s >= LOST_S or stands("no_media", CRITICAL, standing, room.name)
        yield Condition(
            kind="no_media",
            room=room.name,
            severity=CRITICAL if is_lost else WARNING,
            text=f"{name}: the encoder is connected and has sent nothing for {media_s:.0f} s.",
            advice="Look at the encoder and at its network.",
        )
        # A silence is told already; a line that falls silent again and again is when it speaks.
        yield from _line(room, name, set_s=math.inf)
        return
    if room.state is RoomState.STARTING and room.media_age_s is not None:
        yield Condition(
            kind="not_begun",
            room=room.name,
            severity=CRITICAL,
            text=f"{name}: the encoder sends, and nothing of it is recorded: no picture or sound "
            "comes that a file could begin with.",
            advice="Look at the codecs in the encoder's settings; H.264 with AAC is always right.",
            set_s=BEGINS_S,
        )
    for what, track in (("picture", room.video), ("sound", room.audio)):
        age_s = None if track is None else track.frame_age_s
        if age_s is not None and age_s >= MISSING_S:
            yield Condition(
                kind=f"no_{'video' if what == 'picture' else 'audio'}",
                room=room.name,
                severity=WARNING,
                text=f"{name}: no {what} for {age_s:.0f} s, while the rest goes on.",
                advice="Check the camera." if what == "picture" else "Check the microphone.",
                set_s=2,
            )
    if room.video is not None and room.publisher is not None:
        yield from _keyframes(room.video, room.publisher, room.name, name)
    if room.drift_s is not None and abs(room.drift_s) >= DRIFT_S:
        way = "faster" if room.drift_s > 0 else "slower"
        yield Condition(
            kind="media_time",
            room=room.name,
            severity=WARNING,
            text=f"{name}: the encoder's time runs {way} than the clock, by "
            f"{abs(room.drift_s):.0f} s.",
            advice="Check the encoder's load and its network.",
            set_s=10,
            clear_s=30,
        )
    yield from _line(room, name, set_s=HICCUP_S)


def _line(room: RoomView, name: str, *, set_s: float) -> Iterator[Condition]:
    if room.quality is not None and room.quality < WEAK:
        yield Condition(
            kind="weak_connection",
            room=room.name,
            severity=WARNING,
            text=f"{name}: the encoder's connection is bad: {room.line.reason}."
            if room.line is not None and room.line.reason is not None
            else f"{name}: the encoder's connection is bad.",
            advice="Use a cable, or a lower bitrate.",
            set_s=set_s,
            clear_s=15,
        )


def _keyframes(
    video: VideoView, publisher: PublisherView, room: str, name: str
) -> Iterator[Condition]:
    if video.frame_age_s is None or video.frame_age_s >= MISSING_S:
        # Without pictures there are no keyframes, and nothing is wrong with how often they come.
        return
    # Pictures come: none of the whole publish was a keyframe where there is none.
    age_s = publisher.age_s if video.keyframe_age_s is None else video.keyframe_age_s
    distance_s = video.keyframe_distance_s
    if age_s >= KEYFRAME_S:
        what = f"no keyframe for {age_s:.0f} s"
    elif distance_s is not None and distance_s >= KEYFRAME_S:
        # One has just come, as seldom as the ones before.
        what = f"keyframes are {distance_s:.0f} s apart"
    else:
        return
    yield Condition(
        kind="no_keyframes",
        room=room,
        severity=WARNING,
        text=f"{name}: {what}; files cannot be cut cleanly.",
        advice="Set the keyframe interval of the encoder to 2 s.",
    )
