"""AMF0 is written: what has a form of its own, what takes another, and what has none.

That each value has its bytes is tested in both directions at once, in `test_amf0`.
"""

from __future__ import annotations

import pytest

from recorder.amf import (
    AmfError,
    Date,
    Dictionary,
    TypedObject,
    Value,
    Vector,
    VectorKind,
    decode_values,
    encode_values,
)


def test_an_integer_is_sent_as_a_number() -> None:
    assert decode_values(encode_values(7)) == [7.0]


def test_what_amf0_lacks_takes_the_nearest_form() -> None:
    dictionary = Dictionary(((1, "one"), (None, b"none")))
    data = encode_values(b"\xff\0", Vector(VectorKind.INT, [1, 2]), dictionary)
    assert decode_values(data) == ["\udcff\0", [1.0, 2.0], [[1.0, "one"], [None, "none"]]]


def test_a_long_class_name_or_key_has_no_amf0_form() -> None:
    with pytest.raises(AmfError, match="a name is too long"):
        encode_values({"a" * 0x10000: None})
    with pytest.raises(AmfError, match="a name is too long"):
        encode_values(TypedObject("a" * 0x10000))
    assert decode_values(encode_values({"a" * 0xFFFF: None})) == [{"a" * 0xFFFF: None}]


def test_an_empty_key_cannot_be_encoded() -> None:
    with pytest.raises(AmfError, match="empty key"):
        encode_values({"": None})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (10**400, "does not fit"),
        (Date(0.0, 1 << 15), "does not fit"),
        ("\ud800", "surrogate"),
        ({"\ud800": None}, "surrogate"),
        (object(), "no AMF0 form"),
        ((1, 2), "no AMF0 form"),
    ],
)
def test_what_has_no_amf0_form_is_an_amf_error(value: Value, reason: str) -> None:
    with pytest.raises(AmfError, match=reason):
        encode_values(value)
