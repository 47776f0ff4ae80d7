"""The units under a real systemd, on a machine of their own (tests/helpers/booted.py).

Long: only with RECORDER_LONG_TESTS=1 in the environment. `test_service` has the same promises
against a fake.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trustme

from tests.helpers.booted import Machine, booted, why_not
from tests.helpers.encoders import Encoder, publish_command
from tests.helpers.program import key_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.debian]

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

CONFIGURATION = f"""\
state: /var/lib/recorder
storage: {{directory: /srv/recordings}}
segments: {{duration: 3s}}
status: {{public: true}}
rooms: {{hall: {{key: {key_of("hall")}}}}}
"""

OVER_TLS = """\
rtmp: {tls: {certificate: /etc/recorder/both.pem, private_key: /etc/recorder/both.pem}}
"""

WATCHDOG_S = 30


async def keep_publishing(machine: Machine, source: Path) -> None:
    url = f"rtmp://127.0.0.1:1935/live/hall?key={key_of('hall')}"
    command = publish_command(Encoder.CURRENT_FFMPEG, source, url, pace=1)
    while True:
        await trio.run_process(
            [*machine.into_network, *command],
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )


async def says(
    machine: Machine,
    pattern: str,
    *,
    unit: str = "recorder",
    count: int = 1,
    within_s: float = 30,
) -> None:
    with trio.move_on_after(within_s):
        while True:
            if len(re.findall(pattern, await machine.journal(unit))) >= count:
                return
            await trio.sleep(0.5)
    raise AssertionError(f"{pattern!r} was not said {count} times")


async def manifest(machine: Machine) -> dict[str, Any]:
    """Of the only recording there is."""
    found = await machine.run("sh", "-c", "cat /srv/recordings/hall/*/*/recording.json")
    loaded = json.loads(found)
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.skipif(not LONG, reason="RECORDER_LONG_TESTS=1 boots a machine for it")
async def test_rtmps_is_added_as_the_manual_says_and_costs_no_lesson_before(
    tmp_path: Path,
) -> None:
    if lacking := why_not():
        pytest.skip(f"no machine can be booted here without {lacking}")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate = (issued.private_key_pem.bytes() + issued.cert_chain_pems[0].bytes()).decode()
    async with booted(tmp_path, CONFIGURATION) as machine:
        for file, text in (
            ("/etc/recorder/both.pem", certificate),
            ("/etc/recorder/config.yaml", f"{CONFIGURATION}{OVER_TLS}"),
        ):
            await machine.run("sh", "-c", f'printf "%s" "$1" > {file}', "sh", text)
        await machine.run("chgrp", "recorder", "/etc/recorder/both.pem")

        # Without the port a reload refuses it, and a start goes back to the last good one.
        await machine.run("systemctl", "reload", "recorder")
        await says(machine, "systemd passes no socket called rtmps")
        await machine.run("systemctl", "restart", "recorder")
        await says(machine, "the last good one is in force")

        await machine.run("systemctl", "enable", "recorder-rtmps.socket")
        # No port is opened for a service that runs, and a knock at an open one starts it.
        ports = ["recorder-rtmp.socket", "recorder-http.socket"]
        await machine.run("systemctl", "stop", *ports, "recorder.service")
        await machine.run("systemctl", "start", "recorder-rtmps.socket", *ports, "recorder.service")
        await says(machine, r"listens on 0\.0\.0\.0:1935, 0\.0\.0\.0:1936 \(RTMPS\)")
        assert await machine.shows("recorder", "ActiveState") == "active"


@pytest.mark.skipif(not LONG, reason="RECORDER_LONG_TESTS=1 boots a machine for it")
async def test_the_units_record_are_restarted_and_are_watched(
    sources: Sources, tmp_path: Path
) -> None:
    if lacking := why_not():
        pytest.skip(f"no machine can be booted here without {lacking}")
    source = sources.get("h264-aac", 120)
    async with booted(tmp_path, CONFIGURATION) as machine, trio.open_nursery() as nursery:
        process = await machine.shows("recorder", "MainPID")
        status = await machine.run("cat", f"/proc/{process}/status")
        for line in (r"CapEff:\s+0+$", r"NoNewPrivs:\s+1$", r"Seccomp:\s+2$"):
            assert re.search(line, status, re.MULTILINE), line
        nursery.start_soon(keep_publishing, machine, source)
        await says(machine, r"0002\.flv closed")
        assert (await machine.shows("recorder", "StatusText")).startswith("1 of 1 rooms live")
        # As root, by the socket in the state folder.
        told = await machine.run(
            *("/opt/recorder/current/bin/recorder", "status", "--once"),
            *("--config", "/etc/recorder/config.yaml"),
        )
        assert "recording" in told

        await machine.run("systemctl", "start", "recorder-deliver")
        await says(machine, r"waiting for SIGHUP", unit="recorder-deliver")

        await machine.run("systemctl", "reload", "recorder")
        await says(machine, r"The configuration was reloaded")
        assert await machine.shows("recorder", "ActiveState") == "active"

        await machine.run("systemctl", "restart", "recorder")
        await says(machine, r"recording 1 continues")
        await says(machine, r"hall: \S+ publishes", count=2)
        await says(machine, r"hall: recording 1: \d+\.flv closed", count=5)

        process = await machine.shows("recorder", "MainPID")
        await machine.run("kill", "-STOP", process)
        await says(machine, r"Watchdog timeout", within_s=2 * WATCHDOG_S)
        await says(machine, r"Current thread 0x")
        await says(machine, r"hall: \S+ publishes", count=3)
        await says(machine, r"hall: recording 1 continues", count=2)
        assert await machine.shows("recorder", "NRestarts") == "1"
        gaps = [row["gap"] for row in (await manifest(machine))["segments"] if row["gap"]]
        assert [gap["reason"] for gap in gaps] == ["reconnect"] * len(gaps)
        assert gaps[0]["ms"] < 10_000

        # As the README says: an encoder that knocks would start it again.
        units = ["recorder-rtmp.socket", "recorder-http.socket", "recorder.service"]
        await machine.run("systemctl", "stop", *units)
        assert await machine.shows("recorder", "ActiveState") == "inactive"
        await trio.sleep(3)
        assert await machine.shows("recorder", "ActiveState") == "inactive"
        left = await manifest(machine)
        assert (left["end"], left["end_reason"]) == (None, "shutdown")
        nursery.cancel_scope.cancel()


ON_A_DISK = """
set -e
truncate -s 64M /var/disk.img
mkfs.ext4 -q -F /var/disk.img
rm -rf /srv/recordings/.recorder /var/lib/recorder/*
mount -o loop /var/disk.img /srv/recordings
chown recorder:recorder /srv/recordings
setpriv --reuid recorder --regid recorder --clear-groups \
    /opt/recorder/current/bin/recorder init --config /etc/recorder/config.yaml
umount /srv/recordings
"""


@pytest.mark.skipif(not LONG, reason="RECORDER_LONG_TESTS=1 boots a machine for it")
async def test_a_disk_that_comes_late_is_seen_from_inside_the_sandbox(
    sources: Sources, tmp_path: Path
) -> None:
    """What is mounted outside must come into the service's own mounts, over what these hold in its
    place: a folder that is not there yet, one that was bound to be writable, another disk."""
    if lacking := why_not():
        pytest.skip(f"no machine can be booted here without {lacking}")
    source = sources.get("h264-aac", 120)
    units = ["recorder-rtmp.socket", "recorder-http.socket", "recorder.service"]
    puts_in = "mount -o loop /var/disk.img /srv/recordings"
    came = 0
    async with booted(tmp_path, CONFIGURATION) as machine:
        await machine.run("systemctl", "stop", *units)
        await machine.run("sh", "-c", ON_A_DISK)
        for before, then in (
            ("true", puts_in),
            ("rmdir /srv/recordings", f"mkdir -p /srv/recordings && {puts_in}"),
            ("mount -t tmpfs tmpfs /srv/recordings", f"umount /srv/recordings && {puts_in}"),
        ):
            await machine.run("sh", "-c", before)
            await machine.run("systemctl", "start", *units)
            assert await machine.shows("recorder", "ActiveState") == "active"
            await says(machine, "The disk takes no writes", count=came + 1)
            assert "takes no writes" in await machine.shows("recorder", "StatusText")
            await machine.run("sh", "-c", then)
            came += 1
            await says(machine, "The disk takes writes again", count=came)
            if came == 1:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(keep_publishing, machine, source)
                    await says(machine, r"0002\.flv closed")
                    nursery.cancel_scope.cancel()
            await machine.run("systemctl", "stop", *units)
            await machine.run("umount", "/srv/recordings")
            # Nothing was written below it.
            assert await machine.run("ls", "-A", "/srv/recordings") == ""
        await machine.run("sh", "-c", puts_in)
        assert (await manifest(machine))["room"] == "hall"
