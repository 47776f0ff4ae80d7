"""Logging: one readable line per event on standard error, repeats counted instead of repeated.

Owns how lines look and how often the same line may appear. A peer decides how often it knocks,
so every line a stranger can cause carries `same(...)`: the first is shown at once, the following
ones of the next ten seconds are counted, and one line says how many there were.

Knows no loop: whoever runs one is told through `on_held` that a count waits to be reported.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 10.0
"""How long repeats of a line are held back."""

MAX_KINDS = 256
"""Different lines whose repeats are counted at once; beyond it the counts are reported early, so
that a thousand addresses cannot make this table grow."""


def same(*key: object) -> dict[str, Any]:
    """The `extra` of a line that counts as a repeat of every other line with this key."""
    return {"same": key}


@attrs.define
class _Held:
    record: logging.LogRecord
    since: float
    repeats: int = 0


class FoldRepeats(logging.Filter):
    """Lets the first of several same lines through and counts the others."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._held: dict[tuple[object, ...], _Held] = {}
        self.on_held: Callable[[], None] = lambda: None
        self.emit: Callable[[logging.LogRecord], None] = lambda record: None

    def filter(self, record: logging.LogRecord) -> bool:
        key: tuple[object, ...] | None = getattr(record, "same", None)
        if key is None:
            return True
        now = self._now()
        held = self._held.get(key)
        if held is not None and now - held.since < WINDOW_S:
            held.repeats += 1
            if held.repeats == 1:
                self.on_held()
            return False
        if held is not None:
            self._report(held)
        elif len(self._held) >= MAX_KINDS:
            self.report_all()
        self._held[key] = _Held(record, now)
        return True

    def report_all(self) -> None:
        """Write the counts that wait, and start anew."""
        held, self._held = self._held, {}
        for one in held.values():
            self._report(one)

    def _report(self, held: _Held) -> None:
        if held.repeats:
            record = logging.makeLogRecord(held.record.__dict__)
            record.created = time.time()
            record.msg = f"{held.record.getMessage()} (and {held.repeats} more like this)"
            record.args = ()
            self.emit(record)


def set_up(level: str) -> FoldRepeats:
    """Send the log to standard error, with repeats folded.

    Args:
        level: `debug`, `info`, `warning` or `error`.
    """
    fold = FoldRepeats()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    handler.addFilter(fold)
    fold.emit = handler.emit
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    return fold


def set_level(level: str) -> None:
    """Write no less than this from now on; as of `set_up`."""
    logging.getLogger().setLevel(level.upper())
