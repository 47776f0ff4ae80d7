"""What may be kept how long, and how much of the disk must stay free. Values only.

Owns the rules as the planner reads them: milliseconds and bytes, one set for each room and one for
all; a room's own come before the common ones. A room that is no longer configured is under the
common rules: its recordings must not stay for ever because somebody has removed three lines.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from recorder.config import Config


@attrs.frozen(kw_only=True)
class RoomRules:
    """Attributes:
    max_age_ms: a recording that ended longer ago goes; None: never for its age.
    max_bytes: what the room's recordings may take together; None: no limit.
    """

    max_age_ms: int | None = None
    max_bytes: int | None = None


@attrs.frozen(kw_only=True)
class Rules:
    """Attributes:
    rooms: of the rooms that have rules of their own, by name.
    others: of every other room.
    max_bytes: what all recordings may take together; None: no limit.
    min_free_bytes: so much of the disk stays free.
    min_free_ms: so long the rooms must be able to record on; with `min_free_bytes` the larger
        counts.
    deletes_oldest: a disk that is full costs the oldest recordings; False: recording stops.
    """

    rooms: Mapping[str, RoomRules] = attrs.field(factory=dict)
    others: RoomRules = RoomRules()
    max_bytes: int | None = None
    min_free_bytes: int = 0
    min_free_ms: int = 0
    deletes_oldest: bool = True

    def of(self, room: str) -> RoomRules:
        return self.rooms.get(room, self.others)

    @property
    def without_limits(self) -> "Rules":
        """The same disk, with no limit on ages and sizes."""
        return attrs.evolve(self, rooms={}, others=RoomRules(), max_bytes=None)

    @property
    def has_ages(self) -> bool:
        """Whether a recording can go because it is too old."""
        return any(each.max_age_ms is not None for each in (self.others, *self.rooms.values()))

    @property
    def has_sizes(self) -> bool:
        """Whether a recording can go because there are too many."""
        limits = (each.max_bytes for each in (self.others, *self.rooms.values()))
        return self.max_bytes is not None or any(limit is not None for limit in limits)


def rules_of(config: "Config") -> Rules:
    """The rules of a configuration."""
    common = config.retention
    rooms = {
        name: RoomRules(
            max_age_ms=_ms(common.max_age if own.max_age is None else own.max_age),
            max_bytes=own.max_size,
        )
        for name, own in ((name, room.retention) for name, room in config.rooms.items())
    }
    others = None if config.any_room is None else config.any_room.retention.max_age
    return Rules(
        rooms=rooms,
        others=RoomRules(
            max_age_ms=_ms(common.max_age if others is None else others),
            max_bytes=None if config.any_room is None else config.any_room.retention.max_size,
        ),
        max_bytes=common.max_size,
        min_free_bytes=common.min_free.size,
        min_free_ms=int(common.min_free.time * 1000),
        deletes_oldest=common.when_full == "delete-oldest",
    )


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None or math.isinf(seconds) else int(seconds * 1000)
