"""What a diagnosis tells: one function for each file of the bundle.

Owns where each comes from. Everything here may fail or hang, for it is asked when something is
wrong: whoever calls bounds the time and tells what failed. Secrets are taken out behind this.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import yaml

from recorder import __version__
from recorder.cli_control import ControlConnection, state_folder
from recorder.config.secrets import redacted
from recorder.recording.clock_state import read_clock_state
from recorder.recording.disk import OsDisk, closing
from recorder.recording.known import META_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.config import Config

UNIT = "recorder"
LOG_LINES = 5000
KERNEL_LINES = 500

COMMAND_S = 10.0
"""Of one program; a journal of years is slow on a card."""

ASK_S = 5.0

_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
_MOUNTS = Path("/proc/self/mounts")


class UntoldError(Exception):
    """This part cannot be told; the text says why."""


@attrs.frozen
class Asked:
    """Attributes:
    config: None: there is none, or it is wrong.
    problem: what is wrong with it.
    """

    config: Config | None
    problem: str | None

    @property
    def folders(self) -> list[Path]:
        """The storage and the state, as far as they are known."""
        if self.config is None:
            return []
        return [self.config.storage.directory, state_folder(self.config)]

    def need_config(self) -> Config:
        if self.config is None:
            raise UntoldError("The configuration cannot be read, and so it is not known where.")
        return self.config


def configuration(asked: Asked) -> str:
    if asked.config is None:
        return f"{asked.problem}\n"
    warnings = [each.describe(str(asked.config.path)) for each in asked.config.warnings]
    head = "".join(f"# warning: {each}\n" for each in warnings)
    return head + yaml.safe_dump(redacted(asked.config), sort_keys=False, allow_unicode=True)


def versions(asked: Asked) -> str:
    lines = [
        f"recorder {__version__}",
        f"Python {sys.version}",
        f"SQLite {sqlite3.sqlite_version}",
        ssl.OPENSSL_VERSION,
        f"kernel {' '.join(platform.uname())}",
        f"user {os.geteuid()}, started as {sys.executable}",
    ]
    lines.append(_text(Path("/etc/os-release")).partition("\n")[0])
    lines.append(_or_why(lambda: _run("systemctl", "--version").partition("\n")[0]))
    # What an installation leaves of each library: a folder with its name and version.
    folders = {path.name for each in sys.path for path in Path(each).glob("*.dist-info")}
    lines += ["", "Libraries:", *sorted(name.removesuffix(".dist-info") for name in folders)]
    return "\n".join(lines) + "\n"


def status(asked: Asked) -> str:
    """The snapshot, and the alarms that were, of the recorder that runs."""
    return _asked_of_recorder(asked, "/api/v1/status")


def alarms(asked: Asked) -> str:
    return _asked_of_recorder(asked, "/api/v1/alarms")


def _asked_of_recorder(asked: Asked, path: str) -> str:
    connection = ControlConnection(state_folder(asked.need_config()), timeout_s=ASK_S)
    try:
        connection.request("GET", path)
        return json.dumps(json.loads(connection.getresponse().read()), indent=1) + "\n"
    except (FileNotFoundError, ConnectionRefusedError):
        raise UntoldError("No recorder runs with this configuration.") from None
    finally:
        connection.close()


def log(asked: Asked) -> str:
    units = [f"--unit={unit}.service" for unit in (UNIT, f"{UNIT}-deliver")]
    said = _run("journalctl", *units, f"--lines={LOG_LINES}", *_JOURNAL)
    return said or "The journal has nothing of the recorder.\n"


def kernel_log(asked: Asked) -> str:
    return _run("journalctl", "--dmesg", f"--lines={KERNEL_LINES}", *_JOURNAL)


_JOURNAL = ("--no-pager", "--output=short-iso-precise", "--quiet")


def units(asked: Asked) -> str:
    return _run(
        "systemctl", "status", "--no-pager", "--full", "--lines=0", f"{UNIT}*", may_fail=True
    )


def disks(asked: Asked) -> str:
    folders = [str(folder) for folder in asked.folders]
    pieces = [
        _told("Free space", lambda: _run("df", "--human-readable", "--print-type", *folders)),
        _told("Free inodes", lambda: _run("df", "--inodes", *folders)),
        _told("Mounted", lambda: _text(_MOUNTS)),
    ]
    if asked.config is not None:
        meta = asked.config.storage.directory / META_FOLDER
        pieces += [
            _told("The storage's marker", lambda: _text(meta / "id")),
            _told("The recorder's own files", lambda: _listing(meta)),
            _told("Unfinished recordings", lambda: _listing(meta / "open")),
        ]
        if asked.config.state is not None:
            state = asked.config.state
            pieces.append(_told("The state folder", lambda: _listing(state)))
    return "\n".join(pieces)


def clock(asked: Asked) -> str:
    now = datetime.now(UTC)
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    pieces = [
        f"UTC   {now:%Y-%m-%d %H:%M:%S}\n",
        f"Here  {now.astimezone():%Y-%m-%d %H:%M:%S %Z}\n",
        f"Up for {up_s:.0f} s. Marked as synchronised: {_SYNCHRONISED.exists()}\n",
        _told("timedatectl", lambda: _run("timedatectl")),
        _told("Whether the recorder trusts it", lambda: _trust(asked)),
    ]
    return "\n".join(pieces)


def _trust(asked: Asked) -> str:
    config = asked.need_config()
    disk = OsDisk()
    with closing(disk, disk.open_path(state_folder(config))) as folder:
        found = read_clock_state(disk, folder)
    return f"clock.trust: {config.clock.trust}\n{found}\n"


def machine(asked: Asked) -> str:
    """Memory, load, and how long somebody waited for memory or for a disk (proc(5))."""
    names = ("meminfo", "loadavg", "uptime", "pressure/memory", "pressure/io")
    return "\n".join(_told(name, partial(_text, Path("/proc") / name)) for name in names)


PARTS: dict[str, Callable[[Asked], str]] = {
    "configuration.yaml": configuration,
    "versions.txt": versions,
    "status.json": status,
    "alarms.json": alarms,
    "log.txt": log,
    "kernel.txt": kernel_log,
    "units.txt": units,
    "disks.txt": disks,
    "clock.txt": clock,
    "machine.txt": machine,
}


def _run(*command: str, may_fail: bool = False) -> str:
    """What a program says.

    Args:
        may_fail: what it says is worth reading whatever its exit code.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_S,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
        )
    except FileNotFoundError:
        raise UntoldError(f"There is no {command[0]} on this machine.") from None
    except subprocess.TimeoutExpired:
        raise UntoldError(f"{command[0]} did not answer within {COMMAND_S:g} s.") from None
    said = done.stdout.decode(errors="replace")
    error = done.stderr.decode(errors="replace")
    if done.returncode and not may_fail:
        raise UntoldError(f"{command[0]} ended with {done.returncode}: {error or said}")
    return said + error


def _listing(folder: Path) -> str:
    lines = []
    for path in sorted(folder.iterdir()):
        facts = path.lstat()
        changed = datetime.fromtimestamp(facts.st_mtime, UTC)
        lines.append(
            f"{facts.st_mode:o} {facts.st_size:>12} {changed:%Y-%m-%d %H:%M:%S} {path.name}\n"
        )
    return "".join(lines) or "nothing\n"


def _text(path: Path) -> str:
    return path.read_text(errors="replace")


def _told(title: str, tell: Callable[[], str]) -> str:
    return f"== {title}\n{_or_why(tell)}"


def _or_why(tell: Callable[[], str]) -> str:
    """One piece of a part; that it cannot be told must not cost the others."""
    try:
        return tell()
    except (OSError, ValueError, UntoldError) as error:
        return f"cannot be told: {error}\n"
