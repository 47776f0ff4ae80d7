"""What the machine says of itself: memory, load, heat, voltage. Blocking, and never raises.

Owns where Linux and a Raspberry Pi say it. What a machine does not say is None; nothing is guessed.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs

_NOW, _EVER = 1 << 0, 1 << 16
"""Of `get_throttled`: under-voltage now, and since the machine started (appliance §2.13)."""


@attrs.frozen(kw_only=True)
class Machine:
    """Attributes:
    memory_bytes: that this process has in memory.
    load: of one minute.
    """

    memory_bytes: int | None
    load: float | None
    temperature_c: float | None
    under_voltage_now: bool | None
    under_voltage_ever: bool | None


def read_machine(root: Path = Path("/")) -> Machine:
    """Ask. `root` is where `proc` and `sys` lie."""
    is_weak, was_weak = _under_voltage(root / "sys")
    degrees = _number(root / "sys/class/thermal/thermal_zone0/temp")
    pages = _text(root / "proc/self/statm").split()
    load = _text(root / "proc/loadavg").split()
    return Machine(
        memory_bytes=int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else None,
        load=float(load[0]) if load else None,
        temperature_c=None if degrees is None else degrees / 1000,
        under_voltage_now=is_weak,
        under_voltage_ever=was_weak,
    )


def _under_voltage(sys: Path) -> tuple[bool | None, bool | None]:
    """Now, and since the machine started. A Pi 5, and a kernel that is not its maker's, say only
    the first, of the last two seconds (Documentation/hwmon/raspberrypi-hwmon.rst)."""
    throttled = _number(sys / "devices/platform/soc/soc:firmware/get_throttled", 16)
    if throttled is not None:
        return bool(throttled & _NOW), bool(throttled & _EVER)
    for sensor in sys.glob("class/hwmon/*"):
        if _text(sensor / "name").strip() == "rpi_volt":
            alarm = _number(sensor / "in0_lcrit_alarm")
            return (None if alarm is None else bool(alarm)), None
    return None, None


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path), base)
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
