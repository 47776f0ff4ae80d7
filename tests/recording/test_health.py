"""From probes to a verdict."""

from __future__ import annotations

from recorder.recording.health import BAD_FOR_MS, SILENT, Health

FULL = "The disk is full. Free some space on it."


def test_a_disk_that_was_not_probed_yet_is_recorded_onto() -> None:
    health = Health()
    assert health.refusal(0) is None
    assert health.reason(0) is None
    assert health.bad_for_ms(10**9) == 0
    assert health.last_good_ms is None
    assert health.last_latency_ms is None


def test_a_good_probe_is_remembered_with_what_it_took() -> None:
    health = Health()
    health.probe_began(1000)
    health.probe_good(1040)
    assert (health.last_good_ms, health.last_latency_ms) == (1040, 40)
    assert health.refusal(10**9) is None


def test_a_publish_never_waits_for_a_probe_that_is_pending() -> None:
    health = Health()
    health.probe_began(1000)
    assert health.refusal(1000 + BAD_FOR_MS - 1) is None
    assert health.reason(1000 + BAD_FOR_MS - 1) is None
    assert health.refusal(1000 + BAD_FOR_MS) == f"The recording disk takes no writes: {SILENT}"
    assert health.reason(1000 + BAD_FOR_MS) == SILENT
    health.probe_good(1000 + BAD_FOR_MS)
    assert health.refusal(1000 + BAD_FOR_MS) is None
    assert health.last_latency_ms == BAD_FOR_MS


def test_a_disk_that_fails_is_refused_when_it_has_failed_for_too_long() -> None:
    health = Health()
    health.probe_began(1000)
    health.probe_failed(3000, FULL)
    assert health.reason(3000) == FULL
    # It was as bad while the probe was pending.
    assert health.refusal(1000 + BAD_FOR_MS - 1) is None
    assert health.refusal(1000 + BAD_FOR_MS) == f"The recording disk takes no writes: {FULL}"


def test_a_row_of_failures_counts_from_its_first_with_the_words_of_its_last() -> None:
    health = Health()
    for now_ms, reason in ((0, "first"), (10_000, "second"), (29_000, "third")):
        health.probe_began(now_ms)
        health.probe_failed(now_ms, reason)
    assert health.refusal(BAD_FOR_MS - 1) is None
    assert health.refusal(BAD_FOR_MS) == "The recording disk takes no writes: third"
    # A probe that is pending after failures changes nothing.
    health.probe_began(BAD_FOR_MS)
    assert health.bad_for_ms(BAD_FOR_MS + 5) == BAD_FOR_MS + 5
    assert health.refusal(BAD_FOR_MS + 5) == "The recording disk takes no writes: third"


def test_one_good_probe_ends_the_row() -> None:
    health = Health()
    health.probe_began(0)
    health.probe_failed(0, FULL)
    health.probe_began(40_000)
    health.probe_good(40_010)
    assert health.reason(40_010) is None
    health.probe_began(50_000)
    health.probe_failed(50_000, FULL)
    assert health.bad_for_ms(60_000) == 10_000
    assert health.last_good_ms == 40_010
    assert health.last_latency_ms == 10
