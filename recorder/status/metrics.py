"""A snapshot and the counters beside it as Prometheus reads them.

Owns the names and labels (appliance §6) and nothing of where figures come from. Base units, moments
instead of ages, one meaning each. A label is a room, the storage's folder, or a word of a closed
list: never an address, a file or a person, for each new value is a new series for ever. What is not
known has no sample, because a zero would be a lie.

No registry of the process is used: what one scrape shows lives as long as the scrape.
"""

from __future__ import annotations

import platform
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import trio
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from recorder.status.snapshot import DiskState, RoomState

if TYPE_CHECKING:
    import enum
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from recorder.status.snapshot import HooksView, RoomView, Snapshot

CONTENT_TYPE = CONTENT_TYPE_LATEST

WORKS = frozenset({DiskState.GOOD, DiskState.HELD})
"""A disk that is held works: a rule says that nothing more is written."""

ENDS = ("clean", "crash", "power")


@attrs.frozen(kw_only=True)
class RoomCounters:
    """Of one room since the start of the process; none of them ever falls.

    Attributes:
        received_bytes: all that publishers have sent into it.
        frames: by kind: `video`, `audio`.
        segments: by how they ended: `complete`, `recovered`, `suspect`, `aborted`.
        dropped_bytes: media that are in no file, by why (`buffer`, `policy`).
    """

    received_bytes: int = 0
    frames: Mapping[str, int] = attrs.Factory(dict)
    segments: Mapping[str, int] = attrs.Factory(dict)
    gaps: int = 0
    dropped_bytes: Mapping[str, int] = attrs.Factory(dict)


@attrs.frozen(kw_only=True)
class Counters:
    """What has happened since the start of the process, and not only what is.

    Attributes:
        rooms: by name.
        write_errors: by errno (`ENOSPC`, `EIO`, `EROFS`, `other`).
        deleted_bytes: by why retention took them (the words of manifests).
        refused: publishes, by why (`key`, `login`, `address`, `application`, `busy`, `limit`).
    """

    rooms: Mapping[str, RoomCounters] = attrs.Factory(dict)
    write_errors: Mapping[str, int] = attrs.Factory(dict)
    deleted_bytes: Mapping[str, int] = attrs.Factory(dict)
    refused: Mapping[str, int] = attrs.Factory(dict)


class Exposition:
    """One for the life of the process: a process that gave another start with every scrape, as one
    does that asks the kernel anew for the moment of the boot, would look like one that restarts."""

    def __init__(self) -> None:
        self._process = ProcessCollector(registry=None)

    def text(self, snapshot: Snapshot, counters: Counters) -> bytes:
        """What answers a scrape, of the type CONTENT_TYPE. Reads a little of /proc."""
        registry = CollectorRegistry()
        registry.register(_Picture(snapshot, counters))
        registry.register(self._process)
        return generate_latest(registry)


class _Picture(Collector):
    def __init__(self, snapshot: Snapshot, counters: Counters) -> None:
        self._seen = snapshot
        self._counters = counters
        self._now_s = datetime.fromisoformat(snapshot.time).timestamp()

    def collect(self) -> Iterator[Metric]:
        yield from self._rooms()
        yield from self._room_counters()
        yield from self._storage()
        yield from self._retention()
        yield from self._clock()
        yield from self._system()
        yield self._alarms()

    def _rooms(self) -> Iterator[Metric]:
        rooms = self._seen.rooms
        yield _states(
            "rec_stream_state",
            "What the room does: 1 for the state it is in.",
            "stream",
            RoomState,
            ((room.name, room.state) for room in rooms),
        )
        for name, text, figure in _ROOM_FIGURES:
            yield _gauge(name, text, "stream", ((room.name, figure(room)) for room in rooms))
        for name, text, age in _ROOM_MOMENTS:
            moments = ((room.name, self._moment(age(room))) for room in rooms)
            yield _gauge(name, text, "stream", moments)

    def _room_counters(self) -> Iterator[Metric]:
        rooms = self._counters.rooms
        for name, text, label, counts in (
            (
                "rec_stream_frames",
                "Frames put into segments.",
                "kind",
                {room: each.frames for room, each in rooms.items()},
            ),
            (
                "rec_segments",
                "Segments that ended, by how.",
                "result",
                {room: each.segments for room, each in rooms.items()},
            ),
            (
                "rec_stream_dropped_bytes",
                "Media that are in no file, by why.",
                "reason",
                {room: each.dropped_bytes for room, each in rooms.items()},
            ),
        ):
            family = CounterMetricFamily(name, text, labels=["stream", label])
            for room, counted in counts.items():
                for value, count in counted.items():
                    family.add_metric([room, value], count)
            yield family
        received = {room: each.received_bytes for room, each in rooms.items()}
        yield _counter("rec_stream_received_bytes", "All that came in.", "stream", received)
        gaps = {room: each.gaps for room, each in rooms.items()}
        yield _counter("rec_stream_gaps", "Holes in recordings.", "stream", gaps)

    def _storage(self) -> Iterator[Metric]:
        storage = self._seen.storage
        volume = storage.directory
        yield _states(
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
                self._moment(storage.free_age_s),
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
                self._moment(storage.probe_age_s),
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
            yield _gauge(name, text, "volume", [(volume, value)])
        used = GaugeMetricFamily(
            "rec_storage_used_bytes",
            "Recordings that people keep, and data that are not recordings.",
            labels=["volume", "class"],
        )
        for label, value in (("kept", storage.kept_bytes), ("foreign", storage.foreign_bytes)):
            if value is not None:
                used.add_metric([volume, label], value)
        yield used
        errors = self._counters.write_errors
        yield _counter("rec_write_errors", "Writes that failed, by errno.", "errno", errors)

    def _retention(self) -> Iterator[Metric]:
        storage = self._seen.storage
        sweep, blocked = storage.next_sweep, storage.blocked
        deleted = self._counters.deleted_bytes
        yield _counter("rec_retention_deleted_bytes", "Deleted, by why.", "reason", deleted)
        yield _single(
            "rec_retention_blocked",
            "1 while a deletion plan waits for an operator.",
            blocked is not None,
        )
        yield _single(
            "rec_retention_blocked_bytes",
            "What that plan would delete.",
            0 if blocked is None else blocked.bytes,
        )
        yield _single(
            "rec_retention_next_sweep_bytes",
            "What the next sweep would delete.",
            None if sweep is None else sweep.bytes,
        )

    def _clock(self) -> Iterator[Metric]:
        clock = self._seen.system.clock
        step_s = None if clock.stepped_ms is None else clock.stepped_ms / 1000
        yield _single("rec_clock_trusted", "1 while the wall clock is believed.", clock.is_trusted)
        yield _single("rec_clock_last_step_seconds", "By how much it was last set.", step_s)
        yield _single(
            "rec_clock_last_step_timestamp_seconds",
            "When it was last set.",
            self._moment(clock.step_age_s),
        )

    def _system(self) -> Iterator[Metric]:
        system = self._seen.system
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
            yield _gauge(
                "rec_last_restart_reason", "How the recorder before this ended.", "reason", ends
            )
        yield _single(
            "rec_memory_used_bytes", "Media in memory; process_* has it all.", system.media_bytes
        )
        yield _single(
            "rec_memory_budget_bytes", "So much of them at most.", system.media_limit_bytes
        )
        yield _single("rec_soc_temperature_celsius", "Of the processor.", system.temperature_c)
        yield _single("rec_undervoltage", "1 while power is too weak.", system.under_voltage_now)
        yield _single(
            "rec_undervoltage_since_boot",
            "1 when power was too weak at any time since the boot.",
            system.under_voltage_ever,
        )
        refused = self._counters.refused
        yield _counter("rec_publishes_refused", "Encoders not let in, by why.", "reason", refused)
        written = CounterMetricFamily(
            "rec_disk_written_bytes",
            "Written to the disk of the folder by everybody since the machine started.",
            labels=["volume"],
        )
        for wear in system.wear:
            written.add_metric([wear.directory], wear.total_bytes)
        yield written
        if system.hooks is not None:
            yield from _hooks(system.hooks)
        watching = [("ws", system.viewers)]
        yield _gauge("rec_connections", "Pages that are open.", "proto", watching)

    def _alarms(self) -> Metric:
        """The room is no label: `rec_stream_state` tells rooms, and an alarm its room in words."""
        standing: dict[tuple[str, str], int] = {}
        for alarm in self._seen.alarms:
            labels = (alarm.kind, alarm.severity.value)
            standing[labels] = standing.get(labels, 0) + 1
        gauge = GaugeMetricFamily(
            "rec_alarm_active", "How many alarms of this kind stand.", labels=["alarm", "severity"]
        )
        for labels, count in standing.items():
            gauge.add_metric(labels, count)
        return gauge

    def _moment(self, age_s: float | None) -> float | None:
        """By the clock of the snapshot, as every moment it shows."""
        return None if age_s is None else self._now_s - age_s


def _hooks(hooks: HooksView) -> Iterator[Metric]:
    results = {"delivered": hooks.delivered, "given_up": hooks.given_up, "lost": hooks.lost}
    yield _counter(
        "rec_hook_events", "Events for receivers, by what became of them.", "result", results
    )
    yield _single("rec_hook_failing", "Receivers that do not answer.", len(hooks.failing))
    yield _single("rec_hook_delivering", "1 while somebody delivers.", hooks.is_delivering)


def _gauge(
    name: str, text: str, label: str, values: Iterable[tuple[str, float | None]]
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=[label])
    for one, value in values:
        if value is not None:
            gauge.add_metric([one], value)
    return gauge


def _single(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=())
    if value is not None:
        gauge.add_metric((), value)
    return gauge


def _counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    counter = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        counter.add_metric([value], count)
    return counter


def _states(
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


def _unsafe_age_s(room: RoomView) -> float | None:
    return None if room.recording is None else room.recording.safe_age_s


def _of_line(room: RoomView, name: str) -> float | None:
    found: float | None = None if room.line is None else getattr(room.line, name)
    return found


def _in_seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000


def _keyframe_age_s(room: RoomView) -> float | None:
    return None if room.video is None else room.video.keyframe_age_s


_ROOM_FIGURES: tuple[tuple[str, str, Callable[[RoomView], float | None]], ...] = (
    ("rec_stream_publishers", "Encoders that publish.", lambda room: room.publisher is not None),
    (
        "rec_stream_contested",
        "1 while two encoders fight for the room.",
        lambda room: room.is_contested,
    ),
    (
        "rec_stream_quality_ratio",
        "Of the connection: 1 is the best.",
        lambda room: room.quality,
    ),
    (
        "rec_stream_media_rate_ratio",
        "Media seconds per second, of the last ten seconds.",
        lambda room: _of_line(room, "media_rate"),
    ),
    (
        "rec_stream_delay_seconds",
        "How much later media come than at their best of the last five minutes.",
        lambda room: _in_seconds(_of_line(room, "late_ms")),
    ),
    (
        "rec_stream_jitter_seconds",
        "Between the earliest and the latest media of the last ten seconds.",
        lambda room: _in_seconds(_of_line(room, "jitter_ms")),
    ),
    (
        "rec_stream_rtt_seconds",
        "The longest round-trip time of the last ten seconds.",
        lambda room: _in_seconds(_of_line(room, "rtt_ms")),
    ),
    (
        "rec_stream_rtt_variation_seconds",
        "The largest mean deviation of the round-trip time of the last ten seconds.",
        lambda room: _in_seconds(_of_line(room, "rtt_variation_ms")),
    ),
    (
        "rec_stream_resent_segments",
        "Our own TCP segments of the last ten seconds that were lost and sent again.",
        lambda room: _of_line(room, "resent"),
    ),
    (
        "rec_stream_keyframe_distance_seconds",
        "Between the last two keyframes, in media time.",
        lambda room: None if room.video is None else room.video.keyframe_distance_s,
    ),
    (
        "rec_stream_av_offset_seconds",
        "By how much the newest sound lies behind the newest picture; less than 0: before it.",
        lambda room: _in_seconds(room.av_offset_ms),
    ),
    (
        "rec_stream_out_of_order_ratio",
        "Of the TCP segments of the last ten seconds.",
        lambda room: _of_line(room, "out_of_order"),
    ),
    ("rec_stream_viewers", "Who watch it live over RTMP.", lambda room: room.viewers),
    (
        "rec_stream_drift_seconds",
        "How far media time has run ahead of the wall.",
        lambda room: room.drift_s,
    ),
    (
        "rec_write_queue_bytes",
        "Media that are not in a file yet.",
        lambda room: room.buffer_bytes,
    ),
    (
        "rec_write_queue_limit_bytes",
        "So much of them at most.",
        lambda room: room.buffer_limit_bytes,
    ),
)

_ROOM_MOMENTS: tuple[tuple[str, str, Callable[[RoomView], float | None]], ...] = (
    (
        "rec_stream_last_media_timestamp_seconds",
        "When the last audio or video came.",
        lambda room: room.media_age_s,
    ),
    (
        "rec_stream_last_keyframe_timestamp_seconds",
        "When the last keyframe came.",
        _keyframe_age_s,
    ),
    (
        "rec_stream_last_write_timestamp_seconds",
        "When something of the room was last written.",
        lambda room: room.write_age_s,
    ),
    (
        "rec_stream_oldest_unsafe_timestamp_seconds",
        "When the oldest part came that a power cut would take.",
        _unsafe_age_s,
    ),
)
