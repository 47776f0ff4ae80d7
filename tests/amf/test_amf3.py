"""AMF3: every marker in both directions, and its three reference tables."""

from __future__ import annotations

import pytest

from recorder.amf import (
    AmfError,
    Date,
    Dictionary,
    EcmaArray,
    Marker,
    TypedObject,
    Value,
    Vector,
    VectorKind,
    Xml,
    decode_amf3_value,
    encode_amf3_value,
)
from tests.amf.strategies import shape

VECTORS: list[tuple[str, Value]] = [
    ("00", Marker.UNDEFINED),
    ("01", None),
    ("02", False),
    ("03", True),
    ("04 00", 0),
    ("04 7f", 0x7F),
    ("04 8100", 0x80),
    ("04 ff7f", 0x3FFF),
    ("04 818000", 0x4000),
    ("04 ffff7f", 0x1FFFFF),
    ("04 80c08000", 0x200000),
    ("04 bfffffff", (1 << 28) - 1),
    ("04 c0808000", -(1 << 28)),
    ("04 ffffffff", -1),
    ("05 3ff0000000000000", 1.0),
    ("06 01", ""),
    ("06 05 c3a9", "é"),
    ("06 03 ff", "\udcff"),
    ("08 01 4024000000000000", Date(10.0)),
    ("09 01 01", []),
    ("09 05 01 01 03", [None, True]),
    ("09 01 03 61 01 01", EcmaArray(a=None)),
    ("0a 0b 01 01", {}),
    ("0a 0b 01 03 61 03 01", {"a": True}),
    ("0a 0b 03 43 03 61 03 01", TypedObject("C", {"a": True})),
    ("0b 03 78", Xml("x")),
    ("0c 05 00ff", b"\0\xff"),
    ("0d 05 00 00000001 ffffffff", Vector(VectorKind.INT, [1, -1])),
    ("0e 03 01 ffffffff", Vector(VectorKind.UINT, [0xFFFFFFFF], fixed=True)),
    ("0f 03 00 3ff0000000000000", Vector(VectorKind.DOUBLE, [1.0])),
    ("10 05 00 03 43 01 03", Vector(VectorKind.OBJECT, [None, True], class_name="C")),
    ("11 01 00", Dictionary()),
    ("11 03 01 04 07 03", Dictionary(((7, True),), weak_keys=True)),
]


@pytest.mark.parametrize(("text", "value"), VECTORS)
def test_a_value_has_these_bytes_and_these_bytes_have_this_value(text: str, value: Value) -> None:
    data = bytes.fromhex(text)
    assert encode_amf3_value(value) == data
    for given in (data, bytearray(data), memoryview(data)):  # whole
        decoded, end = decode_amf3_value(given)
        assert (shape(decoded), end) == (shape(value), len(data))
    for cut in range(len(data)):  # byte by byte
        with pytest.raises(AmfError):
            decode_amf3_value(data[:cut])
    decoded, end = decode_amf3_value(b"head" + data + b"tail", 4)  # with a tail
    assert (shape(decoded), end) == (shape(value), 4 + len(data))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("07 03 78", Xml("x")),  # the old kind of XML
        ("09 03 03 61 01 01 03", EcmaArray({"a": None, "0": True})),  # named and numbered
        ("0a 13 01 03 61 03", {"a": True}),  # sealed members
        ("0a 1b 03 43 03 61 03 03 62 02 01", TypedObject("C", {"a": True, "b": False})),
    ],
)
def test_other_forms_that_peers_may_send(text: str, value: Value) -> None:
    data = bytes.fromhex(text)
    decoded, end = decode_amf3_value(data)
    assert (shape(decoded), end) == (shape(value), len(data))


def test_an_integer_beyond_29_bits_is_sent_as_a_double() -> None:
    for number in (1 << 28, -(1 << 28) - 1):
        assert decode_amf3_value(encode_amf3_value(number))[0] == float(number)


def test_what_amf3_lacks_takes_the_nearest_form() -> None:
    assert encode_amf3_value(EcmaArray()) == encode_amf3_value([])
    assert encode_amf3_value(Marker.UNSUPPORTED) == encode_amf3_value(Marker.UNDEFINED)
    assert encode_amf3_value(Date(1.0, 60)) == encode_amf3_value(Date(1.0))


def test_strings_refer_to_strings_and_the_empty_one_is_not_counted() -> None:
    data = bytes.fromhex("09 0b 01 06 01 06 03 61 06 03 62 06 02 06 00")
    assert decode_amf3_value(data) == (["", "a", "b", "b", "a"], len(data))


def test_names_and_strings_share_a_table() -> None:
    data = bytes.fromhex("09 05 03 61 01 01 06 00 06 00")
    assert decode_amf3_value(data)[0] == {"a": None, "0": "a", "1": "a"}


def test_objects_of_one_class_refer_to_its_traits() -> None:
    data = bytes.fromhex("09 05 01 0a 23 03 43 03 61 03 62 03 02 0a 01 02 03")
    expected: list[Value] = [
        TypedObject("C", {"a": True, "b": False}),
        TypedObject("C", {"a": False, "b": True}),
    ]
    assert shape(decode_amf3_value(data)[0]) == shape(expected)


@pytest.mark.parametrize(
    "text",
    [
        "08 01 4024000000000000",
        "07 03 78",
        "0b 03 78",
        "0c 03 78",
        "09 01 01",
        "09 03 03 61 01 01 03",
        "0a 0b 01 01",
        "0d 01 00",
        "0e 01 00",
        "0f 01 00",
        "10 01 00 01",
        "11 01 00",
    ],
)
def test_a_reference_names_the_same_value_and_no_copy(text: str) -> None:
    first = bytes.fromhex(text)
    data = bytes.fromhex("09 05 01") + first + first[:1] + b"\x02"  # the array itself is number 0
    values, end = decode_amf3_value(data)
    assert isinstance(values, list)
    assert values[1] is values[0]
    assert end == len(data)


@pytest.mark.parametrize("marker", ["07", "08", "09", "0a", "0b", "0c", "0d", "0e", "10", "11"])
def test_a_reference_to_no_complete_value_is_an_error(marker: str) -> None:
    for index in ("00", "02", "ffffff7e"):  # the array around it, and nothing
        with pytest.raises(AmfError, match="no complete value"):
            decode_amf3_value(bytes.fromhex(f"09 03 01 {marker} {index} 01 01 01"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("12", "marker 0x12"),
        ("ff", "marker 0xff"),
        ("06 00", "names no string"),
        ("0a 01", "names no traits"),
        ("0a 07 03 43 01", "externalizable"),
        ("0a 23 01 01 03 61 01 01", "no name"),
        ("09 ffffffff 01 01", "more elements"),
        ("0a ffffff73 01 01", "more elements"),
        ("10 ffffffff 00 01 01", "more elements"),
        ("11 05 00 01 01 01", "more elements"),
        ("0d ffffffff 00 01", "cut off"),
        ("0c ffffffff 00 01", "cut off"),
        ("0c 09 00 01", "cut off"),
    ],
)
def test_malformed_amf3_is_an_amf_error(text: str, reason: str) -> None:
    with pytest.raises(AmfError, match=reason):
        decode_amf3_value(bytes.fromhex(text))


def test_a_name_is_no_longer_than_amf0_could_repeat_it() -> None:
    longest = encode_amf3_value({"a" * 0xFFFF: None})
    assert decode_amf3_value(longest)[0] == {"a" * 0xFFFF: None}
    with pytest.raises(AmfError, match="a name is too long"):
        decode_amf3_value(encode_amf3_value({"a" * 0x10000: None}))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (10**400, "does not fit"),
        (Vector(VectorKind.UINT, [-1]), "does not fit"),
        (Vector(VectorKind.DOUBLE, [10**400]), "does not fit"),
        (Vector(VectorKind.INT, ["a"]), "does not fit"),
        ({"": None}, "empty name"),
        ("\ud800", "surrogate"),
        (object(), "no AMF3 form"),
    ],
)
def test_what_has_no_amf3_form_is_an_amf_error(value: Value, reason: str) -> None:
    with pytest.raises(AmfError, match=reason):
        encode_amf3_value(value)
