"""Which conditions of the recording disk are alarms. Pure; `alarm_rules` gathers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.amounts import duration
from recorder.status.condition import CRITICAL, INFO, WARNING, Condition, stands
from recorder.status.house_views import DiskState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recorder.status.condition import Key
    from recorder.status.house_views import StorageView
    from recorder.status.snapshot import Severity

TIME_LEFT: Final = ((600, CRITICAL), (3 * 3600, WARNING), (24 * 3600, INFO))
CLEARS_ABOVE: Final = 1.2
"""An alarm of the time left stands until this times its limit is left again."""

FRESH_S: Final = 10.0
"""What is told in whole minutes says how old it is when it is older than this."""


COUNTED: Final = frozenset({"time_left", "foreign_data", "sweep_blocked"})
"""Alarms of what a sweep counts."""


def unknown_of_disk(storage: StorageView) -> frozenset[str]:
    """The alarms of which nobody knows yet whether they hold: behind a start that has to make the
    catalogue anew, or whose disk is silent or missing, the first sweep is minutes away."""
    return COUNTED if storage.counted_age_s is None else frozenset()


def disk_conditions(storage: StorageView, standing: Mapping[Key, Severity]) -> Iterator[Condition]:
    """All that hold; `standing` as of `alarm_rules.conditions`."""
    yield from _state(storage)
    yield from _time_left(storage, standing)


def _state(storage: StorageView) -> Iterator[Condition]:
    reason = storage.reason or ""
    if storage.state is DiskState.FAILED:
        yield Condition(
            kind="disk_failed",
            severity=CRITICAL,
            text=f"The recording disk takes no writes: {reason}",
            # What to do stands in the reason: a full disk needs no new cable.
            advice="See to that now; recording goes on by itself.",
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


def _time_left(storage: StorageView, standing: Mapping[Key, Severity]) -> Iterator[Condition]:
    left_s = storage.time_left_s
    if left_s is None:
        return
    for limit_s, severity in TIME_LEFT:
        factor = CLEARS_ABOVE if stands("time_left", severity, standing) else 1.0
        if left_s < limit_s * factor:
            break
    else:
        return
    hours, minutes = divmod(left_s // 60, 60)
    left = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    # A sweep knows it, and comes once a minute, or later from a slow disk, which fills meanwhile.
    age_s = storage.counted_age_s or 0.0
    as_of = f", as of {duration(int(age_s * 1000))} ago" if age_s >= FRESH_S else ""
    yield Condition(
        kind="time_left",
        severity=severity,
        text=f"The disk has room for {left} of recording, with all that may be deleted{as_of}.",
        advice="Delete or move recordings, let fewer be kept, or use a larger disk.",
    )
