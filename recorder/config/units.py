"""Sizes and times as people write them: `512MiB`, `1h30m`.

Pure text to number and back. A number without a unit is refused: 600 could be seconds or minutes,
and a recorder that guesses wrong cuts lessons in the wrong places. Sizes are whole bytes, times are
seconds.
"""

import re

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

# Both families, each with its own meaning: disks are sold in GB, memory in GiB.
_SIZE_UNITS = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": KIB,
    "MiB": MIB,
    "GiB": GIB,
    "TiB": TIB,
}
_WRITTEN_SIZES = (("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB))
_TIME_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}

# Twelve digits reach past any disk and any lifetime, and keep the arithmetic small.
_SIZE = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))? ?([A-Za-z]{1,3})")
# Each unit once, the largest first; a fraction only of seconds (`1.5h` is `1h30m`).
_TIME = re.compile(
    r"(?=[0-9])"
    r"(?:([0-9]{1,12})d)?(?:([0-9]{1,12})h)?(?:([0-9]{1,12})m(?!s))?"
    r"(?:([0-9]{1,12})(?:\.([0-9]{1,3}))?s)?(?:([0-9]{1,12})ms)?"
)


class UnitError(ValueError):
    """The text is no size or no time; the message says how one is written."""


def parse_size(text: str) -> int:
    """Bytes of `512MiB`, `1.5GiB`, `64 kB`, `0B`."""
    match = _SIZE.fullmatch(text)
    if match is None or match[3] not in _SIZE_UNITS:
        raise UnitError("write a size with its unit, such as 512MiB or 1GiB")
    unit_bytes = _SIZE_UNITS[match[3]]
    thousandths = int((match[2] or "").ljust(3, "0"))
    return int(match[1]) * unit_bytes + thousandths * unit_bytes // 1000


def parse_time(text: str) -> float:
    """Seconds of `10m`, `1h30m`, `1.5s`, `250ms`, `0s`."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise UnitError("write a time with its unit, such as 30s, 10m or 1h30m")
    days, hours, minutes, seconds, fraction, milliseconds = match.groups()
    whole = zip((days, hours, minutes, seconds, milliseconds), _TIME_UNITS_MS.values(), strict=True)
    total_ms = sum(int(count) * unit_ms for count, unit_ms in whole if count is not None)
    if fraction is not None:
        total_ms += int(fraction.ljust(3, "0"))
    return total_ms / 1000


def format_size(size_bytes: int) -> str:
    """The shortest exact form: 536870912 is `512MiB`."""
    for unit, unit_bytes in _WRITTEN_SIZES:
        if size_bytes and size_bytes % unit_bytes == 0:
            return f"{size_bytes // unit_bytes}{unit}"
    return f"{size_bytes}B"


def format_time(seconds: float) -> str:
    """The form parse_time() reads, exact to the millisecond: 5400 is `1h30m`."""
    rest_ms = round(seconds * 1000)
    words = []
    for unit, unit_ms in _TIME_UNITS_MS.items():
        count, rest_ms = divmod(rest_ms, unit_ms)
        if count:
            words.append(f"{count}{unit}")
    return "".join(words) or "0s"
