"""The families of rooms: the label is `stream`, whose values the configuration bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily

from recorder.status.metrics.families import counter, gauge, histogram, moment, states
from recorder.status.room_views import RoomState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from recorder.status.metrics.counters import RoomCounters
    from recorder.status.room_views import RoomView
    from recorder.status.snapshot import Snapshot


def room_metrics(seen: Snapshot, now_s: float) -> Iterator[Metric]:
    """What each room does; moments are from `now_s`, in seconds since 1970."""
    rooms = seen.rooms
    yield states(
        "rec_stream_state",
        "What the room does: 1 for the state it is in.",
        "stream",
        RoomState,
        ((room.name, room.state) for room in rooms),
    )
    for name, text, figure in _ROOM_FIGURES:
        yield gauge(name, text, "stream", ((room.name, figure(room)) for room in rooms))
    for name, text, age in _ROOM_MOMENTS:
        moments = ((room.name, moment(now_s, age(room))) for room in rooms)
        yield gauge(name, text, "stream", moments)


def room_counter_metrics(rooms: Mapping[str, RoomCounters]) -> Iterator[Metric]:
    """What has happened in each room."""
    for name, text, label, counted in (
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
        for room, values in counted.items():
            for value, count in values.items():
                family.add_metric([room, value], count)
        yield family
    yield histogram(
        "rec_segment_duration_seconds",
        "How long the segments are that have ended.",
        ["stream"],
        (([room], each.segment_seconds) for room, each in rooms.items()),
    )
    waits = ((room, each.queue_seconds) for room, each in rooms.items())
    yield gauge(
        "rec_write_queue_seconds",
        "How long the oldest media wait that are not in a file yet.",
        "stream",
        waits,
    )
    for name, text, figure in _ROOM_COUNTS:
        counts = {room: figure(each) for room, each in rooms.items()}
        yield counter(name, text, "stream", counts)


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
        "How much later media came than at their best, at most, in the last ten seconds.",
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
        "Of the TCP segments of the last ten seconds: came behind a hole, or overtaken.",
        lambda room: _of_line(room, "out_of_order"),
    ),
    (
        "rec_stream_loss_ratio",
        "Of the TCP segments of the last ten seconds: lost on the way, by an estimate.",
        lambda room: _of_line(room, "loss"),
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

_ROOM_COUNTS: tuple[tuple[str, str, Callable[[RoomCounters], int]], ...] = (
    ("rec_stream_received_bytes", "All that came in.", lambda room: room.received_bytes),
    ("rec_stream_gaps", "Holes in recordings.", lambda room: room.gaps),
    (
        "rec_stream_timestamp_jumps",
        "Jumps of encoders' times, which were mended.",
        lambda room: room.clock_jumps,
    ),
    (
        "rec_segment_bytes",
        "Of the segments that have ended.",
        lambda room: room.segment_bytes,
    ),
    (
        "rec_publish_takeovers",
        "Encoders that took the place of another.",
        lambda room: room.takeovers,
    ),
)
