"""How a line of the log looks: one record in, text or bytes out. Pure.

Four forms of the same line: for people (with colour on a terminal), with the kernel's `<N>` prefix
for a journal that reads standard error, one JSON object, and a datagram of the journal's own
protocol. What peers sent may stand in any of them, so everything that is not printable is written
as an escape: no name of a room can begin another line, or a field, or make a terminal obey. And
what must never be read there is blotted out, wherever it came from; that is the last defence, not
the rule, which is that nobody logs a secret.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_CHARACTERS = 32_768
"""Of a message or a traceback; the journal takes a datagram of some 200 kB (unix(7), SO_SNDBUF)."""

SHORTEST_SECRET = 8
"""Shorter ones are left: they would strike at innocent words."""

_DEBUG, _INFO, _WARNING, _ERROR, _CRITICAL = 7, 6, 4, 3, 2
"""Priorities of syslog(3)."""

_BEGIN, _END = "\x1b[", "\x1b[0m"
_COLOURS = {_DEBUG: "2m", _INFO: "32m", _WARNING: "33m", _ERROR: "31m", _CRITICAL: "1;31m"}
_FAINT = "2m"


@attrs.frozen(kw_only=True)
class Line:
    """Attributes:
    time: of the wall clock, in seconds since 1970.
    level: as `logging` numbers them.
    details: a traceback, or nothing.
    room, connection: what it concerns; a connection is the peer's address and port.
    repeats: how many more like this there were.
    """

    time: float
    level: int
    text: str
    details: str = ""
    room: str | None = None
    connection: str | None = None
    repeats: int = 0

    @property
    def priority(self) -> int:
        """As of syslog(3)."""
        for level, priority in (
            (logging.CRITICAL, _CRITICAL),
            (logging.ERROR, _ERROR),
            (logging.WARNING, _WARNING),
            (logging.INFO, _INFO),
        ):
            if self.level >= level:
                return priority
        return _DEBUG

    @property
    def whole(self) -> str:
        """The text, the connection where one is known, and the details."""
        first = self.text if self.connection is None else f"{self.text} [{self.connection}]"
        return f"{first}\n{self.details}" if self.details else first


def blotter(secrets: Iterable[str], *, shortest: int = SHORTEST_SECRET) -> Callable[[str], str]:
    """What makes `***` of each of these, wherever it stands in a text."""
    found = sorted({each for each in secrets if len(each) >= shortest}, key=len)
    if not found:
        return lambda text: text
    # The longest first: one may begin with another.
    pattern = re.compile("|".join(re.escape(each) for each in reversed(found)))
    return lambda text: pattern.sub("***", text)


def line_of(record: logging.LogRecord, blot: Callable[[str], str]) -> Line:
    """The line of a record, fit to be shown."""
    details = ""
    if record.exc_info and record.exc_info[0] is not None:
        details = logging.Formatter().formatException(record.exc_info)
    return Line(
        time=record.created,
        level=record.levelno,
        text=printable(blot(record.getMessage()))[:MOST_CHARACTERS],
        details="\n".join(printable(each) for each in _last(blot(details)).split("\n")),
        room=getattr(record, "room", None),
        connection=getattr(record, "connection", None),
        repeats=getattr(record, "repeats", 0),
    )


def _last(details: str) -> str:
    """The end of a traceback says what happened."""
    return details[-MOST_CHARACTERS:]


def printable(text: str) -> str:
    """The text with everything that a terminal or a reader of lines could obey as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def plain(line: Line) -> str:
    """For people: `2026-11-22 10:30:00,125 INFO    room101: …`, in local time."""
    return f"{_local(line.time)} {logging.getLevelName(line.level):<7} {line.whole}\n"


def coloured(line: Line) -> str:
    """The same for a terminal."""
    level = f"{logging.getLevelName(line.level):<7}"
    colour = _COLOURS[line.priority]
    return f"{_BEGIN}{_FAINT}{_local(line.time)}{_END} {_BEGIN}{colour}{level}{_END} {line.whole}\n"


def prefixed(line: Line) -> str:
    """For a journal that reads standard error (sd-daemon(3)): each line with its priority."""
    return with_priority(line.whole, line.priority)


def with_priority(text: str, priority: int = _ERROR) -> str:
    """Each line of the text behind its priority; without one it would be that of `info`."""
    return "".join(f"<{priority}>{each}\n" for each in text.split("\n"))


def as_json(line: Line) -> str:
    """One object: time (UTC), level, text, room, connection, repeats, and details with a fault."""
    moment = datetime.fromtimestamp(line.time, UTC).isoformat(timespec="milliseconds")
    members: dict[str, object] = {
        "time": moment.replace("+00:00", "Z"),
        "level": logging.getLevelName(line.level).lower(),
        "text": line.text,
        "room": line.room,
        "connection": line.connection,
        "repeats": line.repeats,
    }
    if line.details:
        members["details"] = line.details
    return json.dumps(members, ensure_ascii=False) + "\n"


def datagram(line: Line, identifier: str) -> bytes:
    """A message of the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
    fields = {
        "MESSAGE": line.whole,
        "PRIORITY": str(line.priority),
        "SYSLOG_IDENTIFIER": identifier,
        "ROOM": line.room,
        "CONNECTION": line.connection,
        "REPEATS": str(line.repeats) if line.repeats else None,
    }
    return b"".join(_field(name, value) for name, value in fields.items() if value is not None)


def _field(name: str, value: str) -> bytes:
    data = value.encode()
    if b"\n" not in data:
        return b"%b=%b\n" % (name.encode(), data)
    return b"%b\n%b%b\n" % (name.encode(), len(data).to_bytes(8, "little"), data)


def _local(time: float) -> str:
    moment = datetime.fromtimestamp(time, UTC).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03d}"
