"""A reader of bit fields, most significant bit first, with the variable-length codes of video.

Owns the position and the end. Knows no codec.
"""

from typing import Final

MAX_CODE_ZEROS: Final = 32
"""The longest prefix of a code in H.264, HEVC and AV1; a longer one is damage."""


class BitsError(ValueError):
    """The data ends too early, or holds a value that cannot be."""


class Bits:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._end = 8 * len(data)

    @property
    def left(self) -> int:
        """How many bits are left."""
        return self._end - self._at

    def read(self, count: int) -> int:
        """An unsigned number of `count` bits."""
        start = self._at
        self.skip(count)
        window = self._data[start >> 3 : (self._at + 7) >> 3]
        return int.from_bytes(window, "big") >> (-self._at & 7) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.read(1) == 1

    def skip(self, count: int) -> None:
        if count > self.left:
            raise BitsError("out of bits")
        self._at += count

    def take_bytes(self, count: int) -> bytes:
        """The next bytes as they are; the position must be at a byte's beginning."""
        start = self._at >> 3
        self.skip(8 * count)
        return self._data[start : start + count]

    def unsigned_code(self) -> int:
        """ue(v) of H.264 §9.1 and HEVC §9.2, and uvlc() of AV1 §4.10.3."""
        # One look at five bytes shows a whole prefix. Asking bit by bit would let a peer's SPS,
        # with its hundreds of codes, hold the loop for tens of milliseconds.
        first, used = self._at >> 3, self._at & 7
        window = int.from_bytes(self._data[first : first + 5].ljust(5, b"\0"), "big")
        zeros = 40 - used - (window & (1 << (40 - used)) - 1).bit_length()
        if zeros > MAX_CODE_ZEROS:
            raise BitsError("a code of more than 32 bits")
        self.skip(zeros + 1)
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_code(self) -> int:
        """se(v): 0, 1, -1, 2, -2, …"""
        code = self.unsigned_code()
        return (code + 1) // 2 if code & 1 else -(code // 2)
