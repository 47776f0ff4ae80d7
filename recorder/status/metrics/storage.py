"""The families of the disk and of retention: the label is `volume`, the storage's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.metrics_core import GaugeMetricFamily

from recorder.status.metrics.families import counter, gauge, moment, single, states
from recorder.status.snapshot import DiskState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from recorder.status.metrics.counters import Counters
    from recorder.status.snapshot import Snapshot

WORKS = frozenset({DiskState.GOOD, DiskState.HELD})
"""A disk that is held works: a rule says that nothing more is written."""


def storage_metrics(seen: Snapshot, counters: Counters, now_s: float) -> Iterator[Metric]:
    """The disk, and what was written to it; moments are from `now_s`, in seconds since 1970."""
    storage = seen.storage
    volume = storage.directory
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
        "Recordings that people keep, and data that are not recordings.",
        labels=["volume", "class"],
    )
    for label, value in (("kept", storage.kept_bytes), ("foreign", storage.foreign_bytes)):
        if value is not None:
            used.add_metric([volume, label], value)
    yield used
    errors = counters.write_errors
    yield counter("rec_write_errors", "Writes that failed, by errno.", "errno", errors)


def retention_metrics(seen: Snapshot, counters: Counters) -> Iterator[Metric]:
    """What was deleted, and what would be."""
    storage = seen.storage
    sweep, blocked = storage.next_sweep, storage.blocked
    deleted = counters.deleted_bytes
    yield counter("rec_retention_deleted_bytes", "Deleted, by why.", "reason", deleted)
    yield single(
        "rec_retention_blocked",
        "1 while a deletion plan waits for an operator.",
        blocked is not None,
    )
    yield single(
        "rec_retention_blocked_bytes",
        "What that plan would delete.",
        0 if blocked is None else blocked.bytes,
    )
    yield single(
        "rec_retention_next_sweep_bytes",
        "What the next sweep would delete.",
        None if sweep is None else sweep.bytes,
    )
