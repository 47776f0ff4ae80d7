"""What the segmenter is told and what it answers: rules in, actions out. Values only.

An action names its segment by a number that counts from 0 within one publish. Carried out in
order, the actions make the files; nothing else does.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeAlias

import attrs


@attrs.frozen(kw_only=True)
class SegmentRules:
    """When to cut (design §7)."""

    duration_ms: int
    size_bytes: int
    max_duration_ms: int
    """Of a recording: after it, the next one begins."""
    boundary: Callable[[], int | None] | None = None
    """Asked once per segment, when it opens: in how many ms the wall clock reaches the boundary
    to cut at; None while the clock is not trusted."""


class CutReason(Enum):
    """Why a segment was begun. The value stands in the manifest."""

    START = "start"
    FIRST_KEYFRAME = "first_keyframe"
    """What came before it could not be decoded and is in a segment of its own."""
    DURATION = "duration"
    SIZE = "size"
    PARAMETERS = "parameters"
    """A track's decoder configuration changed."""
    TRACK = "track"
    """A track appeared that the segment before does not declare at its head."""
    JUMP = "jump"
    """The sender's clock jumped."""
    SPLIT = "split"
    MAX_DURATION = "max_duration"
    FORCED_DURATION = "forced_duration"
    """Three times the duration passed without a keyframe."""
    FORCED_SIZE = "forced_size"
    """Twice the size was reached without a keyframe."""


@attrs.frozen(kw_only=True)
class TrackFacts:
    kind: str
    """"video" or "audio"."""
    track: int
    codec: str
    width: int | None = None
    height: int | None = None
    sample_rate: int | None = None
    channels: int | None = None


@attrs.frozen(kw_only=True)
class SegmentFacts:
    """What is in a closed segment, as a rescan of its file would find it."""

    duration_ms: int
    size_bytes: int
    tracks: Sequence[TrackFacts]
    keyframes: int
    forced: bool
    """It does not begin with a frame that a decoder can begin with."""
    counts: dict[str, int]
    """Anomalies and corrections, by name."""


@attrs.frozen(kw_only=True)
class Opened:
    segment: int
    head: bytes
    """File header, head tag, and the state of every track, all at time 0."""
    reason: CutReason
    new_recording: bool
    """This segment is the first of another recording than the one before."""
    position_ms: int
    """Where in its recording it begins."""
    forced: bool


@attrs.frozen
class Appended:
    segment: int
    buffers: Sequence[bytes]
    size: int


@attrs.frozen
class Closed:
    segment: int
    patches: Sequence[tuple[int, bytes]]
    """(offset, bytes): the flags in the file header, and the head tag with its numbers."""
    facts: SegmentFacts


Action: TypeAlias = Opened | Appended | Closed
