"""The recorder that was installed on a copy of this machine: run, published to, and looked at."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.helpers.encoders import Encoder, publish_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.helpers.machine import Machine

OPT = "/opt/recorder"
CONFIG = "/etc/recorder/config.yaml"
START_S = 30.0


@contextmanager
def running(pi: Machine) -> Iterator[Path]:
    """The recorder, as its service starts it but for the sockets; gives its log."""
    log = pi.path("/run/recorder.log")
    with log.open("w") as file:
        command = ("setpriv", "--reuid", "recorder", "--regid", "recorder", "--clear-groups")
        process = subprocess.Popen(
            pi.enter(*command, f"{OPT}/current/bin/recorder", "run", "--config", CONFIG),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        wait_for(log, "listens on")
        yield log
        pi.run("pkill", "--signal", "TERM", "--uid", "recorder")
        assert process.wait(START_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def wait_for(log: Path, text: str) -> None:
    end = time.monotonic() + START_S
    while not log.exists() or text not in log.read_text():
        assert time.monotonic() < end, f"{log} does not say {text!r}"
        time.sleep(0.05)


def url(pi: Machine) -> str:
    (key,) = re.findall(r'key: "(\w+)"', pi.path(CONFIG).read_text())
    return f"rtmp://127.0.0.1/live/{key}"


@contextmanager
def publishing(
    pi: Machine, source: Path, pace: float | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A publish; behind the context it is over."""
    command = publish_command(Encoder.CURRENT_FFMPEG, source, url(pi), pace=pace)
    process = subprocess.Popen(pi.enter(*command, root=False), stdin=subprocess.DEVNULL)
    try:
        yield process
        process.wait(START_S)
    finally:
        process.kill()
        process.wait()


def kept(pi: Machine) -> dict[str, object]:
    """What an upgrade must not touch."""
    files = [pi.path(CONFIG), pi.path("/var/lib/recorder/storages.json")]
    files += sorted(pi.path("/srv/recordings").rglob("*.flv"))
    return {str(path): (path.read_bytes(), path.lstat()) for path in files}


def versions(pi: Machine) -> dict[str, str | None]:
    """What the two links name, and whatever else lies there."""
    found = sorted(pi.path(OPT).iterdir())
    return {
        path.name: os.readlink(path) if path.is_symlink() else None
        for path in found
        if path.name != ".lock"
    }
