"""Reading back the head of a file of ours, whole or torn.

Owns what a file that was cut off says of itself and its frames do not: where it lies in its
recording, why it began, what the publisher said of it. A head is written twice into the same
place, so a power cut can leave the beginning of one and the end of the other: it is read member by
member, and what was read before the first that makes no sense is believed. What can be counted
in the file (its length, its keyframes) is not read here; nobody believes it.
"""

from typing import Final

import attrs

from recorder.amf import AmfError, Value, decode_value
from recorder.flv.script import (
    BEFORE_COUNT,
    HEAD_LIMITS,
    CopiedFields,
    SegmentPlace,
    copied_fields,
    read_script,
)

_LONGEST_S: Final = 10.0**9
"""Of a recording, 30 years: more is damage, and so is what compares with nothing."""

_COUNT_BYTES: Final = 4
_AT_THE_END: Final = frozenset({"keyframes", "filler"})
"""Behind them stands nothing else, and their tens of thousands of numbers are worth nothing."""


@attrs.frozen(kw_only=True)
class Head:
    """What a head says that cannot be told from the frames."""

    place: SegmentPlace | None = None
    """None where it names none that can be read."""
    forced: bool = False
    repaired: bool = False
    suspect: bool = False
    copied: CopiedFields = attrs.field(factory=CopiedFields)
    """The publisher's values."""


def read_head(body: bytes) -> Head:
    """The head in the body of a file's first script tag, as far as it can be read."""
    members = _members(body)
    return Head(
        place=_place(members),
        forced=members.get("forcedStart") is True,
        repaired=members.get("repaired") is True,
        suspect=members.get("suspect") is True,
        copied=copied_fields([members]),
    )


def _place(members: dict[str, Value]) -> SegmentPlace | None:
    match members.get("recordingPosition"), members.get("segmentReason"):
        case float(seconds), str(reason) if 0 <= seconds < _LONGEST_S:
            return SegmentPlace(position_ms=round(seconds * 1000), reason=reason)
    return None


def _members(body: bytes) -> dict[str, Value]:
    if not body.startswith(BEFORE_COUNT):
        return _of_another_maker(body)
    members: dict[str, Value] = {}
    offset = len(BEFORE_COUNT) + _COUNT_BYTES
    try:
        while True:
            size = int.from_bytes(body[offset : offset + 2], "big")
            key = body[offset + 2 : offset + 2 + size].decode("utf-8", "surrogateescape")
            if not key or key in _AT_THE_END:
                return members
            members[key], offset = decode_value(body, offset + 2 + size, HEAD_LIMITS)
    except AmfError:
        return members


def _of_another_maker(body: bytes) -> dict[str, Value]:
    try:
        _, values = read_script(body)
    except AmfError:
        return {}
    return next((value for value in values if isinstance(value, dict)), {})
