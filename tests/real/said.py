"""The words of the log that tests with faults wait for, in one place: a new wording is one edit.

Owns patterns, for `Recorder.line` and `Recorder.matching`. A room is a name, or any when none is
given. What follows a reason in words is free.
"""

from __future__ import annotations

import re


def _of(room: str | None, rest: str) -> str:
    name = r"[A-Za-z0-9_-]+" if room is None else re.escape(room)
    return rf"\b{name}: {rest}"


# The life of a recording.


def publishes(room: str | None = None) -> str:
    return _of(room, r"[0-9.]+ publishes\b")


def began(room: str | None = None) -> str:
    return _of(room, r"recording \d+ began\b")


def closed(room: str | None = None, file: str = r"\d{4}\.flv") -> str:
    return _of(room, rf"recording \d+: {file} closed\b")


def waits(room: str | None = None) -> str:
    return _of(room, r"recording \d+ waits\b")


def continues(room: str | None = None) -> str:
    return _of(room, r"recording \d+ continues\b")


def ended(room: str | None = None) -> str:
    return _of(room, r"recording \d+ ended\b")


def cut_off(room: str | None = None) -> str:
    return _of(room, r"recording \d+ was cut off: repaired\b")


# The disk.

SAFE = re.compile(r"\b([A-Za-z0-9_-]+): (\d+) bytes of (\d+\.flv) are safe\b")
"""At level debug: room, bytes, file."""

STALLED = r"(?i)the disk has not answered for \d+ s"

FULL = r"\bfull\b"


def not_recorded(room: str | None = None) -> str:
    """What the room itself says; an alarm repeats it."""
    return r"(?<!Alarm raised: )(?<!Alarm cleared: )" + _of(room, r"not recorded: ")


def recorded_again(room: str | None = None) -> str:
    return _of(room, r"recorded again\b")


def not_written(room: str | None = None) -> str:
    """What a stop, or a full buffer, gave up: seconds."""
    return _of(room, r"\d+(\.\d+)? s were not written\b")


# The network.


def silent(room: str, seconds: float) -> str:
    return rf"\b{re.escape(room)}\b.*nothing received for {seconds:g} s"


def fought_over(room: str) -> str:
    return rf"(WARNING|ERROR) +{re.escape(room)}\b.*(fight|encoders)"


# The clock.

CLOCK_WAS_SET = r"(?i)\bthe clock was set\b"

# Stopping.

STOPPING = r"^\S+ \S+ \w+ +Stopping\b"

SECOND_SIGNAL = r"Second signal\b"

DISK = r"(?i)\bdisk\b"
"""In what a refused encoder shows."""
