"""What a sweep deletes, in which order, and why. Pure: the sweep itself, `recorder sweep
--dry-run` and the status page all ask this one function.

Owns the order. Whole recordings that are over go first, by their numbers, each for the first rule
that wants it: its age, its room's size, the size of all, the free space. Only for the free space,
and only when no whole recording is left, closed segments of live recordings go, oldest first, never
the newest two of a room. A rule takes the shortest prefix of that order that satisfies it. Rules of
space never take a room's newest recording; an age may. What is protected (`Standing`) is never in a
plan, and counts in every sum, because it takes its room all the same.

Knows no clock: without a believed one there is no age.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from typing import TYPE_CHECKING

import attrs

from recorder.recording.retention.candidates import Candidate, LiveSegment, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recorder.recording.retention.rules import Rules

NEWEST_SEGMENTS = 2
"""Of each room, which no rule takes while its recording goes on."""


class Why(enum.Enum):
    """The rule that takes something; the value is what manifests and interfaces say."""

    BEGUN = "begun"
    """Somebody has begun to delete it, and was cut off."""
    AGE = "age"
    ROOM_SIZE = "room-size"
    SIZE = "size"
    FREE_SPACE = "free-space"


@attrs.frozen
class Deletion:
    """A whole recording."""

    number: int
    room: str
    bytes: int
    why: Why


@attrs.frozen
class SegmentDeletion:
    """One segment of a live recording, always for the free space."""

    number: int
    room: str
    file: int
    bytes: int


@attrs.frozen(kw_only=True)
class Plan:
    """Attributes:
    recordings: by number.
    segments: oldest first; they go when all of `recordings` have gone.
    missing_bytes: how much free space is missing even then.
    """

    recordings: tuple[Deletion, ...] = ()
    segments: tuple[SegmentDeletion, ...] = ()
    missing_bytes: int = 0

    @property
    def bytes(self) -> int:
        """What all of it takes now."""
        whole = sum(each.bytes for each in self.recordings)
        return whole + sum(each.bytes for each in self.segments)


@attrs.frozen
class Goal:
    """How much is free, and how much shall be."""

    available: int
    wanted: int


def plan(
    recordings: Sequence[Candidate],
    segments: Iterable[LiveSegment],
    rules: Rules,
    *,
    now_utc_ms: int | None,
    goal: Goal,
) -> Plan:
    """What is to be deleted now.

    Args:
        recordings: all there are, by number, ascending.
        segments: the closed segments of those that are live.
        now_utc_ms: the wall clock; None: it is not believed, so no recording is too old.
        goal: the free space; where `rules` stop recording instead, it deletes nothing.
    """
    chosen = _Chosen(recordings)
    for each in chosen.free(spares_newest=False):
        if each.deleting is not None:
            chosen.take(each, Why.BEGUN)
        elif now_utc_ms is not None and _is_too_old(each, rules, now_utc_ms):
            chosen.take(each, Why.AGE)
    if rules.has_sizes:
        _fit_sizes(chosen, rules)
    missing = goal.wanted - goal.available - chosen.bytes
    if missing <= 0 or not rules.deletes_oldest:
        return Plan(recordings=chosen.sorted(), missing_bytes=max(0, missing))
    for each in chosen.free():
        if missing <= 0:
            break
        chosen.take(each, Why.FREE_SPACE)
        missing -= each.bytes
    parts = list[SegmentDeletion]()
    for part in _oldest_segments(segments) if missing > 0 else ():
        if missing <= 0:
            break
        parts.append(SegmentDeletion(part.number, part.room, part.file, part.bytes))
        missing -= part.bytes
    return Plan(recordings=chosen.sorted(), segments=tuple(parts), missing_bytes=max(0, missing))


def deletable_bytes(recordings: Sequence[Candidate], segments: Iterable[LiveSegment]) -> int:
    """What the rule of free space could take at most."""
    whole = sum(each.bytes for each in _Chosen(recordings).free())
    return whole + sum(each.bytes for each in _oldest_segments(segments))


def _is_too_old(recording: Candidate, rules: Rules, now_utc_ms: int) -> bool:
    max_age_ms, ended_ms = rules.of(recording.room).max_age_ms, recording.ended_utc_ms
    # One from the future has a negative age.
    return max_age_ms is not None and ended_ms is not None and now_utc_ms - ended_ms > max_age_ms


def _fit_sizes(chosen: _Chosen, rules: Rules) -> None:
    rooms = defaultdict[str, int](int)
    for each in chosen.left():
        rooms[each.room] += each.bytes
    for each in chosen.free():
        limit = rules.of(each.room).max_bytes
        if limit is not None and rooms[each.room] > limit:
            rooms[each.room] -= each.bytes
            chosen.take(each, Why.ROOM_SIZE)
    total = sum(rooms.values())
    for each in chosen.free():
        if rules.max_bytes is None or total <= rules.max_bytes:
            break
        total -= each.bytes
        chosen.take(each, Why.SIZE)


def _oldest_segments(segments: Iterable[LiveSegment]) -> list[LiveSegment]:
    by_room = defaultdict[str, list[LiveSegment]](list)
    for each in segments:
        by_room[each.room].append(each)
    may_go = list[LiveSegment]()
    for room in by_room.values():
        room.sort(key=lambda each: (each.number, each.file))
        may_go += room[:-NEWEST_SEGMENTS]
    return sorted(may_go, key=lambda each: (each.began_ms, each.number, each.file))


class _Chosen:
    """What the plan takes so far."""

    def __init__(self, recordings: Sequence[Candidate]) -> None:
        self._recordings = recordings
        # By number, ascending, so the last one of a room stays.
        self._newest = {each.room: each.number for each in recordings}
        self._taken = dict[int, Deletion]()
        self.bytes = 0

    def take(self, recording: Candidate, why: Why) -> None:
        deletion = Deletion(recording.number, recording.room, recording.bytes, why)
        self._taken[recording.number] = deletion
        self.bytes += recording.bytes

    def left(self) -> Iterator[Candidate]:
        """What is not taken, whether it may be or not."""
        return (each for each in self._recordings if each.number not in self._taken)

    def free(self, *, spares_newest: bool = True) -> Iterator[Candidate]:
        """What is not taken and may be, the oldest first."""
        for each in self.left():
            is_newest = self._newest[each.room] == each.number
            if each.standing is Standing.FREE and not (spares_newest and is_newest):
                yield each

    def sorted(self) -> tuple[Deletion, ...]:
        return tuple(self._taken[number] for number in sorted(self._taken))
