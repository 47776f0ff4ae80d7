"""AMF0 values -> bytes.

Writes every value out and refers to nothing, which every reader understands. What AMF0 has no type
for takes the nearest form. The markers are those of `amf0`.
"""

from __future__ import annotations

import struct
from itertools import groupby
from typing import TYPE_CHECKING, Final, cast

from recorder.amf import amf0
from recorder.amf.source import MAX_KEY_BYTES
from recorder.amf.values import (
    DEFAULT_LIMITS,
    AmfLimits,
    Date,
    Dictionary,
    EcmaArray,
    Marker,
    TypedObject,
    Value,
    Xml,
)
from recorder.amf.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_U16: Final = struct.Struct(">H")
_S16: Final = struct.Struct(">h")
_U32: Final = struct.Struct(">I")


def encode_values(*values: Value, limits: AmfLimits = DEFAULT_LIMITS) -> bytes:
    """Return the values as AMF0, one after the other.

    What AMF0 has no type for takes the nearest form that every reader knows: a byte array is a
    string of these bytes, a vector a strict array, a dictionary a strict array of pairs.

    Raises:
        AmfError: a value is no AMF value, too deep (so also: contains itself) or too large.
    """
    encoder = _Encoder(limits)
    for value in values:
        encoder.value(value, 0)
    return encoder.writer.finish()


class _Encoder:
    def __init__(self, limits: AmfLimits) -> None:
        self.writer = Writer(limits)

    def value(self, value: Value, depth: int) -> None:
        writer = self.writer
        writer.enter(depth)
        if value is None:
            writer.u8(amf0.NULL)
        elif isinstance(value, bool):  # before int: a bool is one
            writer.raw(bytes((amf0.BOOLEAN, value)))
        elif isinstance(value, int | float):
            writer.u8(amf0.NUMBER)
            writer.f64(value)
        elif isinstance(value, str):
            self._string(writer.encode_text(value), is_xml=isinstance(value, Xml))
        elif isinstance(value, bytes):
            self._string(value, is_xml=False)
        elif isinstance(value, dict):
            self._members(value, depth)
        elif isinstance(value, list):
            self._array(value, depth)
        elif isinstance(value, Dictionary):
            self._pairs(value, depth)
        elif isinstance(value, Date):
            writer.u8(amf0.DATE)
            writer.f64(value.ms)
            writer.pack(_S16, value.zone)
        elif value is Marker.UNDEFINED:
            writer.u8(amf0.UNDEFINED)
        elif value is Marker.UNSUPPORTED:
            writer.u8(amf0.UNSUPPORTED)
        else:
            raise writer.error("a value of this Python type has no AMF0 form")

    def _string(self, text: bytes, *, is_xml: bool) -> None:
        writer = self.writer
        if is_xml or len(text) > 0xFFFF:
            writer.u8(amf0.XML_DOCUMENT if is_xml else amf0.LONG_STRING)
            writer.pack(_U32, len(text))
        else:
            writer.u8(amf0.STRING)
            writer.pack(_U16, len(text))
        writer.raw(text)

    def _members(self, members: dict[str, Value], depth: int) -> None:
        writer = self.writer
        if isinstance(members, TypedObject):
            writer.u8(amf0.TYPED_OBJECT)
            self._short_text(members.class_name)
        elif isinstance(members, EcmaArray):
            writer.u8(amf0.ECMA_ARRAY)
            writer.pack(_U32, len(members))
        else:
            writer.u8(amf0.OBJECT)
        for key, value in members.items():
            if not key:
                raise writer.error("an empty key would end the object")
            self._short_text(key)
            self.value(value, depth + 1)
        writer.raw(amf0.END_OF_OBJECT)

    def _array(self, elements: Sequence[Value], depth: int) -> None:
        self.writer.u8(amf0.STRICT_ARRAY)
        self.writer.pack(_U32, len(elements))
        for kind, row in groupby(elements, type):
            if kind is float or kind is int:
                self.writer.enter(depth + 1)
                self.writer.pack_each(amf0.NUMBER_IN_A_ROW, cast("Iterator[float]", row))
                continue
            for element in row:
                self.value(element, depth + 1)

    def _pairs(self, dictionary: Dictionary, depth: int) -> None:
        self.writer.u8(amf0.STRICT_ARRAY)
        self.writer.pack(_U32, len(dictionary.pairs))
        for pair in dictionary.pairs:
            # The same depth: a pair is our way of writing, not a level of the value.
            self._array(pair, depth)

    def _short_text(self, text: str) -> None:
        encoded = self.writer.encode_text(text)
        if len(encoded) > MAX_KEY_BYTES:
            raise self.writer.error("a name is too long")
        self.writer.pack(_U16, len(encoded))
        self.writer.raw(encoded)
