"""The units in `systemd/`: that systemd takes them as they are, that they stay shut, and that they
agree with the program.

What a running systemd does with them is not seen here: `systemd-analyze` reads them as it would.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from recorder.app_sockets import KEYS
from recorder.cli import commands
from recorder.config import Config
from recorder.config.rules import split_address

UNITS = Path(__file__).parent.parent / "systemd"
SERVICES = ["recorder.service", "recorder-deliver.service"]
SOCKETS = {
    "recorder-rtmp.socket": "rtmp",
    "recorder-rtmps.socket": "rtmps",
    "recorder-http.socket": "http",
}
EXPOSURE = {"recorder.service": 0.5, "recorder-deliver.service": 1.5}
"""The most that `systemd-analyze security` may find, of 10."""

COMMAND = "/opt/recorder/current/bin/recorder"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, timeout=60, check=False
    )


def values(unit: str, section: str, key: str) -> list[str]:
    """Every value that a unit gives this key, in order."""
    found, inside = [], ""
    for line in (UNITS / unit).read_text().splitlines():
        if line.startswith("["):
            inside = line.strip("[]")
        elif inside == section and line.partition("=")[0] == key:
            found.append(line.partition("=")[2])
    return found


def value(unit: str, section: str, key: str) -> str:
    (found,) = values(unit, section, key)
    return found


# --- as systemd sees them ---------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as a machine has them on which the program is there."""
    for unit in (*SERVICES, *SOCKETS):
        text = (UNITS / unit).read_text()
        (tmp_path / unit).write_text(text.replace(COMMAND, shutil.which("true") or ""))
    return tmp_path


@pytest.mark.debian
def test_systemd_has_nothing_to_say_against_the_units(installed: Path) -> None:
    done = run("systemd-analyze", "verify", "--man=no", *sorted(installed.iterdir()))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.debian
def test_a_mistake_in_a_unit_would_be_seen(installed: Path) -> None:
    path = installed / "recorder.service"
    path.write_text(path.read_text().replace("NoExecPaths=", "NoExecPath="))
    done = run("systemd-analyze", "verify", "--man=no", path)
    assert "NoExecPath" in done.stderr


def is_within(path: Path, exposure: float) -> bool:
    threshold = f"--threshold={round(exposure * 10)}"
    done = run("systemd-analyze", "security", "--no-pager", "--offline=true", threshold, path)
    assert "Overall exposure level" in done.stdout, done.stderr
    return done.returncode == 0


@pytest.mark.debian
@pytest.mark.parametrize("unit", SERVICES)
def test_the_units_stay_shut(unit: str) -> None:
    assert is_within(UNITS / unit, EXPOSURE[unit])


@pytest.mark.debian
@pytest.mark.parametrize(
    ("unit", "line"),
    [
        ("recorder.service", "PrivateNetwork=yes"),
        ("recorder.service", "SystemCallFilter=@system-service"),
        ("recorder-deliver.service", "CapabilityBoundingSet="),
    ],
)
def test_a_unit_that_was_loosened_is_noticed(tmp_path: Path, unit: str, line: str) -> None:
    text = (UNITS / unit).read_text()
    assert f"\n{line}\n" in text
    (tmp_path / unit).write_text(text.replace(f"\n{line}\n", "\n"))
    assert not is_within(tmp_path / unit, EXPOSURE[unit])


@pytest.mark.debian
def test_the_user_can_be_made(tmp_path: Path) -> None:
    file = UNITS / "sysusers.d/recorder.conf"
    done = run("systemd-sysusers", f"--root={tmp_path}", "--dry-run", file)
    assert done.returncode == 0, done.stderr
    assert "user 'recorder'" in done.stderr


@pytest.mark.debian
def test_needrestart_leaves_both_services_alone() -> None:
    """needrestart evaluates what is in its conf.d, with its settings in %nrconf."""
    script = (
        "our %nrconf; local $/; open F, shift; eval <F>; die $@ if $@;"
        "for my $unit (@ARGV) { for (keys %{$nrconf{override_rc}}) {"
        'print "$unit=$nrconf{override_rc}{$_}\\n" if $unit =~ /$_/ } }'
    )
    units = [*SERVICES, "recorderx.service", "ssh.service"]
    done = run("perl", "-e", script, UNITS / "needrestart/recorder.conf", *units)
    assert done.stdout.split() == [f"{unit}=0" for unit in SERVICES], done.stderr


# --- as the program sees them -----------------------------------------------


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_starts_a_command_there_is(unit: str) -> None:
    program, name, *arguments = shlex.split(value(unit, "Service", "ExecStart"))
    assert program == COMMAND
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    context = command.make_context(name, list(arguments))
    assert context.params["chosen"] == Path("/etc/recorder/config.yaml")
    if unit == "recorder.service":
        assert context.params["sockets"] == "systemd"


def test_the_service_may_run_what_an_installation_takes() -> None:
    assert value("recorder.service", "Service", "ExecPaths") == "/usr /opt/recorder"
    script = (UNITS / "install.sh").read_text()
    assert re.search(r"case \$python in\n\s+/usr/\*\) ;;\n\s+\*\)", script)


@pytest.mark.parametrize("unit", SOCKETS)
def test_a_socket_has_the_name_under_which_the_recorder_looks_for_it(unit: str) -> None:
    assert value(unit, "Socket", "FileDescriptorName") == SOCKETS[unit]
    assert value(unit, "Socket", "Service") == "recorder.service"
    assert SOCKETS[unit] in KEYS
    assert value(unit, "Socket", "TriggerLimitIntervalSec") == "0"


def test_the_ports_are_the_defaults_of_the_configuration() -> None:
    config = Config()
    assert values("recorder-rtmp.socket", "Socket", "ListenStream") == config.rtmp.listen
    (page,) = values("recorder-http.socket", "Socket", "ListenStream")
    assert split_address(page)[1] == split_address(config.status.listen[0])[1]


def seconds(unit: str, key: str) -> float:
    text = value(unit, "Service", key)
    assert re.fullmatch(r"\d+", text)
    return float(text)


def test_a_stop_may_take_as_long_as_the_recorder_waits_for_a_disk() -> None:
    assert seconds("recorder.service", "TimeoutStopSec") > Config().storage.stop_timeout


@pytest.mark.parametrize("unit", SERVICES)
def test_no_service_is_ever_given_up(unit: str) -> None:
    assert value(unit, "Service", "Restart") == "always"
    assert value(unit, "Unit", "StartLimitIntervalSec") == "0"


@pytest.mark.parametrize("unit", SERVICES)
def test_a_reload_reaches_both_services(unit: str) -> None:
    assert value(unit, "Service", "ExecReload") == "/bin/kill -HUP $MAINPID"


@pytest.mark.parametrize("unit", [*SERVICES, *SOCKETS])
def test_no_remark_stands_behind_a_value(unit: str) -> None:
    """systemd takes it for a part of the value."""
    lines = (UNITS / unit).read_text().splitlines()
    assert not [line for line in lines if not line.startswith("#") and re.search(r"\s#", line)]
