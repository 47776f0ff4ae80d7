"""What Linux and a Raspberry Pi say, from files that look like theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.status.machine import Machine, read_machine

if TYPE_CHECKING:
    from pathlib import Path


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("text", "now", "ever"),
    [("0\n", False, False), ("50005\n", True, True), ("10000\n", False, True), ("x", None, None)],
)
def test_a_pi_says_whether_its_power_is_too_weak(
    tmp_path: Path, text: str, now: bool | None, ever: bool | None
) -> None:
    found = read_machine(lay(tmp_path, {THROTTLED: text}))
    assert (found.under_voltage_now, found.under_voltage_ever) == (now, ever)


@pytest.mark.parametrize(("text", "now"), [("0\n", False), ("1\n", True), ("", None)])
def test_a_pi_5_says_it_by_a_sensor(tmp_path: Path, text: str, now: bool | None) -> None:
    sensors = {
        "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
        "sys/class/hwmon/hwmon0/in0_lcrit_alarm": "1\n",
        "sys/class/hwmon/hwmon3/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon3/in0_lcrit_alarm": text,
    }
    found = read_machine(lay(tmp_path, sensors))
    assert (found.under_voltage_now, found.under_voltage_ever) == (now, None)


def test_heat_and_load_are_read(tmp_path: Path) -> None:
    files = {
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "proc/loadavg": "0.42 0.30 0.25 1/123 4567\n",
        "proc/self/statm": "100 50 20 1 0 30 0\n",
    }
    found = read_machine(lay(tmp_path, files))
    assert (found.temperature_c, found.load) == (48.312, 0.42)
    assert found.memory_bytes is not None
    assert found.memory_bytes % 50 == 0


def test_what_a_machine_does_not_say_is_not_guessed(tmp_path: Path) -> None:
    assert read_machine(tmp_path) == Machine(
        memory_bytes=None,
        load=None,
        temperature_c=None,
        under_voltage_now=None,
        under_voltage_ever=None,
    )


def test_this_machine_has_memory_and_a_load() -> None:
    found = read_machine()
    assert found.memory_bytes is not None
    assert found.memory_bytes > 1_000_000
    assert found.load is not None
