"""Observations in buckets: the upper bounds are inside, and threads lose none."""

from __future__ import annotations

import threading

from recorder.histogram import WAITS_S, Histogram


def test_a_value_is_in_every_bucket_whose_bound_it_does_not_exceed() -> None:
    histogram = Histogram((1.0, 10.0))
    for value in (0.5, 1.0, 1.1, 10.0, 11.0):
        histogram.observe(value)
    buckets = histogram.buckets
    assert (buckets.bounds, buckets.counts) == ((1.0, 10.0), (2, 4, 5))
    assert buckets.total == 23.6


def test_what_was_not_observed_is_zero() -> None:
    buckets = Histogram(WAITS_S).buckets
    assert (set(buckets.counts), buckets.total) == ({0}, 0.0)
    assert list(buckets.bounds) == sorted(buckets.bounds)


def test_no_thread_s_observation_is_lost() -> None:
    histogram, count = Histogram((1.0,)), 20_000

    def observe() -> None:
        for _ in range(count):
            histogram.observe(0.5)

    threads = [threading.Thread(target=observe) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert histogram.buckets.counts == (4 * count, 4 * count)
    assert histogram.buckets.total == 4 * count * 0.5
