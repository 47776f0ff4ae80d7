"""A snapshot as `recorder status` reads it, and the words for its figures. Pure.

It may come from another version of the recorder, and over a network from anything at all. So every
field may be missing or of another type: it is then not known, and shown as a dash. Text is made
safe for a terminal here, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.config.document import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN_VERSION = 1
"""Of the snapshot."""

UNKNOWN = "-"

_LONGEST = 600
"""The longest sentence of ours, with a title and a path in it, is half of that."""

_LARGEST = 1e18


class Fields:
    """A JSON object of which nothing is certain."""

    def __init__(self, value: object) -> None:
        self._values = value if isinstance(value, dict) else {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def text(self, name: str) -> str:
        """One line that a terminal only prints; empty where there is none."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return ""
        return printable(value if len(value) <= _LONGEST else f"{value[:_LONGEST]} …")

    def number(self, name: str) -> float | None:
        """Neither NaN nor anything that no figure of ours can be."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if abs(value) < _LARGEST else None

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        return value if isinstance(value, bool) else None

    def part(self, name: str) -> Fields:
        """Empty, and so false, where there is none."""
        return Fields(self._values.get(name))

    def parts(self, name: str) -> Iterator[Fields]:
        values = self._values.get(name)
        for value in values if isinstance(values, list) else ():
            yield Fields(value)


def has_critical_alarm(document: object) -> bool:
    """Whether the exit code says that somebody must go there."""
    alarms = Fields(document).parts("alarms")
    return any(alarm.text("severity") == "critical" for alarm in alarms)


def span(seconds: float | None) -> str:
    """`0.2 s`, `42 s`, `12 min`, `5 h`, `3 d`: at most six characters."""
    if seconds is None:
        return UNKNOWN
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    for limit, length, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds / length)} {unit}"
    return f"{int(seconds / 86_400)} d"


def running(seconds: float | None) -> str:
    """`0:42:10`, and days from the fourth on: at most eight characters."""
    if seconds is None:
        return UNKNOWN
    if seconds >= 360_000:
        return f"{int(seconds / 86_400)} d"
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def time_left(seconds: float | None) -> str:
    """How long can be recorded, in hours."""
    if seconds is None:
        return "time left unknown"
    if seconds < 10 * 3600:
        hours, minutes = divmod(int(max(seconds, 0) / 60), 60)
        return f"{hours} h {minutes:02} min left"
    return f"{int(seconds / 3600)} h left"


def megabits(bits: float | None) -> str:
    return UNKNOWN if bits is None else f"{bits / 1e6:.1f}"
