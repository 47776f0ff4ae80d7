"""AMF0: every marker in both directions, and what real encoders send."""

from __future__ import annotations

import struct

import pytest

from recorder.amf import (
    AmfError,
    Date,
    EcmaArray,
    Marker,
    TypedObject,
    Value,
    Xml,
    decode_value,
    decode_values,
    encode_values,
)
from tests.amf.strategies import shape

END = bytes.fromhex("000009")

VECTORS: list[tuple[str, Value]] = [
    ("00 3ff0000000000000", 1.0),
    ("00 7ff8000000000123", struct.unpack(">d", bytes.fromhex("7ff8000000000123"))[0]),
    ("00 fff0000000000000", float("-inf")),
    ("01 00", False),
    ("01 01", True),
    ("02 0000", ""),
    ("02 0003 6c c3 a9", "lé"),
    ("02 0002 e9 ff", "\udce9\udcff"),
    ("03 0001 61 05 000009", {"a": None}),
    ("03 000009", {}),
    ("03 0003 322e31 0101 000009", {"2.1": True}),
    ("05", None),
    ("06", Marker.UNDEFINED),
    ("08 00000001 0001 61 05 000009", EcmaArray(a=None)),
    ("0a 00000002 05 0101", [None, True]),
    ("0b 4024000000000000 ffc4", Date(10.0, -60)),
    ("0c 00010000" + "61" * 0x10000, "a" * 0x10000),
    ("0d", Marker.UNSUPPORTED),
    ("0f 00000003 3c 61 3e", Xml("<a>")),
    ("10 0001 43 0001 61 05 000009", TypedObject("C", {"a": None})),
]


@pytest.mark.parametrize(("text", "value"), VECTORS)
def test_a_value_has_these_bytes_and_these_bytes_have_this_value(text: str, value: Value) -> None:
    data = bytes.fromhex(text)
    assert encode_values(value) == data
    for given in (data, bytearray(data), memoryview(data)):  # whole
        decoded, end = decode_value(given)
        assert (shape(decoded), end) == (shape(value), len(data))
    for cut in range(min(len(data), 100)):  # byte by byte
        with pytest.raises(AmfError):
            decode_value(data[:cut])
    decoded, end = decode_value(b"head" + data + b"tail", 4)  # with a tail
    assert (shape(decoded), end) == (shape(value), 4 + len(data))


def test_any_byte_but_zero_is_true() -> None:
    assert decode_value(b"\x01\x80") == (True, 2)


def test_a_command_is_a_row_of_values() -> None:
    data = encode_values("connect", 1, {"app": "live"}, None)
    assert decode_values(data) == ["connect", 1.0, {"app": "live"}, None]


def test_no_bytes_are_no_values() -> None:
    assert decode_values(b"") == []


def test_a_short_text_in_a_long_string_is_a_text() -> None:
    assert decode_values(b"\x0c\0\0\0\x01a") == ["a"]


@pytest.mark.parametrize("count", [0, 1, 0xFFFFFFFF])
def test_the_count_of_an_ecma_array_is_only_a_hint(count: int) -> None:
    data = b"\x08" + struct.pack(">I", count) + b"\0\x01a\x05\0\x01b\x05" + END
    assert shape(decode_values(data)[0]) == shape(EcmaArray(a=None, b=None))


def test_of_a_repeated_key_the_last_value_counts() -> None:
    assert decode_values(b"\x03\0\x01a\x05\0\x01a\x01\x01" + END) == [{"a": True}]


@pytest.mark.parametrize("ending", ["", "00", "0000"])
@pytest.mark.parametrize("head", ["03", "08 00000009", "10 0001 43"])
def test_an_object_may_simply_end_with_the_message(head: str, ending: str) -> None:
    data = bytes.fromhex(f"05 {head} 0001 61 03 0001 62 05 {ending}")
    assert decode_values(data) == [None, {"a": {"b": None}}]
    with pytest.raises(AmfError):
        decode_value(data, 1)


def test_a_strict_array_may_simply_end_with_the_message() -> None:
    data = b"\x0a\xff\xff\xff\xff\x05\x05"
    assert decode_values(data) == [[None, None]]
    with pytest.raises(AmfError, match="more elements are announced"):
        decode_value(data)


def test_an_object_cut_off_inside_a_member_is_no_value() -> None:
    whole = encode_values("connect", {"app": "live"})
    assert decode_values(whole[:-5]) == ["connect"]
    with pytest.raises(AmfError, match="cut off"):
        decode_values(encode_values({"app": "live"})[:-5])


@pytest.mark.parametrize("garbage", ["04", "0e", "09", "12", "ff", "02 ffff 61", "07 0000"])
def test_garbage_behind_a_good_value_is_ignored_and_before_it_is_an_error(garbage: str) -> None:
    data = bytes.fromhex(garbage)
    assert decode_values(encode_values("@setDataFrame") + data) == ["@setDataFrame"]
    with pytest.raises(AmfError):
        decode_values(data + encode_values("onMetaData"))


def test_four_bytes_of_timecode_are_an_error_and_nothing_worse() -> None:
    with pytest.raises(AmfError):
        decode_values(b"\x00\x00\x12\x34")


def test_an_empty_key_before_anything_but_the_end_is_an_error() -> None:
    with pytest.raises(AmfError, match="empty key"):
        decode_values(b"\x03\0\0\x05" + END)


def test_an_error_names_the_place_and_never_the_content() -> None:
    with pytest.raises(AmfError, match="cut off") as caught:
        decode_values(b"\x02\0\x09secret")
    assert caught.value.offset == 3
    assert "secret" not in str(caught.value)
    assert caught.value.reason == "the value is cut off"


def test_a_reference_names_the_same_value_and_no_copy() -> None:
    data = encode_values(["x"], {"a": None}, EcmaArray(), TypedObject("C"))
    values = decode_values(data + bytes.fromhex("070000 070001 070002 070003"))
    assert len(values) == 8
    for number in range(4):
        assert values[number + 4] is values[number]


def test_references_are_counted_in_the_order_in_which_values_begin() -> None:
    values = decode_values(encode_values([["inner"]]) + bytes.fromhex("070001"))
    assert values == [[["inner"]], ["inner"]]


@pytest.mark.parametrize(
    "data",
    [
        "0a 00000001 070000",  # an array in itself
        "03 0001 61 070000 000009",  # an object in itself
        "0a 00000002 0a 00000001 070000 05",  # in its own child
        "070000",  # nothing yet
        "0a 00000000 070002",  # the third of two
    ],
)
def test_a_reference_to_no_complete_value_is_an_error(data: str) -> None:
    with pytest.raises(AmfError, match="no complete value"):
        decode_value(b"\x0a\0\0\0\x02" + bytes.fromhex(data) + b"\x05\x05")


def test_an_amf3_value_may_stand_anywhere() -> None:
    data = bytes.fromhex("02 0001 61 11 04 07 03 0001 62 11 06 03 63 000009 05")
    assert decode_values(data) == ["a", 7, {"b": "c"}, None]


def test_amf3_tables_begin_anew_with_each_value() -> None:
    data = bytes.fromhex("11 06 03 61 11 06 00")
    assert decode_values(data) == ["a"]
