"""Configuration records and frame headers, built field by field from the specifications."""

from __future__ import annotations

from tests.flv.building import BitWriter, avcc, hvcc

AV1C = b"\x81\x00\x0c\x00"
"""The fixed front of an AV1CodecConfigurationRecord."""


def sps(
    bits: BitWriter,
    *,
    profile: int = 66,
    order: tuple[int, ...] = (0, 0),
    macroblocks: tuple[int, int] = (20, 15),
    frames_only: bool = True,
    crop: tuple[int, int, int, int] | None = None,
) -> bytes:
    """A seq_parameter_set that begins with `bits`.

    `order` is pic_order_cnt_type and what follows it; for type 1 the offsets of the cycle.
    """
    bits.code(0)  # log2_max_frame_num_minus4
    if order[0] == 1:
        _cyclic_order(bits, order[1:])
    else:
        bits.codes(*order)
    bits.code(4).put(0, 1).codes(macroblocks[0] - 1, macroblocks[1] - 1)
    bits.put(frames_only, 1)
    if not frames_only:
        bits.put(1, 1)
    bits.put(1, 1).put(crop is not None, 1).codes(*(crop or ())).put(1, 8)
    return bytes([0x67, profile, 0xC0, 0x1F]) + bits.done()


def _cyclic_order(bits: BitWriter, offsets: tuple[int, ...]) -> None:
    bits.code(1).put(0, 1).signed(-3).signed(7).code(len(offsets))
    for offset in offsets:
        bits.signed(offset)


def start() -> BitWriter:
    """The beginning of an SPS behind its level: seq_parameter_set_id 0."""
    return BitWriter().code(0)


def avc(nal: bytes, *others: bytes) -> bytes:
    return b"\x17\0\0\0\0" + avcc(nal, *others)


def high(chroma: int, *, separate: bool = False, lists: tuple[int, ...] | None = None) -> BitWriter:
    """An SPS of a high profile up to its scaling lists; `lists`: how long each one is, 0 absent."""
    bits = start().code(chroma)
    if chroma == 3:
        bits.put(separate, 1)
    bits.codes(0, 0).put(0, 1).put(lists is not None, 1)
    for length in lists or ():
        bits.put(length > 0, 1)
        for index in range(length):
            # Deltas of 1, and where the list is to end early one that brings the scale to 0.
            bits.signed(1 if index < length - 1 or length in (16, 64) else -(8 + index))
    return bits


def hevc_sps(
    *,
    sub_layers: tuple[tuple[int, int], ...] = (),
    chroma: int = 1,
    separate: bool = False,
    crop: tuple[int, ...] | None = None,
) -> bytes:
    """A seq_parameter_set_rbsp of HEVC; `sub_layers`: (profile present, level present) of each."""
    bits = BitWriter().put(0x4201, 16).put(0, 4).put(len(sub_layers), 3).put(1, 1)
    bits.put((1 << 96) - 1, 96)
    if sub_layers:
        for profile, level in (*sub_layers, *[(0, 0)] * (8 - len(sub_layers))):
            bits.put(profile, 1).put(level, 1)
        for profile, level in sub_layers:
            bits.put((1 << 88 * profile) - 1, 88 * profile).put(120 * level, 8 * level)
    bits.codes(0, chroma)
    if chroma == 3:
        bits.put(separate, 1)
    bits.codes(640, 368).put(crop is not None, 1).codes(*(crop or ()))
    return bits.put(1, 8).done()


def hevc(nal: bytes) -> bytes:
    return b"\x90hvc1" + hvcc((32, [b"\x40\x01vps"]), (33, [nal]), (34, [b"\x44\x01pps"]))


def vvcc(*, sub_layers: int = 1, levels: int = 0, constraint_bytes: int = 1) -> bytes:
    bits = BitWriter().put(0x1F, 5).put(3, 2).put(1, 1)
    bits.put(0, 9).put(sub_layers, 3).put(1, 2).put(1, 2).put(0, 3).put(0x1F, 5)
    bits.put(0, 2).put(constraint_bytes, 6).put(1, 7).put(0, 1).put(51, 8)
    bits.put(0xFF, 8).put(0, 8 * max(0, constraint_bytes - 1))
    if sub_layers > 1:
        bits.put(((1 << levels) - 1) << (8 - levels), 8).put(0, 8 * levels)
    return bits.put(1, 8).put(0x12345678, 32).put(640, 16).put(360, 16).put(0, 16).done()


def av1_sequence(
    *,
    reduced: bool = False,
    timing: bool = False,
    equal_interval: bool = False,
    decoder_model: bool = False,
    display_delay: bool = False,
    levels: tuple[int, ...] = (8,),
) -> bytes:
    """A sequence_header_obu without its OBU header."""
    bits = BitWriter().put(0, 3).put(reduced, 1).put(reduced, 1)
    if reduced:
        bits.put(5, 5)
    else:
        bits.put(timing, 1)
        if timing:
            bits.put(1, 32).put(25, 32).put(equal_interval, 1)
            if equal_interval:
                bits.code(9)
            bits.put(decoder_model, 1)
            if decoder_model:
                bits.put(10, 5).put(1, 32).put(7, 5).put(9, 5)
        bits.put(display_delay, 1).put(len(levels) - 1, 5)
        for level in levels:
            bits.put(0, 12).put(level, 5)
            if level > 7:
                bits.put(1, 1)
            if decoder_model:
                bits.put(level & 1, 1)
                if level & 1:
                    bits.put(0, 11).put(0, 11).put(1, 1)
            if display_delay:
                bits.put(level & 1, 1)
                if level & 1:
                    bits.put(9, 4)
    bits.put(9, 4).put(8, 4).put(640 - 1, 10).put(360 - 1, 9)
    return bits.put(0, 16).done()


def obu(obu_type: int, data: bytes, *, extension: bool = False, sized: bool = True) -> bytes:
    head = bytes([obu_type << 3 | extension << 2 | sized << 1]) + b"\0" * extension
    return head + (bytes([len(data)]) if sized else b"") + data


def vp9_frame(profile: int, *, space: int = 2, marker: int = 2, sync: int = 0x498342) -> BitWriter:
    bits = BitWriter().put(marker, 2).put(profile & 1, 1).put(profile >> 1, 1)
    if profile == 3:
        bits.put(0, 1)
    bits.put(0, 2).put(1, 1).put(0, 1).put(sync, 24)
    if profile >= 2:
        bits.put(1, 1)
    bits.put(space, 3)
    if space != 7:
        bits.put(1, 1).put(0, 3 * (profile & 1))
    else:
        bits.put(0, profile & 1)
    return bits.put(639, 16).put(359, 16)


def asc(*fields: tuple[int, int]) -> bytes:
    bits = BitWriter()
    for value, count in fields:
        bits.put(value, count)
    return b"\xaf\0" + bits.done()


def streaminfo(rate: int, channels: int) -> bytes:
    bits = BitWriter().put(4096, 16).put(4096, 16).put(0, 48).put(rate, 20)
    return bits.put(channels - 1, 3).put(15, 5).put(0, 36).put(0, 128).done()


def ac3(rate: int, mode: int, *, lfe: int = 0) -> bytes:
    bits = BitWriter().put(0x0B77, 16).put(0, 16).put(rate, 2).put(20, 6).put(8, 5).put(0, 3)
    bits.put(mode, 3)
    if mode in (3, 5, 7):
        bits.put(3, 2)
    if mode in (4, 5, 6, 7):
        bits.put(3, 2)
    if mode == 2:
        bits.put(3, 2)
    return bits.put(lfe, 1).put(0, 16).done()
