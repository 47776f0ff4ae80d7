"""Where a segment ends when segments are aligned to the clock.

Pure: the wall clock's time and the zone come in, a span goes out. It is asked once per segment,
when the segment opens (design §7); from then on only the monotonic clock counts, so that a step
of the wall clock moves nothing.

Boundaries are the multiples of the duration counted from local midnight; midnight is always one,
also where the duration does not divide the day. Around a change of summer time the local clock
decides: a boundary in the hour that is left out does not happen, one in the hour that happens
twice happens twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import tzinfo

SYSTEM = "system"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY_MS = 24 * 60 * 60 * 1000


def until_boundary_ms(utc_ns: int, duration_ms: int, timezone: str) -> int:
    """How long a segment that opens now may last to end on a boundary.

    Args:
        utc_ns: now, in nanoseconds since 1970.
        duration_ms: the configured duration, up to a day.
        timezone: whose midnight: a name of the time zone database, or `system`.

    Returns:
        Milliseconds, at least half the duration: a nearer boundary is left out.
    """
    # `astimezone(None)` is the system's zone with its rules for that very moment.
    zone = None if timezone == SYSTEM else ZoneInfo(timezone)
    # Rounded up, so that what is counted from here never ends before the boundary.
    now_ms = -(-utc_ns // 1_000_000)
    moment = now_ms + (duration_ms + 1) // 2
    while True:
        # Within one offset from UTC local time is plain arithmetic. When the offset changes
        # before the boundary, the old offset's boundary never comes: go on from the change.
        offset = _offset_ms(moment, zone)
        boundary = moment + _to_next_multiple((moment + offset) % _DAY_MS, duration_ms)
        if _offset_ms(boundary, zone) == offset:
            return boundary - now_ms
        moment = _change_of_offset(moment, boundary, zone)


def _to_next_multiple(since_midnight_ms: int, duration_ms: int) -> int:
    """From a time of day to the next multiple, 0 when it is one; midnight ends the day."""
    return min(-since_midnight_ms % duration_ms, _DAY_MS - since_midnight_ms)


def _offset_ms(utc_ms: int, zone: tzinfo | None) -> int:
    offset = (_EPOCH + timedelta(milliseconds=utc_ms)).astimezone(zone).utcoffset()
    return (offset or timedelta()) // _MS


def _change_of_offset(before_ms: int, after_ms: int, zone: tzinfo | None) -> int:
    """The first moment with another offset than `before_ms`; the two lie less than a day apart,
    and zones do not change twice in a day."""
    offset = _offset_ms(before_ms, zone)
    while after_ms - before_ms > 1:
        middle = (before_ms + after_ms) // 2
        if _offset_ms(middle, zone) == offset:
            before_ms = middle
        else:
            after_ms = middle
    return after_ms
