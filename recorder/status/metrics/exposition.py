"""What answers a scrape: all families, and those of the process."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from recorder.status.metrics.rooms import room_counter_metrics, room_metrics
from recorder.status.metrics.storage import retention_metrics, storage_metrics
from recorder.status.metrics.system import (
    alarm_metrics,
    clock_metrics,
    connection_metrics,
    system_metrics,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from recorder.status.metrics.counters import Counters
    from recorder.status.snapshot import Snapshot

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Exposition:
    """One for the life of the process: a process that gave another start with every scrape, as one
    does that asks the kernel anew for the moment of the boot, would look like one that restarts.

    Args:
        started_s: when the recorder started, since 1970, by the clock of then.
    """

    def __init__(self, started_s: float) -> None:
        self._process = ProcessCollector(registry=None)
        self._started_s = started_s

    def text(self, snapshot: Snapshot, counters: Counters) -> bytes:
        """What answers a scrape, of the type CONTENT_TYPE. Reads a little of /proc."""
        registry = CollectorRegistry()
        registry.register(_Picture(snapshot, counters, self._started_s))
        registry.register(self._process)
        return generate_latest(registry)


class _Picture(Collector):
    def __init__(self, snapshot: Snapshot, counters: Counters, started_s: float) -> None:
        self._seen = snapshot
        self._counters = counters
        self._started_s = started_s
        self._now_s = datetime.fromisoformat(snapshot.time).timestamp()

    def collect(self) -> Iterator[Metric]:
        seen, counters, now_s = self._seen, self._counters, self._now_s
        yield from room_metrics(seen, now_s)
        yield from room_counter_metrics(counters.rooms)
        yield from storage_metrics(seen, counters, now_s)
        yield from retention_metrics(seen, counters)
        yield from clock_metrics(seen, counters, now_s)
        yield from system_metrics(seen, counters, self._started_s)
        yield from connection_metrics(seen, counters)
        yield alarm_metrics(seen)
