"""What is shown of the disk and of the machine. A part of the app: it reads the engine's parts and
gives what status shows; it remembers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder import __version__
from recorder.status.digits import rounded
from recorder.status.house_views import (
    BlockedView,
    ClockView,
    DiskState,
    RefusedView,
    StorageView,
    SweepView,
    SystemView,
)

if TYPE_CHECKING:
    from recorder.clock import SystemClock
    from recorder.live.attempts import Attempts
    from recorder.recording.engine import Engine
    from recorder.recording.running import LastEnd
    from recorder.status.house_views import ConfigView, HooksView, WearView
    from recorder.status.machine import Machine


MOST_REFUSED: Final = 8
"""So many addresses are shown: more are a crowd, which an alarm tells."""


def disk_state(engine: Engine, now_s: float, now_ms: int) -> tuple[DiskState, str | None]:
    """How the recording disk is, and why where it is not good.

    Args:
        now_s: on Trio's clock; `now_ms` on the monotonic one of the engine.
    """
    if engine.writer.silent_since_s is not None:
        seconds = now_s - engine.writer.silent_since_s
        return DiskState.STALLED, f"The disk has not answered for {seconds:.0f} s."
    reason = engine.guard.reason or engine.guard.health.reason(now_ms)
    if reason is not None:
        return DiskState.FAILED, reason
    if engine.watch.held is not None:
        return DiskState.HELD, engine.watch.held
    return DiskState.GOOD, None


def storage_view(engine: Engine, now_s: float, now_ms: int) -> StorageView:
    """As of now; the arguments are those of `disk_state`."""
    watch, decision = engine.watch, engine.watch.last_decision
    state, reason = disk_state(engine, now_s, now_ms)
    slowest_s = engine.writer.slowest.seconds(now_s)
    probed_ms = engine.guard.health.last_good_ms
    counted_age_s = None if decision is None else rounded((now_ms - watch.decided_ms) / 1000)
    space, blocked = watch.space, watch.ledger.blocked
    return StorageView(
        directory=str(engine.storage.directory),
        state=state,
        reason=reason,
        total_bytes=None if space is None else space.total,
        free_bytes=None if space is None else space.available,
        free_age_s=None if space is None else rounded((now_ms - watch.looked_ms) / 1000),
        time_left_s=watch.time_left_s,
        kept_bytes=None if decision is None else decision.kept_bytes,
        foreign_bytes=watch.foreign.bytes,
        foreign_fills=watch.foreign.fills,
        counted_age_s=counted_age_s,
        write_ms=None if slowest_s is None else round(slowest_s * 1000),
        probe_age_s=None if probed_ms is None else rounded((now_ms - probed_ms) / 1000),
        written_bytes=engine.writer.written_bytes,
        next_sweep=None
        if decision is None
        else SweepView(
            recordings=len(decision.plan.recordings),
            bytes=sum(each.bytes for each in decision.plan.recordings),
            age_s=rounded((now_ms - watch.decided_ms) / 1000),
        ),
        blocked=None
        if blocked is None
        else BlockedView(
            plan=blocked.plan_id,
            recordings=len(blocked.deletions),
            bytes=sum(each.bytes for each in blocked.deletions),
        ),
    )


def system_view(
    machine: Machine,
    clock: SystemClock,
    *,
    machine_age_s: float | None,
    uptime_s: float,
    boot: str,
    media_bytes: int,
    media_limit_bytes: int,
    last_step: tuple[int, float] | None,
    clock_steps: int,
    last_end: LastEnd | None,
    failed_logins: int,
    attempts: Attempts,
    now_s: float,
    viewers: int,
    config: ConfigView,
    wear: tuple[WearView, ...],
    hooks: HooksView | None,
) -> SystemView:
    """As of now.

    Args:
        machine_age_s: since that was measured; None: it was not yet.
        boot: of the machine.
        last_step: by how many ms the clock was last set, and how many seconds ago; it was set
            `clock_steps` times.
        now_s: on the clock of `attempts`.
    """
    return SystemView(
        version=__version__,
        uptime_s=rounded(uptime_s),
        boot=boot,
        memory_bytes=machine.memory_bytes,
        media_bytes=media_bytes,
        media_limit_bytes=media_limit_bytes,
        load=rounded(machine.load),
        temperature_c=rounded(machine.temperature_c),
        under_voltage_now=machine.under_voltage_now,
        under_voltage_ever=machine.under_voltage_ever,
        machine_age_s=rounded(machine_age_s),
        clock=ClockView(
            is_trusted=clock.trusted(),
            reason=clock.doubt(),
            stepped_ms=None if last_step is None else last_step[0],
            step_age_s=None if last_step is None else rounded(last_step[1]),
            steps=clock_steps,
        ),
        last_end=None if last_end is None else last_end.value,
        failed_logins=failed_logins,
        failed_publishes=attempts.recent(now_s),
        refused=tuple(
            RefusedView(address=each.address, times=each.times, age_s=rounded(each.age_s))
            for each in attempts.worst(MOST_REFUSED, now_s)
        ),
        viewers=viewers,
        config=config,
        wear=wear,
        hooks=hooks,
    )
