"""Sample rates and channel counts from audio configuration records and frame headers.

Each function takes what its name says and returns (sample rate in Hz, channels); None for a part
the bytes do not say, `BitsError` when they end too early. `parameters` calls them and catches.
"""

from typing import Final

from recorder.flv.bits import Bits, BitsError

Sound = tuple[int | None, int | None]

UNKNOWN: Final[Sound] = (None, None)

# ISO 14496-3 table 1.18; index 15 is an escape to 24 bits, 13 and 14 are reserved.
_AAC_RATES: Final = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
# ISO 14496-3 table 1.19. 0 means that the channels are described elsewhere in the stream.
_AAC_CHANNELS: Final = {
    1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 13: 24, 14: 8,
}  # fmt: skip
_SBR, _PARAMETRIC_STEREO = 5, 29
# Object types whose specific configuration begins with the three flags of GASpecificConfig.
_GENERAL_AUDIO = frozenset({1, 2, 3, 4, 6, 7})

# Legacy sound rates by the two bits of byte 0; the first is 44100 / 8 rounded.
_FLV_RATES: Final = (5512, 11025, 22050, 44100)
# Formats whose rate and channels stand in their number, whatever the other bits say. G.711 in FLV
# is 8 kHz by the codec's own definition.
_FLV_FIXED_RATES: Final = {4: 16000, 5: 8000, 7: 8000, 8: 8000, 11: 16000, 14: 8000}
_FLV_MONO: Final = frozenset({4, 5, 6, 11})

_AC3_RATES: Final = (48000, 44100, 32000)
_AC3_CHANNELS: Final = (2, 1, 2, 3, 3, 4, 4, 5)

# By the two version bits of an MPEG audio header: 2.5, reserved, 2, 1.
_MPEG_RATES: Final = ((11025, 12000, 8000), (), (22050, 24000, 16000), (44100, 48000, 32000))


def legacy_sound(first_byte: int) -> Sound:
    """From byte 0 of a legacy audio tag (protocol §5.2); not for AAC and Opus, where it lies."""
    number = first_byte >> 4
    rate = _FLV_FIXED_RATES.get(number, _FLV_RATES[first_byte >> 2 & 3])
    return rate, 1 if number in _FLV_MONO else 1 + (first_byte & 1)


def aac_sound(config: bytes) -> Sound:
    """From an AudioSpecificConfig (ISO 14496-3 §1.6.2.1).

    The rate is the decoder's output: of the extension, where spectral band replication is there.
    """
    bits = Bits(config)
    object_type = _object_type(bits)
    rate = _aac_rate(bits)
    configuration = bits.read(4)
    channels = _AAC_CHANNELS.get(configuration)
    if object_type in (_SBR, _PARAMETRIC_STEREO):
        rate = _aac_rate(bits)
        if object_type == _PARAMETRIC_STEREO and channels == 1:
            channels = 2
    elif object_type in _GENERAL_AUDIO and configuration:
        rate = _extended_rate(bits) or rate
    return rate, channels


def opus_sound(head: bytes) -> Sound:
    """From OpusHead (RFC 7845 §5.1). Opus always decodes at 48 kHz; the rate in it is a note."""
    return 48000, head[9] if head[:8] == b"OpusHead" and len(head) > 9 else None


def flac_sound(record: bytes) -> Sound:
    """From STREAMINFO (RFC 9639 §8.2).

    Enhanced RTMP wants "fLaC" and a block header before it; ffmpeg 9 sends neither.
    """
    block = record.removeprefix(b"fLaC")
    if block[:4] in (b"\0\0\0\x22", b"\x80\0\0\x22"):  # STREAMINFO, perhaps the last, 34 bytes
        block = block[4:]
    bits = Bits(block)
    bits.skip(16 + 16 + 24 + 24)  # block and frame sizes
    return bits.read(20) or None, bits.read(3) + 1


def ac3_sound(frame: bytes) -> Sound:
    """From the frame header that AC-3 and E-AC-3 share in part (ETSI TS 102 366 §4.4, §E.1.3)."""
    bits = Bits(frame)
    if bits.read(16) != 0x0B77:
        return UNKNOWN
    if frame[5:6] > b"\x57":  # bsid, in the upper five bits, is 11 or more in E-AC-3
        return _eac3_sound(bits)
    bits.skip(16)  # crc1
    rate_code = bits.read(2)
    bits.skip(6 + 5 + 3)  # frmsizecod, bsid, bsmod
    mode = bits.read(3)  # acmod
    if mode & 1 and mode != 1:
        bits.skip(2)  # cmixlev
    if mode & 4:
        bits.skip(2)  # surmixlev
    if mode == 2:
        bits.skip(2)  # dsurmod
    rate = _AC3_RATES[rate_code] if rate_code < 3 else None
    return rate, _AC3_CHANNELS[mode] + bits.read(1)


def mp3_sound(frame: bytes) -> Sound:
    """From an MPEG audio frame header (ISO 11172-3 §2.4.1.3, ISO 13818-3)."""
    bits = Bits(frame)
    if bits.read(11) != 0x7FF:
        return UNKNOWN
    rates = _MPEG_RATES[bits.read(2)]
    bits.skip(2 + 1 + 4)  # layer, protection, bit rate
    code = bits.read(2)
    bits.skip(2)  # padding, private
    mode = bits.read(2)  # 3 is one channel
    return rates[code] if code < len(rates) else None, 1 if mode == 3 else 2


def _eac3_sound(bits: Bits) -> Sound:
    bits.skip(2 + 3 + 11)  # strmtyp, substreamid, frmsiz
    code = bits.read(2)
    reduced = bits.read(2)  # numblkscod, or fscod2 when fscod says so
    rates = _AC3_RATES if code < 3 else tuple(rate // 2 for rate in _AC3_RATES)
    code = code if code < 3 else reduced
    mode = bits.read(3)
    return rates[code] if code < 3 else None, _AC3_CHANNELS[mode] + bits.read(1)


def _object_type(bits: Bits) -> int:
    object_type = bits.read(5)
    return object_type if object_type != 31 else 32 + bits.read(6)


def _aac_rate(bits: Bits) -> int | None:
    index = bits.read(4)
    if index == 15:
        return bits.read(24) or None
    return _AAC_RATES[index] if index < len(_AAC_RATES) else None


def _extended_rate(bits: Bits) -> int | None:
    """The rate of the backward compatible extension behind the configuration, if it is there."""
    try:
        bits.skip(1)  # frameLengthFlag
        if bits.flag():  # dependsOnCoreCoder
            bits.skip(14)
        bits.skip(1)  # extensionFlag; in these object types it adds nothing
        if bits.read(11) != 0x2B7 or _object_type(bits) != _SBR or not bits.flag():
            return None
        return _aac_rate(bits)
    except BitsError:
        return None
