"""A copy of this machine to install into: everything that is changed in it goes with it.

Owns an overlay of the whole root file system in namespaces of its own: processes, network (only a
loopback, so nothing from the internet comes in), host name, and no device but the harmless ones.
Commands run in it as root, or as whom they name. There is no systemd: `systemctl` is a stub that
notes what it was asked, and says that a unit is active when the test has said so. Needs root.
"""

from __future__ import annotations

import shlex
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tests.helpers.faults.disks import MIB, tmpfs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME = "classroom-pi"
STUBS = "/usr/local/sbin"
CALLS = "/run/calls"
ACTIVE = "/run/active"

COMMAND_S = 120.0
"""How long a command may take: an installation is the longest, on a machine with much to do."""

_PATH = f"{STUBS}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_BOOT = """
set -e
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/changes,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t tmpfs -o mode=0755 dev dev
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
ln -s /proc/self/fd dev/fd
mkdir -m 1777 dev/shm
mount -t tmpfs -o mode=0755 run run
mount -t tmpfs -o mode=1777 tmp tmp
ip link set lo up
hostname "$3"
exec chroot . sh -c 'echo up; sleep infinity & wait'
"""

_SYSTEMCTL = f"""#!/bin/sh
echo "systemctl $*" >> {CALLS}
case $* in *is-active*) test -e {ACTIVE} ;; esac
"""


@attrs.frozen
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


@attrs.frozen
class Machine:
    """Attributes:
    pid: of its first process.
    """

    pid: int

    def path(self, name: str) -> Path:
        """A file or folder in it, as this process reaches it."""
        return Path(f"/proc/{self.pid}/root{name}")

    def enter(self, *command: str, cwd: str = "/", root: bool = True) -> list[str]:
        """The command line that runs a command in it.

        Args:
            root: False: only in its network, and with the files of this machine.
        """
        if not root:
            return ["nsenter", "--target", str(self.pid), "--net", *command]
        inside = f"cd {shlex.quote(cwd)} && exec {shlex.join(command)}"
        return [
            *("nsenter", "--target", str(self.pid), "--all", "--root", "--wd"),
            *("env", "-i", f"PATH={_PATH}", "HOME=/root", "LANG=C.UTF-8"),
            *("sh", "-c", inside),
        ]

    def run(self, *command: str, cwd: str = "/", stdin: str = "") -> Outcome:
        """Run a command in it to its end."""
        done = subprocess.run(
            self.enter(*command, cwd=cwd),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def stub(self, name: str, script: str) -> None:
        """Put a program in front of the one of this name."""
        path = self.path(f"{STUBS}/{name}")
        path.write_text(script)
        path.chmod(0o755)

    def boot_systemd(self) -> None:
        """From here on it looks as if systemd ran, and `systemctl` notes what it is asked."""
        self.path("/run/systemd/system").mkdir(parents=True)
        self.stub("systemctl", _SYSTEMCTL)

    def calls(self) -> list[str]:
        """What stubs were asked since the last time, in order."""
        path = self.path(CALLS)
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@contextmanager
def machine(folder: Path, *, layers: Sequence[Path] = ()) -> Iterator[Machine]:
    """A running copy.

    Args:
        folder: for what is changed in it; gone behind it.
        layers: folders that lie over this machine's root as if they had been copied there.
    """
    with tmpfs(folder, 512 * MIB):
        for name in ("changes", "work", "root"):
            (folder / name).mkdir()
        lower = ":".join([*map(str, layers), "/"])
        process = subprocess.Popen(
            [
                *("unshare", "--mount", "--net", "--pid", "--uts", "--fork", "--kill-child"),
                *("sh", "-c", _BOOT, "boot", str(folder), lower, NAME),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n", "the copy of this machine does not start"
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            yield Machine(int(children))
        finally:
            process.kill()
            process.communicate()
