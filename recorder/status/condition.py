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


@attrs.frozen(kw_only=True)
class Condition:
    """Something that is so now.

    Attributes:
        set_s: so long it must last before it is an alarm; `clear_s` so long it must be over.
        until_acknowledged: it has happened and is no more: seeing it is all that is to be done.
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
    detail: str = ""

    @classmethod
    def remembered(cls, document: Mapping[str, Any]) -> Condition:
        """What has happened in another process, as that has written it down.

        Raises:
            KeyError, ValueError: it was damaged.
        """
        return cls(
            kind=document["kind"],
            room=document["room"],
            severity=Severity(document["severity"]),
            text=document["text"],
            advice=document["advice"],
            detail=document["detail"],
            until_acknowledged=True,
        )


def stands(kind: str, severity: Severity, standing: Mapping[str, Severity]) -> bool:
    """Whether an alarm stands that is as bad as this, or worse: only then it stays longer."""
    return kind in standing and RANK[standing[kind]] <= RANK[severity]
