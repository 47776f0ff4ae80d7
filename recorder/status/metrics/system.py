"""The families of the program, its machine and clock, its alarms and its hooks."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import trio
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from recorder.status.metrics.families import (
    count,
    counter,
    folder_label,
    gauge,
    histogram,
    moment,
    single,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from recorder.status.house_views import HooksView
    from recorder.status.metrics.counters import Counters
    from recorder.status.snapshot import Snapshot

ENDS = ("clean", "crash", "power")


def clock_metrics(seen: Snapshot, counters: Counters, now_s: float) -> Iterator[Metric]:
    """The wall clock; moments are from `now_s`, in seconds since 1970."""
    clock = seen.system.clock
    step_s = None if clock.stepped_ms is None else clock.stepped_ms / 1000
    yield single("rec_clock_trusted", "1 while the wall clock is believed.", clock.is_trusted)
    yield count("rec_clock_steps", "How often it was set.", counters.clock_steps)
    yield single("rec_clock_last_step_seconds", "By how much it was last set.", step_s)
    yield single(
        "rec_clock_last_step_timestamp_seconds",
        "When it was last set.",
        moment(now_s, clock.step_age_s),
    )


def system_metrics(seen: Snapshot, counters: Counters, started_s: float) -> Iterator[Metric]:
    """The program and its machine.

    Args:
        started_s: since 1970.
    """
    system = seen.system
    versions = {
        "version": system.version,
        "python": platform.python_version(),
        "trio": trio.__version__,
    }
    info = GaugeMetricFamily("rec_build_info", "What runs; always 1.", labels=list(versions))
    info.add_metric(list(versions.values()), 1)
    yield info
    yield single("rec_start_time_seconds", "When the recorder started.", started_s)
    yield histogram(
        "rec_event_loop_lag_seconds",
        "How late the event loop was, looked at once a second.",
        (),
        [((), counters.lag_seconds)],
    )
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
    written = CounterMetricFamily(
        "rec_disk_written_bytes",
        "Written to the disk of the folder by everybody since the machine started.",
        labels=["volume"],
    )
    for wear in system.wear:
        written.add_metric([folder_label(wear.directory)], wear.total_bytes)
    yield written
    if system.hooks is not None:
        yield from hook_metrics(system.hooks)


def connection_metrics(seen: Snapshot, counters: Counters) -> Iterator[Metric]:
    """Who is connected, and who was not let in."""
    watching = seen.system.viewers
    now = {**counters.connections, "ws": watching}
    if "http" in now:
        # The picture may be a little older than the count.
        now["http"] = max(0, now["http"] - watching)
    yield gauge("rec_connections", "There are now.", "proto", now.items())
    yield counter(
        "rec_connections_rejected", "Not let in, or sent away, by why.", "reason", counters.rejected
    )
    refused = counters.refused
    yield counter("rec_publishes_refused", "Encoders not let in, by why.", "reason", refused)
    publishes = CounterMetricFamily(
        "rec_publish", "What came of wishes to publish.", labels=["stream", "result"]
    )
    for labels, number in counters.publishes.items():
        publishes.add_metric(labels, number)
    yield publishes


def alarm_metrics(seen: Snapshot) -> Metric:
    """The room is no label: `rec_stream_state` tells rooms, and an alarm its room in words."""
    standing: dict[tuple[str, str], int] = {}
    for alarm in seen.alarms:
        labels = (alarm.kind, alarm.severity.value)
        standing[labels] = standing.get(labels, 0) + 1
    gauge = GaugeMetricFamily(
        "rec_alarm_active", "How many alarms of this kind stand.", labels=["alarm", "severity"]
    )
    for labels, number in standing.items():
        gauge.add_metric(labels, number)
    return gauge


def hook_metrics(hooks: HooksView) -> Iterator[Metric]:
    results = {"delivered": hooks.delivered, "given_up": hooks.given_up, "lost": hooks.lost}
    yield counter(
        "rec_hook_events", "Events for receivers, by what became of them.", "result", results
    )
    yield single("rec_hook_failing", "Receivers that do not answer.", len(hooks.failing))
    yield single("rec_hook_delivering", "1 while somebody delivers.", hooks.is_delivering)
