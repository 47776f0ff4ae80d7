"""Which events go together in the next call to a target, and when it may go. Pure.

A disk that fails raises an alarm in every room: that is one call, not fifty. Alarms that follow
each other are gathered for some seconds; everything else goes alone and at once, and nothing
overtakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from recorder.hooks.events import ALARMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.hooks.events import Event

GATHER_S: Final = 5.0
"""From the first alarm of a storm to the call that tells it."""

MOST_TOGETHER: Final = 100
"""A message stays of a size that every receiver takes: at most some 200 KiB."""


@attrs.frozen
class Waiting:
    """An event in a target's queue.

    Attributes:
        seen_s: when it was read, on Trio's clock.
    """

    event: Event
    seen_s: float


@attrs.frozen
class Call:
    """The first `count` of the queue, not before `at_s`."""

    count: int
    at_s: float


def next_call(queue: Sequence[Waiting]) -> Call:
    """What is told next; the queue holds something."""
    first = queue[0]
    if first.event.kind not in ALARMS:
        return Call(1, first.seen_s)
    count = 0
    for each in queue:
        if each.event.kind not in ALARMS or count == MOST_TOGETHER:
            # Nothing can be added any more.
            return Call(count, first.seen_s)
        count += 1
    is_full = count == MOST_TOGETHER
    return Call(count, first.seen_s if is_full else first.seen_s + GATHER_S)
