"""Logging: one line per event, with its room and connection, and repeats counted, not repeated.

Owns where lines go, what they concern, and how often the same line may appear; how they look is
the business of `log_lines`. A room's lines go through `of_room`, which begins each with the name;
what is logged while a connection is served names it by itself, through a context variable that
its task and the threads it calls inherit.

A peer decides how often it knocks, so every line a stranger can cause carries `same(...)`: the
first is shown at once, the following ones of the next ten seconds are counted, and one line says
how many there were. Knows no loop: whoever runs one is told through `on_held` that a count waits
to be reported.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

import attrs

from recorder.log_journal import STANDARD_ERROR, JournalHandler, leads_to_journal
from recorder.log_lines import as_json, blotter, coloured, line_of, plain, prefixed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping

    from recorder.log_lines import Line

WINDOW_S = 10.0
"""How long repeats of a line are held back."""

MAX_KINDS = 256
"""Different lines whose repeats are counted at once; beyond it the counts are reported early, so
that a thousand addresses cannot make this table grow."""


_connection: ContextVar[str | None] = ContextVar("connection", default=None)


def same(*key: object) -> dict[str, Any]:
    """The `extra` of a line that counts as a repeat of every other line with this key."""
    return {"same": key}


def about(room: str | None) -> dict[str, Any]:
    """The `extra` of a line that concerns a room and does not begin with its name."""
    return {"room": room}


class _RoomLog(logging.LoggerAdapter[logging.Logger]):
    def __init__(self, logger: logging.Logger, room: str) -> None:
        super().__init__(logger)
        self._room = room

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        # A name has no percent sign: it may stand in what is formatted.
        extra = {**(kwargs.get("extra") or {}), "room": self._room}
        return f"{self._room}: {msg}", {**kwargs, "extra": extra}


def of_room(logger: logging.Logger, room: str) -> logging.LoggerAdapter[logging.Logger]:
    """The log of a room: every line begins with its name, and carries it."""
    return _RoomLog(logger, room)


@contextmanager
def of_connection(address: str, port: int) -> Iterator[None]:
    """What is logged meanwhile concerns this peer's connection; in its tasks and threads too."""
    host = f"[{address}]" if ":" in address else address
    token = _connection.set(f"{host}:{port}")
    try:
        yield
    finally:
        _connection.reset(token)


def _stamp(record: logging.LogRecord) -> bool:
    """Enter the connection while it is known: a repeat is told when it is not any more."""
    record.__dict__["connection"] = _connection.get()
    return True


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
            record = logging.makeLogRecord({**held.record.__dict__, "repeats": held.repeats})
            record.created = time.time()
            record.msg = f"{held.record.getMessage()} (and {held.repeats} more like this)"
            record.args = ()
            self.emit(record)


class Log:
    """Where the log goes. Made by `set_up`.

    Attributes:
        fold: what counts repeats.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self.fold = FoldRepeats()
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """What is never shown, from here on; what was named before no longer counts."""
        self._blot = blotter(secrets)

    def line_of(self, record: logging.LogRecord) -> Line:
        return line_of(record, self._blot)


Format = Literal["auto", "journal", "text", "json"]


def set_up(level: str, form: Format = "auto", secrets: Iterable[str] = ()) -> Log:
    """Send the log where it is read, with repeats folded.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        form: `auto` is the journal under systemd, and else text.
        secrets: what is never shown.
    """
    log = Log(secrets)
    handler = _handler(log, form)
    handler.addFilter(_stamp)
    handler.addFilter(log.fold)
    log.fold.emit = handler.emit
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    return log


def set_level(level: str) -> None:
    """Write no less than this from now on; as of `set_up`."""
    logging.getLogger().setLevel(level.upper())


def _handler(log: Log, form: Format) -> logging.Handler:
    if form == "auto":
        form = "journal" if leads_to_journal(STANDARD_ERROR, os.environ) else "text"
    match form:
        case "journal":
            return JournalHandler(log.line_of, _on_standard_error(log, prefixed))
        case "json":
            return _on_standard_error(log, as_json)
        case _:
            return _on_standard_error(log, coloured if _wants_colour() else plain)


def _on_standard_error(log: Log, write: Callable[[Line], str]) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.terminator = ""
    handler.setFormatter(_Formatter(log, write))
    return handler


class _Formatter(logging.Formatter):
    def __init__(self, log: Log, write: Callable[[Line], str]) -> None:
        super().__init__()
        self._log = log
        self._write = write

    def format(self, record: logging.LogRecord) -> str:
        return self._write(self._log.line_of(record))


def _wants_colour() -> bool:
    """A terminal that takes it, and nobody who does not want it (no-color.org)."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not is_plain
