"""What lies beside the units for a Raspberry Pi, as far as it can be held without one."""

import configparser
import re
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


def test_the_manual_names_files_and_commands_that_there_are() -> None:
    for path in re.findall(r"(?<!/)systemd/[a-z./-]+[a-z]", MANUAL):
        assert (SYSTEMD.parent / path).exists(), path
    for link in re.findall(r"\]\(([^)#]+)\)", MANUAL):
        assert (SYSTEMD / link).exists(), link
    named = set(
        re.findall(r"`?recorder ([a-z-]+)`", MANUAL)
        + re.findall(r"sudo recorder ([a-z-]+)", MANUAL)
    )
    assert named == {"status", "diagnose"}
    assert named <= set(commands.list_commands(click.Context(commands)))


def test_the_manual_counts_with_the_figures_that_hold() -> None:
    rooms, megabits, hours = 4, 4, 8
    gigabytes = rooms * megabits / 8 * 3600 * hours / 1000
    assert f"are {gigabytes:.0f} GB" in MANUAL
