"""A disk from which one process reads nothing: the kernel's throttle of its cgroup, as root.

What the process writes is written, and what is in memory it can read; all else waits until the end
of the context. `disks.frozen` is the other half: there who writes waits. Takes the memory's copy of
a file away, too, so that a reader has to ask the disk.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tests.helpers.faults.last_resort import undone_anyway

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALL = Path("/sys/fs/cgroup")
UNREAD_AT_MOST_S = 60.0
"""After this the disk is read again whatever the test does."""


@attrs.frozen
class _Throttle:
    """How a hierarchy of cgroups is told. Both want `MAJOR:MINOR`, and bytes a second."""

    root: Path
    file: str
    one_byte: str
    free: str


def _throttle() -> _Throttle:
    if (_ALL / "blkio").is_dir():
        return _Throttle(_ALL / "blkio", "blkio.throttle.read_bps_device", "{} 1", "{} 0")
    (_ALL / "cgroup.subtree_control").write_text("+io")
    return _Throttle(_ALL, "io.max", "{} rbps=1", "{} rbps=max")


@contextmanager
def unread(at: Path, process: int, *, at_most_s: float = UNREAD_AT_MOST_S) -> Iterator[None]:
    """Let a process wait for whatever it reads from the disk that is mounted there."""
    number = os.stat(at).st_dev
    device, throttle = f"{os.major(number)}:{os.minor(number)}", _throttle()
    before = _group_of(process, throttle.root)
    group = throttle.root / f"unread-{process}"
    group.mkdir()
    free = throttle.free.format(device)
    try:
        # Who is killed in here leaves a group that throttles nothing.
        with undone_anyway(
            'echo "$1" > "$2"', free, group / throttle.file, at_latest_after_s=at_most_s
        ):
            try:
                (group / throttle.file).write_text(throttle.one_byte.format(device))
                (group / "cgroup.procs").write_text(str(process))
                yield
            finally:
                # While it waits it cannot end: one that has ended stays in its group until its
                # parent has heard of it. It may have, if somebody killed it.
                with suppress(ProcessLookupError):
                    (before / "cgroup.procs").write_text(str(process))
                (group / throttle.file).write_text(free)
    finally:
        group.rmdir()


def _group_of(process: int, root: Path) -> Path:
    """Where it is now, by `/proc/PID/cgroup` (cgroups(7)): lines of number, controllers, path."""
    for line in Path(f"/proc/{process}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == ("" if root == _ALL else root.name):
            return root / path.lstrip("/")
    raise AssertionError(f"process {process} has no cgroup in {root}")


def forget(file: Path) -> None:
    """Take away what memory has of a file."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        # What is not on the disk yet cannot be forgotten.
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
