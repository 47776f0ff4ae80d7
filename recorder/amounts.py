"""Amounts in words for people: how much, how long. Pure; knows nothing of what is measured."""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def size(number: int) -> str:
    """Bytes: `1.5 GiB`."""
    value, unit = float(number), 0
    while value >= 1023.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{number} bytes"


def duration(ms: int) -> str:
    """Milliseconds, as exact as somebody who reads a log wants to know: `3.2 s`, `1 min 40 s`,
    `12 min`, `1 h 30 min`."""
    if ms < 9950:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    if not minutes:
        return f"{seconds} s"
    if minutes < 10:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(round(ms / 60_000), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def count(number: int, what: str) -> str:
    """`1 gap`, `2 gaps`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
