"""What is shown to whoever looks: one frozen picture of the whole recorder.

Owns the names and units of every figure, and nothing of where they come from; those of a room
stand in `room_views`, those of the disk and of the recorder in `house_views`. What JSON calls a
field is what it is called here; `snapshot.schema.json` beside this file says the same to others,
and a test holds the two together. Every number is either a count, true at `time`, or has its age in
seconds beside it: a figure without an age would look fresh when it is not (design §9).

`version` rises when a field changes its meaning or goes; who reads ignores fields he does not know.

These are structs of msgspec, as are the figures that they are made of, and not attrs classes: a
hundred rooms are looked at every second, and to make them took most of a picture's time.
"""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from recorder.status.house_views import StorageView, SystemView
    from recorder.status.room_views import RoomView

VERSION = 1


class Severity(enum.StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    id: of this alarm as long as it stands; `kind` is the same for all of its sort.
    since: UTC, by the clock of then; `age_s` by the monotonic clock, None where the recorder before
        this one has raised it.
    acknowledged_by: who has seen it; None: nobody yet.
    """

    id: str
    kind: str
    severity: Severity
    room: str | None
    since: str
    age_s: float | None
    text: str
    advice: str
    acknowledged_by: str | None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    sequence: grows with every snapshot of one process.
    run: of this process; a page that sees another one knows that the recorder was restarted.
    time: UTC, as the clock says it, be it trusted or not.
    alarms: the worst first.
    """

    version: int = VERSION
    sequence: int
    run: str
    time: str
    rooms: tuple[RoomView, ...]
    storage: StorageView
    system: SystemView
    alarms: tuple[AlarmView, ...] = ()

    @property
    def live_rooms(self) -> int:
        """How many rooms somebody publishes in."""
        return sum(room.publisher is not None for room in self.rooms)

    @property
    def worst_alarm(self) -> AlarmView | None:
        return self.alarms[0] if self.alarms else None

    def to_json(self) -> bytes:
        """One line of JSON. Of a hundred rooms every second, the standard library's would take half
        as long as all the rest of a picture."""
        try:
            return msgspec.json.encode(self)
        except UnicodeEncodeError:
            # The name of a folder may be bytes that are no UTF-8.
            return json.dumps(msgspec.to_builtins(self), separators=(",", ":")).encode()
