"""A machine with as much memory as a small Pi has, for the server that is weighed: a control group.

Without it a benchmark on a large machine fills memory that was never used before, page by page,
which costs more than any server does (in a virtual machine, several times more), and nothing is
ever written back while it runs. With it the page cache is in the state in which an appliance has
it for years: full, and written back and used again all the time.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_BYTES: Final = 1 << 30


class SmallMemory:
    """Args:
    group: the control group's folder.
    processes: its file that takes processes in.
    """

    def __init__(self, group: Path, processes: str) -> None:
        self._processes = group / processes

    def enter(self) -> None:
        """Called in the server's process before it is the server."""
        self._processes.write_text(str(os.getpid()))


@contextmanager
def small_memory() -> Iterator[SmallMemory | None]:
    """A group of our own below the one this process is in; None where none can be made, as
    without root."""
    found = _parent()
    if found is None:
        yield None
        return
    parent, limit, processes = found
    group = parent / f"benchmark-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        try:
            (group / limit).write_text(str(LIMIT_BYTES))
        except OSError:
            yield None
        else:
            yield SmallMemory(group, processes)
    finally:
        group.rmdir()


def _parent() -> tuple[Path, str, str] | None:
    """Our memory group, and how its files are called in this version of control groups."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return Path(f"/sys/fs/cgroup/memory{path}"), "memory.limit_in_bytes", "cgroup.procs"
        if not controllers:
            group = Path(f"/sys/fs/cgroup{path}")
            if "memory" in _controllers(group):
                return group, "memory.max", "cgroup.procs"
    return None


def _controllers(group: Path) -> list[str]:
    try:
        return (group / "cgroup.subtree_control").read_text().split()
    except OSError:
        return []
