"""How values become families of samples. What is not known has no sample: a zero would be a lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    import enum
    from collections.abc import Iterable, Mapping, Sequence

    from recorder.histogram import Buckets


def gauge(
    name: str, text: str, label: str, values: Iterable[tuple[str, float | None]]
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=[label])
    for one, value in values:
        if value is not None:
            gauge.add_metric([one], value)
    return gauge


def single(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=())
    if value is not None:
        gauge.add_metric((), value)
    return gauge


def counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    counter = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        counter.add_metric([value], count)
    return counter


def count(name: str, text: str, value: int | None) -> CounterMetricFamily:
    counter = CounterMetricFamily(name, text, labels=())
    if value is not None:
        counter.add_metric((), value)
    return counter


def histogram(
    name: str,
    text: str,
    labels: Sequence[str],
    found: Iterable[tuple[Sequence[str], Buckets | None]],
) -> HistogramMetricFamily:
    histogram = HistogramMetricFamily(name, text, labels=labels)
    for values, buckets in found:
        if buckets is not None:
            bounds = [*map(floatToGoString, buckets.bounds), "+Inf"]
            histogram.add_metric(
                values, list(zip(bounds, buckets.counts, strict=True)), buckets.total
            )
    return histogram


def states(
    name: str,
    text: str,
    label: str,
    states: Iterable[enum.StrEnum],
    found: Iterable[tuple[str, enum.StrEnum]],
) -> GaugeMetricFamily:
    """One series for each state there is, so that a graph shows also what is not."""
    gauge = GaugeMetricFamily(name, text, labels=[label, "state"])
    for one, state in found:
        for each in states:
            gauge.add_metric([one, each.value], each is state)
    return gauge


def folder_label(folder: str) -> str:
    """The name of a folder may be bytes that are no UTF-8, and what is scraped must be."""
    return folder.encode("utf-8", "backslashreplace").decode()


def moment(now_s: float, age_s: float | None) -> float | None:
    """Prometheus wants moments: they go on ageing when nobody answers any more.

    Args:
        now_s: since 1970, by the clock of the snapshot.
    """
    return None if age_s is None else now_s - age_s
