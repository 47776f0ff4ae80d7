"""A reader of bit fields, most significant bit first, with the variable-length codes of video.

Owns the position and the end. Knows no codec.
"""

from typing import Final

MAX_CODE_ZEROS: Final = 32
"""The longest Exp-Golomb prefix in H.264, HEVC and AV1; a longer one is damage."""


class BitsError(ValueError):
    """The data ends too early, or holds a code that cannot be."""


class Bits:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._end = 8 * len(data)

    def read(self, count: int) -> int:
        """An unsigned number of `count` bits."""
        end = self._at + count
        if end > self._end:
            raise BitsError("out of bits")
        window = self._data[self._at >> 3 : (end + 7) >> 3]
        self._at = end
        return int.from_bytes(window, "big") >> (-end & 7) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.read(1) == 1

    def skip(self, count: int) -> None:
        self.read(count)

    def unsigned_code(self) -> int:
        """ue(v) of H.264 §9.1 and HEVC §9.2; also uvlc() of AV1 §4.10.3."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > MAX_CODE_ZEROS:
                raise BitsError("a code of more than 32 bits")
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_code(self) -> int:
        """se(v): 0, 1, -1, 2, -2, …"""
        code = self.unsigned_code()
        return (code + 1) // 2 if code & 1 else -code // 2
