"""What lies beside the units for a Raspberry Pi, as far as it can be held without one."""

import configparser
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import click

from recorder.cli import commands

SYSTEMD = Path(__file__).parent.parent / "systemd"
MANUAL = (SYSTEMD / "raspberry-pi.md").read_text()

WATCHDOG_LIMIT_S = 15
"""Of the BCM2835: a counter of 20 bits of 65536ths of a second (drivers/watchdog/bcm2835_wdt.c)."""


def test_the_service_that_avahi_announces_is_the_page() -> None:
    group = ET.parse(SYSTEMD / "avahi/recorder.service").getroot()
    assert group.tag == "service-group"
    name, service = group
    assert (name.tag, name.get("replace-wildcards")) == ("name", "yes")
    assert "%h" in str(name.text)
    assert [each.tag for each in service] == ["type", "port", "txt-record"]
    assert service.findtext("type") == "_http._tcp"
    port = service.findtext("port")
    listening = re.findall(
        r"(?m)^ListenStream=(.*)$", (SYSTEMD / "recorder-http.socket").read_text()
    )
    assert any(each.rpartition(":")[2] == port for each in listening)


def test_the_hardware_watchdog_gets_a_time_that_it_takes() -> None:
    parser = configparser.ConfigParser()
    parser.read(SYSTEMD / "system.conf.d/recorder-watchdog.conf")
    assert parser.sections() == ["Manager"]
    assert 5 < int(parser["Manager"]["RuntimeWatchdogSec"]) < WATCHDOG_LIMIT_S


def test_what_the_manual_puts_into_place_is_there_and_goes_there(tmp_path: Path) -> None:
    lines = re.findall(r"(?m)^sudo (install .*)$", MANUAL)
    assert len(lines) == 3
    for line in lines:
        words = line.replace("/opt/recorder/current", str(SYSTEMD.parent)).split()
        place = tmp_path / words[-1].removeprefix("/")
        subprocess.run([*words[:-1], place], check=True)
        assert place.read_text() == Path(words[-2]).read_text()
        # Where systemd and avahi look for it, by the name of its folder.
        assert place.parent.name in {Path(words[-2]).parent.name, "services"}


def test_a_disk_that_comes_late_starts_what_waits_for_it() -> None:
    drop_in = (SYSTEMD / "srv-recordings.mount.d/recorder.conf").read_text()
    assert "Wants=recorder.service" in drop_in.splitlines()
    service = (SYSTEMD / "recorder.service").read_text().splitlines()
    assert {"Wants=srv-recordings.mount", "After=srv-recordings.mount"} <= set(service)


def test_the_manual_names_places_and_commands_that_there_are() -> None:
    for link in re.findall(r"\]\(([^)#]+)", MANUAL):
        assert (SYSTEMD / link).exists(), link
    for heading in re.findall(r"\]\(README\.md#([^)]+)\)", MANUAL):
        headings = re.findall(r"(?m)^## (.*)$", (SYSTEMD / "README.md").read_text())
        assert heading in {each.lower().replace(" ", "-") for each in headings}
    named = set(re.findall(r"(?:`|sudo )recorder ([a-z-]+)", MANUAL))
    assert named == {"status", "diagnose"}
    assert named <= set(commands.list_commands(click.Context(commands)))


def test_the_manual_counts_with_the_figures_that_hold() -> None:
    rooms, megabits, hours = 4, 4, 8
    gigabytes = rooms * megabits / 8 * 3600 * hours / 1000
    assert f"are {gigabytes:.0f} GB" in MANUAL
