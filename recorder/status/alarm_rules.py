"""Which conditions are alarms: one entry each, over a snapshot. Pure, and without memory.

Owns thresholds, texts and advice, for an operator who is no technician: one sentence what is the
matter, one what to do. When a condition that comes and goes becomes an alarm is `alarms`' part. An
idle room is no alarm. Thresholds are those that operators know (appliance §5.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.amounts import duration
from recorder.status.condition import CRITICAL, INFO, RANK, WARNING, Condition
from recorder.status.hook_rules import hook_conditions
from recorder.status.snapshot import DiskState, RoomState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recorder.status.snapshot import ConfigView, RoomView, Severity, Snapshot

HOT: Final = ((85.0, CRITICAL), (80.0, WARNING))
COOLS_BY: Final = 5.0

TIME_LEFT: Final = ((600, CRITICAL), (3 * 3600, WARNING), (24 * 3600, INFO))
CLEARS_ABOVE: Final = 1.2
"""An alarm of the time left stands until this times its limit is left again."""

CLOCK_PATIENCE_S: Final = 600.0
"""A Pi has no clock of its own: the network has so long after the start to tell the time."""

GUESSES: Final = 20
REFUSALS: Final = 5
"""Of one address; a person who mistypes a key sees it and mends it before that."""
LATELY_S: Final = 60.0

STEP_MS: Final = 2000
DRIFT_S: Final = 10.0
KEYFRAME_S: Final = 30.0
WEAK: Final = 0.5


def conditions(
    seen: Snapshot, standing: Mapping[str, Severity] | None = None
) -> Iterator[Condition]:
    """All that hold.

    Args:
        standing: the alarms without a room that stand already, for hysteresis.
    """
    standing = standing or {}
    yield from _disk(seen)
    yield from _time_left(seen, standing)
    yield from _machine(seen, standing)
    yield from _clock(seen)
    yield from _config(seen.system.config)
    yield from hook_conditions(seen.system.hooks)
    for room in seen.rooms:
        yield from _room(room)


def _stands(kind: str, severity: Severity, standing: Mapping[str, Severity]) -> bool:
    """Whether an alarm stands that is as bad as this, or worse: only then it stays longer."""
    return kind in standing and RANK[standing[kind]] <= RANK[severity]


def _disk(seen: Snapshot) -> Iterator[Condition]:
    storage = seen.storage
    reason = storage.reason or ""
    if storage.state is DiskState.FAILED:
        yield Condition(
            kind="disk_failed",
            severity=CRITICAL,
            text=f"The recording disk takes no writes: {reason}",
            advice="Check the disk, its cable and whether it is the right one; recording goes on "
            "by itself.",
            clear_s=30,
        )
    elif storage.state is DiskState.STALLED:
        yield Condition(
            kind="disk_stalled",
            severity=WARNING,
            text=f"{reason} Lessons wait in memory.",
            advice="If this comes often, replace the card or disk.",
            set_s=3,
            clear_s=60,
        )
    elif storage.state is DiskState.HELD:
        yield Condition(
            kind="disk_held",
            severity=CRITICAL,
            text=f"Nothing is recorded: {reason}",
            advice="Delete recordings or make room on the disk; recording goes on by itself.",
        )
    if storage.foreign_fills:
        yield Condition(
            kind="foreign_data",
            severity=CRITICAL,
            text=f"Data that are no recordings fill the disk of {storage.directory}.",
            advice="Move them elsewhere: only what the next ten minutes need is made free.",
        )
    if storage.blocked is not None:
        yield Condition(
            kind="sweep_blocked",
            severity=WARNING,
            text=f"{storage.blocked.recordings} old recordings are due to be deleted, which is "
            "more than usual, so nothing was.",
            advice=f"Look with `recorder sweep --dry-run`; if it is right, run `recorder sweep "
            f"--confirm {storage.blocked.plan}`.",
            detail=storage.blocked.plan,
        )


def _time_left(seen: Snapshot, standing: Mapping[str, Severity]) -> Iterator[Condition]:
    left_s = seen.storage.time_left_s
    if left_s is None:
        return
    for limit_s, severity in TIME_LEFT:
        factor = CLEARS_ABOVE if _stands("time_left", severity, standing) else 1.0
        if left_s < limit_s * factor:
            break
    else:
        return
    hours, minutes = divmod(left_s // 60, 60)
    left = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    yield Condition(
        kind="time_left",
        severity=severity,
        text=f"The disk has room for {left} of recording, with all that may be deleted.",
        advice="Delete or move recordings, let fewer be kept, or use a larger disk.",
    )


def _machine(seen: Snapshot, standing: Mapping[str, Severity]) -> Iterator[Condition]:
    system = seen.system
    if system.media_bytes >= 0.8 * system.media_limit_bytes:
        yield Condition(
            kind="memory",
            severity=WARNING,
            text="The memory for media is nearly full; new encoders will be refused.",
            advice="The disk is too slow for so many rooms, or limits.memory too small.",
            set_s=5,
            clear_s=30,
        )
    heat = system.temperature_c
    for limit, severity in HOT:
        margin = COOLS_BY if _stands("temperature", severity, standing) else 0.0
        if heat is not None and heat >= limit - margin:
            yield Condition(
                kind="temperature",
                severity=severity,
                text=f"The processor is at {heat:.0f} °C and slows down.",
                advice="Give the recorder air, or a heat sink.",
                clear_s=30,
            )
            break
    if system.under_voltage_now:
        yield Condition(
            kind="under_voltage",
            severity=CRITICAL,
            text="The power supply is too weak.",
            advice="Use the original power supply and a short cable; disks fail without warning.",
            clear_s=30,
        )
    elif system.under_voltage_ever:
        yield Condition(
            kind="under_voltage_before",
            severity=WARNING,
            text="The power supply has been too weak since the machine started.",
            advice="Use the original power supply and a short cable.",
            until_acknowledged=True,
        )
    if system.last_end in ("crash", "power"):
        what = "lost its power" if system.last_end == "power" else "ended unexpectedly"
        yield Condition(
            kind="restarted",
            severity=WARNING,
            text=f"The recorder {what} and has started again; what it was recording is repaired.",
            advice="Check the power, and the log of the time before.",
            until_acknowledged=True,
            detail=seen.run,
        )
    yield from _refused(seen)
    if system.failed_logins >= GUESSES:
        yield Condition(
            kind="failed_logins",
            severity=WARNING,
            text="Somebody is guessing the password of this page.",
            advice="Find out who, or close the page to that network.",
            clear_s=300,
        )


def _refused(seen: Snapshot) -> Iterator[Condition]:
    system = seen.system
    stubborn = [
        each for each in system.refused if each.times >= REFUSALS and each.age_s <= LATELY_S
    ]
    if system.failed_publishes >= GUESSES:
        most = f", most from {system.refused[0].address}" if system.refused else ""
        yield Condition(
            kind="failed_publishes",
            severity=WARNING,
            text=f"Somebody is guessing stream keys: {system.failed_publishes} wrong ones within "
            f"20 s{most}.",
            advice="Find out who, or keep that network from the port for encoders.",
            clear_s=300,
        )
    elif stubborn:
        yield Condition(
            kind="encoder_refused",
            severity=WARNING,
            text=f"An encoder at {stubborn[0].address} is refused again and again "
            f"({stubborn[0].times} times): its room, key, password or address is wrong.",
            advice="Correct its settings; the recorder's log says which room it names.",
            clear_s=120,
        )


def _clock(seen: Snapshot) -> Iterator[Condition]:
    clock, uptime_s = seen.system.clock, seen.system.uptime_s
    if not clock.is_trusted and uptime_s >= CLOCK_PATIENCE_S:
        yield Condition(
            kind="clock_untrusted",
            severity=WARNING,
            text=f"The clock is not trusted ({clock.reason}); nothing is deleted by age.",
            advice="Check the network time; if the clock is right, run `recorder trust-clock`.",
            set_s=5,
        )
    if clock.stepped_ms is not None and abs(clock.stepped_ms) > STEP_MS:
        age_s = clock.step_age_s or 0.0
        yield Condition(
            kind="clock_stepped",
            severity=INFO,
            text=f"The clock was set by {clock.stepped_ms / 1000:+.0f} s; recordings are whole.",
            advice="Names and times of recordings before and after may not fit together.",
            until_acknowledged=True,
            # Tens of seconds: the age is rounded by whoever measures it.
            detail=f"{clock.stepped_ms}@{round((uptime_s - age_s) / 10)}",
        )


def _config(config: ConfigView) -> Iterator[Condition]:
    first = config.errors[0] if config.errors else ""
    what = f"{first} (and more, see the log)." if len(config.errors) > 1 else f"{first}."
    if config.is_last_good:
        yield Condition(
            kind="config_last_good",
            severity=CRITICAL,
            text=f"The configuration cannot be used; the last good one is in force: {what}",
            advice="Mend the file and reload the recorder: its next start would fail without that "
            "copy, and what was changed since is not in force.",
            clear_s=0,
        )
    elif config.errors:
        yield Condition(
            kind="config_refused",
            severity=WARNING,
            text=f"The configuration was changed and is not in force: {what}",
            advice="Mend the file and reload the recorder; until then the old one is in force.",
            clear_s=0,
        )
    if config.restart:
        yield Condition(
            kind="config_restart",
            severity=INFO,
            text=f"The configuration was changed; restart needed for: {', '.join(config.restart)}.",
            advice="Restart the recorder when nobody records, or put the old values back.",
            clear_s=0,
        )


def _room(room: RoomView) -> Iterator[Condition]:
    name = room.title or room.name
    if room.state is RoomState.FAULT or room.lost_bytes:
        reason = room.reason if room.state is RoomState.FAULT else "The disk took nothing."
        # Of the newest it keeps as much as fits; what is lost is the oldest, and grows.
        lost = f" {duration(room.lost_ms)} of it are lost so far." if room.lost_bytes else ""
        yield Condition(
            kind="not_recorded",
            room=room.name,
            severity=CRITICAL,
            text=f"{name}: not recorded: {reason}{lost}",
            advice="What comes is kept in memory as far as it goes; mend the disk now.",
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
    if room.buffer_limit_bytes and room.buffer_bytes >= room.buffer_limit_bytes / 2:
        yield Condition(
            kind="write_lag",
            room=room.name,
            severity=CRITICAL,
            text=f"{name}: the disk is too slow; half of the room's buffer is full.",
            advice="Use a faster disk, or a lower bitrate in the encoder.",
            clear_s=60,
        )
    # While the disk stalls we may hold the encoder back: a silence that we cause is not its fault.
    if room.publisher is not None and room.state not in (RoomState.STOPPED, RoomState.STALLED):
        yield from _publisher(room, name)


def _publisher(room: RoomView, name: str) -> Iterator[Condition]:
    media_s = room.media_age_s
    if media_s is None:
        media_s = room.publisher.age_s if room.publisher is not None else 0.0
    if media_s >= 4:
        yield Condition(
            kind="no_media",
            room=room.name,
            severity=CRITICAL if media_s >= 10 else WARNING,
            text=f"{name}: the encoder is connected and has sent nothing for {media_s:.0f} s.",
            advice="Look at the encoder and at its network.",
        )
        return
    for what, track in (("picture", room.video), ("sound", room.audio)):
        age_s = None if track is None else track.frame_age_s
        if age_s is not None and age_s >= 3:
            yield Condition(
                kind=f"no_{'video' if what == 'picture' else 'audio'}",
                room=room.name,
                severity=WARNING,
                text=f"{name}: no {what} for {age_s:.0f} s, while the rest goes on.",
                advice="Check the camera." if what == "picture" else "Check the microphone.",
                set_s=2,
            )
    key_s = None if room.video is None else room.video.keyframe_age_s
    if key_s is not None and key_s >= KEYFRAME_S:
        yield Condition(
            kind="no_keyframes",
            room=room.name,
            severity=WARNING,
            text=f"{name}: no keyframe for {key_s:.0f} s; files cannot be cut cleanly.",
            advice="Set the keyframe interval of the encoder to 2 s.",
        )
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
    if room.quality is not None and room.quality < WEAK:
        yield Condition(
            kind="weak_connection",
            room=room.name,
            severity=WARNING,
            text=f"{name}: the encoder's connection is bad: {room.line.reason}."
            if room.line is not None and room.line.reason is not None
            else f"{name}: the encoder's connection is bad.",
            advice="Use a cable, or a lower bitrate.",
            set_s=5,
            clear_s=15,
        )
