"""Tag bodies of the original FLV (protocol §5.2), as tables over their first two bytes.

Owns the codec numbers of byte 0, the private ones in use beside the published ones included, and
the packet type of byte 1. Enhanced bodies are not known here: their rows in the tables are None.
"""

from typing import Final

from recorder.flv.parts import Part, Role, part

Row = tuple[int, tuple[Part, ...], tuple[Part, ...]]
"""(header bytes, the parts of a longer body, the parts of a body that is all header)."""

# 12 (HEVC) and 13 (AV1) are private numbers with the layout of AVC; they come from Chinese CDNs
# and IP cameras.
VIDEO_CODECS: Final = {
    2: "h263",
    3: "screen",
    4: "vp6",
    5: "vp6a",
    6: "screen2",
    7: "avc1",
    12: "hvc1",
    13: "av01",
}
PACKETED_VIDEO: Final = frozenset({7, 12, 13})
"""Codec numbers followed by a packet type and a composition time."""

# 13 (Opus) is private too, with the layout of AAC. 14 is MP3 at 8 kHz, 15 is device-specific.
AUDIO_CODECS: Final = {
    0: "pcm",
    1: "adpcm",
    2: ".mp3",
    3: "pcm",
    4: "nellymoser",
    5: "nellymoser",
    6: "nellymoser",
    7: "alaw",
    8: "ulaw",
    10: "mp4a",
    11: "speex",
    13: "Opus",
    14: ".mp3",
    15: "device",
}
PACKETED_AUDIO: Final = frozenset({10, 13})
"""Sound formats followed by a packet type."""

PACKETED_VIDEO_HEADER_BYTES: Final = 5
PACKETED_AUDIO_HEADER_BYTES: Final = 2

ENHANCED_VIDEO_BIT: Final = 0x80
ENHANCED_SOUND_FORMAT: Final = 9

KEY_FRAME: Final = 1
COMMAND_FRAME: Final = 5


def _fixed(role: Role, codec: str) -> Row:
    parts = (part(0, role, codec),)
    return 0, parts, parts


def _frame(header_bytes: int, codec: str, *, keyframe: bool = False) -> Row:
    frame = part(0, Role.FRAME, codec, keyframe=keyframe)
    return header_bytes, (frame,), (part(0, Role.EMPTY, codec),)


def _video_by_first_byte(byte: int) -> Row | None:
    frame_type, number = byte >> 4, byte & 15
    if byte & ENHANCED_VIDEO_BIT:
        return None
    if number not in VIDEO_CODECS:
        return _fixed(Role.UNKNOWN, f"video {number}")
    if frame_type == COMMAND_FRAME:
        return _fixed(Role.COMMAND, "")
    if number in PACKETED_VIDEO:
        return _fixed(Role.UNKNOWN, VIDEO_CODECS[number])
    return _frame(1, VIDEO_CODECS[number], keyframe=frame_type == KEY_FRAME)


def _audio_by_first_byte(byte: int) -> Row | None:
    number = byte >> 4
    if number == ENHANCED_SOUND_FORMAT:
        return None
    if number not in AUDIO_CODECS:
        return _fixed(Role.UNKNOWN, f"audio {number}")
    if number in PACKETED_AUDIO:
        return _fixed(Role.UNKNOWN, AUDIO_CODECS[number])
    return _frame(1, AUDIO_CODECS[number])


# Asked last, when the two first bytes name no packet type that exists. None: an enhanced body.
VIDEO_BY_FIRST_BYTE: Final = tuple(_video_by_first_byte(byte) for byte in range(256))
AUDIO_BY_FIRST_BYTE: Final = tuple(_audio_by_first_byte(byte) for byte in range(256))


def _packeted_video(frame_type: int, codec: str) -> dict[int, Row]:
    """Rows by packet type. The end of a sequence is flagged keyframe by ffmpeg: it is none."""
    return {
        0: _fixed(Role.SEQUENCE_START, codec),
        1: _frame(PACKETED_VIDEO_HEADER_BYTES, codec, keyframe=frame_type == KEY_FRAME),
        2: _fixed(Role.SEQUENCE_END, codec),
    }


def _packeted_audio(codec: str) -> dict[int, Row]:
    return {
        0: _fixed(Role.SEQUENCE_START, codec),
        1: _frame(PACKETED_AUDIO_HEADER_BYTES, codec),
    }


VIDEO_BY_TWO_BYTES: Final = {
    bytes([frame_type << 4 | number, packet_type]): row
    for number in PACKETED_VIDEO
    for frame_type in range(8)
    if frame_type != COMMAND_FRAME
    for packet_type, row in _packeted_video(frame_type, VIDEO_CODECS[number]).items()
}
AUDIO_BY_TWO_BYTES: Final = {
    bytes([number << 4 | bits, packet_type]): row
    for number in PACKETED_AUDIO
    for bits in range(16)
    for packet_type, row in _packeted_audio(AUDIO_CODECS[number]).items()
}
