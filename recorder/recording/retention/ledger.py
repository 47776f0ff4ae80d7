"""What retention must remember across restarts: rates, deletions, what is accepted, what waits.

Owns the text of `retention.json` in the state folder. Pure. Time is counted in hours in which the
recorder ran, from the monotonic clock: "the last seven days" must not be emptied by a clock that
jumps, and a recorder that was switched off over the holidays remembers the term before them.

It is a memory, not the truth: one that is lost begins anew, and errs on the careful side, because
without past deletions a large sweep is suspicious.
"""

from __future__ import annotations

import json
from collections import deque

import attrs
import cattrs

from recorder.recording.retention.planner import (
    Deletion,  # noqa: TC001 - cattrs needs it to structure
)

VERSION = 1

HOURS = 7 * 24

WINDOW_MS = 600_000
"""Of the rate that counts (design §9)."""

LEAST_MS = 10_000
"""Of the rate before ten minutes have passed: shorter is no rate."""

_STEP_MS = 10_000


@attrs.define
class Hour:
    """One hour in which the recorder ran.

    Attributes:
        rate: the highest over ten minutes, in bytes per second.
        deleted_bytes: by retention and by people.
    """

    rate: int = 0
    deleted_bytes: int = 0


@attrs.frozen
class Blocked:
    """A plan that waits for a person, exactly as it was shown."""

    plan_id: str
    deletions: tuple[Deletion, ...]


@attrs.define
class Ledger:
    """Attributes:
    hours: the newest last; one that has just begun among them.
    accepted_bytes: what was not ours when the disk was last not nearly full; None: never looked.
    blocked: a plan that waits for a person.
    """

    hours: list[Hour] = attrs.field(factory=lambda: [Hour()])
    accepted_bytes: int | None = None
    blocked: Blocked | None = None

    def begin_hour(self) -> None:
        """Another hour has passed."""
        self.hours = [*self.hours[-(HOURS - 1) :], Hour()]

    def note_rate(self, rate: int) -> None:
        self.hours[-1].rate = max(self.hours[-1].rate, rate)

    def note_deleted(self, size: int) -> None:
        self.hours[-1].deleted_bytes += size

    @property
    def highest_rate(self) -> int:
        """Of the last seven days, in bytes per second."""
        return max(hour.rate for hour in self.hours)

    @property
    def week_bytes(self) -> int:
        """Deleted in the last seven days."""
        return sum(hour.deleted_bytes for hour in self.hours)

    def to_bytes(self) -> bytes:
        return json.dumps({"version": VERSION, **_CONVERTER.unstructure(self)}, indent=1).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Ledger:
        """Raises ValueError for anything `to_bytes` has not written."""
        try:
            raw = json.loads(content)
            if raw.pop("version") != VERSION:
                raise ValueError("another version")
            found = _CONVERTER.structure(raw, cls)
        except (cattrs.BaseValidationError, LookupError, TypeError, AttributeError) as error:
            raise ValueError("not a ledger of retention") from error
        except RecursionError as error:
            raise ValueError("not a ledger of retention") from error
        if not found.hours:
            raise ValueError("a ledger without an hour")
        return attrs.evolve(found, hours=found.hours[-HOURS:])


_CONVERTER = cattrs.Converter(forbid_extra_keys=True)


class Meter:
    """From a growing total of written bytes to a rate.

    Args:
        now_ms: the monotonic clock.
    """

    def __init__(self, now_ms: int) -> None:
        self._points: deque[tuple[int, int]] = deque([(now_ms, 0)])

    def note(self, now_ms: int, total_bytes: int) -> None:
        """So many bytes have been written in all."""
        if now_ms - self._points[-1][0] >= _STEP_MS:
            self._points.append((now_ms, total_bytes))
        while len(self._points) > 1 and self._points[1][0] <= now_ms - WINDOW_MS:
            self._points.popleft()

    @property
    def rate(self) -> int:
        """Over the last ten minutes, or since the beginning, in bytes per second."""
        (first_ms, first), (last_ms, last) = self._points[0], self._points[-1]
        return (last - first) * 1000 // max(LEAST_MS, last_ms - first_ms)
