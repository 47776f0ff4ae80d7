"""AMF3 bytes -> values.

Owns the type markers of AMF3, its variable-length integers and its three reference tables. The
tables begin anew with each value handed to a `Decoder`: senders differ there, and within one value
is all that matters. Inside an AMF0 message its bounds are those of the message (see `source`).

An externalizable object is laid out by code that only its application has: it makes its value fail.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import attrs

from recorder.amf.source import MAX_KEY_BYTES, References, Source
from recorder.amf.values import (
    DEFAULT_LIMITS,
    AmfLimits,
    Date,
    Dictionary,
    EcmaArray,
    Marker,
    TypedObject,
    Value,
    Vector,
    VectorKind,
    Xml,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNDEFINED: Final = 0x00
NULL: Final = 0x01
FALSE: Final = 0x02
TRUE: Final = 0x03
INTEGER: Final = 0x04
DOUBLE: Final = 0x05
STRING: Final = 0x06
XML_DOCUMENT: Final = 0x07
DATE: Final = 0x08
ARRAY: Final = 0x09
OBJECT: Final = 0x0A
XML: Final = 0x0B
BYTE_ARRAY: Final = 0x0C
INT_VECTOR: Final = 0x0D
UINT_VECTOR: Final = 0x0E
DOUBLE_VECTOR: Final = 0x0F
OBJECT_VECTOR: Final = 0x10
DICTIONARY: Final = 0x11

LEAST_INTEGER: Final = -(1 << 28)
GREATEST_INTEGER: Final = (1 << 28) - 1

ELEMENT_LAYOUT: Final[Mapping[VectorKind, str]] = {
    VectorKind.INT: "i",
    VectorKind.UINT: "I",
    VectorKind.DOUBLE: "d",
}
"""The `struct` letters of the vectors that hold plain numbers."""


def decode_amf3_value(
    data: bytes | bytearray | memoryview, offset: int = 0, limits: AmfLimits = DEFAULT_LIMITS
) -> tuple[Value, int]:
    """Return the one AMF3 value at `offset` and the offset behind it.

    Raises:
        AmfError: there is no such value.
    """
    source = Source(bytes(data), offset, limits)
    return Decoder(source).value(0), source.offset


@attrs.frozen
class _Traits:
    class_name: str
    names: tuple[str, ...]
    dynamic: bool
    weight: int


class Decoder:
    """Reads one AMF3 value (with all that it contains) from a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._strings: list[tuple[str, int]] = []  # with their sizes in bytes
        self._traits: list[_Traits] = []
        self._references = References(source)

    def value(self, depth: int) -> Value:
        source = self._source
        source.enter(depth)
        marker = source.u8()
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        read = _READERS.get(marker)
        if read is None:
            source.offset -= 1
            raise source.error(f"no AMF3 value begins with the marker {marker:#04x}")
        return read(self, depth)

    def integer(self, _depth: int) -> Value:
        number = self._u29()
        return number - (1 << 29) if number > GREATEST_INTEGER else number

    def double(self, _depth: int) -> Value:
        return self._source.f64()

    def string(self, _depth: int) -> Value:
        return self._sized_string()[0]

    def date(self, depth: int) -> Value:
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        return self._leaf(depth, lambda: Date(self._source.f64()))

    def xml(self, depth: int) -> Value:
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        return self._leaf(depth, lambda: Xml(self._source.text(head >> 1)))

    def byte_array(self, depth: int) -> Value:
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        return self._leaf(depth, lambda: self._source.raw(head >> 1))

    def array(self, depth: int) -> Value:
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        index = self._references.begin(depth)
        members = EcmaArray()
        self._dynamic_members(members, depth)
        self._source.check_count(head >> 1, 1)
        elements = [self.value(depth + 1) for _ in range(head >> 1)]
        if not members:
            self._references.complete(index, elements)
            return elements
        # Named and numbered together: one mapping, as ActionScript sees it.
        self._source.charge_properties(len(elements))
        members.update((str(number), element) for number, element in enumerate(elements))
        self._references.complete(index, members)
        return members

    def object(self, depth: int) -> Value:
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        index = self._references.begin(depth)
        traits = self._read_traits(head)
        members: dict[str, Value] = TypedObject(traits.class_name) if traits.class_name else {}
        for name in traits.names:
            members[name] = self.value(depth + 1)
        if traits.dynamic:
            self._dynamic_members(members, depth)
        self._references.complete(index, members)
        return members

    def int_vector(self, depth: int) -> Value:
        return self._number_vector(VectorKind.INT, depth)

    def uint_vector(self, depth: int) -> Value:
        return self._number_vector(VectorKind.UINT, depth)

    def double_vector(self, depth: int) -> Value:
        return self._number_vector(VectorKind.DOUBLE, depth)

    def object_vector(self, depth: int) -> Value:
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        source = self._source
        index = self._references.begin(depth)
        fixed = source.u8() != 0
        vector = Vector(VectorKind.OBJECT, fixed=fixed, class_name=self._name())
        source.check_count(head >> 1, 1)
        vector.extend(self.value(depth + 1) for _ in range(head >> 1))
        self._references.complete(index, vector)
        return vector

    def dictionary(self, depth: int) -> Value:
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        index = self._references.begin(depth)
        weak_keys = self._source.u8() != 0
        self._source.check_count(head >> 1, 2)
        pairs = tuple((self.value(depth + 1), self.value(depth + 1)) for _ in range(head >> 1))
        dictionary = Dictionary(pairs, weak_keys)
        self._references.complete(index, dictionary)
        return dictionary

    def _number_vector(self, kind: VectorKind, depth: int) -> Value:
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        source = self._source
        index = self._references.begin(depth)
        fixed = source.u8() != 0
        count = head >> 1
        letter = ELEMENT_LAYOUT[kind]
        begin = source.skip(count * struct.calcsize(f">{letter}"))
        numbers = struct.unpack_from(f">{count}{letter}", source.data, begin)
        vector = Vector(kind, numbers, fixed=fixed)
        self._references.complete(index, vector)
        return vector

    def _leaf(self, depth: int, read: Callable[[], Value]) -> Value:
        index = self._references.begin(depth)
        value = read()
        self._references.complete(index, value)
        return value

    def _dynamic_members(self, members: dict[str, Value], depth: int) -> None:
        while name := self._name():
            self._source.charge_properties(1)
            members[name] = self.value(depth + 1)

    def _read_traits(self, head: int) -> _Traits:
        source = self._source
        if not head & 2:
            index = head >> 2
            if index >= len(self._traits):
                raise source.error("a reference names no traits")
            traits = self._traits[index]
            source.charge_repeated(traits.weight)
            source.charge_properties(len(traits.names))
            return traits
        if head & 4:
            raise source.error("an externalizable object cannot be read")
        begin = source.offset + source.repeated_bytes
        class_name = self._name()
        count = head >> 4
        source.check_count(count, 1)
        source.charge_properties(count)
        names = tuple(self._name() for _ in range(count))
        if "" in names:
            raise source.error("a member has no name")
        weight = source.offset + source.repeated_bytes - begin
        traits = _Traits(class_name, names, bool(head & 8), weight)
        self._traits.append(traits)
        return traits

    def _name(self) -> str:
        """Read a string that names a class or a member, no longer than AMF0 could repeat it."""
        name, size = self._sized_string()
        if size > MAX_KEY_BYTES:
            raise self._source.error("a name is too long")
        return name

    def _sized_string(self) -> tuple[str, int]:
        head = self._u29()
        if not head & 1:
            index = head >> 1
            if index >= len(self._strings):
                raise self._source.error("a reference names no string")
            self._source.charge_repeated(self._strings[index][1])
            return self._strings[index]
        size = head >> 1
        string = (self._source.text(size), size)
        if size:  # the empty string is never put into the table
            self._strings.append(string)
        return string

    def _u29(self) -> int:
        """Read 7 bits from each of up to three bytes, and 8 from the fourth."""
        source = self._source
        number = 0
        for _ in range(3):
            byte = source.u8()
            number = number << 7 | byte & 0x7F
            if byte < 0x80:
                return number
        return number << 8 | source.u8()


_CONSTANTS: Final[Mapping[int, Value]] = {
    UNDEFINED: Marker.UNDEFINED,
    NULL: None,
    FALSE: False,
    TRUE: True,
}

_READERS: Final[Mapping[int, Callable[[Decoder, int], Value]]] = {
    INTEGER: Decoder.integer,
    DOUBLE: Decoder.double,
    STRING: Decoder.string,
    XML_DOCUMENT: Decoder.xml,
    DATE: Decoder.date,
    ARRAY: Decoder.array,
    OBJECT: Decoder.object,
    XML: Decoder.xml,
    BYTE_ARRAY: Decoder.byte_array,
    INT_VECTOR: Decoder.int_vector,
    UINT_VECTOR: Decoder.uint_vector,
    DOUBLE_VECTOR: Decoder.double_vector,
    OBJECT_VECTOR: Decoder.object_vector,
    DICTIONARY: Decoder.dictionary,
}
