"""A program that sees a folder on a disk that takes no writes; the other programs do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def said_where_it_is_read_only(directory: Path, at: Path, program: str) -> str:
    """What a program of Python prints that is given the path `at`. For root.

    Args:
        directory: what takes no writes.
        program: without a single quote in it.
    """
    inside = (
        f"mount --bind {directory} {directory} && mount -o remount,bind,ro {directory} && "
        f"{sys.executable} -c '{program}' {at}"
    )
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", inside],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
