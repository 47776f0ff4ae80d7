"""Messages of the codecs with a number: every layout, and numbers that nobody uses."""

from __future__ import annotations

import pytest

from recorder.flv.codecs import Role
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO
from tests.flv.parts import only, part

# ----------------------------------------------------------------------------- legacy video


@pytest.mark.parametrize(("number", "codec"), [(7, "avc1"), (12, "hvc1"), (13, "av01")])
def test_codecs_with_the_layout_of_avc(number: int, codec: str) -> None:
    key, inter, disposable = 0x10 | number, 0x20 | number, 0x30 | number
    assert only(VIDEO, bytes([key, 0, 0, 0, 0]) + b"config") == part(Role.SEQUENCE_START, codec)
    assert only(VIDEO, bytes([key, 0, 0, 0, 0])) == part(Role.SEQUENCE_START, codec)
    frame = b"\x01\0\0\x28nal"
    assert only(VIDEO, bytes([key]) + frame) == part(Role.FRAME, codec, keyframe=True)
    assert only(VIDEO, bytes([inter]) + frame) == part(Role.FRAME, codec)
    assert only(VIDEO, bytes([disposable]) + frame) == part(Role.FRAME, codec)


def test_the_end_of_an_avc_sequence_is_no_keyframe_though_ffmpeg_flags_it_so() -> None:
    assert only(VIDEO, b"\x17\x02\0\0\0") == part(Role.SEQUENCE_END, "avc1")


@pytest.mark.parametrize("body", [b"\x17\x01", b"\x17\x01\0\0", b"\x17\x01\0\0\0"])
def test_an_avc_frame_without_nal_units_is_empty_and_no_keyframe(body: bytes) -> None:
    assert only(VIDEO, body) == part(Role.EMPTY, "avc1")


@pytest.mark.parametrize("body", [b"\x17", b"\x17\x03\0\0\0xx", b"\x27\xff\0\0\0xx"])
def test_an_avc_packet_type_that_is_none_is_unknown(body: bytes) -> None:
    assert only(VIDEO, body) == part(Role.UNKNOWN, "avc1")


@pytest.mark.parametrize(
    ("number", "codec"),
    [(2, "h263"), (3, "screen"), (4, "vp6"), (5, "vp6a"), (6, "screen2")],
)
def test_codecs_without_a_packet_type(number: int, codec: str) -> None:
    assert only(VIDEO, bytes([0x10 | number, 0])) == part(Role.FRAME, codec, keyframe=True)
    assert only(VIDEO, bytes([0x20 | number, 0])) == part(Role.FRAME, codec)
    assert only(VIDEO, bytes([0x10 | number])) == part(Role.EMPTY, codec)


@pytest.mark.parametrize("frame_type", [0, 3, 4, 6, 7])
def test_only_frame_type_one_is_a_keyframe(frame_type: int) -> None:
    assert not only(VIDEO, bytes([frame_type << 4 | 7, 1, 0, 0, 0]) + b"nal").keyframe
    assert not only(VIDEO, bytes([0x80 | frame_type << 4 | 3]) + b"avc1nal").keyframe


@pytest.mark.parametrize("body", [b"\x57\0", b"\x57\x01", b"\x52\0", b"\x5c\x01\0\0\0"])
def test_a_legacy_command_is_no_frame(body: bytes) -> None:
    assert only(VIDEO, body) == part(Role.COMMAND, "")


@pytest.mark.parametrize("number", [0, 1, 8, 9, 10, 11, 14, 15])
def test_video_numbers_nobody_uses_are_unknown_and_named(number: int) -> None:
    assert only(VIDEO, bytes([0x10 | number, 1]) + b"data") == part(Role.UNKNOWN, f"video {number}")


# ----------------------------------------------------------------------------- legacy audio


@pytest.mark.parametrize(("first", "codec"), [(0xAF, "mp4a"), (0xA0, "mp4a"), (0xDF, "Opus")])
def test_codecs_with_the_layout_of_aac(first: int, codec: str) -> None:
    assert only(AUDIO, bytes([first, 0]) + b"\x11\x90") == part(Role.SEQUENCE_START, codec)
    assert only(AUDIO, bytes([first, 1]) + b"data") == part(Role.FRAME, codec)
    assert only(AUDIO, bytes([first, 1])) == part(Role.EMPTY, codec)
    assert only(AUDIO, bytes([first, 2])) == part(Role.UNKNOWN, codec)
    assert only(AUDIO, bytes([first])) == part(Role.UNKNOWN, codec)


@pytest.mark.parametrize(
    ("number", "codec"),
    [
        (0, "pcm"),
        (1, "adpcm"),
        (2, ".mp3"),
        (3, "pcm"),
        (4, "nellymoser"),
        (5, "nellymoser"),
        (6, "nellymoser"),
        (7, "alaw"),
        (8, "ulaw"),
        (11, "speex"),
        (14, ".mp3"),
        (15, "device"),
    ],
)
def test_sound_formats_without_a_packet_type(number: int, codec: str) -> None:
    assert only(AUDIO, bytes([number << 4 | 15, 0])) == part(Role.FRAME, codec)
    assert only(AUDIO, bytes([number << 4])) == part(Role.EMPTY, codec)


def test_the_sound_format_nobody_uses_is_unknown_and_named() -> None:
    assert only(AUDIO, b"\xc0data") == part(Role.UNKNOWN, "audio 12")


@pytest.mark.parametrize("kind", [AUDIO, VIDEO])
def test_a_message_of_no_bytes_is_empty(kind: int) -> None:
    assert only(kind, b"") == part(Role.EMPTY, "")


def test_only_audio_and_video_have_a_codec() -> None:
    assert only(SCRIPT, b"\x17\x01\0\0\0nal") == part(Role.UNKNOWN, "")
