"""A condition that holds now: what alarms are made of. Values only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from recorder.status.snapshot import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL

RANK: Final = {CRITICAL: 0, WARNING: 1, INFO: 2}
"""The worst first."""

Key = tuple[str, str | None]
"""A kind, and the room it concerns: one alarm each."""


@attrs.frozen(kw_only=True)
class Condition:
    """Something that is so now.

    Attributes:
        set_s: so long it must last before it is an alarm; `clear_s` so long it must be over.
        until_acknowledged: it has happened and is no more: seeing it is all that is to be done.
        prolongs: it goes on with what held at the last look, and holds up no alarm that clears.
        detail: another one is another event, where seeing the first says nothing of it.
    """

    kind: str
    severity: Severity
    text: str
    advice: str
    room: str | None = None
    set_s: float = 0.0
    clear_s: float = 5.0
    until_acknowledged: bool = False
    prolongs: bool = False
    detail: str = ""

    @classmethod
    def remembered(cls, document: Mapping[str, Any]) -> Condition:
        """As another process has written it down.

        Raises:
            KeyError, ValueError, TypeError: it was damaged.
        """
        room = document["room"]
        return cls(
            kind=str(document["kind"]),
            room=None if room is None else str(room),
            severity=Severity(document["severity"]),
            text=str(document["text"]),
            advice=str(document.get("advice", "")),
            detail=str(document["detail"]),
            clear_s=float(document.get("clear_s", 0)),
            until_acknowledged=bool(document.get("until_acknowledged")),
        )


def stands(
    kind: str, severity: Severity, standing: Mapping[Key, Severity], room: str | None = None
) -> bool:
    """Whether an alarm stands that is as bad as this, or worse: only then it stays longer."""
    found = standing.get((kind, room))
    return found is not None and RANK[found] <= RANK[severity]
