"""Alarms: conditions with a memory, raised and cleared by one class that is told what is seen.

Owns when a condition becomes an alarm and when it clears, so that nothing flaps; ids, which stay as
long as an alarm stands; who has acknowledged it; and the history of the last 200 changes. Survives
a restart through `to_bytes`: what stood then and still holds is the same alarm. What has happened
and is over stands until somebody has seen it, over as many restarts as that takes, and is not
raised again by one.
"""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any, Final

from recorder.logs import about
from recorder.status.alarm_rules import conditions
from recorder.status.condition import RANK, Condition, Key
from recorder.status.digits import rounded
from recorder.status.disk_rules import unknown_of_disk
from recorder.status.snapshot import AlarmView, Severity
from recorder.status.standing import CALM_S, Standing, text_or_none

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.status.snapshot import Snapshot

log = logging.getLogger(__name__)

HISTORY: Final = 200
SETTLE_S: Final = 60.0
"""What stood before a restart has so long to hold again, or as long as it must be over to clear."""

_LEVELS: Final = {
    Severity.CRITICAL: logging.CRITICAL,
    Severity.WARNING: logging.WARNING,
    Severity.INFO: logging.INFO,
}


class Alarms:
    """Belongs to the loop.

    Attributes:
        history: the newest last.
        revision: grows with every change that is worth keeping.
        on_change: told every new entry of the history.
    """

    def __init__(self, remembered: bytes | None = None) -> None:
        self.history: list[dict[str, Any]] = []
        self.revision = 0
        self.on_change: Callable[[dict[str, Any]], None] = lambda change: None
        self._standing: dict[Key, Standing] = {}
        self._cleared: dict[Key, float] = {}
        """When, of those that have cleared lately."""
        self._before: dict[Key, Standing] = {}
        self._dismissed: dict[Key, str] = {}
        self._dismissed_before: dict[Key, str] = {}
        """By the process before; this one has not seen whether it still holds."""
        self._next = 1
        self._began_s: float | None = None
        self._judged_s = -math.inf
        if remembered is not None:
            self._restore(remembered)

    def judge(self, seen: Snapshot, now_s: float) -> tuple[AlarmView, ...]:
        """Which alarms stand, the worst first.

        Args:
            seen: a snapshot without alarms.
            now_s: a monotonic clock.
        """
        self._began_s = now_s if self._began_s is None else self._began_s
        raised = {
            key: each.condition.severity
            for known in (self._before, self._standing)
            for key, each in known.items()
            if each.id
        }
        self._cleared = {key: at for key, at in self._cleared.items() if now_s - at < CALM_S}
        holding = {(each.kind, each.room): each for each in conditions(seen, raised)}
        for key in [key for key, each in holding.items() if each.prolongs]:
            if key in self._standing and self._standing[key].held_s < self._judged_s:
                del holding[key]
        self._judged_s = now_s
        for key, condition in holding.items():
            self._holds(key, condition, seen, now_s)
        for key in list(self._standing):
            if key not in holding:
                self._is_over(key, seen, now_s)
        for key in [key for key in self._dismissed if key not in holding]:
            del self._dismissed[key]
        self._settle(seen, now_s - self._began_s)
        return self._views(now_s)

    def acknowledge(self, alarm: str, who: str, time: str) -> bool:
        """Somebody has seen it; False: it does not stand.

        Args:
            time: UTC, as text.
        """
        for key, each in self._standing.items():
            if each.id != alarm:
                continue
            if each.acknowledged_by == who:
                return True
            each.acknowledged_by = who
            self._note("acknowledged", each.to_document(), time, who=who)
            if each.condition.until_acknowledged:
                self._dismissed[key] = each.condition.detail
                del self._standing[key]
                self._say("cleared", each, time)
            return True
        return False

    # One condition.

    def _holds(self, key: Key, condition: Condition, seen: Snapshot, now_s: float) -> None:
        if key in self._dismissed_before:
            self._dismissed[key] = self._dismissed_before.pop(key)
        if self._dismissed.get(key) == condition.detail and condition.until_acknowledged:
            return
        each = self._standing.get(key)
        if each is None:
            each = Standing(condition=condition, began_s=now_s, held_s=now_s)
            self._standing[key] = each
        worse = RANK[condition.severity] < RANK[each.condition.severity]
        again = condition.until_acknowledged and condition.detail != each.condition.detail
        each.condition, each.held_s = condition, now_s
        if not each.id and now_s - each.began_s >= condition.set_s:
            self._raise(key, each, seen, now_s)
        elif each.id and again:
            each.since, each.raised_s = seen.time, now_s
            self._say("raised", each, seen.time)
        elif each.id and worse:
            self._is_worse(each, seen)

    def _raise(self, key: Key, each: Standing, seen: Snapshot, now_s: float) -> None:
        before = self._before.pop(key, None)
        if before is not None and before.condition.detail == each.condition.detail:
            each.id, each.since = before.id, before.since
            each.acknowledged_by = before.acknowledged_by
            if RANK[each.condition.severity] < RANK[before.condition.severity]:
                self._is_worse(each, seen)
            return
        if before is not None:
            self._say("cleared", before, seen.time)
        each.raised_s, each.flaps = now_s, key in self._cleared
        each.id, each.since = f"{each.condition.kind}-{self._next}", seen.time
        self._next += 1
        self._say("raised", each, seen.time)

    def _is_worse(self, each: Standing, seen: Snapshot) -> None:
        """Who has seen it has not seen this."""
        each.acknowledged_by = None
        self._say("raised", each, seen.time)

    def _is_over(self, key: Key, seen: Snapshot, now_s: float) -> None:
        each = self._standing[key]
        if not each.id:
            del self._standing[key]
        elif each.condition.until_acknowledged:
            pass
        elif now_s - each.held_s >= each.clear_s:
            del self._standing[key]
            self._cleared[key] = now_s
            self._say("cleared", each, seen.time)

    def _settle(self, seen: Snapshot, so_long_s: float) -> None:
        """What is over of what stood before the restart."""
        if so_long_s < SETTLE_S:
            return
        self._dismissed_before.clear()
        # What holds again and has not lasted long enough is not over. Nor is what must be over for
        # longer: who tries every minute to get in may have had no reason to be seen yet.
        # Of some nobody knows yet.
        unknown = unknown_of_disk(seen.storage)
        for key in self._before.keys() - self._standing.keys():
            if key[0] not in unknown and so_long_s >= self._before[key].clear_s:
                self._say("cleared", self._before.pop(key), seen.time)

    def _say(self, event: str, each: Standing, time: str) -> None:
        self._note(event, each.to_document(), time)
        level = _LEVELS[each.condition.severity] if event == "raised" else logging.INFO
        about_it = about(each.condition.room)
        log.log(level, "Alarm %s: %s", event, each.condition.text, extra=about_it)

    def _note(self, event: str, document: dict[str, Any], time: str, **more: str) -> None:
        self.history.append({"time": time, "event": event, **document, **more})
        del self.history[:-HISTORY]
        self.revision += 1
        self.on_change(self.history[-1])

    def _views(self, now_s: float) -> tuple[AlarmView, ...]:
        views = [
            AlarmView(
                id=each.id,
                kind=each.condition.kind,
                severity=each.condition.severity,
                room=each.condition.room,
                since=each.since,
                age_s=None if each.raised_s is None else rounded(now_s - each.raised_s),
                text=each.text(now_s),
                advice=each.condition.advice,
                acknowledged_by=each.acknowledged_by,
            )
            for each in self._standing.values()
            if each.id
        ]
        return tuple(sorted(views, key=_by_weight))

    # Across a restart.

    def to_bytes(self) -> bytes:
        """All that a later start needs."""
        document = {
            "version": 1,
            "next": self._next,
            "standing": [
                each.to_memory()
                for each in (*self._standing.values(), *self._before.values())
                if each.id
            ],
            "dismissed": [
                {"kind": kind, "room": room, "detail": detail}
                for (kind, room), detail in (self._dismissed_before | self._dismissed).items()
            ],
            "history": self.history,
        }
        return json.dumps(document, indent=1).encode()

    def _restore(self, remembered: bytes) -> None:
        """All of it, or nothing: half a memory would fail later, and in every start."""
        try:
            document = json.loads(remembered)
            if document["version"] != 1:
                raise ValueError("another version")
            standing = [Standing.remembered(each) for each in document["standing"]]
            dismissed = {
                (str(each["kind"]), text_or_none(each["room"])): str(each["detail"])
                for each in document.get("dismissed", [])
            }
            history, number = [dict(each) for each in document["history"]], int(document["next"])
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ):
            log.warning("The history of alarms was damaged; it begins anew.")
            return
        self._next, self.history, self._dismissed_before = number, history, dismissed
        for each in standing:
            key = each.condition.kind, each.condition.room
            # What has happened stands until it is seen; what was so then may be so still.
            places = self._standing if each.condition.until_acknowledged else self._before
            places[key] = each


def _by_weight(view: AlarmView) -> tuple[int, bool, float]:
    """The worst first, of those what nobody has seen, of those the newest."""
    age_s = math.inf if view.age_s is None else view.age_s
    return RANK[view.severity], view.acknowledged_by is not None, age_s
