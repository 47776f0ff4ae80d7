"""Events and their bytes: one line of JSON each. Pure.

Owns what every event has (an id that only grows, a time, a kind) and what a line may be. A line
that cannot be read is no event: a disk that was full, or lost its power, leaves such.
"""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

RECORDING_STARTED: Final = "recording_started"
SEGMENT_CLOSED: Final = "segment_closed"
RECORDING_ENDED: Final = "recording_ended"
ALARM_RAISED: Final = "alarm_raised"
ALARM_CLEARED: Final = "alarm_cleared"

ALARMS: Final = frozenset({ALARM_RAISED, ALARM_CLEARED})

TEXT_CHARACTERS: Final = 1000
"""Of one text in an event; an error of the system may be longer."""


@attrs.frozen
class Event:
    """Something that has happened.

    Attributes:
        id: grows from one to the next, also over restarts, though not always by one.
        time: UTC, as text.
        fields: what it says beside these, as JSON has it.
    """

    id: int
    kind: str
    time: str
    fields: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """As a receiver gets it."""
        return {"id": self.id, "event": self.kind, "time": self.time, **self.fields}


def clip(text: str) -> str:
    """The text, or its beginning."""
    return text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…"


def to_line(document: dict[str, Any]) -> bytes:
    """One line; JSON escapes every line break within."""
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


def from_line(line: bytes) -> dict[str, Any] | None:
    """What a whole line says; None: it is damaged."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def to_event(document: dict[str, Any]) -> Event | None:
    """The event that a line holds; None: it is none."""
    match document:
        case {"id": int(number), "event": str(kind), "time": str(time), **fields} if number > 0:
            return Event(number, kind, time, fields)
    return None
