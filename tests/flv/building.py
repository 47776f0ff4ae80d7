"""Bytes for the tests of `recorder/flv`, built by hand from the specifications.

Nothing here comes from the code under test, so that both have to agree with the specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class BitWriter:
    """Bit fields, most significant bit first."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def put(self, value: int, count: int) -> BitWriter:
        """A number of `count` bits; returns itself so that fields can be chained."""
        self._bits.append(format(value, f"0{count}b") if count else "")
        return self

    def code(self, value: int) -> BitWriter:
        """ue(v)."""
        digits = format(value + 1, "b")
        self._bits.append("0" * (len(digits) - 1) + digits)
        return self

    def codes(self, *values: int) -> BitWriter:
        for value in values:
            self.code(value)
        return self

    def signed(self, value: int) -> BitWriter:
        """se(v)."""
        return self.code(2 * value - 1 if value > 0 else -2 * value)

    def done(self) -> bytes:
        """The bytes, filled up with zero bits."""
        text = "".join(self._bits)
        text += "0" * (-len(text) % 8)
        return int("1" + text, 2).to_bytes(len(text) // 8 + 1, "big")[1:]


def u24(value: int) -> bytes:
    return value.to_bytes(3, "big")


def one_track(first_byte: int, packet_type: int, fourcc: bytes, track: int, data: bytes) -> bytes:
    return bytes([first_byte, packet_type]) + fourcc + bytes([track]) + data


def many_tracks(
    first_byte: int, packet_type: int, fourcc: bytes, tracks: Iterable[tuple[int, bytes]]
) -> bytes:
    body = bytes([first_byte, 0x10 | packet_type]) + fourcc
    return body + b"".join(bytes([track]) + u24(len(data)) + data for track, data in tracks)


def many_codecs(
    first_byte: int, packet_type: int, tracks: Iterable[tuple[bytes, int, bytes]]
) -> bytes:
    body = bytes([first_byte, 0x20 | packet_type])
    return body + b"".join(
        fourcc + bytes([track]) + u24(len(data)) + data for fourcc, track, data in tracks
    )


def with_modex(body: bytes, blocks: Sequence[bytes], *, modex_type: int = 0) -> bytes:
    """The same message behind ModEx blocks with this data; 256 bytes and more in the long form."""
    first, packet_type = body[0] & 0xF0, body[0] & 0x0F
    result = bytes([first | 7])
    for index, data in enumerate(blocks):
        size = len(data)
        result += bytes([size - 1]) if size < 256 else b"\xff" + (size - 1).to_bytes(2, "big")
        following = packet_type if index == len(blocks) - 1 else 7
        result += data + bytes([modex_type << 4 | following])
    return result + body[1:]


def avcc(*sets: bytes) -> bytes:
    """An AVCDecoderConfigurationRecord with these parameter sets."""
    record = b"\x01\x64\x00\x1f\xff" + bytes([0xE0 | len(sets)])
    return record + b"".join(len(nal).to_bytes(2, "big") + nal for nal in sets) + b"\0"


def hvcc(*arrays: tuple[int, Sequence[bytes]]) -> bytes:
    """An HEVCDecoderConfigurationRecord with these (NAL unit type, NAL units)."""
    record = b"\x01" + bytes(21) + bytes([len(arrays)])
    for nal_type, nals in arrays:
        record += bytes([0x80 | nal_type]) + len(nals).to_bytes(2, "big")
        record += b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)
    return record
