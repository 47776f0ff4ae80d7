"""The bytes being encoded, and the bounds on them.

Owns the output of an encoder; knows no type marker. What Python cannot pack (a number too large, a
text with half a surrogate pair) becomes an `AmfError` here, in one place.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from recorder.amf.values import TEXT_ERRORS, AmfError, AmfLimits

if TYPE_CHECKING:
    from collections.abc import Iterable

_F64: Final = struct.Struct(">d")


class Writer:
    """Growing output."""

    __slots__ = ("_limits", "_out")

    def __init__(self, limits: AmfLimits) -> None:
        self._limits = limits
        self._out = bytearray()

    def error(self, reason: str) -> AmfError:
        return AmfError(reason, len(self._out))

    def enter(self, depth: int) -> None:
        """Note that a value at this depth begins.

        The size is checked here too: values that contain others several times over grow between
        two calls of this, by one value, or one row of numbers, at most.
        """
        if depth > self._limits.depth:
            raise self.error("values are nested too deeply")
        self._check_size()

    def finish(self) -> bytes:
        self._check_size()
        return bytes(self._out)

    def u8(self, value: int) -> None:
        self._out.append(value)

    def f64(self, value: float) -> None:
        self.pack(_F64, value)

    def pack(self, layout: struct.Struct, value: float) -> None:
        try:
            self._out += layout.pack(value)
        except (struct.error, OverflowError):
            raise self.error("a number does not fit") from None

    def pack_each(self, layout: struct.Struct, values: Iterable[float]) -> None:
        """Write a row of numbers in one go."""
        try:
            self._out += b"".join(map(layout.pack, values))
        except (struct.error, OverflowError):
            raise self.error("a number does not fit") from None

    def raw(self, data: bytes) -> None:
        self._out += data

    def encode_text(self, text: str) -> bytes:
        try:
            return text.encode("utf-8", TEXT_ERRORS)
        except UnicodeEncodeError:
            raise self.error("a text has half a surrogate pair") from None

    def _check_size(self) -> None:
        if len(self._out) > self._limits.encoded_bytes:
            raise self.error("the encoded values are too large")
