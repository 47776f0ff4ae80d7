"""The signature of a POST: proves to a receiver who sends it, and when. Pure.

The HMAC-SHA256 (RFC 2104) under `hooks.secret` of the time, a dot and the body, as the receiver got
it. The time is signed too, so that who overhears a message cannot send it again tomorrow.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

SIGNATURE_HEADER: Final = "X-Recorder-Signature"
TIMESTAMP_HEADER: Final = "X-Recorder-Timestamp"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The header's value.

    Args:
        timestamp: seconds since 1970 (UTC), as the other header says it.
    """
    message = timestamp.encode("ascii") + b"." + body
    return "sha256=" + hmac.new(secret.encode("ascii"), message, hashlib.sha256).hexdigest()


def headers(secret: str | None, timestamp: str, body: bytes) -> list[tuple[str, str]]:
    """What a POST carries beside the body; unsigned without a secret."""
    stamp = [(TIMESTAMP_HEADER, timestamp)]
    return stamp if secret is None else [*stamp, (SIGNATURE_HEADER, sign(secret, timestamp, body))]
