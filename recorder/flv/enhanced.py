"""Tag bodies of Enhanced RTMP v1 and v2 (protocol §5.3 to §5.5): which track lies where.

Owns the FourCCs, the packet types, and the two wrappers around them: ModEx and Multitrack.
`read_layout` walks the wrappers of any body; the tables at the end answer for the bodies without
a wrapper, which is nearly all of them, by their first five bytes.

Every walk is bounded by the format's own ranges, not by the size of the message: a ModEx type has
four bits and a track id has eight, so more than 16 ModEx blocks or 256 tracks only repeat.
"""

from enum import IntEnum
from typing import Final

import attrs

from recorder.flv.legacy import COMMAND_FRAME, KEY_FRAME, Row
from recorder.flv.parts import Part, Role, part
from recorder.flv.tags import AUDIO, VIDEO

VIDEO_FOURCCS: Final = {
    fourcc.encode(): fourcc for fourcc in ("vp08", "vp09", "av01", "avc1", "hvc1", "vvc1")
}
AUDIO_FOURCCS: Final = {
    fourcc.encode(): fourcc for fourcc in ("ac-3", "ec-3", "Opus", ".mp3", "fLaC", "mp4a")
}

COMPOSITION_TIME_BYTES: Final = 3
HAS_COMPOSITION_TIME: Final = frozenset({"avc1", "hvc1", "vvc1"})
"""Codecs whose CodedFrames begin with a composition time."""

MAX_MODEX_BLOCKS: Final = 16
MAX_TRACKS: Final = 256


class PacketType(IntEnum):
    """The packet types both kinds share; 5 and 6 differ and are named below."""

    SEQUENCE_START = 0
    CODED_FRAMES = 1
    SEQUENCE_END = 2
    CODED_FRAMES_X = 3
    METADATA = 4
    MODEX = 7


MPEG2_TS_SEQUENCE_START: Final = 5
_MULTITRACK = {VIDEO: 6, AUDIO: 5}
_FOURCCS = {VIDEO: VIDEO_FOURCCS, AUDIO: AUDIO_FOURCCS}

# The same number means another thing in the other kind: 4 is Metadata or MultichannelConfig,
# 3 and 5 exist for video only.
_ROLES: Final[dict[int, dict[int, Role]]] = {
    VIDEO: {
        PacketType.SEQUENCE_START: Role.SEQUENCE_START,
        PacketType.CODED_FRAMES: Role.FRAME,
        PacketType.SEQUENCE_END: Role.SEQUENCE_END,
        PacketType.CODED_FRAMES_X: Role.FRAME,
        PacketType.METADATA: Role.METADATA,
        MPEG2_TS_SEQUENCE_START: Role.SEQUENCE_START,
    },
    AUDIO: {
        PacketType.SEQUENCE_START: Role.SEQUENCE_START,
        PacketType.CODED_FRAMES: Role.FRAME,
        PacketType.SEQUENCE_END: Role.SEQUENCE_END,
        PacketType.METADATA: Role.MULTICHANNEL_CONFIG,
    },
}

_ONE_TRACK, _MANY_TRACKS, _MANY_TRACKS_MANY_CODECS = range(3)


@attrs.frozen
class TrackSpan:
    """Where one track's bytes lie in a body."""

    track: int
    fourcc: bytes
    start: int
    """First byte behind the FourCC, the track id and the size: what §5.3 calls the payload."""
    end: int


@attrs.frozen
class Layout:
    """An enhanced body, unwrapped."""

    frame_type: int
    """Of video; 0 for audio, whose sound format leaves no room for one."""
    packet_type: int
    tracks: list[TrackSpan]
    multitrack_at: int | None
    """Offset of the multitrack byte, None for a body without it."""


def is_enhanced(kind: int, body: bytes) -> bool:
    if not body:
        return False
    return body[0] >= 0x80 if kind == VIDEO else kind == AUDIO and body[0] >> 4 == 9


def is_wrapped(kind: int, body: bytes) -> bool:
    """Whether ModEx or Multitrack stands in front of a body's FourCC."""
    return is_enhanced(kind, body) and body[0] & 15 in (PacketType.MODEX, _MULTITRACK[kind])


def read_layout(kind: int, body: bytes) -> Layout | None:
    """The layout of an enhanced body, None if its wrappers are damaged.

    A command tag has a layout without tracks: it names neither codec nor track.
    """
    try:
        return _read_layout(kind, body)
    except IndexError:
        # A wrapper ends early. Only reading single bytes can say so; slices are checked below.
        return None


def _read_layout(kind: int, body: bytes) -> Layout | None:
    frame_type = body[0] >> 4 & 7 if kind == VIDEO else 0
    packet_type, at = body[0] & 15, 1
    blocks = 0
    while packet_type == PacketType.MODEX:
        blocks += 1
        if blocks > MAX_MODEX_BLOCKS:
            return None
        size, at = body[at] + 1, at + 1
        if size == 256:
            size, at = (body[at] << 8 | body[at + 1]) + 1, at + 2
        packet_type, at = body[at + size] & 15, at + size + 1
    if frame_type == COMMAND_FRAME and not _is_metadata(kind, packet_type, body, at):
        return Layout(frame_type, packet_type, [], None)
    if packet_type != _MULTITRACK[kind]:
        span = _span(body, at + 4, len(body), 0, body[at : at + 4])
        return Layout(frame_type, packet_type, [span], None) if span else None
    return _read_multitrack(kind, body, at, frame_type)


def is_one_track(layout: Layout, body: bytes) -> bool:
    """Whether a body is Multitrack with nothing but one track in it, and no ModEx before."""
    return layout.multitrack_at == 1 and body[1] >> 4 == _ONE_TRACK


def _is_metadata(kind: int, packet_type: int, body: bytes, at: int) -> bool:
    """Whether frame type 5 stands before metadata, where its bits mean nothing.

    By the letter a multitrack tag with frame type 5 is a command. But a command is one byte long
    and metadata is not, and ffmpeg gives its metadata frame type 5; so more bytes decide for the
    packet type behind the multitrack byte.
    """
    if packet_type == _MULTITRACK[kind] and len(body) > at + 1:
        packet_type = body[at] & 15
    return packet_type == PacketType.METADATA


def _read_multitrack(kind: int, body: bytes, at: int, frame_type: int) -> Layout | None:
    form, packet_type = body[at] >> 4, body[at] & 15
    if form > _MANY_TRACKS_MANY_CODECS or packet_type in (_MULTITRACK[kind], PacketType.MODEX):
        return None
    multitrack_at, at = at, at + 1
    fourcc = b""
    if form != _MANY_TRACKS_MANY_CODECS:
        fourcc, at = body[at : at + 4], at + 4
    if form == _ONE_TRACK:
        span = _span(body, at + 1, len(body), body[at], fourcc)
        return Layout(frame_type, packet_type, [span], multitrack_at) if span else None
    tracks: list[TrackSpan] = []
    while at < len(body):
        if form == _MANY_TRACKS_MANY_CODECS:
            fourcc, at = body[at : at + 4], at + 4
        track = body[at]
        start = at + 4
        at = start + (body[at + 1] << 16 | body[at + 2] << 8 | body[at + 3])
        span = _span(body, start, at, track, fourcc)
        if span is None or len(tracks) == MAX_TRACKS:
            return None
        tracks.append(span)
    return Layout(frame_type, packet_type, tracks, multitrack_at) if tracks else None


def _span(body: bytes, start: int, end: int, track: int, fourcc: bytes) -> TrackSpan | None:
    return TrackSpan(track, fourcc, start, end) if start <= end <= len(body) else None


def layout_parts(kind: int, layout: Layout) -> tuple[Part, ...]:
    """One part per track of an unwrapped body."""
    if not layout.tracks:
        return (part(0, Role.COMMAND, ""),)
    return tuple(
        _track_part(
            kind,
            layout.frame_type,
            layout.packet_type,
            span.fourcc,
            span.track,
            payload_bytes=span.end - span.start,
        )
        for span in layout.tracks
    )


def _track_part(
    kind: int, frame_type: int, packet_type: int, fourcc: bytes, track: int, *, payload_bytes: int
) -> Part:
    codec = _FOURCCS[kind].get(fourcc)
    if codec is None:
        return part(track, Role.UNKNOWN, _readable(fourcc))
    role = _ROLES[kind].get(packet_type, Role.UNKNOWN)
    if role is not Role.FRAME:
        return part(track, role, codec)
    if payload_bytes <= composition_time_bytes(packet_type, codec):
        return part(track, Role.EMPTY, codec)
    return part(track, Role.FRAME, codec, keyframe=frame_type == KEY_FRAME)


def composition_time_bytes(packet_type: int, codec: str) -> int:
    """How many bytes of composition time stand before a track's frame data."""
    if packet_type == PacketType.CODED_FRAMES and codec in HAS_COMPOSITION_TIME:
        return COMPOSITION_TIME_BYTES
    return 0


def _readable(fourcc: bytes) -> str:
    """A FourCC nobody registered, safe to show and to count by."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in fourcc)


def _row(kind: int, first_byte: int, fourcc: bytes) -> Row:
    frame_type = first_byte >> 4 & 7 if kind == VIDEO else 0
    packet_type = first_byte & 15
    full = _track_part(kind, frame_type, packet_type, fourcc, 0, payload_bytes=2**24)
    empty = _track_part(kind, frame_type, packet_type, fourcc, 0, payload_bytes=0)
    return 5 + composition_time_bytes(packet_type, full.codec), (full,), (empty,)


VIDEO_BY_FIVE_BYTES: Final = {
    bytes([first_byte]) + fourcc: _row(VIDEO, first_byte, fourcc)
    for first_byte in range(0x80, 0x100)
    if first_byte & 15 in _ROLES[VIDEO]
    and (first_byte >> 4 & 7 != COMMAND_FRAME or first_byte & 15 == PacketType.METADATA)
    for fourcc in VIDEO_FOURCCS
}
AUDIO_BY_FIVE_BYTES: Final = {
    bytes([0x90 | packet_type]) + fourcc: _row(AUDIO, 0x90 | packet_type, fourcc)
    for packet_type in _ROLES[AUDIO]
    for fourcc in AUDIO_FOURCCS
}
