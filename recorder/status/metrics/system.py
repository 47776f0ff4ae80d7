"""The families of the program, its machine and clock, its alarms and its hooks."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import trio
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from recorder.status.metrics.families import counter, gauge, moment, single

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from recorder.status.metrics.counters import Counters
    from recorder.status.snapshot import HooksView, Snapshot

ENDS = ("clean", "crash", "power")


def clock_metrics(seen: Snapshot, now_s: float) -> Iterator[Metric]:
    """The wall clock; moments are from `now_s`, in seconds since 1970."""
    clock = seen.system.clock
    step_s = None if clock.stepped_ms is None else clock.stepped_ms / 1000
    yield single("rec_clock_trusted", "1 while the wall clock is believed.", clock.is_trusted)
    yield single("rec_clock_last_step_seconds", "By how much it was last set.", step_s)
    yield single(
        "rec_clock_last_step_timestamp_seconds",
        "When it was last set.",
        moment(now_s, clock.step_age_s),
    )


def system_metrics(seen: Snapshot, counters: Counters) -> Iterator[Metric]:
    """The program and its machine, and who is connected."""
    system = seen.system
    versions = {
        "version": system.version,
        "python": platform.python_version(),
        "trio": trio.__version__,
    }
    info = GaugeMetricFamily("rec_build_info", "What runs; always 1.", labels=list(versions))
    info.add_metric(list(versions.values()), 1)
    yield info
    if system.last_end is not None:
        ends = ((end, float(end == system.last_end)) for end in ENDS)
        yield gauge(
            "rec_last_restart_reason", "How the recorder before this ended.", "reason", ends
        )
    yield single(
        "rec_memory_used_bytes", "Media in memory; process_* has it all.", system.media_bytes
    )
    yield single("rec_memory_budget_bytes", "So much of them at most.", system.media_limit_bytes)
    yield single("rec_soc_temperature_celsius", "Of the processor.", system.temperature_c)
    yield single("rec_undervoltage", "1 while power is too weak.", system.under_voltage_now)
    yield single(
        "rec_undervoltage_since_boot",
        "1 when power was too weak at any time since the boot.",
        system.under_voltage_ever,
    )
    refused = counters.refused
    yield counter("rec_publishes_refused", "Encoders not let in, by why.", "reason", refused)
    written = CounterMetricFamily(
        "rec_disk_written_bytes",
        "Written to the disk of the folder by everybody since the machine started.",
        labels=["volume"],
    )
    for wear in system.wear:
        written.add_metric([wear.directory], wear.total_bytes)
    yield written
    if system.hooks is not None:
        yield from hook_metrics(system.hooks)
    watching = [("ws", system.viewers)]
    yield gauge("rec_connections", "Pages that are open.", "proto", watching)


def alarm_metrics(seen: Snapshot) -> Metric:
    """The room is no label: `rec_stream_state` tells rooms, and an alarm its room in words."""
    standing: dict[tuple[str, str], int] = {}
    for alarm in seen.alarms:
        labels = (alarm.kind, alarm.severity.value)
        standing[labels] = standing.get(labels, 0) + 1
    gauge = GaugeMetricFamily(
        "rec_alarm_active", "How many alarms of this kind stand.", labels=["alarm", "severity"]
    )
    for labels, count in standing.items():
        gauge.add_metric(labels, count)
    return gauge


def hook_metrics(hooks: HooksView) -> Iterator[Metric]:
    results = {"delivered": hooks.delivered, "given_up": hooks.given_up, "lost": hooks.lost}
    yield counter(
        "rec_hook_events", "Events for receivers, by what became of them.", "result", results
    )
    yield single("rec_hook_failing", "Receivers that do not answer.", len(hooks.failing))
    yield single("rec_hook_delivering", "1 while somebody delivers.", hooks.is_delivering)
