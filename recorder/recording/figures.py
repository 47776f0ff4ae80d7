"""What a room says of itself to whoever looks: figures of one moment.

Values only. They are read from counters that recording keeps anyway, so that looking costs a
recording nothing; ages are in seconds, as of the moment they were asked for.

They are made by position, a hundred every second: by name takes ten times as long, since msgspec
looks for each name among all of them. A test holds each figure to its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder.flv.parameters import TrackParameters
    from recorder.histogram import Buckets
    from recorder.recording.actions import TrackFacts


class TrackFigures(msgspec.Struct, frozen=True):
    """One track of a publish that has had frames in a file, or was announced to have some.

    Attributes:
        kind: "video" or "audio"; `track` is its number.
        frames: put into segments since the publish began.
        newest_dts: media time of its newest frame, in ms; `key_dts` of its newest keyframe, and
            `key_distance_ms` since the keyframe before; None without.
    """

    kind: str
    track: int
    codec: str
    parameters: TrackParameters
    frames: int
    newest_dts: int | None
    key_dts: int | None
    key_distance_ms: int | None


class RecordingFigures(msgspec.Struct, frozen=True):
    """The open recording.

    Attributes:
        path: of its folder, below the storage.
        media_ms: where its newest frame lies, gaps included.
        bytes: of all its files; `safe_bytes` of them survive a power cut.
        file: the segment that is being written; None between two.
        counts: anomalies and corrections, by name, as of the last closed segment.
        tracks: the first of each kind that a closed segment of it has.
    """

    number: int
    path: str
    age_s: float
    media_ms: int
    bytes: int
    safe_bytes: int
    segments: int
    gaps: int
    file: str | None
    counts: Mapping[str, int]
    tracks: Sequence[TrackFacts]


class RoomFigures(msgspec.Struct, frozen=True):
    """Attributes:
    fault: why nothing is written, in words; None while it is.
    is_stopped: by an operator.
    is_open: a publisher that comes now continues a recording.
    newest_dts: media time of the newest frame of the publish, in ms; None without.
    arrived_s: since its publisher's last audio or video came, recorded or not; None: it has sent
        none. Neither metadata nor pings count.
    pending_bytes: media that are not in a file yet, of `buffer_bytes` at most.
    written_s: since media of this room were last written; None: never.
    unsafe_s: how old the oldest byte is that a power cut would take; None: there is none.
    lost_ms, lost_bytes: media given up since the disk takes nothing, as of `Outage`.
    """

    fault: str | None
    is_stopped: bool
    is_open: bool
    newest_dts: int | None
    arrived_s: float | None
    tracks: tuple[TrackFigures, ...]
    pending_bytes: int
    buffer_bytes: int
    written_s: float | None
    unsafe_s: float | None
    recording: RecordingFigures | None
    lost_ms: int
    lost_bytes: int


@attrs.frozen(kw_only=True)
class RoomTotals:
    """Since the start of the process, as of `Totals`; all but `waits_s` only grow. Apart from
    `RoomFigures`, which are asked for every second while somebody watches: counting takes longer.

    Attributes:
        frames: put into segments, by the kind of their track; after an outage of the disk some of
            them twice.
        clock_jumps: of encoders' times.
        segment_bytes: of the segments that have ended; `segment_seconds` how long they are.
        waits_s: how long the oldest media wait that are not in a file.
    """

    frames: Mapping[str, int]
    clock_jumps: int
    ended: Mapping[str, int]
    segment_bytes: int
    segment_seconds: Buckets
    gaps: int
    dropped_bytes: Mapping[str, int]
    waits_s: float
