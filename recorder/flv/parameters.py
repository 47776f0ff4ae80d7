"""What a track is made of: picture size, sample rate, channels.

Reads them from the message that tells: a sequence header, or for codecs that have none (or none
with a size in it) the first keyframe or audio frame. For people and manifests only: no decision
about bytes depends on it, so whatever cannot be read is None, and nothing raises.
"""

from collections.abc import Callable
from typing import Final

import attrs

from recorder.flv import enhanced
from recorder.flv.audio_parameters import (
    UNKNOWN,
    Sound,
    aac_sound,
    ac3_sound,
    flac_sound,
    legacy_sound,
    mp3_sound,
    opus_sound,
)
from recorder.flv.bits import BitsError
from recorder.flv.codecs import classify, payload
from recorder.flv.parts import Role
from recorder.flv.tags import VIDEO
from recorder.flv.video_parameters import (
    Size,
    av1_size,
    avcc_size,
    hvcc_size,
    vp8_size,
    vp9_size,
    vvcc_size,
)

READ_BYTES: Final = 1 << 13
"""How much of a message is looked at. Real records have a few hundred bytes; a peer may send
16 MiB, and reading them bit by bit would stop the loop for every room."""

AV1_CONFIG_BYTES: Final = 4
"""The fixed front of an AV1CodecConfigurationRecord; OBUs follow."""


@attrs.frozen(kw_only=True)
class TrackParameters:
    codec: str
    width: int | None = None
    height: int | None = None
    sample_rate: int | None = None
    channels: int | None = None


_SIZES: Final[dict[tuple[Role, str], Callable[[bytes], Size | None]]] = {
    (Role.SEQUENCE_START, "avc1"): avcc_size,
    (Role.SEQUENCE_START, "hvc1"): hvcc_size,
    (Role.SEQUENCE_START, "vvc1"): vvcc_size,
    (Role.SEQUENCE_START, "av01"): lambda record: av1_size(record[AV1_CONFIG_BYTES:]),
    (Role.FRAME, "av01"): av1_size,
    (Role.FRAME, "vp08"): vp8_size,
    (Role.FRAME, "vp09"): vp9_size,
}
_SOUNDS: Final[dict[tuple[Role, str], Callable[[bytes], Sound]]] = {
    (Role.SEQUENCE_START, "mp4a"): aac_sound,
    (Role.SEQUENCE_START, "Opus"): opus_sound,
    (Role.SEQUENCE_START, "fLaC"): flac_sound,
    (Role.FRAME, "ac-3"): ac3_sound,
    (Role.FRAME, "ec-3"): ac3_sound,
    (Role.FRAME, ".mp3"): mp3_sound,
}
# The rate and channel bits of these legacy formats are fixed and mean nothing.
_LYING: Final = frozenset({"mp4a", "Opus"})


def parameters(kind: int, body: bytes) -> TrackParameters:
    """What a message of one track tells about it; for many tracks, `split_tracks` first.

    Ask with the sequence header, and with the first frame (of video: keyframe) of a track whose
    sequence header left something None or never came.
    """
    parts = classify(kind, body)
    role, codec = parts[0].role, parts[0].codec
    if len(parts) > 1 or role not in (Role.SEQUENCE_START, Role.FRAME):
        return TrackParameters(codec=codec)
    data = payload(kind, body, READ_BYTES)
    if kind == VIDEO:
        width, height = _size(role, codec, data) or (None, None)
        return TrackParameters(codec=codec, width=width, height=height)
    if role is Role.FRAME and not enhanced.is_enhanced(kind, body) and codec not in _LYING:
        rate, channels = legacy_sound(body[0])
    else:
        rate, channels = _sound(role, codec, data)
    return TrackParameters(codec=codec, sample_rate=rate, channels=channels)


def _size(role: Role, codec: str, data: bytes) -> Size | None:
    read = _SIZES.get((role, codec))
    try:
        return read(data) if read is not None else None
    except BitsError:
        return None


def _sound(role: Role, codec: str, data: bytes) -> Sound:
    read = _SOUNDS.get((role, codec))
    try:
        return read(data) if read is not None else UNKNOWN
    except BitsError:
        return UNKNOWN
