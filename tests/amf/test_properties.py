"""What holds for all values and all bytes."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from recorder.amf import (
    AmfError,
    AmfLimits,
    Value,
    decode_amf3_value,
    decode_value,
    decode_values,
    encode_amf3_value,
    encode_values,
)
from tests.amf.strategies import amf0_values, amf3_values, shape

PIECES = """
    03 | 08 00000002 | 0a 00000002 | 10 0001 61 | 0001 61 | 000009 | 07 0000 | 07 0001 | 02 0001 61
    11 | 0a 0b 01 | 0a 13 01 03 61 | 09 05 01 | 0d 03 00 | 10 03 00 01 | 11 03 00 | 06 00 | 06 03 61
    0a 01 | 09 02 | 0a 02 | 01 | 05
"""
amf_like = st.lists(
    st.binary(max_size=6)
    | st.sampled_from([bytes.fromhex(piece) for piece in re.split(r"[|\n]", PIECES)]),
    max_size=30,
).map(b"".join)


@given(st.lists(amf0_values, min_size=1, max_size=4))
def test_amf0_comes_back_as_it_went(values: list[Value]) -> None:
    data = encode_values(*values)
    assert [shape(value) for value in decode_values(data)] == [shape(value) for value in values]
    offset = 0
    for value in values:
        decoded, offset = decode_value(data, offset)
        assert shape(decoded) == shape(value)
    assert offset == len(data)


@given(amf3_values)
def test_amf3_comes_back_as_it_went(value: Value) -> None:
    data = encode_amf3_value(value)
    decoded, end = decode_amf3_value(data)
    assert (shape(decoded), end) == (shape(value), len(data))
    assert shape(decode_values(b"\x11" + data)[0]) == shape(value)


@given(st.binary(max_size=200) | amf_like)
@example(b"\x11\x09\x05\x01\x06\x03a\x06\x00")
def test_any_bytes_are_values_or_an_amf_error(data: bytes) -> None:
    for limits in (AmfLimits(), AmfLimits(depth=2, properties=2, string_bytes=2, repeated_bytes=9)):
        try:
            values = decode_values(data, limits=limits)
        except AmfError as error:
            assert 0 <= error.offset <= len(data)  # noqa: PT017 - not raising is good too
        else:
            # What was read can be written, and is then read as the same again.
            again = encode_values(*values)
            assert encode_values(*decode_values(again)) == again


@given(st.binary(max_size=200) | amf_like)
def test_any_bytes_are_an_amf3_value_or_an_amf_error(data: bytes) -> None:
    try:
        value, end = decode_amf3_value(data)
    except AmfError as error:
        assert 0 <= error.offset <= len(data)  # noqa: PT017 - not raising is good too
    else:
        assert 0 < end <= len(data)
        again = encode_amf3_value(value)
        assert encode_amf3_value(decode_amf3_value(again)[0]) == again


@given(st.lists(amf0_values, min_size=1, max_size=3), st.data())
def test_mutated_values_are_values_or_an_amf_error(
    values: list[Value], data: st.DataObject
) -> None:
    encoded = bytearray(encode_values(*values))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = decode_values(encoded)
    except AmfError:
        return
    assert len(decoded) > 0


@given(st.lists(amf0_values, min_size=1, max_size=3), st.data())
def test_a_message_cut_anywhere_gives_the_whole_values_before_the_cut(
    values: list[Value], data: st.DataObject
) -> None:
    whole = len(encode_values(*values[:-1]))
    encoded = encode_values(*values)
    cut = data.draw(st.integers(whole, len(encoded)))
    try:
        decoded = decode_values(encoded[:cut])
    except AmfError:
        decoded = []
        assert len(values) == 1
    before = [shape(value) for value in values[:-1]]
    assert [shape(value) for value in decoded][: len(before)] == before
