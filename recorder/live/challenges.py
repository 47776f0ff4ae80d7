"""Challenges for logins: made, recognised, and good for one login within a minute.

Pure: time and chance come in as arguments. A challenge carries its own time and is signed with a
key of this process, so nothing is remembered of one that was given out: a million of them take no
memory, and no crowd can push out that of an honest client. Remembered are only those with which
somebody has logged in, until they are too old anyway; to get one in, one needs the key of a room.
Should even these become too many, everything as old as the oldest of them is too old.

A wrong answer does not use a challenge up: another one is free for the asking, and each try costs a
connection and its pause.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import struct
from typing import Final

GOOD_FOR_S: Final = 60.0
"""Clients answer at once; a phone on a bad network takes some seconds."""

RANDOM_BYTES: Final = 6
MOST_SPENT: Final = 1024

_HEAD: Final = struct.Struct(f">Q{RANDOM_BYTES}s")
_SIGNATURE_BYTES: Final = 10
"""80 bits: nobody finds one by trying at a port, and two of the text fit into a description."""

_SALT_CHARS: Final = 8


class Standing(enum.Enum):
    """What a challenge that comes back is worth."""

    GOOD = "good"
    FOREIGN = "foreign"
    """Not ours, or from before the start of this process."""
    EXPIRED = "expired"
    SPENT = "spent"
    """Somebody has logged in with it: this is a replay."""


class Challenges:
    """Of one process. Times are seconds of one clock that never goes back.

    Args:
        key: random, 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._spent: dict[str, int] = {}
        self._too_old_ms = -1

    def issue(self, now_s: float, random: bytes) -> str:
        """Return a new challenge: letters, digits, - and _.

        Args:
            random: RANDOM_BYTES.
        """
        head = _HEAD.pack(int(now_s * 1000), random)
        return base64.urlsafe_b64encode(head + self._sign(head)).decode().rstrip("=")

    def salt_of(self, challenge: str) -> str:
        """Return what goes with a challenge, and is not sent back with it."""
        return self._sign(b"salt" + challenge.encode()).hex()[:_SALT_CHARS]

    def standing(self, challenge: str, now_s: float) -> Standing:
        """Tell what a challenge is worth that a client gives back; any text may come."""
        issued_ms = self._issued_ms(challenge)
        if issued_ms is None:
            return Standing.FOREIGN
        if challenge in self._spent:
            return Standing.SPENT
        if issued_ms <= max(self._too_old_ms, int((now_s - GOOD_FOR_S) * 1000)):
            return Standing.EXPIRED
        return Standing.GOOD

    def spend(self, challenge: str, now_s: float) -> None:
        """Somebody has logged in with this challenge, which was good."""
        issued_ms = self._issued_ms(challenge)
        assert issued_ms is not None, "only a good challenge is spent"
        oldest_ms = int((now_s - GOOD_FOR_S) * 1000)
        self._spent = {each: ms for each, ms in self._spent.items() if ms > oldest_ms}
        self._spent[challenge] = issued_ms
        if len(self._spent) > MOST_SPENT:
            self._too_old_ms = min(self._spent.values())
            self._spent = {each: ms for each, ms in self._spent.items() if ms > self._too_old_ms}

    @property
    def remembered(self) -> int:
        """How many challenges take memory."""
        return len(self._spent)

    def _issued_ms(self, challenge: str) -> int | None:
        """When we made it; None: we did not."""
        try:
            token = base64.urlsafe_b64decode(challenge + "=" * (-len(challenge) % 4))
            issued_ms, random = _HEAD.unpack_from(token)
        except (ValueError, struct.error):
            return None
        head = _HEAD.pack(issued_ms, random)
        # Compared as text: there is more than one text for the same bytes.
        genuine = base64.urlsafe_b64encode(head + self._sign(head)).decode().rstrip("=")
        return issued_ms if hmac.compare_digest(genuine.encode(), challenge.encode()) else None

    def _sign(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, hashlib.sha256)[:_SIGNATURE_BYTES]
