"""Picture sizes from video configuration records and keyframes.

Each function takes what its name says and returns (width, height) as a player would show them,
cropped; None or `BitsError` when the bytes do not say. `parameters` calls them and catches.
Only what stands before the size is read; names of fields are those of the specifications.
"""

from typing import Final

from recorder.flv.bits import Bits, BitsError

Size = tuple[int, int]

# H.264 §7.3.2.1.1: the profiles whose SPS tells its chroma format and may hold scaling lists.
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})

# (SubWidthC, SubHeightC) by chroma_format_idc: monochrome, 4:2:0, 4:2:2, 4:4:4.
_CHROMA = ((1, 1), (2, 2), (2, 1), (1, 1))

_AVC_SPS: Final = 7
_HEVC_SPS: Final = 33
_AV1_SEQUENCE_HEADER: Final = 1

MAX_UNITS: Final = 64
"""How many NAL units or OBUs are looked at. Records have a handful, the wanted one in front."""


def avcc_size(record: bytes) -> Size | None:
    """From an AVCDecoderConfigurationRecord (ISO 14496-15 §5.3.3.1)."""
    bits = Bits(record)
    bits.skip(5 * 8 + 3)  # version, profile, compatibility, level, size of lengths
    for _ in range(bits.read(5)):
        nal = bits.take_bytes(bits.read(16))
        if nal and nal[0] & 0x1F == _AVC_SPS:
            return avc_sps_size(nal)
    return None


def hvcc_size(record: bytes) -> Size | None:
    """From an HEVCDecoderConfigurationRecord (ISO 14496-15 §8.3.3.1)."""
    bits = Bits(record)
    bits.skip(22 * 8)  # version to lengthSizeMinusOne: profile, level, chroma, frame rate
    for _ in range(bits.read(8)):
        nal_type = bits.read(8) & 0x3F
        count = bits.read(16)
        if count > MAX_UNITS:
            return None
        for _ in range(count):
            nal = bits.take_bytes(bits.read(16))
            if nal_type == _HEVC_SPS:
                return hevc_sps_size(nal)
    return None


def vvcc_size(record: bytes) -> Size | None:
    """From a VvcDecoderConfigurationRecord (ISO 14496-15 §11.2.4.2), which states it itself."""
    bits = Bits(record)
    bits.skip(5 + 2)  # reserved, LengthSizeMinusOne
    if not bits.flag():  # ptl_present_flag
        return None
    bits.skip(9)  # ols_idx
    sub_layers = bits.read(3)  # num_sublayers
    bits.skip(2 + 2 + 3 + 5)  # frame rate, chroma format, bit depth, reserved
    bits.skip(2)
    constraint_bytes = bits.read(6)  # num_bytes_constraint_info, its first two bits being flags
    bits.skip(7 + 1 + 8 + 8 * max(1, constraint_bytes))  # profile, tier, level
    if sub_layers > 1:
        bits.skip(8 * bits.read(8).bit_count())  # a level for each flag that is set
    bits.skip(32 * bits.read(8))  # general_sub_profile_idc
    return _checked(bits.read(16), bits.read(16))


def avc_sps_size(nal: bytes) -> Size | None:
    """From a seq_parameter_set NAL unit (H.264 §7.3.2.1.1)."""
    bits = Bits(_without_emulation(nal))
    bits.skip(8)
    profile = bits.read(8)
    bits.skip(16)  # constraint flags, level
    bits.unsigned_code()  # seq_parameter_set_id
    chroma, separate_planes = 1, False
    if profile in _HIGH_PROFILES:
        chroma = _chroma(bits.unsigned_code())
        separate_planes = chroma == 3 and bits.flag()
        bits.unsigned_code()  # bit_depth_luma_minus8
        bits.unsigned_code()  # bit_depth_chroma_minus8
        bits.skip(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.flag():
            for index in range(12 if chroma == 3 else 8):
                if bits.flag():
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.unsigned_code()  # log2_max_frame_num_minus4
    _skip_picture_order(bits)
    bits.unsigned_code()  # max_num_ref_frames
    bits.skip(1)  # gaps_in_frame_num_value_allowed_flag
    width = 16 * (bits.unsigned_code() + 1)
    map_units = bits.unsigned_code() + 1
    frame_mbs_only = bits.flag()
    fields = 1 if frame_mbs_only else 2
    if not frame_mbs_only:
        bits.skip(1)  # mb_adaptive_frame_field_flag
    bits.skip(1)  # direct_8x8_inference_flag
    unit_width, unit_height = (1, 1) if separate_planes else _CHROMA[chroma]
    return _cropped(bits, width, 16 * map_units * fields, unit_width, unit_height * fields)


def hevc_sps_size(nal: bytes) -> Size | None:
    """From a seq_parameter_set NAL unit (HEVC §7.3.2.2.1)."""
    bits = Bits(_without_emulation(nal))
    bits.skip(16 + 4)  # NAL header, sps_video_parameter_set_id
    sub_layers = bits.read(3)  # sps_max_sub_layers_minus1
    bits.skip(1)  # sps_temporal_id_nesting_flag
    bits.skip(88 + 8)  # general profile and level
    if sub_layers:
        # Two flags each, padded to eight pairs: has this sub-layer a profile, has it a level?
        present = [(bits.flag(), bits.flag()) for _ in range(8)]
        for profile, level in present[:sub_layers]:
            bits.skip(88 * profile + 8 * level)
    bits.unsigned_code()  # sps_seq_parameter_set_id
    chroma = _chroma(bits.unsigned_code())
    separate_planes = chroma == 3 and bits.flag()
    width, height = bits.unsigned_code(), bits.unsigned_code()
    return _cropped(bits, width, height, *((1, 1) if separate_planes else _CHROMA[chroma]))


def av1_size(obus: bytes) -> Size | None:
    """From the sequence header among OBUs: those of av1C, or of a keyframe (AV1 §5.3, §5.5)."""
    bits = Bits(obus)
    for _ in range(MAX_UNITS):
        bits.skip(1)  # obu_forbidden_bit
        obu_type = bits.read(4)
        has_extension, has_size = bits.flag(), bits.flag()
        bits.skip(1 + 8 * has_extension)
        size = _leb128(bits) if has_size else bits.left // 8
        if obu_type == _AV1_SEQUENCE_HEADER:
            return _av1_sequence_size(bits)
        bits.skip(8 * size)
    return None


def vp8_size(frame: bytes) -> Size | None:
    """From a VP8 keyframe (RFC 6386 §9.1)."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = (int.from_bytes(frame[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return _checked(width, height)


def vp9_size(frame: bytes) -> Size | None:
    """From a VP9 keyframe (VP9 §6.2, uncompressed_header)."""
    bits = Bits(frame)
    marker = bits.read(2)
    profile = bits.read(1) | bits.read(1) << 1
    if profile == 3:
        bits.skip(1)
    show_existing, inter = bits.flag(), bits.flag()
    bits.skip(2)  # show_frame, error_resilient_mode
    if marker != 2 or show_existing or inter or bits.read(24) != 0x498342:
        return None
    if profile >= 2:
        bits.skip(1)  # ten_or_twelve_bit
    if bits.read(3) != 7:  # color_space; 7 is RGB
        bits.skip(1)  # color_range
        bits.skip(3 if profile & 1 else 0)  # subsampling_x, subsampling_y, reserved
    elif profile & 1:
        bits.skip(1)
    return _checked(bits.read(16) + 1, bits.read(16) + 1)


def _av1_sequence_size(bits: Bits) -> Size | None:
    bits.skip(3 + 1)  # seq_profile, still_picture
    if bits.flag():  # reduced_still_picture_header
        bits.skip(5)
    else:
        _skip_av1_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return _checked(bits.read(width_bits) + 1, bits.read(height_bits) + 1)


def _skip_av1_operating_points(bits: Bits) -> None:
    delay_bits = 0  # with a decoder model: the bits of one of its delays
    if bits.flag():  # timing_info_present_flag
        bits.skip(64)
        if bits.flag():  # equal_picture_interval
            bits.unsigned_code()
        if bits.flag():  # decoder_model_info_present_flag
            delay_bits = bits.read(5) + 1
            bits.skip(32 + 5 + 5)
    display_delays = bits.flag()
    for _ in range(bits.read(5) + 1):
        bits.skip(12)
        if bits.read(5) > 7:  # seq_level_idx
            bits.skip(1)
        if delay_bits and bits.flag():
            bits.skip(2 * delay_bits + 1)
        if display_delays and bits.flag():
            bits.skip(4)


def _skip_scaling_list(bits: Bits, entries: int) -> None:
    """H.264 §7.3.2.1.1.1: the list ends early when the next scale becomes 0."""
    last = following = 8
    for _ in range(entries):
        if following:
            following = (last + bits.signed_code()) % 256
        last = following or last


def _skip_picture_order(bits: Bits) -> None:
    order_type = bits.unsigned_code()  # pic_order_cnt_type
    if order_type == 0:
        bits.unsigned_code()
    elif order_type == 1:
        bits.skip(1)
        bits.signed_code()
        bits.signed_code()
        cycle = bits.unsigned_code()
        if cycle > 255:
            raise BitsError("num_ref_frames_in_pic_order_cnt_cycle is out of range")
        for _ in range(cycle):
            bits.signed_code()


def _cropped(bits: Bits, width: int, height: int, unit_width: int, unit_height: int) -> Size | None:
    """Apply the cropping rectangle that H.264 and HEVC write alike behind the size."""
    if bits.flag():
        width -= unit_width * (bits.unsigned_code() + bits.unsigned_code())
        height -= unit_height * (bits.unsigned_code() + bits.unsigned_code())
    return _checked(width, height)


def _checked(width: int, height: int) -> Size | None:
    # No codec here goes beyond 16 bits; a larger or a negative size was never meant as one.
    return (width, height) if 0 < width <= 65536 and 0 < height <= 65536 else None


def _chroma(chroma_format_idc: int) -> int:
    if chroma_format_idc >= len(_CHROMA):
        raise BitsError("chroma_format_idc is out of range")
    return chroma_format_idc


def _without_emulation(nal: bytes) -> bytes:
    """Take out the 03 that keeps start codes from appearing inside a NAL unit."""
    return nal.replace(b"\0\0\x03", b"\0\0")


def _leb128(bits: Bits) -> int:
    value = 0
    for shift in range(0, 56, 7):
        byte = bits.read(8)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise BitsError("a leb128 of more than eight bytes")
