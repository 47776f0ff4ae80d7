"""What Enhanced RTMP settles in `connect`: what the peer can, and what we say we can (§5.6).

Knows the keys and their bits. Decides nothing about media: OBS sends none of these keys and yet
Enhanced RTMP, so what comes is taken as it comes, whatever was settled here.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder.amf import Value

KEYS: Final = ("fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx")


class Capability(enum.IntFlag):
    """The bits of `capsEx`."""

    RECONNECT = 1
    MULTITRACK = 2
    MOD_EX = 4
    NANO_OFFSET = 8


OURS: Final = (
    Capability.RECONNECT | Capability.MULTITRACK | Capability.MOD_EX | Capability.NANO_OFFSET
)
"""We ask to reconnect; many tracks, and all that ModEx carries, are stored as they are sent."""

_FORWARD: Final = 4
"""The bit of a FourCC's mask: not decoded, not encoded, handed on as it is."""

_ANY: Final = "*"


def answer(members: Mapping[str, Value]) -> dict[str, Value]:
    """What to add to the answer to a connect; nothing for who asked nothing, for it would have no
    use for it and may stumble.

    Args:
        members: of the peer's command object.
    """
    if not any(key in members for key in KEYS):
        return {}
    return {
        "fourCcList": [_ANY],
        "videoFourCcInfoMap": {_ANY: _FORWARD},
        "audioFourCcInfoMap": {_ANY: _FORWARD},
        "capsEx": int(OURS),
    }


def capabilities(members: Mapping[str, Value]) -> Capability:
    """What the peer says it can, as far as we know the bits."""
    said = members.get("capsEx")
    if not isinstance(said, int | float) or not 0 <= said < 1 << 32:
        return Capability(0)
    return Capability(int(said) & OURS)
