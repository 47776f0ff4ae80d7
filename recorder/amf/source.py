"""The bytes being decoded, and the accounts that keep decoding bounded.

Owns the cursor and what was spent so far; knows no type marker. AMF3 values inside an AMF0 message
are read from the same `Source`, so the bounds hold for the whole message and not for each part.

References are where AMF explodes: a value may be named again for two bytes, inside a value that is
itself named again. So each complete value remembers its weight (its bytes with all references
written out), how many values it holds and its height, and each use of it is charged for all three.
A value that is not complete cannot be named, so the result never contains itself.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import attrs

from recorder.amf.values import TEXT_ERRORS, AmfBoundError, AmfError, AmfLimits

if TYPE_CHECKING:
    from recorder.amf.values import Value

MAX_KEY_BYTES: Final = 0xFFFF

_U16: Final = struct.Struct(">H")
_S16: Final = struct.Struct(">h")
_U32: Final = struct.Struct(">I")
_F64: Final = struct.Struct(">d")


class Source:
    """A cursor over one message."""

    __slots__ = (
        "data",
        "deepest",
        "end",
        "limits",
        "offset",
        "properties",
        "repeated_bytes",
        "repeated_values",
        "values",
    )

    def __init__(self, data: bytes, offset: int, limits: AmfLimits) -> None:
        self.data = data
        self.offset = offset
        self.end = len(data)
        self.limits = limits
        self.values = 0
        self.repeated_values = 0
        self.properties = 0
        self.repeated_bytes = 0
        self.deepest = 0

    def error(self, reason: str) -> AmfError:
        return AmfError(reason, self.offset)

    def _passed(self, reason: str) -> AmfBoundError:
        return AmfBoundError(reason, self.offset)

    def skip(self, size: int) -> int:
        """Move over `size` bytes, which must be there, and return where they begin."""
        begin = self.offset
        if size > self.end - begin:
            raise self.error("the value is cut off")
        self.offset = begin + size
        return begin

    def u8(self) -> int:
        return self.data[self.skip(1)]

    def u16(self) -> int:
        value: int = _U16.unpack_from(self.data, self.skip(2))[0]
        return value

    def s16(self) -> int:
        value: int = _S16.unpack_from(self.data, self.skip(2))[0]
        return value

    def u32(self) -> int:
        value: int = _U32.unpack_from(self.data, self.skip(4))[0]
        return value

    def f64(self) -> float:
        value: float = _F64.unpack_from(self.data, self.skip(8))[0]
        return value

    def raw(self, size: int) -> bytes:
        """Take the bytes of a string, an XML document or a byte array."""
        begin = self.skip(size)  # first: a length of garbage passes no bound
        if size > self.limits.string_bytes:
            raise self._passed("a string is too long")
        return self.data[begin : self.offset]

    def text(self, size: int) -> str:
        return self.raw(size).decode("utf-8", TEXT_ERRORS)

    def check_count(self, count: int, least_bytes: int) -> None:
        """Refuse a count of elements that the bytes to come cannot hold."""
        if count * least_bytes > self.end - self.offset:
            raise self.error("more elements are announced than bytes follow")

    def enter(self, depth: int) -> None:
        """Note that a value at this depth begins (or stands behind a reference)."""
        if depth > self.limits.depth:
            raise self._passed("values are nested too deeply")
        self.values += 1
        if self.values > self.limits.values:
            raise self._passed("too many values")
        self.deepest = max(self.deepest, depth)

    def charge_properties(self, count: int) -> None:
        self.properties += count
        if self.properties > self.limits.properties:
            raise self._passed("too many named members")

    def charge_repeated(self, weight: int, values: int = 0) -> None:
        """Note that bytes, and values in them, stand once more where a reference stands."""
        self.repeated_bytes += weight
        self.repeated_values += values
        limits = self.limits
        if (
            self.repeated_bytes > limits.repeated_bytes
            or self.repeated_values > limits.repeated_values
        ):
            raise self._passed("references stand for too much")


@attrs.define
class _Entry:
    begin_weight: int
    begin_values: int
    depth: int
    outer_deepest: int
    complete: bool = False
    value: Value = None
    weight: int = 0
    values: int = 0
    height: int = 0


class References:
    """The values of one message that can be named again, in the order in which they began."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._entries: list[_Entry] = []

    def begin(self, depth: int) -> int:
        """Give the value that begins here its index."""
        source = self._source
        entry = _Entry(self._weight_so_far(), self._values_so_far(), depth, source.deepest)
        self._entries.append(entry)
        source.deepest = depth
        return len(self._entries) - 1

    def complete(self, index: int, value: Value) -> None:
        source = self._source
        entry = self._entries[index]
        entry.complete = True
        entry.value = value
        entry.weight = self._weight_so_far() - entry.begin_weight
        entry.values = self._values_so_far() - entry.begin_values
        entry.height = source.deepest - entry.depth
        source.deepest = max(source.deepest, entry.outer_deepest)

    def resolve(self, index: int, depth: int) -> Value:
        """Return the very value (no copy) that the index names."""
        if index >= len(self._entries) or not self._entries[index].complete:
            raise self._source.error("a reference names no complete value")
        entry = self._entries[index]
        self._source.enter(depth + entry.height)
        self._source.charge_repeated(entry.weight, entry.values)
        return entry.value

    def _weight_so_far(self) -> int:
        return self._source.offset + self._source.repeated_bytes

    def _values_so_far(self) -> int:
        return self._source.values + self._source.repeated_values
