"""The digest form, from a player's side: what Flash's players compute, computed here once more."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from recorder.rtmp import ServerConnection
from recorder.rtmp.digest import Schema, find_digest
from tests.rtmp.driving import FILLER, byte_by_byte

TAIL = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
PLAYER = b"Genuine Adobe Flash Player 001"
SERVER = b"Genuine Adobe Flash Media Server 001"
FLASH_VERSION = bytes((9, 0, 124, 2))


def hmac_of(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def digest_at(packet: bytes, schema: Schema) -> int:
    first = {Schema.DIGEST_FIRST: 8, Schema.KEY_FIRST: 772}[schema]
    return first + 4 + sum(packet[first : first + 4]) % 728


def c1_of(schema: Schema, *, version: bytes = FLASH_VERSION, key: bytes = PLAYER) -> bytes:
    packet = bytes(4) + version + bytes((7 * number) % 256 for number in range(1528))
    at = digest_at(packet, schema)
    return packet[:at] + hmac_of(key, packet[:at] + packet[at + 32 :]) + packet[at + 32 :]


def shake_hands(c1: bytes, *, splits: bool = False) -> tuple[bytes, bytes]:
    """S1 and S2."""
    server = ServerConnection(random=FILLER)
    data = b"\x03" + c1
    for part in byte_by_byte(data) if splits else [data]:
        server.receive_data(part)
        server.next_event()
    answer = server.data_to_send()
    assert (len(answer), answer[0]) == (3073, 3)
    server.receive_data(bytes(1536))
    server.next_event()
    assert server.handshake_done
    return answer[1:1537], answer[1537:]


@pytest.mark.parametrize("splits", [False, True])
@pytest.mark.parametrize("schema", Schema)
def test_a_player_s_digest_is_answered_in_its_own_schema(schema: Schema, splits: bool) -> None:
    c1 = c1_of(schema)
    found = find_digest(c1)
    assert found is not None
    assert found[0] is schema
    s1, s2 = shake_hands(c1, splits=splits)
    assert s1[4] >= 3, "what makes a reading ffmpeg look at the digest"
    at = digest_at(s1, schema)
    assert s1[at : at + 32] == hmac_of(SERVER, s1[:at] + s1[at + 32 :])
    key = hmac_of(SERVER + TAIL, found[1])
    assert s2[-32:] == hmac_of(key, s2[:-32])


@pytest.mark.parametrize(
    "c1",
    [
        c1_of(Schema.DIGEST_FIRST, version=bytes(4)),
        c1_of(Schema.DIGEST_FIRST, key=b"somebody else"),
        bytes(4) + FLASH_VERSION + bytes(1528),
    ],
    ids=["without a version", "of another key", "without a digest"],
)
def test_anybody_else_is_answered_plainly(c1: bytes) -> None:
    s1, s2 = shake_hands(c1)
    assert s1 == bytes(8) + FILLER
    assert s2 == c1


def test_the_furthest_places_of_a_digest_are_inside_the_packet() -> None:
    for schema in Schema:
        packet = bytearray(b"\xff" * 1536)
        packet[schema.value : schema.value + 4] = bytes((255, 255, 217, 0))
        assert digest_at(bytes(packet), schema) == schema.value + 4 + 727
        assert schema.digest_at(packet) + 32 <= 1536
