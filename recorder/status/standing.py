"""One condition that is an alarm, or may become one. When it does is decided in `alarms`.

Owns how long it must be over before it clears, what it says meanwhile, and how it is written down.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import attrs

from recorder.status.condition import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

CALM_S: Final = 60.0
"""What comes again so soon after it has cleared flaps: it must be over for as long, then."""

OVER: Final = "It seems to be over."


@attrs.define(kw_only=True)
class Standing:
    """A condition with a memory."""

    condition: Condition
    began_s: float
    held_s: float
    """When it last held."""
    id: str = ""
    """"" until it is raised."""
    since: str = ""
    raised_s: float | None = None
    """None: by the process before, whose clock nobody knows."""
    acknowledged_by: str | None = None
    flaps: bool = False

    @property
    def clear_s(self) -> float:
        """How long it must be over. What need not be for any time was ended by somebody."""
        found = self.condition.clear_s
        return max(found, CALM_S) if self.flaps and found else found

    def text(self, now_s: float) -> str:
        """What is the matter. While it waits to clear it is not so any more, and says so."""
        is_over = self.held_s < now_s and not self.condition.until_acknowledged
        return f"{self.condition.text} {OVER}" if is_over else self.condition.text

    @classmethod
    def remembered(cls, document: Mapping[str, Any]) -> Standing:
        """What stood in the process before.

        Raises:
            KeyError, ValueError, TypeError: it was damaged.
        """
        return cls(
            condition=Condition.remembered(document),
            began_s=-math.inf,
            held_s=-math.inf,
            id=str(document["id"]),
            since=str(document["since"]),
            acknowledged_by=text_or_none(document["acknowledged_by"]),
        )

    def to_memory(self) -> dict[str, Any]:
        """For the next process."""
        return self.to_document() | {
            "until_acknowledged": self.condition.until_acknowledged,
            "clear_s": self.clear_s,
        }

    def to_document(self) -> dict[str, Any]:
        """For the history, and for hooks."""
        return {
            "id": self.id,
            "kind": self.condition.kind,
            "room": self.condition.room,
            "severity": self.condition.severity.value,
            "text": self.condition.text,
            "advice": self.condition.advice,
            "detail": self.condition.detail,
            "since": self.since,
            "acknowledged_by": self.acknowledged_by,
        }


def text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
