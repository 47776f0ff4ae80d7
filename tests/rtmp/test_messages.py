"""Bodies that are not AMF: control messages and aggregates."""

from __future__ import annotations

import pytest

from recorder.rtmp.messages import (
    Aggregate,
    Message,
    UserControl,
    peer_bandwidth_body,
    stream_begin_body,
    u32_at_front,
    u32_body,
    user_control_body,
)


def tag(kind: int, timestamp: int, body: bytes, *, back_pointer: bool = True) -> bytes:
    """Return an FLV tag as it stands in an aggregate; its stream id is nonsense on purpose."""
    header = bytes((kind,)) + len(body).to_bytes(3)
    header += (timestamp & 0xFFFFFF).to_bytes(3) + bytes((timestamp >> 24,)) + b"\x99\x99\x99"
    return header + body + ((len(body) + 11).to_bytes(4) if back_pointer else b"")


def split(body: bytes, timestamp: int = 0) -> tuple[list[Message], bool]:
    aggregate = Aggregate(Message(22, 1, timestamp, body))
    messages = []
    while (message := aggregate.next_message()) is not None:
        messages.append(message)
    assert aggregate.unread_bytes == 0
    assert aggregate.next_message() is None
    return messages, aggregate.broken


def test_bodies_are_written_as_the_specification_says() -> None:
    assert u32_body(2_500_000) == bytes.fromhex("002625a0")
    assert u32_body((1 << 32) + 7) == bytes.fromhex("00000007")
    assert peer_bandwidth_body(2_500_000) == bytes.fromhex("002625a0 02")
    assert stream_begin_body(3) == bytes.fromhex("0000 00000003")
    assert user_control_body(UserControl.PING_RESPONSE, b"time") == b"\x00\x07time"


@pytest.mark.parametrize(
    ("payload", "value"), [("", None), ("000102", None), ("00000102", 258), ("0000010203", 258)]
)
def test_a_number_at_the_front_tolerates_more_and_not_less(payload: str, value: int | None) -> None:
    assert u32_at_front(bytes.fromhex(payload)) == value


def test_an_aggregate_is_split_with_times_relative_to_its_own() -> None:
    body = tag(9, 5000, b"v1") + tag(8, 5010, b"a1") + tag(9, 5040, b"")
    assert split(body, 70_000) == (
        [
            Message(9, 1, 70_000, b"v1"),
            Message(8, 1, 70_010, b"a1"),
            Message(9, 1, 70_040, b""),
        ],
        False,
    )


def test_the_offset_is_modular_in_both_directions() -> None:
    # SRS #424 was a bug in precisely this.
    body = tag(9, 0xFFFF_FFF0, b"a") + tag(9, 0x10, b"b") + tag(9, 0xFFFF_FFE0, b"c")
    messages, _ = split(body, 8)
    assert [message.timestamp for message in messages] == [8, 0x28, 0xFFFF_FFF8]


def test_the_last_back_pointer_may_be_missing() -> None:
    messages, broken = split(tag(9, 0, b"v") + tag(8, 5, b"a", back_pointer=False))
    assert [message.payload for message in messages] == [b"v", b"a"]
    assert not broken


@pytest.mark.parametrize("cut", [1, 10, 11, 12])
def test_a_cut_aggregate_gives_its_good_part(cut: int) -> None:
    messages, broken = split(tag(9, 0, b"v") + tag(8, 5, b"audio")[:cut])
    assert [message.payload for message in messages] == [b"v"]
    assert broken


@pytest.mark.parametrize("body", [b"", b"\x09\x00"])
def test_an_aggregate_without_a_whole_tag_has_no_messages(body: bytes) -> None:
    assert split(body) == ([], bool(body))


def test_the_reserved_bits_of_a_tag_type_are_ignored() -> None:
    messages, _ = split(tag(0xC9, 0, b"v"))
    assert messages[0].type_id == 9
