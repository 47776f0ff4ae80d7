"""Attempts: who was refused, how often, and how long the next refusal takes; what all came to.

Pure bookkeeping: it closes nothing and delays nothing. A pause grows with the failures of one
address and precedes a refusal only; whoever brings the right key is not asked what others behind
the same address did. So it slows down clients that wait for their answer, and keeps them from
costing work; a guesser who does not wait is stopped by the length of the keys alone.

Bounded: of addresses beyond the table's size the one is forgotten that failed longest ago, which
costs the length of its pauses and nothing else.
"""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Final

import attrs

from recorder.neighbours import address_group

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESSES: Final = 1024
FORGET_S: Final = 600.0
"""An address that has not failed for so long begins anew."""

RECENT_S: Final = 20.0
"""So long failures count as recent; 20 of them are an alarm, as at the page's door."""

_MOST_RECENT: Final = 1000

FIRST_PAUSE_S: Final = 1.0
PATIENT_FAILURES: Final = 3
"""A person who mistypes a key hears of it as quickly as the first time."""

LONGEST_PAUSE_S: Final = 10.0
"""Some clients give up a connection after 15 s (HaishinKit), and would say that nobody answers."""


class Kind(enum.StrEnum):
    """Why somebody was refused: a closed list, the counters' labels."""

    KEY = "key"
    """Unknown room or wrong key."""
    LOGIN = "login"
    """Wrong user name or password, or a challenge that is not good any more."""
    ADDRESS = "address"
    """The right key, and an address that the room does not allow."""
    APPLICATION = "application"
    BUSY = "busy"
    """Another encoder keeps the room."""
    LIMIT = "limit"
    """A place, memory or the disk was missing."""


class Result(enum.StrEnum):
    """What came of a wish to publish: a closed list as well."""

    OK = "ok"
    AUTH = "auth"
    BUSY = "busy"
    LIMIT = "limit"
    PROTOCOL = "protocol"
    """What came was no RTMP, or broke it."""


RESULTS: Final = {
    Kind.KEY: Result.AUTH,
    Kind.LOGIN: Result.AUTH,
    Kind.ADDRESS: Result.AUTH,
    Kind.APPLICATION: Result.AUTH,
    Kind.BUSY: Result.BUSY,
    Kind.LIMIT: Result.LIMIT,
}

NO_ROOM: Final = "*"
"""In place of a room that is not in the configuration: what strangers name is no label."""

FAILURES: Final = frozenset({Kind.KEY, Kind.LOGIN, Kind.ADDRESS})
"""What a guesser does. Who is refused for anything else has shown the key, or tries none."""


@attrs.define
class _Failures:
    times: int
    last_s: float


@attrs.frozen
class Failing:
    """An address, or an IPv6 /64, that was refused lately."""

    address: str
    times: int
    age_s: float
    """Since the last time."""


class Attempts:
    """Of one recorder. Times are seconds of one clock that never goes back."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._recent: deque[float] = deque(maxlen=_MOST_RECENT)
        self._counts: Counter[str] = Counter({kind.value: 0 for kind in Kind})
        self._results: Counter[tuple[str, str]] = Counter()

    def refused(self, kind: Kind, address: str, now_s: float) -> float:
        """Note a refusal, and return the seconds to wait before it is said."""
        self._counts[kind.value] += 1
        if kind not in FAILURES:
            return FIRST_PAUSE_S
        self._recent.append(now_s)
        group = address_group(address)
        failures = self._failures.pop(group, None)
        if failures is None or now_s - failures.last_s > FORGET_S:
            failures = _Failures(0, now_s)
        self._failures[group] = failures
        failures.times += 1
        failures.last_s = now_s
        if len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)
        doublings = min(max(0, failures.times - PATIENT_FAILURES), 10)
        return min(FIRST_PAUSE_S * (1 << doublings), LONGEST_PAUSE_S)

    def came_to(self, result: Result, room: str | None) -> None:
        """Note what came of a wish to publish.

        Args:
            room: that is configured; None: any other, or none was named.
        """
        self._results[NO_ROOM if room is None else room, result.value] += 1

    def recent(self, now_s: float) -> int:
        """How many failed within the last RECENT_S seconds; at most a thousand are counted."""
        while self._recent and now_s - self._recent[0] > RECENT_S:
            self._recent.popleft()
        return len(self._recent)

    def worst(self, most: int, now_s: float) -> list[Failing]:
        """The addresses that failed most often, and not too long ago."""
        while self._failures:
            oldest = next(iter(self._failures.values()))
            if now_s - oldest.last_s <= FORGET_S:
                break
            self._failures.popitem(last=False)
        failing = [
            Failing(group, each.times, now_s - each.last_s)
            for group, each in self._failures.items()
        ]
        return sorted(failing, key=lambda each: (-each.times, each.age_s))[:most]

    @property
    def counts(self) -> Mapping[str, int]:
        """All refusals since the start, by `Kind`."""
        return self._counts

    @property
    def results(self) -> Mapping[tuple[str, str], int]:
        """All wishes to publish since the start, by the room, or NO_ROOM, and the `Result`."""
        return self._results
