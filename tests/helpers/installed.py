"""What the tests of an installation share: a folder to install from, and one installed into.

Both are made once per session: gathering libraries needs the network, and an installation takes
seconds. They are laid over copies of this machine (`machine`), so no test changes them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import attrs

from tests.helpers.program import CHECKOUT

PYTHON = "/usr/bin/python3"
"""Debian's: a service reaches no other one that lies in somebody's home."""

SOURCE = "/home/pi/recorder"
"""Where a person has unpacked the recorder, in a copy of this machine."""

FOLDERS = ("recorder", "web", "systemd")
FILES = (
    "Makefile",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "config.example.yaml",
)

NEWER = "0.2.0-2"

MAKE_S = 120.0


def make(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`make ARGUMENTS`, as it says it without a terminal; it must succeed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MAKE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def unpack(at: Path) -> None:
    """What a person unpacks, with nothing that was made while developing."""
    at.mkdir(parents=True)
    for part in FOLDERS:
        shutil.copytree(CHECKOUT / part, at / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(CHECKOUT / name, at)


def gather_wheels(source: Path, *variables: str) -> None:
    """`make wheels` in an unpacked folder; without variables for the Python of the installation."""
    version = subprocess.run(
        [PYTHON, "-c", "import sysconfig; print(sysconfig.get_python_version())"],
        capture_output=True,
        text=True,
        check=True,
    )
    pip = Path(sysconfig.get_path("purelib")) / "pip"
    if version.stdout.strip() == sysconfig.get_python_version() and pip.is_dir():
        # The environment of this test run has all that is needed.
        make("wheels", f"PYTHON={sys.executable}", f"VENV={sys.prefix}", *variables, cwd=source)
    else:
        # Beside the folder: what was unpacked has no .venv.
        venv = source.parent / "gathering"
        make("wheels", f"PYTHON={PYTHON}", f"VENV={venv}", *variables, cwd=source)
        shutil.rmtree(venv)


@attrs.frozen
class Installed:
    """Attributes:
    unpacked: a layer with what a person has unpacked in SOURCE.
    image: a root folder that was installed into.
    newer: a layer with a newer version that is not in use yet.
    said: what the installation printed.
    """

    unpacked: Path
    image: Path
    newer: Path
    said: str


def install(folder: Path) -> Installed:
    """Unpack, gather the libraries, and install from them into a root folder."""
    unpacked, image = folder / "unpacked", folder / "image"
    source = unpacked / SOURCE.lstrip("/")
    unpack(source)
    gather_wheels(source)
    done = make("install", f"PYTHON={PYTHON}", f"DESTDIR={image}", cwd=source)
    newer = folder / "newer"
    versions = newer / "opt/recorder"
    versions.mkdir(parents=True)
    subprocess.run(
        ["cp", "--archive", "--link", str(image / "opt/recorder/0.1.0-1"), str(versions / NEWER)],
        check=True,
    )
    return Installed(unpacked, image, newer, done.stdout)
