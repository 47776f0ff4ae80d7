"""The exposition: parsed back as Prometheus parses it, and looked at by promtool."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs
import prometheus_client
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from recorder.histogram import Buckets
from recorder.status.house_views import DiskState, HooksView
from recorder.status.metrics import CONTENT_TYPE, Counters, Exposition, RoomCounters
from recorder.status.room_views import RoomState
from tests.status.sample import ALARM, GIB, IDLE, MIB, ROOM, SNAPSHOT, STORAGE, SYSTEM

if TYPE_CHECKING:
    from recorder.status.snapshot import Snapshot

COUNTERS = Counters(
    rooms={
        "room101": RoomCounters(
            received_bytes=4_090_000,
            frames={"video": 3000, "audio": 4700},
            clock_jumps=3,
            segments={"complete": 4},
            segment_bytes=812 * MIB,
            segment_seconds=Buckets((60.0, 600.0), (1, 4, 5), 3000.5),
            gaps=1,
            dropped_bytes={"buffer": 2048, "policy": 0},
            queue_seconds=1.5,
            takeovers=2,
        )
    },
    write_errors={"ENOSPC": 2},
    write_seconds={"fdatasync": Buckets((0.001, 60.0), (0, 7, 8), 75.25)},
    deleted_bytes={"age": GIB, "room-size": MIB, "operator": 7},
    blocked={"limit": True, "clock": False, "locked": False},
    others_bytes=700 * GIB,
    refused={"key": 12, "busy": 0},
    publishes={("room101", "ok"): 9, ("*", "auth"): 12},
    connections={"rtmp": 3, "http": 6},
    rejected={"limit": 1, "crowded": 2, "page": 3, "clients": 4},
    clock_steps=1,
    lag_seconds=Buckets((0.001, 60.0), (90, 100, 100), 0.7),
)
STARTED_S = 1_790_000_000.0
NOW_S = datetime(2026, 11, 27, 11, 12, 10, tzinfo=UTC).timestamp()

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(snapshot: Snapshot = SNAPSHOT, counters: Counters = COUNTERS) -> Series:
    """Every sample, by its name and labels."""
    text = Exposition(STARTED_S).text(snapshot, counters).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


def names(series: Series) -> set[str]:
    return {name for name, _ in series}


def test_a_room_is_in_one_state_and_in_none_of_the_others() -> None:
    series = scraped()
    for room, state in (("room101", RoomState.RECORDING), ("room102", RoomState.IDLE)):
        found = {
            each: value(series, "rec_stream_state", stream=room, state=each.value)
            for each in RoomState
        }
        assert found == {each: float(each is state) for each in RoomState}


def test_ages_become_moments_of_the_snapshot_s_clock() -> None:
    series = scraped()
    for name, age_s in (
        ("rec_stream_last_media_timestamp_seconds", 0.1),
        ("rec_stream_last_keyframe_timestamp_seconds", 1.1),
        ("rec_stream_last_write_timestamp_seconds", 0.6),
        ("rec_stream_oldest_unsafe_timestamp_seconds", 2.1),
    ):
        assert value(series, name, stream="room101") == pytest.approx(NOW_S - age_s, abs=0.001)
    assert value(series, "rec_storage_probe_timestamp_seconds", volume="/srv/recordings") == (
        NOW_S - 20
    )
    assert value(series, "rec_clock_last_step_timestamp_seconds") == NOW_S - 600


def test_what_is_not_known_has_no_sample() -> None:
    storage = replace(STORAGE, time_left_s=None, write_ms=None, kept_bytes=None)
    system = replace(SYSTEM, temperature_c=None, under_voltage_now=None, last_end=None)
    series = scraped(replace(SNAPSHOT, rooms=(IDLE,), storage=storage, system=system))
    known = names(scraped())
    assert known - names(series) == {
        "rec_last_restart_reason",
        "rec_soc_temperature_celsius",
        "rec_storage_longest_write_seconds",
        "rec_storage_time_left_seconds",
        "rec_stream_drift_seconds",
        "rec_stream_last_keyframe_timestamp_seconds",
        "rec_stream_last_media_timestamp_seconds",
        "rec_stream_last_write_timestamp_seconds",
        "rec_stream_oldest_unsafe_timestamp_seconds",
        "rec_stream_delay_seconds",
        "rec_stream_jitter_seconds",
        "rec_stream_media_rate_ratio",
        "rec_stream_loss_ratio",
        "rec_stream_out_of_order_ratio",
        "rec_stream_quality_ratio",
        "rec_stream_rtt_seconds",
        "rec_stream_rtt_variation_seconds",
        "rec_stream_resent_segments",
        "rec_stream_keyframe_distance_seconds",
        "rec_stream_av_offset_seconds",
        "rec_undervoltage",
    }
    used = [labels for name, labels in series if name == "rec_storage_used_bytes"]
    assert {dict(each)["class"] for each in used} == {"local", "foreign"}


@pytest.mark.parametrize(
    ("state", "works"),
    [
        (DiskState.GOOD, 1),
        (DiskState.HELD, 1),
        (DiskState.STALLED, 0),
        (DiskState.FAILED, 0),
    ],
)
def test_a_disk_that_does_not_take_what_is_written_fails_its_probe(
    state: DiskState, works: int
) -> None:
    series = scraped(replace(SNAPSHOT, storage=replace(STORAGE, state=state)))
    assert value(series, "rec_storage_probe_success", volume="/srv/recordings") == works
    assert value(series, "rec_storage_state", volume="/srv/recordings", state=state.value) == 1


def test_hooks_have_series_only_where_there_are_hooks() -> None:
    hooks = HooksView(
        is_delivering=True,
        failing=("a",),
        failing_since=None,
        delivered=7,
        given_up=2,
        lost=1,
        age_s=20.0,
    )
    series = scraped(replace(SNAPSHOT, system=replace(SYSTEM, hooks=hooks)))
    for result, count in (("delivered", 7), ("given_up", 2), ("lost", 1)):
        assert value(series, "rec_hook_events_total", result=result) == count
    assert value(series, "rec_hook_failing") == value(series, "rec_hook_delivering") == 1
    assert not [name for name in names(scraped()) if name.startswith("rec_hook")]


def test_figures_have_base_units() -> None:
    series = scraped()
    assert value(series, "rec_storage_longest_write_seconds", volume="/srv/recordings") == 0.012
    assert value(series, "rec_clock_last_step_seconds") == -2.5
    assert value(series, "rec_write_queue_limit_bytes", stream="room101") == 64 * MIB
    assert value(series, "rec_retention_blocked_bytes") == 90 * GIB


def test_counters_are_told_as_they_were_given() -> None:
    series = scraped()
    received = "rec_stream_received_bytes_total"
    assert value(series, received, stream="room101") == 4_090_000
    assert value(series, "rec_stream_frames_total", stream="room101", kind="audio") == 4700
    assert value(series, "rec_segments_total", stream="room101", result="complete") == 4
    assert value(series, "rec_stream_gaps_total", stream="room101") == 1
    dropped = "rec_stream_dropped_bytes_total"
    assert value(series, dropped, stream="room101", reason="buffer") == 2048
    assert value(series, dropped, stream="room101", reason="policy") == 0
    assert value(series, "rec_write_errors_total", errno="ENOSPC") == 2
    jumps, bytes_of = "rec_stream_timestamp_jumps_total", "rec_segment_bytes_total"
    assert value(series, jumps, stream="room101") == 3
    assert value(series, bytes_of, stream="room101") == 812 * MIB
    assert value(series, "rec_publish_takeovers_total", stream="room101") == 2
    assert value(series, "rec_publish_total", stream="room101", result="ok") == 9
    assert value(series, "rec_publish_total", stream="*", result="auth") == 12
    assert value(series, "rec_clock_steps_total") == 1
    for reason, count in (("limit", 1), ("crowded", 2), ("page", 3), ("clients", 4)):
        assert value(series, "rec_connections_rejected_total", reason=reason) == count
    assert value(series, "rec_publishes_refused_total", reason="key") == 12
    assert value(series, "rec_publishes_refused_total", reason="busy") == 0


def test_what_was_deleted_has_our_rule_and_the_reason_that_others_call_it_by() -> None:
    series = scraped()
    for rule, reason, size in (
        ("age", "age", GIB),
        ("room-size", "quota", MIB),
        ("operator", "operator", 7),
    ):
        name = "rec_retention_deleted_bytes_total"
        assert value(series, name, rule=rule, reason=reason) == size


def test_histograms_have_buckets_that_add_up_a_sum_and_a_count() -> None:
    series = scraped()
    for name, labels, buckets, total in (
        (
            "rec_segment_duration_seconds",
            {"stream": "room101"},
            {"60.0": 1, "600.0": 4, "+Inf": 5},
            3000.5,
        ),
        (
            "rec_write_duration_seconds",
            {"op": "fdatasync"},
            {"0.001": 0, "60.0": 7, "+Inf": 8},
            75.25,
        ),
        ("rec_event_loop_lag_seconds", {}, {"0.001": 90, "60.0": 100, "+Inf": 100}, 0.7),
    ):
        found = {le: value(series, f"{name}_bucket", le=le, **labels) for le in buckets}
        assert found == buckets
        assert value(series, f"{name}_sum", **labels) == total
        assert value(series, f"{name}_count", **labels) == buckets["+Inf"]


def test_connections_are_told_by_what_is_spoken_and_a_websocket_is_no_http() -> None:
    series = scraped()
    found = {
        proto: value(series, "rec_connections", proto=proto) for proto in ("rtmp", "http", "ws")
    }
    # Of six connections to the page two have become WebSockets.
    assert found == {"rtmp": 3, "http": 4, "ws": 2}
    few = attrs.evolve(COUNTERS, connections={"http": 1})
    assert value(scraped(counters=few), "rec_connections", proto="http") == 0


def test_what_keeps_old_recordings_has_a_reason() -> None:
    series = scraped()
    for reason, blocks in (("limit", 1), ("clock", 0), ("locked", 0)):
        assert value(series, "rec_retention_blocked", reason=reason) == blocks


def test_what_the_disk_is_used_for_is_told_by_whose_it_is() -> None:
    series, volume = scraped(), "/srv/recordings"
    for label, size in (("kept", 12 * GIB), ("local", 700 * GIB), ("foreign", GIB)):
        labels = {"volume": volume, "class": label}
        assert value(series, "rec_storage_used_bytes", **labels) == size


def test_how_long_media_wait_and_when_the_recorder_started() -> None:
    series = scraped()
    assert value(series, "rec_write_queue_seconds", stream="room101") == 1.5
    assert value(series, "rec_start_time_seconds") == STARTED_S


def test_a_counter_without_a_source_is_left_out() -> None:
    counted = {name for name in names(scraped()) if name.endswith("_total")}
    left = names(scraped(counters=Counters())) & counted
    assert left == {"process_cpu_seconds_total", "rec_disk_written_bytes_total"}


def test_alarms_of_one_kind_are_counted_and_their_rooms_no_label() -> None:
    twice = tuple(
        replace(ALARM, id=room, kind="no-video", room=room) for room in ("room101", "room102")
    )
    series = scraped(replace(SNAPSHOT, alarms=(*twice, ALARM)))
    assert value(series, "rec_alarm_active", alarm="no-video", severity="critical") == 2
    assert value(series, "rec_alarm_active", alarm="disk-failed", severity="critical") == 1
    assert "rec_alarm_active" not in names(scraped(replace(SNAPSHOT, alarms=())))


def test_the_reason_of_the_last_restart_is_one_of_three() -> None:
    series = scraped()
    found = {
        reason: value(series, "rec_last_restart_reason", reason=reason)
        for reason in ("clean", "crash", "power")
    }
    assert found == {"clean": 0, "crash": 0, "power": 1}


def test_the_process_is_there_and_starts_once() -> None:
    exposition = Exposition(STARTED_S)
    first, second = (
        next(
            line
            for line in exposition.text(SNAPSHOT, COUNTERS).decode().splitlines()
            if line.startswith("process_start_time_seconds ")
        )
        for _ in range(2)
    )
    assert first == second
    assert float(first.split()[1]) == pytest.approx(time.time(), abs=86_400)


def test_the_registry_of_the_process_knows_nothing_of_it() -> None:
    scraped()
    everywhere = prometheus_client.generate_latest().decode()
    assert "rec_" not in everywhere


def test_a_name_with_quotes_and_lines_is_one_label() -> None:
    odd = 'a"b\\c\nd'
    series = scraped(replace(SNAPSHOT, rooms=(replace(ROOM, name=odd),)))
    assert value(series, "rec_stream_publishers", stream=odd) == 1


def test_a_folder_whose_name_is_no_utf_8_is_a_label() -> None:
    odd = "/srv/\udcff"
    wear = tuple(replace(each, directory=odd) for each in SYSTEM.wear)
    system = replace(SYSTEM, wear=wear)
    series = scraped(replace(SNAPSHOT, storage=replace(STORAGE, directory=odd), system=system))
    for name in ("rec_storage_size_bytes", "rec_disk_written_bytes_total"):
        assert value(series, name, volume="/srv/\\udcff") is not None


def test_the_type_is_that_of_text() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")


@pytest.mark.debian
def test_promtool_finds_no_fault() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=Exposition(STARTED_S).text(SNAPSHOT, COUNTERS),
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
