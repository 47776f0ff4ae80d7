"""The smallest legal media messages, built by hand, for tests of every part.

A message is an FLV tag body. Nothing here comes from the code under test.
"""

from __future__ import annotations

import struct

AUDIO = 8
VIDEO = 9
SCRIPT = 18

# 64x48, Baseline, level 1: profile, constraints, level; then the fields as ue(v) codes.
SPS_64X48 = bytes.fromhex("6742c00ada11e4")
SPS_32X32 = bytes.fromhex("6742c00ada2590")
PPS = bytes.fromhex("68ce3c80")


def avc_record(sps: bytes = SPS_64X48) -> bytes:
    """An AVCDecoderConfigurationRecord with NAL sizes of four bytes."""
    return (
        b"\x01" + sps[1:4] + b"\xff\xe1"
        + struct.pack(">H", len(sps)) + sps
        + b"\x01" + struct.pack(">H", len(PPS)) + PPS
    )  # fmt: skip


def avc_config(sps: bytes = SPS_64X48) -> bytes:
    return b"\x17\0\0\0\0" + avc_record(sps)


def avc_frame(*, key: bool = True, cts: int = 0, size: int = 8, mark: int = 0) -> bytes:
    """A frame of one NAL unit of `size` bytes. `mark` makes it differ from others."""
    nal = (b"\x65" if key else b"\x41") + struct.pack(">I", mark)
    nal = nal.ljust(size, b"\xaa")
    head = b"\x17\x01" if key else b"\x27\x01"
    return head + cts.to_bytes(3, "big", signed=True) + struct.pack(">I", len(nal)) + nal


def avc_end() -> bytes:
    """End of sequence, as ffmpeg writes it: marked as a keyframe."""
    return b"\x17\x02\0\0\0"


def aac_config(record: bytes = b"\x12\x10") -> bytes:
    """AudioSpecificConfig: LC, 44.1 kHz, stereo."""
    return b"\xaf\0" + record


AAC_48_KHZ = b"\x11\x90"


def aac_frame(*, size: int = 6, mark: int = 0) -> bytes:
    return b"\xaf\x01" + struct.pack(">I", mark).ljust(size, b"\x21")


def mp3_frame(*, mark: int = 0) -> bytes:
    """MP3 in legacy form: 44.1 kHz, 16 bit, stereo. It knows no configuration."""
    return b"\x2f\xff\xfb\x90\x00" + struct.pack(">I", mark)


def video_command() -> bytes:
    """A seek marker (frame type 5)."""
    return b"\x57\0"


def enhanced_video(
    fourcc: bytes, packet_type: int, data: bytes, *, key: bool = False, track: int | None = None
) -> bytes:
    """0 sequence start, 1 coded frames, 2 sequence end, 3 coded frames X, 4 metadata."""
    if track is None:
        return bytes([(0x90 if key else 0xA0) | packet_type]) + fourcc + data
    return bytes([0x96 if key else 0xA6, packet_type]) + fourcc + bytes([track]) + data


def enhanced_audio(
    fourcc: bytes, packet_type: int, data: bytes, *, track: int | None = None
) -> bytes:
    """0 sequence start, 1 coded frames, 2 sequence end, 4 multichannel configuration."""
    if track is None:
        return bytes([0x90 | packet_type]) + fourcc + data
    return bytes([0x95, packet_type]) + fourcc + bytes([track]) + data


def many_tracks(kind: int, packet_type: int, fourcc: bytes, tracks: dict[int, bytes]) -> bytes:
    """A ManyTracks message; of video, it is marked as a keyframe."""
    head = bytes([0x96 if kind == VIDEO else 0x95, 0x10 | packet_type]) + fourcc
    return head + b"".join(
        bytes([track]) + len(data).to_bytes(3, "big") + data for track, data in tracks.items()
    )


def video_frame_of(track: int, *, key: bool = True, mark: int = 0) -> bytes:
    """AVC in a track other than the default one, as OBS sends it."""
    return enhanced_video(b"avc1", 3, struct.pack(">I", mark), key=key, track=track)


def audio_frame_of(track: int, *, mark: int = 0) -> bytes:
    return enhanced_audio(b"mp4a", 1, struct.pack(">I", mark), track=track)


def flac_config(streaminfo: bytes = bytes(34)) -> bytes:
    return enhanced_audio(b"fLaC", 0, b"fLaC\x80\0\0\x22" + streaminfo)


def multichannel_config(fourcc: bytes, channels: int = 2) -> bytes:
    """Channel order unspecified."""
    return enhanced_audio(fourcc, 4, bytes([0, channels]))


# AMF0 by hand: the tests of the recorder's files must not depend on its AMF.


def amf_text(text: str) -> bytes:
    raw = text.encode()
    return b"\x02" + struct.pack(">H", len(raw)) + raw


def amf_object(members: dict[str, bytes]) -> bytes:
    """An ECMA array; the values are encoded already."""
    body = b"".join(amf_text(key)[1:] + value for key, value in members.items())
    return b"\x08" + struct.pack(">I", len(members)) + body + b"\0\0\x09"


def amf_number(number: float) -> bytes:
    return b"\0" + struct.pack(">d", number)


def metadata(**members: float | str) -> bytes:
    """An onMetaData message, as it reaches the segmenter."""
    encoded = {
        key: amf_text(value) if isinstance(value, str) else amf_number(value)
        for key, value in members.items()
    }
    return amf_text("onMetaData") + amf_object(encoded)
