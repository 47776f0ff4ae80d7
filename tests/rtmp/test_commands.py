"""Commands and data messages: what is read from AMF as peers send it, and what we say."""

from __future__ import annotations

import struct

import pytest

from recorder.amf import AmfLimits, EcmaArray, Marker, decode_values, encode_values
from recorder.rtmp import commands
from recorder.rtmp.messages import Message

LIMITS = AmfLimits()
ON_META_DATA = encode_values("onMetaData", EcmaArray(width=1280.0))


def command(payload: bytes, type_id: int = 20) -> commands.Command | None:
    return commands.read_command(Message(type_id, 7, 0, payload), LIMITS)


def data(payload: bytes, type_id: int = 18) -> tuple[str, bytes] | None:
    return commands.read_data(Message(type_id, 1, 0, payload), LIMITS)


def test_a_command_has_name_transaction_object_and_arguments() -> None:
    read = command(encode_values("publish", 5, {"a": 1}, "room", "live"))
    assert read == commands.Command("publish", 5.0, 7, {"a": 1.0}, ["room", "live"])
    assert read.argument(1) == "live"
    assert read.argument(2) is None


@pytest.mark.parametrize("rest", [(), (3,), (3, None), (3, "text")])
def test_missing_parts_of_a_command_are_empty(rest: tuple[float | str | None, ...]) -> None:
    read = command(encode_values("createStream", *rest))
    transaction = 3.0 if rest else 0.0
    assert read == commands.Command("createStream", transaction, 7, {}, [])


def test_a_transaction_that_is_no_number_is_0() -> None:
    read = command(encode_values("x", "5"))
    assert read is not None
    assert read.transaction == 0


def test_the_command_object_may_be_an_ecma_array_that_ends_with_the_message() -> None:
    # Envivio never terminates them (§3.1).
    body = encode_values("connect", 1) + b"\x08\x00\x00\x00\x00" + b"\x00\x03app\x02\x00\x04live"
    read = command(body)
    assert read is not None
    assert read.object == {"app": "live"}


@pytest.mark.parametrize("prefix", [b"\x00", b""])
def test_an_amf3_command_may_lack_its_format_byte(prefix: bytes) -> None:
    read = command(prefix + encode_values("createStream", 2, None), 17)
    assert read == commands.Command("createStream", 2.0, 7, {}, [])


def test_an_amf3_command_may_switch_for_single_values() -> None:
    body = b"\x00" + encode_values("publish", 2) + b"\x11\x01" + b"\x11\x06\x09room"
    read = command(body, 17)
    assert read is not None
    assert read.arguments == ["room"]


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", encode_values(5), encode_values(None, "x"), b"\x02\x00\x09conn"]
)
def test_what_has_no_name_in_front_is_no_command(payload: bytes) -> None:
    assert command(payload) is None


def test_set_data_frame_is_unwrapped() -> None:
    wrapped = encode_values("@setDataFrame") + ON_META_DATA
    assert data(wrapped) == ("onMetaData", ON_META_DATA)
    assert data(ON_META_DATA) == ("onMetaData", ON_META_DATA)


def test_what_stands_behind_the_last_good_value_is_dropped() -> None:
    assert data(ON_META_DATA + b"\xff\x00\x01") == ("onMetaData", ON_META_DATA)


def test_metadata_that_ends_with_the_message_is_ended_properly() -> None:
    assert data(ON_META_DATA[:-3]) == ("onMetaData", ON_META_DATA)


def test_a_wrong_count_of_an_ecma_array_is_made_right() -> None:
    assert data(ON_META_DATA.replace(b"\x08\x00\x00\x00\x01", b"\x08\x00\x00\x00\x00")) == (
        "onMetaData",
        ON_META_DATA,
    )


@pytest.mark.parametrize("prefix", [b"\x00", b""])
def test_amf3_data_becomes_clean_amf0(prefix: bytes) -> None:
    # onMetaData by AMF0, then an AMF3 object with one member by AMF3: width = 5.
    amf3 = b"\x11" + bytes.fromhex("0a 0b 01 0b") + b"width" + bytes.fromhex("04 05 01")
    read = data(prefix + encode_values("@setDataFrame", "onMetaData") + amf3, 15)
    assert read is not None
    name, payload = read
    assert name == "onMetaData"
    assert b"\x11" not in payload
    assert decode_values(payload) == ["onMetaData", {"width": 5.0}]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        struct.pack(">I", 0x01020304),  # ffmpeg's timecode (SRS #3803)
        encode_values(5, "onMetaData"),
        encode_values("@setDataFrame"),
        encode_values("@setDataFrame", 5),
    ],
)
def test_data_without_a_name_in_front_is_none(payload: bytes) -> None:
    assert data(payload) is None


def test_data_that_would_grow_beyond_its_bounds_is_none() -> None:
    limits = AmfLimits(encoded_bytes=40)
    message = Message(18, 1, 0, encode_values("onMetaData", "x" * 60))
    assert commands.read_data(message, limits) is None


def test_bytes_that_are_no_utf_8_survive_in_the_payload() -> None:
    body = encode_values("onMetaData") + b"\x02\x00\x03\xe4\xf6\xfc"
    assert data(body) == ("onMetaData", body)


def test_answers_echo_the_transaction_and_status_has_0() -> None:
    assert decode_values(commands.nothing(7.5)) == ["_result", 7.5, None, Marker.UNDEFINED]
    assert decode_values(commands.result(4.0, None, 1)) == ["_result", 4.0, None, 1.0]
    assert decode_values(commands.status("error", "Code", "words")) == [
        "onStatus",
        0.0,
        None,
        {"level": "error", "code": "Code", "description": "words"},
    ]


def test_the_connect_answer_holds_what_clients_look_at() -> None:
    name, transaction, properties, information = decode_values(commands.connect_result(1.0))
    assert (name, transaction) == ("_result", 1.0)
    assert isinstance(properties, dict)
    assert isinstance(information, dict)
    assert set(properties) == {"fmsVer", "capabilities"}
    assert information["level"] == "status"
    assert information["code"] == "NetConnection.Connect.Success"
    assert information["objectEncoding"] == 0
