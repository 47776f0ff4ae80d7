"""What is shown of a room, as a part of a `Snapshot`.

Names and units of every figure, and nothing of where they come from. Those that a room has are made
by position, as the figures of `recording`.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class RoomState(enum.StrEnum):
    """Design §2. RECORDING only while the last successful write is young (promise 9)."""

    IDLE = "idle"
    STARTING = "starting"
    RECORDING = "recording"
    WAITING = "waiting"
    STALLED = "stalled"
    STOPPED = "stopped"
    FAULT = "fault"


class PublisherView(msgspec.Struct, frozen=True):
    address: str
    software: str
    age_s: float


class VideoView(msgspec.Struct, frozen=True):
    """Attributes:
    frame_rate: frames per second of the last seconds; None: not measured yet.
    frame_age_s: since the last frame came, or, of a track that this publish has announced and
        never sent, since the others came; of sound, too. `keyframe_age_s` since the last keyframe,
        and `keyframe_distance_s` between that and the one before, in media time.
    """

    codec: str
    width: int | None
    height: int | None
    frame_rate: float | None
    frame_age_s: float | None
    keyframe_age_s: float | None
    keyframe_distance_s: float | None


class AudioView(msgspec.Struct, frozen=True, kw_only=True):
    codec: str
    sample_rate: int | None
    channels: int | None
    frame_age_s: float | None


class RecordingView(msgspec.Struct, frozen=True):
    """The open recording.

    Attributes:
        path: of its folder, below the storage.
        age_s: since it began.
        media_s: length of what was recorded.
        bytes: of all its segments, the open one included.
        file: the segment that is being written; None between two.
        safe_bytes: so much of it survives a power cut; `safe_age_s` is how old the oldest part is
            that would not; None: there is none.
        lost_ms: media that were given up because the disk took nothing, before the last of it was
            written.
        anomalies: what the encoder did wrong and was mended, by name.
    """

    number: int
    path: str
    age_s: float
    media_s: float
    bytes: int
    segments: int
    gaps: int
    file: str | None
    safe_bytes: int
    safe_age_s: float | None
    lost_ms: int
    anomalies: Mapping[str, int]


class LineView(msgspec.Struct, frozen=True):
    """How good an encoder's line is, over ten seconds.

    Attributes:
        word: `good`, `weak` or `bad`; None: not measured long enough.
        reason: why it is not good.
        media_rate: media seconds per second.
        late_ms: how much later media came than at their best of late, at most.
        jitter_ms: between the earliest and the latest.
        rtt_ms: the longest round-trip time, as of `RoundTrip`; `rtt_variation_ms` by how much
            two measurements of it lie off their mean, at most; None: none was measured of late, as
            of an encoder that is sent nothing.
        out_of_order: of its TCP segments, 0 to 1: came behind a hole, or overtaken.
        loss: of its TCP segments, 0 to 1: what `out_of_order` says of those lost on the way.
        resent: segments that we sent again.
    """

    word: str | None
    reason: str | None
    media_rate: float | None
    late_ms: float
    jitter_ms: float
    rtt_ms: float | None
    rtt_variation_ms: float | None
    out_of_order: float | None
    loss: float | None
    resent: int | None


class RoomView(msgspec.Struct, frozen=True):
    """Attributes:
    reason: why it is in this state, where that is not plain; in words.
    since: UTC, by the clock of then; `state_age_s` by the monotonic clock.
    waits_s: so long its recording still waits for its publisher.
    bitrate: bits per second that came in the last seconds; `figures_age_s` since that and the
        frame rate were measured.
    quality: of the connection, 0 to 1; None: not measured. How it comes about stands in `line`;
        `line_age_s` since both were judged.
    av_offset_ms: by how much the newest sound lies behind the newest picture, in media time; less
        than 0: before it.
    media_age_s: since the last audio or video came.
    drift_s: how far media time has run ahead of the wall since the publish began, pauses left out.
    buffer_bytes: media that are not in a file yet.
    lost_ms, lost_bytes: media given up since the disk takes nothing, so far; 0 while it takes what
        comes. What was lost before stands in the recording.
    write_age_s: since something of it was last written.
    is_contested: two encoders fight for it.
    """

    name: str
    title: str | None
    state: RoomState
    reason: str | None
    since: str
    state_age_s: float
    waits_s: float | None
    publisher: PublisherView | None
    video: VideoView | None
    audio: AudioView | None
    bitrate: int | None
    figures_age_s: float | None
    quality: float | None
    line: LineView | None
    line_age_s: float | None
    av_offset_ms: float | None
    viewers: int
    media_age_s: float | None
    drift_s: float | None
    buffer_bytes: int
    buffer_limit_bytes: int
    lost_ms: int
    lost_bytes: int
    write_age_s: float | None
    recording: RecordingView | None
    is_contested: bool
