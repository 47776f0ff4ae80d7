"""AMF3 values -> bytes.

Writes every value out and refers to nothing, which every reader understands: nobody receives
enough AMF3 from us for the difference to matter. The markers are those of `amf3`.
"""

from __future__ import annotations

import struct
from typing import Final

from recorder.amf import amf3
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
from recorder.amf.writer import Writer

GREATEST_LENGTH: Final = (1 << 28) - 1
"""A length shares its 29 bits with the one that says that it is no reference."""

_DYNAMIC_WITHOUT_SEALED_MEMBERS: Final = 0b1011
"""Not a reference, traits follow, not externalizable, dynamic; and no sealed members."""


def encode_amf3_value(value: Value, limits: AmfLimits = DEFAULT_LIMITS) -> bytes:
    """Return one value as AMF3.

    AMF3 has no array of named members that has none, no `Marker.UNSUPPORTED` and no zone of a date:
    these become an empty array, undefined, and nothing.

    Raises:
        AmfError: the value is no AMF value, too deep (so also: contains itself) or too large.
    """
    encoder = _Encoder(limits)
    encoder.value(value, 0)
    return encoder.writer.finish()


class _Encoder:
    def __init__(self, limits: AmfLimits) -> None:
        self.writer = Writer(limits)

    def value(self, value: Value, depth: int) -> None:
        writer = self.writer
        writer.enter(depth)
        if value is None:
            writer.u8(amf3.NULL)
        elif isinstance(value, bool):  # before int: a bool is one
            writer.u8(amf3.TRUE if value else amf3.FALSE)
        elif isinstance(value, int | float):
            self._number(value)
        elif isinstance(value, str):
            writer.u8(amf3.XML if isinstance(value, Xml) else amf3.STRING)
            self._counted(writer.encode_text(value))
        elif isinstance(value, bytes):
            writer.u8(amf3.BYTE_ARRAY)
            self._counted(value)
        elif isinstance(value, Vector):
            self._vector(value, depth)
        elif isinstance(value, list):
            self._array(value, depth)
        elif isinstance(value, dict):
            self._members(value, depth)
        elif isinstance(value, Dictionary):
            self._dictionary(value, depth)
        elif isinstance(value, Date):
            writer.u8(amf3.DATE)
            self._length(0)
            writer.f64(value.ms)
        elif isinstance(value, Marker):
            writer.u8(amf3.UNDEFINED)
        else:
            raise writer.error("a value of this Python type has no AMF3 form")

    def _number(self, number: float) -> None:
        writer = self.writer
        if isinstance(number, int) and amf3.LEAST_INTEGER <= number <= amf3.GREATEST_INTEGER:
            writer.u8(amf3.INTEGER)
            self._u29(number & 0x1FFFFFFF)
        else:
            writer.u8(amf3.DOUBLE)
            writer.f64(number)

    def _array(self, elements: list[Value], depth: int) -> None:
        self.writer.u8(amf3.ARRAY)
        self._length(len(elements))
        self._length(0)  # the empty name: no named members
        for element in elements:
            self.value(element, depth + 1)

    def _members(self, members: dict[str, Value], depth: int) -> None:
        if isinstance(members, EcmaArray):
            self.writer.u8(amf3.ARRAY)
            self._length(0)  # no numbered elements
        else:
            class_name = members.class_name if isinstance(members, TypedObject) else ""
            self.writer.u8(amf3.OBJECT)
            self._u29(_DYNAMIC_WITHOUT_SEALED_MEMBERS)
            self._counted(self.writer.encode_text(class_name))
        for name, value in members.items():
            if not name:
                raise self.writer.error("an empty name would end the object")
            self._counted(self.writer.encode_text(name))
            self.value(value, depth + 1)
        self._length(0)  # the empty name

    def _vector(self, vector: Vector, depth: int) -> None:
        writer = self.writer
        writer.u8(vector.kind.value)
        self._length(len(vector))
        writer.u8(vector.fixed)
        if vector.kind is VectorKind.OBJECT:
            self._counted(writer.encode_text(vector.class_name))
            for element in vector:
                self.value(element, depth + 1)
            return
        try:
            writer.raw(struct.pack(f">{len(vector)}{amf3.ELEMENT_LAYOUT[vector.kind]}", *vector))
        except (struct.error, OverflowError):
            raise writer.error("an element does not fit into its vector") from None

    def _dictionary(self, dictionary: Dictionary, depth: int) -> None:
        self.writer.u8(amf3.DICTIONARY)
        self._length(len(dictionary.pairs))
        self.writer.u8(dictionary.weak_keys)
        for key, value in dictionary.pairs:
            self.value(key, depth + 1)
            self.value(value, depth + 1)

    def _counted(self, data: bytes) -> None:
        self._length(len(data))
        self.writer.raw(data)

    def _length(self, length: int) -> None:
        if length > GREATEST_LENGTH:
            raise self.writer.error("a length does not fit")
        self._u29(length << 1 | 1)

    def _u29(self, number: int) -> None:
        """Write 7 bits in each of up to three bytes, and 8 in the fourth."""
        if number < 1 << 7:
            self.writer.u8(number)
        elif number < 1 << 14:
            self.writer.raw(bytes((number >> 7 | 0x80, number & 0x7F)))
        elif number < 1 << 21:
            self.writer.raw(bytes((number >> 14 | 0x80, number >> 7 & 0x7F | 0x80, number & 0x7F)))
        else:
            head = (number >> 22 | 0x80, number >> 15 & 0x7F | 0x80, number >> 8 & 0x7F | 0x80)
            self.writer.raw(bytes((*head, number & 0xFF)))
