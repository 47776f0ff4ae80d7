"""Which conditions are alarms: one entry each, over a snapshot. Pure, and without memory.

The rules own thresholds, texts and advice, for an operator who is no technician: one sentence what
is the matter, one what to do. They stand by what they speak of in `disk_rules`, `system_rules`,
`hook_rules` and `room_rules`. When a condition that comes and goes becomes an alarm is `alarms`'
part. Thresholds are those that operators know (appliance §5.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.status.disk_rules import disk_conditions
from recorder.status.hook_rules import hook_conditions
from recorder.status.room_rules import room_conditions
from recorder.status.system_rules import system_conditions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recorder.status.condition import Condition, Key
    from recorder.status.snapshot import Severity, Snapshot


def conditions(
    seen: Snapshot, standing: Mapping[Key, Severity] | None = None
) -> Iterator[Condition]:
    """All that hold.

    Args:
        standing: the alarms that stand already, for hysteresis.
    """
    standing = standing or {}
    yield from disk_conditions(seen.storage, standing)
    yield from system_conditions(seen.system, seen.run, standing)
    yield from hook_conditions(seen.system.hooks)
    for room in seen.rooms:
        yield from room_conditions(room, standing)
