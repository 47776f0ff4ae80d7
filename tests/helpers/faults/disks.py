"""Disks that are full, sick, frozen, gone or exchanged: real ones, by the kernel, as root.

Owns mounts and loop devices. Whatever is set up here is a context manager that takes it down again
whatever happened inside: mounts lazily, because a program may still hold files there. Knows
nothing of the recorder.

What each gives, measured on Linux 6.18:

* `tmpfs`: ENOSPC, without a file system of its own.
* `worn_out_disk`: an ext4 in an image that is larger than the memory behind it. Once that is used
  up a write is still taken, its sync fails, the journal aborts, and from then on everything is
  EROFS while statvfs() and access() say that all is well (kernels from 6.12 on).
* `protected_disk`: the same with a disk that refuses every write: EIO.
* `pull_out`: EIO for everything, at once.
* `frozen`: every write and sync waits, uninterruptibly, until the end of the context.
* `power_cut`: the image as the disk has it at one moment; mounting it replays the journal.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tests.helpers.faults.last_resort import undone_anyway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20

_OPTIONS = "errors=remount-ro,noinit_itable"

COMMAND_S = 30.0
"""How long mkfs, mount, fsck and the like may take."""

FROZEN_AT_MOST_S = 60.0
"""After this a frozen disk is freed whatever the test does."""

SETTLED_S = 20.0
"""How long a power cut waits for a moment in which nothing is under way to the disk."""


class CommandError(Exception):
    """A command of the system failed; the text has what it said."""


def run(*command: str | Path, good: tuple[int, ...] = (0,)) -> str:
    """Run a command of the system to its end; gives what it printed.

    Raises:
        CommandError: it left with a code that is not good.
    """
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    if done.returncode not in good:
        said = (done.stdout + done.stderr).strip()
        raise CommandError(f"{' '.join(map(str, command))}: exit code {done.returncode}: {said}")
    return done.stdout


@contextmanager
def _mounted(at: Path, *mount: str | Path) -> Iterator[Path]:
    """Mount something on a folder, which is made; what lies on top of it goes with it."""
    at.mkdir(parents=True, exist_ok=True)
    under = _device(at)
    run("mount", *mount, at)
    with undone_anyway('umount -l "$1"', at):
        try:
            yield at
        finally:
            # A test may have unmounted it, and mounted something else there.
            while _device(at) != under:
                unmount(at)


def _device(path: Path) -> int:
    return os.stat(path).st_dev


def unmount(at: Path) -> None:
    """Take away what is mounted there, also from under a program that uses it. That program goes
    on with what it has open; whoever comes by the path finds the folder below."""
    run("umount", "--lazy", at)


@contextmanager
def tmpfs(at: Path, size_bytes: int) -> Iterator[Path]:
    """A disk of this size in memory."""
    with _mounted(at, "-t", "tmpfs", "-o", f"size={size_bytes},mode=0755", "tmpfs"):
        yield at


def resize_tmpfs(at: Path, size_bytes: int) -> None:
    run("mount", "-o", f"remount,size={size_bytes}", at)


def available_bytes(at: Path) -> int:
    found = os.statvfs(at)
    return found.f_bavail * found.f_frsize


@contextmanager
def filled(at: Path, *, but_bytes: int = 0) -> Iterator[Path]:
    """A file of somebody else that takes all the room of a disk, but for some; freed on leaving.

    Gives the file: removing it is how a test frees the room earlier.
    """
    filler = at / f"somebody-elses-{time.monotonic_ns()}.bin"
    block = bytes(MIB)
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while (left := available_bytes(at) - but_bytes) > 0:
            if not file.write(block[: min(left, MIB)]):
                break
    try:
        yield filler
    finally:
        filler.unlink(missing_ok=True)


def make_ext4(image: Path, size_bytes: int) -> Path:
    """A file system in a sparse file. Nothing of it is written before it is used, so that the
    memory behind it can be far smaller, and so that the kernel has nothing to do in it by itself.
    """
    with image.open("wb") as file:
        file.truncate(size_bytes)
    run(
        *("mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=4"),
        *("-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", image),
    )
    return image


@contextmanager
def mounted_image(image: Path, at: Path) -> Iterator[Path]:
    """Mount an image, as a disk that is put in: a loop device of its own, which goes with it."""
    with _mounted(at, "-o", f"loop,{_OPTIONS}", image):
        yield at


def mount_again(image: Path, at: Path) -> None:
    """Mount an image that may still be in use: it is the same disk, and the same files. Inside of
    a context that mounted something there, which takes it down as well."""
    run("mount", "-o", f"loop,{_OPTIONS}", image, at)


def put_in(image: Path, at: Path) -> None:
    """Mount an image as a new device, as the kernel sees a disk that was pulled out and put in.
    What was mounted before must write no more. Taken down as with `mount_again`.
    """
    # `mount -o loop` would find the old device, which lives as long as files of it are open.
    device = run("losetup", "--find", "--show", image).strip()
    try:
        run("mount", "-o", _OPTIONS, device, at)
    finally:
        # From now on it is gone with its last user.
        run("losetup", "--detach", device)


@contextmanager
def ext4(folder: Path, at: Path, size_bytes: int) -> Iterator[Path]:
    """A new disk: an image in a folder, mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    with mounted_image(make_ext4(folder / f"{at.name}.img", size_bytes), at):
        yield at


@attrs.define
class SickDisk:
    """An ext4 whose writes can be made to fail. Made by `worn_out_disk` and `protected_disk`."""

    at: Path
    _go_bad: Callable[[], None]
    _renew: Callable[[], Path]

    def fail(self) -> None:
        """From now on the disk takes no more than it can help."""
        self._go_bad()

    def repair(self) -> None:
        """The disk as after a check and putting it in again: it takes writes.

        Who still holds files of it from before holds files of a dead file system.
        """
        unmount(self.at)
        image = self._renew()
        run("fsck.ext4", "-f", "-y", image, good=(0, 1))
        put_in(image, self.at)


@contextmanager
def worn_out_disk(
    folder: Path, at: Path, *, size_bytes: int = 192 * MIB, memory_bytes: int = 96 * MIB
) -> Iterator[SickDisk]:
    """A disk that, once it failed, takes no block that was never written before. The sync of a
    file says ENOSPC or EIO, as it comes; of names always EIO.

    Args:
        size_bytes: of the file system.
        memory_bytes: what can be written before it fails by itself.
    """
    with tmpfs(folder, memory_bytes) as memory:
        image = make_ext4(memory / "disk.img", size_bytes)
        rest = memory / "worn-out.bin"

        def wear_out() -> None:
            with rest.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass

        def renew() -> Path:
            rest.unlink()
            return image

        with mounted_image(image, at):
            yield SickDisk(at, wear_out, renew)


@contextmanager
def protected_disk(folder: Path, at: Path, *, size_bytes: int = 192 * MIB) -> Iterator[SickDisk]:
    """A disk that, once it failed, can be read only, as SD cards do at the end of their life:
    every write is an EIO."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.memfd_create("disk", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        # Only memory without a name can be sealed; other processes reach it through ours.
        image = make_ext4(Path(f"/proc/{os.getpid()}/fd/{descriptor}"), size_bytes)

        def seal() -> None:
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)

        def copied() -> Path:
            _copy_sparse(image, folder / "repaired.img")
            return folder / "repaired.img"

        with mounted_image(image, at):
            yield SickDisk(at, seal, copied)
    finally:
        os.close(descriptor)


def pull_out(at: Path) -> None:
    """The disk is gone while it is mounted, as a stick that is pulled out: everything is an EIO,
    and what only the memory had never comes to the image."""
    folder = os.open(at, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(folder, _EXT4_IOC_SHUTDOWN, struct.pack("I", _WITHOUT_THE_LOG))
    finally:
        os.close(folder)


# linux/ext4.h: _IOR('X', 125, __u32), and EXT4_GOING_FLAGS_NOLOGFLUSH.
_EXT4_IOC_SHUTDOWN = 0x8004587D
_WITHOUT_THE_LOG = 2


@contextmanager
def frozen(at: Path, *, at_most_s: float = FROZEN_AT_MOST_S) -> Iterator[None]:
    """Let the disk stall: who writes waits and cannot be killed. Reading goes on.

    Freezing writes everything first that is not on the disk yet.
    """
    thaw = 'fsfreeze --unfreeze "$1"'
    with undone_anyway(thaw, at, at_latest_after_s=at_most_s):
        run("fsfreeze", "--freeze", at)
        try:
            yield
        finally:
            # It may have been freed already: by the test, or because it took too long.
            with suppress(CommandError):
                run("fsfreeze", "--unfreeze", at)


def power_cut(at: Path, copy: Path) -> Path:
    """Copy the image that is mounted there, as it would be found after a power cut now: what only
    the memory had is missing, names as well as bytes.

    Nobody may write meanwhile: the programs that do have to be stopped (SIGSTOP). What the kernel
    writes by itself in between makes the copy begin anew, because half of such a write would be a
    disk that no power cut leaves.

    Raises:
        TimeoutError: the disk did not come to rest.
    """
    device, image = _loop_device(at)
    counters = Path("/sys/block", device, "stat")
    give_up = time.monotonic() + SETTLED_S
    while time.monotonic() < give_up:
        before = counters.read_text().split()
        if before[_IN_FLIGHT] == "0":
            _copy_sparse(image, copy)
            after = counters.read_text().split()
            if before[_WRITES] == after[_WRITES] and after[_IN_FLIGHT] == "0":
                return copy
    raise TimeoutError(f"{at}: something writes to the disk all the time")


# Fields of /sys/block/*/stat: what was written, and what is under way.
_WRITES, _IN_FLIGHT = 4, 8


def _loop_device(at: Path) -> tuple[str, Path]:
    device = run("findmnt", "--noheadings", "--output", "SOURCE", "--mountpoint", at).split()[-1]
    image = run("losetup", "--noheadings", "--output", "BACK-FILE", device).strip()
    return Path(device).name, Path(image)


def _copy_sparse(source: Path, target: Path) -> None:
    run("cp", "--sparse=always", "--reflink=auto", source, target)
