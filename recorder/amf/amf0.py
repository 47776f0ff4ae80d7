"""AMF0 bytes -> values.

Owns the type markers of AMF0 and what real encoders make of them. Two ways in: `decode_value` is
strict; `decode_values` takes a whole message as peers really send it: an object may simply end
with the message (Envivio), and what follows the last good value is ignored (Bilibili and others
append to metadata). A marker that fails makes the whole outermost value fail, never half of it; a
bound that is passed makes the whole message fail.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from recorder.amf import amf3
from recorder.amf.source import References, Source
from recorder.amf.values import (
    DEFAULT_LIMITS,
    AmfBoundError,
    AmfError,
    AmfLimits,
    Date,
    EcmaArray,
    Marker,
    TypedObject,
    Value,
    Xml,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NUMBER: Final = 0x00
BOOLEAN: Final = 0x01
STRING: Final = 0x02
OBJECT: Final = 0x03
NULL: Final = 0x05
UNDEFINED: Final = 0x06
REFERENCE: Final = 0x07
ECMA_ARRAY: Final = 0x08
OBJECT_END: Final = 0x09
STRICT_ARRAY: Final = 0x0A
DATE: Final = 0x0B
LONG_STRING: Final = 0x0C
UNSUPPORTED: Final = 0x0D
XML_DOCUMENT: Final = 0x0F
TYPED_OBJECT: Final = 0x10
SWITCH_TO_AMF3: Final = 0x11

NUMBER_IN_A_ROW: Final = struct.Struct(">xd")
"""With its marker, which is zero."""

END_OF_OBJECT: Final = bytes((0, 0, OBJECT_END))
_ENDS_EARLY: Final = (b"", b"\0", b"\0\0")
"""What may be left where a member should follow, when an object simply ends with the message."""


def decode_values(
    data: bytes | bytearray | memoryview, *, limits: AmfLimits = DEFAULT_LIMITS
) -> list[Value]:
    """Return the values of one message, as far as they are good.

    Raises:
        AmfError: not even the first value can be read. (No bytes are no values, and no error.)
        AmfBoundError: a bound was passed, anywhere.
    """
    decoder = _Decoder(Source(bytes(data), 0, limits), tolerant=True)
    source = decoder.source
    values: list[Value] = []
    while source.offset < source.end:
        try:
            values.append(decoder.value(0))
        except AmfBoundError:
            raise
        except AmfError:
            if not values:
                raise
            break
    return values


def decode_value(
    data: bytes | bytearray | memoryview, offset: int = 0, limits: AmfLimits = DEFAULT_LIMITS
) -> tuple[Value, int]:
    """Return the one value at `offset`, complete to its last byte, and the offset behind it.

    Raises:
        AmfError: there is no such value.
    """
    source = Source(bytes(data), offset, limits)
    return _Decoder(source, tolerant=False).value(0), source.offset


class _Decoder:
    def __init__(self, source: Source, *, tolerant: bool) -> None:
        self.source = source
        self._tolerant = tolerant
        self._references = References(source)

    def value(self, depth: int) -> Value:
        source = self.source
        source.enter(depth)
        marker = source.u8()
        read = _READERS.get(marker)
        if read is None:
            source.offset -= 1
            raise source.error(f"no value begins with the marker {marker:#04x}")
        return read(self, depth)

    def number(self, _depth: int) -> Value:
        return self.source.f64()

    def boolean(self, _depth: int) -> Value:
        return self.source.u8() != 0

    def string(self, _depth: int) -> Value:
        return self.source.text(self.source.u16())

    def long_string(self, _depth: int) -> Value:
        return self.source.text(self.source.u32())

    def xml_document(self, _depth: int) -> Value:
        return Xml(self.source.text(self.source.u32()))

    def null(self, _depth: int) -> Value:
        return None

    def undefined(self, _depth: int) -> Value:
        return Marker.UNDEFINED

    def unsupported(self, _depth: int) -> Value:
        return Marker.UNSUPPORTED

    def date(self, _depth: int) -> Value:
        return Date(self.source.f64(), self.source.s16())

    def reference(self, depth: int) -> Value:
        return self._references.resolve(self.source.u16(), depth)

    def object(self, depth: int) -> Value:
        return self._members({}, depth)

    def ecma_array(self, depth: int) -> Value:
        # The count is a hint that encoders get wrong: only the end marker counts.
        self.source.skip(4)
        return self._members(EcmaArray(), depth)

    def typed_object(self, depth: int) -> Value:
        return self._members(TypedObject(self.source.text(self.source.u16())), depth)

    def strict_array(self, depth: int) -> Value:
        source = self.source
        index = self._references.begin(depth)
        count = source.u32()
        if not self._tolerant:
            source.check_count(count, 1)
        elements: list[Value] = []
        elements += self._numbers_in_a_row(count, depth + 1)
        # Each turn consumes a byte or raises, so no count makes this longer than the message.
        while len(elements) < count:
            if self._tolerant and source.offset == source.end:
                break
            elements.append(self.value(depth + 1))
        self._references.complete(index, elements)
        return elements

    def _numbers_in_a_row(self, most: int, depth: int) -> list[float]:
        """Read the numbers that stand here, all in one go: a keyframe index has tens of thousands.

        Who announces more elements than there are has the rest of the message looked at for it; but
        such an array ends with the message, so there are no more of them than may be nested.
        """
        source, size = self.source, NUMBER_IN_A_ROW.size
        left = min(most, (source.end - source.offset) // size)
        marks = source.data[source.offset : source.offset + left * size : size]
        count = len(marks) - len(marks.lstrip(bytes((NUMBER,))))
        if not count:
            return []
        source.enter(depth)
        begin = source.skip(count * size)
        numbers = bytearray(memoryview(source.data)[begin : source.offset])
        del numbers[::size]
        return list(struct.unpack(f">{count}d", numbers))

    def amf3_value(self, depth: int) -> Value:
        # A fresh decoder: the tables of AMF3 begin anew with each value that is switched to.
        return amf3.Decoder(self.source).value(depth)

    def _members(self, members: dict[str, Value], depth: int) -> Value:
        source = self.source
        index = self._references.begin(depth)
        while not self._at_end_of_members():
            source.charge_properties(1)
            key = source.text(source.u16())
            members[key] = self.value(depth + 1)
        self._references.complete(index, members)
        return members

    def _at_end_of_members(self) -> bool:
        source = self.source
        head = source.data[source.offset : source.offset + 3]
        if head == END_OF_OBJECT or (self._tolerant and head in _ENDS_EARLY):
            source.offset += len(head)
            return True
        if head[:2] == b"\0\0":
            raise source.error("an empty key is not followed by the end of the object")
        return False


_READERS: Final[Mapping[int, Callable[[_Decoder, int], Value]]] = {
    NUMBER: _Decoder.number,
    BOOLEAN: _Decoder.boolean,
    STRING: _Decoder.string,
    OBJECT: _Decoder.object,
    NULL: _Decoder.null,
    UNDEFINED: _Decoder.undefined,
    REFERENCE: _Decoder.reference,
    ECMA_ARRAY: _Decoder.ecma_array,
    STRICT_ARRAY: _Decoder.strict_array,
    DATE: _Decoder.date,
    LONG_STRING: _Decoder.long_string,
    UNSUPPORTED: _Decoder.unsupported,
    XML_DOCUMENT: _Decoder.xml_document,
    TYPED_OBJECT: _Decoder.typed_object,
    SWITCH_TO_AMF3: _Decoder.amf3_value,
}
