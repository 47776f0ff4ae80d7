"""Which conditions of the hooks are alarms. Pure; `alarm_rules` gathers them.

That somebody else is not told must be seen here: whoever waits to be told cannot know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.status.condition import WARNING, Condition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.status.house_views import HooksView

PATIENCE_S: Final = 300.0
"""Receivers are restarted, too."""


def hook_conditions(hooks: HooksView | None) -> Iterator[Condition]:
    """All that hold."""
    if hooks is None:
        return
    if not hooks.is_delivering:
        yield Condition(
            kind="hooks_not_delivered",
            severity=WARNING,
            text="Nobody delivers the hooks: receivers are told nothing.",
            advice="Start it with `systemctl start recorder-deliver`, or `recorder deliver`; what "
            "waits is delivered then.",
            set_s=60,
        )
    elif hooks.failing:
        since = (hooks.failing_since or "")[:16].replace("T", " ")
        yield Condition(
            kind="hooks_failing",
            severity=WARNING,
            text=f"Hooks cannot be delivered to {', '.join(hooks.failing)} since {since} UTC.",
            advice="Check the receiver and the network to it; the log of recorder-deliver says "
            "why. What waits is delivered by itself.",
            set_s=PATIENCE_S,
        )
