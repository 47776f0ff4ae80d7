"""The operators' password: hashed with scrypt, compared in constant time. Pure but for salt.

A hash is `scrypt$LOG2N$R$P$SALT$KEY` with salt and key in base64. The parameters stand in it, so
that they can grow. 16 MiB and some 50 to 200 ms on a Pi: a guess costs as much.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

from recorder.config.rules import PASSWORD_HASH

LOG2N: Final = 14
R: Final = 8
P: Final = 1
SALT_BYTES: Final = 16
KEY_BYTES: Final = 32

_MOST_MEMORY: Final = 512 << 20


def hash_password(password: str, salt: bytes) -> str:
    """What stands in the configuration. Slow on purpose."""
    key = _derive(password, salt, LOG2N, R, P)
    return f"scrypt${LOG2N}${R}${P}${_text(salt)}${_text(key)}"


def is_password(password: str, hashed: str) -> bool:
    """Whether it is the one that was hashed. Slow on purpose: never on the loop.

    Raises:
        ValueError: that is no hash.
    """
    match = re.fullmatch(PASSWORD_HASH, hashed)
    if match is None:
        raise ValueError("not a hash of a password")
    log2n, r, p = (int(match[place]) for place in (1, 2, 3))
    key = _derive(password, base64.b64decode(match[4]), log2n, r, p)
    return hmac.compare_digest(key, base64.b64decode(match[5]))


def _derive(password: str, salt: bytes, log2n: int, r: int, p: int) -> bytes:
    # JSON can bring half of a surrogate pair, which UTF-8 has no bytes for.
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(
        secret, salt=salt, n=1 << log2n, r=r, p=p, dklen=KEY_BYTES, maxmem=_MOST_MEMORY
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
