"""Sample rates and channels, from records built field by field."""

from __future__ import annotations

import pytest

from recorder.flv.parameters import parameters
from recorder.flv.tags import AUDIO
from tests.flv.building import BitWriter
from tests.flv.records import (
    ac3,
    asc,
    streaminfo,
)

NOTHING = (None, None)


def sound(body: bytes) -> tuple[int | None, int | None]:
    found = parameters(AUDIO, body)
    assert (found.width, found.height) == (None, None)
    return found.sample_rate, found.channels


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (((2, 5), (3, 4), (2, 4)), (48000, 2)),
        (((2, 5), (4, 4), (1, 4), (0, 3)), (44100, 1)),
        (((2, 5), (11, 4), (6, 4)), (8000, 6)),
        (((2, 5), (3, 4), (7, 4)), (48000, 8)),
        (((2, 5), (3, 4), (11, 4)), (48000, 7)),
        (((2, 5), (3, 4), (9, 4)), (48000, None)),
        (((2, 5), (3, 4), (0, 4), (0, 40)), (48000, None)),  # channels described elsewhere
        (((2, 5), (13, 4), (2, 4)), (None, 2)),  # a reserved rate
        (((2, 5), (15, 4), (12345, 24), (2, 4)), (12345, 2)),  # the escape to 24 bits
        (((2, 5), (15, 4), (0, 24), (2, 4)), (None, 2)),
        (((31, 5), (10, 6), (3, 4), (2, 4)), (48000, 2)),  # object type 42 by its escape
    ],
)
def test_an_audio_specific_config(
    fields: tuple[tuple[int, int], ...], expected: tuple[int | None, int | None]
) -> None:
    assert sound(asc(*fields)) == expected


def test_spectral_band_replication_told_explicitly_doubles_the_rate() -> None:
    assert sound(asc((5, 5), (6, 4), (2, 4), (3, 4), (2, 5))) == (48000, 2)
    assert sound(asc((5, 5), (6, 4), (2, 4), (15, 4), (48000, 24), (2, 5))) == (48000, 2)


def test_parametric_stereo_makes_two_channels_of_one() -> None:
    assert sound(asc((29, 5), (6, 4), (1, 4), (3, 4), (2, 5))) == (48000, 2)
    assert sound(asc((29, 5), (6, 4), (6, 4), (3, 4), (2, 5))) == (48000, 6)


def test_spectral_band_replication_told_behind_the_config_doubles_the_rate() -> None:
    core = ((2, 5), (6, 4), (2, 4))
    extension = ((0x2B7, 11), (5, 5), (1, 1), (3, 4))
    assert sound(asc(*core, (0, 3), *extension)) == (48000, 2)
    assert sound(asc(*core, (0, 1), (1, 1), (7, 14), (0, 1), *extension)) == (48000, 2)
    absent = ((0x2B7, 11), (5, 5), (0, 1))
    assert sound(asc(*core, (0, 3), *absent)) == (24000, 2)
    assert sound(asc(*core, (0, 3), (0x2B7, 11), (22, 5), (1, 1), (3, 4))) == (24000, 2)
    assert sound(asc(*core, (0, 3), (0x123, 11), (0, 16))) == (24000, 2)


def test_a_config_that_ends_early_says_nothing() -> None:
    assert sound(b"\xaf\0") == NOTHING
    assert sound(b"\xaf\0\x11") == NOTHING


def test_an_aac_frame_says_nothing_for_the_bits_of_its_tag_lie() -> None:
    assert sound(b"\xaf\x01\x21\x00") == NOTHING


def test_opus_decodes_at_48_khz_whatever_its_head_notes() -> None:
    head = b"OpusHead\x01\x06\x38\x01" + (44100).to_bytes(4, "little") + b"\0\0\x01"
    assert sound(b"\x90Opus" + head) == (48000, 6)
    assert sound(b"\xdf\0" + head) == (48000, 6)
    assert sound(b"\x90Opus" + head[:9]) == (48000, None)
    assert sound(b"\x90Opus") == (48000, None)


@pytest.mark.parametrize("front", [b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22", b"fLaC", b""])
def test_streaminfo_is_read_with_and_without_what_may_stand_before_it(front: bytes) -> None:
    assert sound(b"\x90fLaC" + front + streaminfo(96000, 8)) == (96000, 8)


def test_streaminfo_that_says_nothing() -> None:
    assert sound(b"\x90fLaC" + streaminfo(0, 2)) == (None, 2)
    assert sound(b"\x90fLaC" + streaminfo(48000, 2)[:12]) == NOTHING
    assert sound(b"\x90fLaC") == NOTHING


@pytest.mark.parametrize(
    ("mode", "channels"), [(0, 2), (1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 4), (7, 5)]
)
def test_the_channels_of_ac3_stand_in_every_frame(mode: int, channels: int) -> None:
    assert sound(b"\x91ac-3" + ac3(0, mode)) == (48000, channels)
    assert sound(b"\x91ac-3" + ac3(2, mode, lfe=1)) == (32000, channels + 1)


@pytest.mark.parametrize(
    ("code", "reduced", "rate"), [(0, 3, 48000), (1, 3, 44100), (3, 0, 24000), (3, 3, None)]
)
def test_the_rate_of_eac3_may_be_halved(code: int, reduced: int, rate: int | None) -> None:
    bits = BitWriter().put(0x0B77, 16).put(0, 2).put(0, 3).put(100, 11).put(code, 2)
    frame = bits.put(reduced, 2).put(7, 3).put(1, 1).put(16, 5).done()
    assert sound(b"\x91ec-3" + frame) == (rate, 6)


def test_what_is_no_ac3_frame_says_nothing() -> None:
    assert sound(b"\x91ac-3" + ac3(3, 2)) == (None, 2)
    assert sound(b"\x91ac-3\x0b\x78" + bytes(10)) == NOTHING
    assert sound(b"\x91ac-3\x0b\x77\0") == NOTHING
    assert sound(b"\x90ac-3") == NOTHING


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("fffb9044", (44100, 2)),
        ("fffb94c4", (48000, 1)),
        ("fff39800", (32000 // 2, 2)),
        ("ffe390c0", (11025, 1)),
        ("fffb9c44", (None, 2)),
        ("ffeb9044", (None, 2)),
        ("00000000", NOTHING),
        ("ff", NOTHING),
    ],
)
def test_an_enhanced_mp3_frame_says_its_rate(
    header: str, expected: tuple[int | None, int | None]
) -> None:
    assert sound(b"\x91.mp3" + bytes.fromhex(header)) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (0x2F, (44100, 2)),
        (0x2A, (22050, 1)),
        (0x17, (11025, 2)),
        (0x30, (5512, 1)),
        (0x4F, (16000, 1)),
        (0x5F, (8000, 1)),
        (0x6B, (22050, 1)),
        (0x7F, (8000, 2)),
        (0x8E, (8000, 1)),
        (0xBF, (16000, 1)),
        (0xEF, (8000, 2)),
    ],
)
def test_the_first_byte_of_legacy_audio_says_its_rate(
    first: int, expected: tuple[int, int]
) -> None:
    assert sound(bytes([first]) + b"data") == expected
