"""The digest form of the handshake: what players of Flash's days demand (protocol §1.2).

Owns where a digest is hidden in a packet and how it is made. It proves nothing but that both sides
know two published constants; who sends none is answered in the plain form (`handshake`).
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from typing import Final

DIGEST_BYTES: Final = 32
_PACKET_BYTES: Final = 1536
_VERSION_AT: Final = 4

_COMMON: Final = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
_PLAYER_NAME: Final = b"Genuine Adobe Flash Player 001"
_SERVER_NAME: Final = b"Genuine Adobe Flash Media Server 001"
_SERVER_KEY: Final = _SERVER_NAME + _COMMON
"""Published, the same in every implementation (§1.2). The player's whole key is never needed: C2 is
not checked."""

_OUR_VERSION: Final = bytes((4, 5, 0, 1))
"""§1.4 rule 3: one that players take for a server of digests."""

_OFFSETS: Final = 728
"""A digest begins at one of so many places."""


class Schema(enum.Enum):
    """Where the four bytes stand that say where the digest is (§1.2)."""

    KEY_FIRST = 772
    """The field's servers look here first."""
    DIGEST_FIRST = 8

    def digest_at(self, packet: bytes | bytearray) -> int:
        offset_at = self.value
        return offset_at + 4 + sum(packet[offset_at : offset_at + 4]) % _OFFSETS


def find_digest(c1: bytes) -> tuple[Schema, bytes] | None:
    """The schema of a C1 and its digest; None: it has none, or not a player's."""
    if not any(c1[_VERSION_AT : _VERSION_AT + 4]):
        return None
    for schema in Schema:
        at = schema.digest_at(c1)
        digest = c1[at : at + DIGEST_BYTES]
        if hmac.compare_digest(digest, _outside(c1, at, _PLAYER_NAME)):
            return schema, digest
    return None


def answer(schema: Schema, c1_digest: bytes, filler: bytes) -> bytes:
    """S1 and S2 in the client's own schema.

    Args:
        filler: 1528 bytes, as in the plain form.
    """
    s1 = bytearray(bytes(_VERSION_AT) + _OUR_VERSION + filler)
    at = schema.digest_at(s1)
    s1[at : at + DIGEST_BYTES] = _outside(s1, at, _SERVER_NAME)
    front = filler[: _PACKET_BYTES - DIGEST_BYTES]
    key = _hmac(_SERVER_KEY, c1_digest)
    return bytes(s1) + front + _hmac(key, front)


def _outside(packet: bytes | bytearray, at: int, key: bytes) -> bytes:
    """Of all of a packet but its digest."""
    return _hmac(key, bytes(packet[:at]) + bytes(packet[at + DIGEST_BYTES :]))


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.sha256)
