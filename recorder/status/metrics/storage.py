"""The families of the disk and of retention: the label is `volume`, the storage's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from recorder.status.house_views import DiskState
from recorder.status.metrics.families import (
    counter,
    folder_label,
    gauge,
    histogram,
    moment,
    single,
    states,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from recorder.status.metrics.counters import Counters
    from recorder.status.snapshot import Snapshot

WORKS = frozenset({DiskState.GOOD, DiskState.HELD})
"""A disk that is held works: a rule says that nothing more is written."""

REASONS = {"room-size": "quota", "size": "quota", "free-space": "floor"}
"""The words that recorders in general have for our rules, where they are others."""


def storage_metrics(seen: Snapshot, counters: Counters, now_s: float) -> Iterator[Metric]:
    """The disk, and what was written to it; moments are from `now_s`, in seconds since 1970."""
    storage = seen.storage
    volume = folder_label(storage.directory)
    yield states(
        "rec_storage_state",
        "How the recording disk is: 1 for the state it is in.",
        "volume",
        DiskState,
        [(volume, storage.state)],
    )
    for name, text, value in (
        ("rec_storage_size_bytes", "Size of the recording disk.", storage.total_bytes),
        ("rec_storage_avail_bytes", "What is free on it.", storage.free_bytes),
        (
            "rec_storage_measured_timestamp_seconds",
            "When size and free space were measured.",
            moment(now_s, storage.free_age_s),
        ),
        (
            "rec_storage_time_left_seconds",
            "So long can be recorded, with all that rules may delete.",
            storage.time_left_s,
        ),
        (
            "rec_storage_probe_success",
            "1 while the disk takes what is written.",
            storage.state in WORKS,
        ),
        (
            "rec_storage_probe_timestamp_seconds",
            "When the disk was last tried.",
            moment(now_s, storage.probe_age_s),
        ),
        (
            "rec_storage_longest_write_seconds",
            "The longest write or sync of the last minute.",
            None if storage.write_ms is None else storage.write_ms / 1000,
        ),
        (
            "rec_storage_foreign_fills",
            "1 while data that are not recordings fill the disk.",
            storage.foreign_fills,
        ),
    ):
        yield gauge(name, text, "volume", [(volume, value)])
    used = GaugeMetricFamily(
        "rec_storage_used_bytes",
        "Recordings that people keep, all others of ours, and data of others.",
        labels=["volume", "class"],
    )
    for label, value in (
        ("kept", storage.kept_bytes),
        ("local", counters.others_bytes),
        ("foreign", storage.foreign_bytes),
    ):
        if value is not None:
            used.add_metric([volume, label], value)
    yield used
    errors = counters.write_errors
    yield counter("rec_write_errors", "Writes that failed, by errno.", "errno", errors)
    yield histogram(
        "rec_write_duration_seconds",
        "How long calls took that change the disk.",
        ["op"],
        (([call], each) for call, each in counters.write_seconds.items()),
    )


def retention_metrics(seen: Snapshot, counters: Counters) -> Iterator[Metric]:
    """What was deleted, and what would be."""
    storage = seen.storage
    sweep, blocked = storage.next_sweep, storage.blocked
    deleted = CounterMetricFamily(
        "rec_retention_deleted_bytes", "Deleted, by the rule and by why.", labels=["rule", "reason"]
    )
    for rule, size in counters.deleted_bytes.items():
        deleted.add_metric([rule, REASONS.get(rule, rule)], size)
    yield deleted
    yield gauge(
        "rec_retention_blocked",
        "1 while something keeps old recordings from being deleted.",
        "reason",
        counters.blocked.items(),
    )
    yield single(
        "rec_retention_blocked_bytes",
        "What the plan would delete that waits for an operator.",
        0 if blocked is None else blocked.bytes,
    )
    yield single(
        "rec_retention_next_sweep_bytes",
        "What the next sweep would delete.",
        None if sweep is None else sweep.bytes,
    )
