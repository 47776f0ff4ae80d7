"""Picture sizes, from records built field by field.

Records of real encoders are in `test_real_files`; here is what those encoders never write.
"""

from __future__ import annotations

import pytest

from recorder.flv.parameters import TrackParameters, parameters
from recorder.flv.tags import VIDEO
from tests.flv.building import avcc, hvcc, many_tracks, one_track, with_modex
from tests.flv.records import (
    AV1C,
    av1_sequence,
    avc,
    hevc,
    hevc_sps,
    high,
    obu,
    sps,
    start,
    vp9_frame,
    vvcc,
)

NOTHING = (None, None)


def size(body: bytes) -> tuple[int | None, int | None]:
    found = parameters(VIDEO, body)
    assert (found.sample_rate, found.channels) == (None, None)
    return found.width, found.height


def test_the_size_of_h264_without_cropping() -> None:
    assert size(avc(sps(start()))) == (320, 240)
    assert size(avc(sps(start(), order=(2,)))) == (320, 240)
    assert size(avc(sps(start(), order=(1, 5, -5, 2)))) == (320, 240)


def test_a_cropped_size_of_h264() -> None:
    nal = sps(start(), macroblocks=(120, 68), crop=(0, 0, 0, 4))
    assert size(avc(nal)) == (1920, 1080)


def test_interlaced_h264_counts_map_units_and_crops_in_pairs_of_lines() -> None:
    nal = sps(start(), macroblocks=(120, 34), frames_only=False, crop=(1, 2, 0, 2))
    assert size(avc(nal)) == (1920 - 6, 1080)


@pytest.mark.parametrize(
    ("chroma", "separate", "expected"),
    [
        (0, False, (320 - 4, 240 - 4)),
        (1, False, (320 - 8, 240 - 8)),
        (2, False, (320 - 8, 240 - 4)),
        (3, False, (320 - 4, 240 - 4)),
        (3, True, (320 - 4, 240 - 4)),
    ],
)
def test_h264_crops_in_units_of_its_chroma(
    chroma: int, separate: bool, expected: tuple[int, int]
) -> None:
    bits = high(chroma, separate=separate)
    assert size(avc(sps(bits, profile=244, crop=(1, 3, 2, 2)))) == expected


def test_scaling_lists_are_skipped_whole_absent_and_ending_early() -> None:
    eight = high(1, lists=(16, 0, 3, 0, 0, 16, 64, 10))
    assert size(avc(sps(eight, profile=100))) == (320, 240)
    twelve = high(3, lists=(16, 1, 0, 0, 0, 0, 64, 0, 64, 0, 0, 64))
    assert size(avc(sps(twelve, profile=244))) == (320, 240)


def test_emulation_prevention_is_taken_out_of_an_sps() -> None:
    plain = sps(start(), order=(0, 2**31))
    guarded = plain.replace(b"\0\0\0", b"\0\0\x03\0").replace(b"\0\0\0", b"\0\0\x03\0")
    assert guarded.count(b"\0\0\x03\0") == 2
    assert b"\0\0\0" not in guarded
    assert size(avc(guarded)) == (320, 240)


def test_the_sps_is_found_among_other_nal_units() -> None:
    assert size(avc(b"\x68pps", b"", sps(start()))) == (320, 240)
    assert size(avc(b"\x68pps")) == NOTHING
    assert size(b"\x17\0\0\0\0" + avcc()) == NOTHING


@pytest.mark.parametrize(
    "nal",
    [
        b"\x67",
        sps(start().code(4), profile=100),  # chroma_format_idc
        sps(start(), crop=(100, 100, 0, 0)),  # nothing is left
        sps(start(), macroblocks=(5000, 15)),  # wider than any codec can
        sps(start(), order=(1, *[0] * 256)),  # too long a cycle
        b"\x67\x42\xc0\x1f" + bytes(40),
    ],
)
def test_an_sps_that_cannot_be_has_no_size(nal: bytes) -> None:
    assert size(avc(nal)) == NOTHING


def test_the_three_ways_to_send_a_record_give_the_same_size() -> None:
    record = avcc(sps(start()))
    assert parameters(VIDEO, b"\x17\0\0\0\0" + record) == TrackParameters(
        codec="avc1", width=320, height=240
    )
    assert size(b"\x90avc1" + record) == (320, 240)
    assert size(one_track(0x96, 0, b"avc1", 1, record)) == (320, 240)
    assert size(with_modex(b"\x90avc1" + record, [b"abc"])) == (320, 240)


def test_of_a_message_of_many_tracks_nothing_is_said() -> None:
    record = avcc(sps(start()))
    body = many_tracks(0x96, 0, b"avc1", [(0, record), (1, record)])
    assert parameters(VIDEO, body) == TrackParameters(codec="avc1")


@pytest.mark.parametrize("sub_layers", [(), ((0, 0),), ((1, 1), (0, 1), (1, 0))])
def test_the_size_of_hevc_stands_behind_its_sub_layers(
    sub_layers: tuple[tuple[int, int], ...],
) -> None:
    assert size(hevc(hevc_sps(sub_layers=sub_layers))) == (640, 368)


@pytest.mark.parametrize(
    ("chroma", "separate", "expected"),
    [
        (0, False, (637, 360)),
        (1, False, (634, 352)),
        (2, False, (634, 360)),
        (3, False, (637, 360)),
        (3, True, (637, 360)),
    ],
)
def test_hevc_crops_in_units_of_its_chroma(
    chroma: int, separate: bool, expected: tuple[int, int]
) -> None:
    nal = hevc_sps(chroma=chroma, separate=separate, crop=(1, 2, 0, 8))
    assert size(hevc(nal)) == expected


def test_hevc_under_the_private_legacy_number_has_a_size() -> None:
    body = b"\x1c\0\0\0\0" + hevc(hevc_sps())[5:]
    assert parameters(VIDEO, body) == TrackParameters(codec="hvc1", width=640, height=368)


def test_hevc_without_an_sps_or_with_a_damaged_one_has_no_size() -> None:
    assert size(b"\x90hvc1" + hvcc((32, [b"\x40\x01vps"]))) == NOTHING
    assert size(hevc(hevc_sps(chroma=4))) == NOTHING
    assert size(hevc(hevc_sps()[:12])) == NOTHING
    assert size(b"\x90hvc1") == NOTHING


def test_the_size_of_vvc_stands_in_its_record() -> None:
    assert size(b"\x90vvc1" + vvcc()) == (640, 360)
    assert size(b"\x90vvc1" + vvcc(sub_layers=4, levels=2, constraint_bytes=5)) == (640, 360)
    assert size(b"\x90vvc1" + vvcc(constraint_bytes=0)) == (640, 360)
    assert size(b"\x90vvc1\xfe" + bytes(40)) == NOTHING
    assert size(b"\x90vvc1" + vvcc()[:12]) == NOTHING


@pytest.mark.parametrize(
    "sequence",
    [
        av1_sequence(),
        av1_sequence(reduced=True),
        av1_sequence(levels=(4,)),
        av1_sequence(timing=True),
        av1_sequence(timing=True, equal_interval=True, levels=(8, 5, 4)),
        av1_sequence(timing=True, decoder_model=True, levels=(9, 4, 5)),
        av1_sequence(display_delay=True, levels=(9, 4, 5)),
        av1_sequence(timing=True, equal_interval=True, decoder_model=True, display_delay=True),
    ],
)
def test_the_size_of_av1_stands_in_its_sequence_header(sequence: bytes) -> None:
    assert size(b"\x90av01" + AV1C + obu(1, sequence)) == (640, 360)
    assert size(b"\x90av01" + AV1C + obu(1, sequence, sized=False)) == (640, 360)
    assert size(b"\x1d\0\0\0\0" + AV1C + obu(1, sequence)) == (640, 360)
    delimiter = obu(2, b"", extension=True)
    assert size(b"\x91av01" + delimiter + obu(5, b"metadata") + obu(1, sequence)) == (640, 360)


@pytest.mark.parametrize(
    "obus",
    [
        b"",
        obu(2, b""),
        obu(1, av1_sequence()[:5]),
        obu(6, b"frame", sized=False),
        b"\x0a" + b"\xff" * 9,  # a leb128 without end
        b"\x32\x7fshort",  # an OBU longer than the message
    ],
)
def test_av1_without_a_sequence_header_has_no_size(obus: bytes) -> None:
    assert size(b"\x90av01" + AV1C + obus) == NOTHING
    assert size(b"\x91av01" + obus + b"\0" * (not obus)) == NOTHING


def test_units_beyond_any_record_s_are_not_looked_at() -> None:
    many, few = obu(5, b"") * 64, obu(5, b"") * 63
    assert size(b"\x91av01" + few + obu(1, av1_sequence())) == (640, 360)
    assert size(b"\x91av01" + many + obu(1, av1_sequence())) == NOTHING
    assert size(b"\x90hvc1" + hvcc((32, [b""] * 64), (33, [hevc_sps()]))) == (640, 368)
    assert size(b"\x90hvc1" + hvcc((32, [b""] * 65), (33, [hevc_sps()]))) == NOTHING


def test_a_leb128_of_several_bytes_is_read() -> None:
    padding = b"\x3a\x80\x81\x00" + bytes(128)
    assert size(b"\x91av01" + padding + obu(1, av1_sequence())) == (640, 360)


def test_the_size_of_vp8_stands_in_a_keyframe() -> None:
    frame = b"\x10\0\0\x9d\x01\x2a" + (640 | 1 << 14).to_bytes(2, "little") + b"\x68\x01"
    assert size(b"\x91vp08" + frame) == (640, 360)
    assert size(b"\x91vp08\x11" + frame[1:]) == NOTHING
    assert size(b"\x91vp08" + frame[:9]) == NOTHING
    assert size(b"\x91vp08" + bytes(20)) == NOTHING
    assert size(b"\x91vp08" + frame[:6] + bytes(4)) == NOTHING


@pytest.mark.parametrize("profile", [0, 1, 2, 3])
@pytest.mark.parametrize("space", [2, 7])
def test_the_size_of_vp9_stands_in_a_keyframe_of_any_profile(profile: int, space: int) -> None:
    assert size(b"\x91vp09" + vp9_frame(profile, space=space).done()) == (640, 360)


@pytest.mark.parametrize(
    "frame",
    [
        vp9_frame(0, marker=1).done(),
        vp9_frame(0, sync=0x498343).done(),
        vp9_frame(0).done()[:7],
        b"\x8a" + bytes(20),  # shows an existing frame
        b"\x86" + bytes(20),  # an inter frame
    ],
)
def test_what_is_no_vp9_keyframe_has_no_size(frame: bytes) -> None:
    assert size(b"\x91vp09" + frame) == NOTHING


@pytest.mark.parametrize(
    "body", [b"\x90vp09\x01\0\0\0vpcC", b"\x12picture", b"\x91avc1\0\0\0nal", b"", b"\x97"]
)
def test_video_that_does_not_say_its_size_has_none(body: bytes) -> None:
    assert size(body) == NOTHING
