"""What a media message is: of which track, of which codec, and whether it is a frame.

The front of `legacy` and `enhanced`. `classify` runs for every media message, so it answers from
tables built at import, over at most the first five bytes; only ModEx and Multitrack are walked.
It never raises: whatever cannot be read is a part with `Role.UNKNOWN`, for the caller to count.

Nothing here decides what to do with a message. That is the segmenter's part.
"""

from typing import Final

from recorder.flv import enhanced, legacy
from recorder.flv.parts import Part, Role, part
from recorder.flv.tags import AUDIO, MAX_BODY_BYTES, VIDEO

__all__ = [
    "FRONT_BYTES",
    "Part",
    "Role",
    "classify",
    "composition_time_ms",
    "config_record",
    "is_multitrack",
    "needs_config",
    "payload",
    "split_tracks",
    "telling_front",
]

_NOTHING: Final = (part(0, Role.EMPTY, ""),)
_DAMAGED: Final = (part(0, Role.UNKNOWN, ""),)

FRONT_BYTES: Final = 7
"""As far as the track number of a Multitrack body of one track."""

# AV1 and VP9 keyframes and the frames of AC-3, E-AC-3 and MP3 carry what a decoder must know; the
# legacy codecs know no configuration at all.
_NEEDS_CONFIG: Final = frozenset({"avc1", "hvc1", "vvc1", "mp4a", "Opus", "fLaC"})


def classify(kind: int, body: bytes) -> tuple[Part, ...]:
    """One part per track of an audio or video message, in the order of the message."""
    if not body:
        return _NOTHING
    if kind == VIDEO:
        row = (
            legacy.VIDEO_BY_TWO_BYTES.get(body[:2])
            or enhanced.VIDEO_BY_FIVE_BYTES.get(body[:5])
            or legacy.VIDEO_BY_FIRST_BYTE[body[0]]
        )
    elif kind == AUDIO:
        row = (
            legacy.AUDIO_BY_TWO_BYTES.get(body[:2])
            or enhanced.AUDIO_BY_FIVE_BYTES.get(body[:5])
            or legacy.AUDIO_BY_FIRST_BYTE[body[0]]
        )
    else:
        return _DAMAGED
    if row is not None:
        return row[1] if len(body) > row[0] else row[2]
    layout = enhanced.read_layout(kind, body)
    return enhanced.layout_parts(kind, layout) if layout is not None else _DAMAGED


def telling_front(kind: int, body: bytes) -> tuple[bytes, int]:
    """The first bytes of a frame that alone tell `classify` what it is, and the size of the header
    they are the beginning of: all bodies that begin so and are longer are the same to it.

    At most `FRONT_BYTES` of them; (b"", 0) where it must look further.
    """
    two, five = (
        (legacy.VIDEO_BY_TWO_BYTES, enhanced.VIDEO_BY_FIVE_BYTES)
        if kind == VIDEO
        else (legacy.AUDIO_BY_TWO_BYTES, enhanced.AUDIO_BY_FIVE_BYTES)
    )
    one = legacy.VIDEO_BY_FIRST_BYTE if kind == VIDEO else legacy.AUDIO_BY_FIRST_BYTE
    if (row := two.get(body[:2])) is not None:
        return body[:2], row[0]
    if (row := five.get(body[:5])) is not None:
        return body[:5], row[0]
    if (row := one[body[0]]) is not None:
        return body[:1], row[0]
    layout = enhanced.read_layout(kind, body)
    if layout is None or not enhanced.is_one_track(layout, body):
        return b"", 0
    codec = classify(kind, body)[0].codec
    start = layout.tracks[0].start
    return body[:start], start + enhanced.composition_time_bytes(layout.packet_type, codec)


def needs_config(codec: str) -> bool:
    """Whether a decoder of this codec cannot start without a sequence header."""
    return codec in _NEEDS_CONFIG


def is_multitrack(kind: int, body: bytes) -> bool:
    """Whether a message is well-formed Multitrack, in any of its three forms."""
    layout = enhanced.read_layout(kind, body) if enhanced.is_enhanced(kind, body) else None
    return layout is not None and layout.multitrack_at is not None


def split_tracks(kind: int, body: bytes) -> list[bytes]:
    """A message of many tracks as one OneTrack message per track, in order.

    A message that `classify` answers with one part is returned as it is. ModEx blocks stand
    before the tracks and hold for all of them, so each message keeps them.
    """
    layout = enhanced.read_layout(kind, body) if enhanced.is_enhanced(kind, body) else None
    if layout is None or layout.multitrack_at is None or len(layout.tracks) < 2:
        return [body]
    # The high nibble of the multitrack byte is 0 for OneTrack; the low one is the packet type.
    head = body[: layout.multitrack_at] + bytes([layout.packet_type])
    return [
        b"%b%b%c%b" % (head, span.fourcc, span.track, body[span.start : span.end])
        for span in layout.tracks
    ]


def config_record(kind: int, body: bytes) -> bytes:
    """The decoder configuration in a one-track SEQUENCE_START message; may be empty.

    An empty record configures nothing: ffmpeg sends one for AC-3, where none is needed, and
    sometimes as the first AV1 sequence header, with a full one to follow.
    """
    return payload(kind, body)


def payload(kind: int, body: bytes, most: int = MAX_BODY_BYTES) -> bytes:
    """What a message of one track carries behind all headers: a configuration record, a frame.

    At most `most` bytes of it. b"" for a message of many tracks, a damaged one, and one that
    carries nothing.
    """
    start = _payload_at(kind, body)[0]
    return body[start : start + most]


def composition_time_ms(kind: int, body: bytes) -> int:
    """Presentation minus decoding time of a one-track video frame; signed, 0 where none is sent."""
    end, size = _payload_at(kind, body)
    return int.from_bytes(body[end - size : end], "big", signed=True)


def _payload_at(kind: int, body: bytes) -> tuple[int, int]:
    """Where the payload of a one-track message begins, and the bytes of composition time before."""
    end = len(body)
    if not body:
        return end, 0
    if enhanced.is_enhanced(kind, body):
        layout = enhanced.read_layout(kind, body)
        if layout is None or len(layout.tracks) != 1:
            return end, 0
        span = layout.tracks[0]
        codec = enhanced.VIDEO_FOURCCS.get(span.fourcc, "")
        size = enhanced.composition_time_bytes(layout.packet_type, codec)
        return (span.start + size, size) if span.start + size <= end else (end, 0)
    if kind == VIDEO and body[0] & 15 in legacy.PACKETED_VIDEO:
        header = legacy.PACKETED_VIDEO_HEADER_BYTES
        return (header, enhanced.COMPOSITION_TIME_BYTES) if header <= end else (end, 0)
    if kind == AUDIO and body[0] >> 4 in legacy.PACKETED_AUDIO:
        return legacy.PACKETED_AUDIO_HEADER_BYTES, 0
    return 1, 0
