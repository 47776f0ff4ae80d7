"""What the segmenter is told and what it answers: rules in, actions out. Values only.

An action names its segment by a number that counts from 0 within one publish. Carried out in
order, the actions make the files; nothing else does.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeAlias

import attrs

from recorder.flv.timeline import TrackId

Buffer: TypeAlias = bytes | bytearray | memoryview

Media: TypeAlias = tuple[int, int, int, bytes, Sequence[Buffer]]
"""One audio or video message: its kind of tag, its time as on the wire, the size of its body, its
first `FRONT_BYTES` (where the body is shorter, anything may stand behind it), and all of it."""


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
    DISK = "disk"
    """The disk takes writes again; the segment before could not be written on."""


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


Headers: TypeAlias = tuple[tuple[int, bytes], ...]
"""Bodies of sequence headers and what goes with them, each with its kind of tag."""


@attrs.frozen
class StreamHead:
    """What a decoder needs before the next frame of a publish, as of now."""

    metadata: bytes | None
    """The newest `onMetaData`, AMF0 from its name on."""
    headers: Headers
    """Those of every track, the newest last."""
    entry: TrackId | None
    """With a frame of this track, a keyframe if it is video, a decoder can begin: it is the one
    that files are cut by; None: with none yet."""


@attrs.frozen(kw_only=True)
class Opened:
    segment: int
    head: bytes
    """File header, head tag, and the state of every track, all at time 0."""
    reason: CutReason
    new_recording: bool
    """This segment is the first of another recording than the one before."""
    base: int
    """The dts that is time 0 in the file."""
    position_ms: int
    """Where in its recording it begins."""
    forced: bool
    lost_ms: int = 0
    """So much media before it were given up while the disk took nothing."""

    @property
    def origin(self) -> int:
        """The dts at which its recording begins."""
        return self.base - self.position_ms


@attrs.frozen
class Appended:
    """Whole tags for the end of a segment.

    Attributes:
        data: the tags, one behind the other.
        before: the state of the segment's tracks that the file has been given so far. With it the
            tags can be read back into media, should the disk not take them.
    """

    opened: Opened
    data: bytes
    before: Headers = ()

    @property
    def segment(self) -> int:
        return self.opened.segment


@attrs.frozen
class Closed:
    segment: int
    patches: Sequence[tuple[int, bytes]]
    """(offset, bytes): the flags in the file header, and the head tag with its numbers."""
    facts: SegmentFacts


Action: TypeAlias = Opened | Appended | Closed
