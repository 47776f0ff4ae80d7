"""What is undone even when the test run itself is killed.

A frozen file system outlives the process that froze it, and whoever writes to it hangs, for ever
and past every signal; mounts and loop devices stay as well. A `finally` does not run in a process
that is killed. So a shell of its own waits for the end of a pipe that only the test run holds.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def undone_anyway(
    script: str, *arguments: str | Path, at_latest_after_s: float | None = None
) -> Iterator[None]:
    """Run a shell script when this process ends inside the context; never after leaving it.

    Args:
        arguments: what the script knows as `$1`, `$2`, ...
        at_latest_after_s: run it then, also when this process lives on: it may hang itself.
    """
    wait = "cat" if at_latest_after_s is None else f"timeout {at_latest_after_s:g} cat"
    shell = subprocess.Popen(
        ["sh", "-c", f"{wait} > /dev/null; {script}", "sh", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C reaches the test run, which undoes things itself.
        start_new_session=True,
    )
    try:
        yield
    finally:
        # Its group, before the pipe closes: the shell must not read the end as our death.
        os.killpg(shell.pid, signal.SIGKILL)
        shell.communicate()
