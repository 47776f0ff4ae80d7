"""Is the wall clock believed? Pure: what is known of it goes in, a reason or none comes out.

Owns the rule. A Raspberry Pi has no clock of its own: until the network gives it one it is in last
week, and a dead coin cell puts other machines into 1970 or 2099. What rests on the time, retention
by age above all, must not follow it there.

Trust that is withdrawn stays so, over restarts, until an operator confirms the time: only a person
can tell a clock that was wrong and is right now from the opposite.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

STEP_MS = 2_000
"""The wall clock moved by so much more, or less, than the steady one: it was set. NTP slews by
500 ppm at most, half a millisecond a second."""

WITHDRAWING_STEP_MS = 3_600_000

LONG_AGO_MS = 400 * 86_400_000
"""A recorder is used every term; a start so long after the newest recording is more often a wrong
clock than a quiet year."""


@attrs.frozen(kw_only=True)
class Known:
    """What is known of the wall clock.

    Attributes:
        now_utc_ms: what it shows.
        is_synchronised: the system says that it was set, or the configuration that it is right.
        newest_utc_ms: when the newest recording began, by a believed clock; None: not known.
        confirmed_utc_ms: what it showed when an operator last confirmed it; None: never.
        withdrawn: why trust was withdrawn, and not confirmed since; None: it was not.
    """

    now_utc_ms: int
    is_synchronised: bool
    newest_utc_ms: int | None = None
    confirmed_utc_ms: int | None = None
    withdrawn: str | None = None


def doubt(known: Known) -> str | None:
    """Why the wall clock is not believed; None: it is."""
    if known.withdrawn is not None:
        return known.withdrawn
    if not known.is_synchronised:
        return "the system does not say that its clock is synchronised"
    latest = _latest(known)
    if latest is not None and known.now_utc_ms < latest:
        return f"it shows {_text(known.now_utc_ms)}, which is before the newest recording"
    return None


def doubt_at_start(known: Known) -> str | None:
    """Why trust must be withdrawn at a start, now that the newest recording is known."""
    latest = _latest(known)
    if latest is None or known.now_utc_ms - latest <= LONG_AGO_MS:
        return None
    return (
        f"the recorder started at {_text(known.now_utc_ms)}, more than "
        f"{LONG_AGO_MS // 86_400_000} days after the newest recording"
    )


def doubt_after_step(ms: int, now_utc_ms: int, *, was_believed: bool) -> str | None:
    """Why trust must be withdrawn after a step.

    Args:
        now_utc_ms: what the clock shows since.
        was_believed: before it. A clock that was not, and is set for the first time since the
            machine's start, makes the longest step of its life then, and is right at last.
    """
    if not was_believed or abs(ms) <= WITHDRAWING_STEP_MS:
        return None
    return f"it was set {step_text(ms)}, to {_text(now_utc_ms)}"


def step_of(wall_ms: int, steady_ms: int) -> int | None:
    """By how much the clock was set, where it moved by `wall_ms` while `steady_ms` passed."""
    step = wall_ms - steady_ms
    return step if abs(step) > STEP_MS else None


def step_text(ms: int) -> str:
    """`forward by 1 h 2 min`, for a person."""
    seconds = abs(ms) // 1000
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    units = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    parts = [f"{number} {unit}" for number, unit in units if number][:2]
    return f"{'back' if ms < 0 else 'forward'} by {' '.join(parts)}"


def _latest(known: Known) -> int | None:
    times = [each for each in (known.newest_utc_ms, known.confirmed_utc_ms) if each is not None]
    return max(times, default=None)


def _text(utc_ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=utc_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
