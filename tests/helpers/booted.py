"""A real systemd that has booted the units: in namespaces of its own, on a copy of this machine.

Owns that small machine: an overlay over the file system, whose changes are in memory and gone with
it; processes, control groups, a network with nothing but loopback. In it the program lies where an
appliance has it, put there by hand: nothing here knows `make install`. Needs root, overlayfs and
cgroup2; `why_not` says what a machine lacks.

The interpreter is Debian's: the units hide /root and /home, where another may live.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from tests.helpers.program import CHECKOUT, environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PYTHON = "/usr/bin/python3"
BOOT_S = 120.0
COMMAND_S = 60.0

_NAMESPACES = ("--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc", "--net")

_BOOT = r"""
set -e
work=$1 checkout=$2 packages=$3
mount -t tmpfs tmpfs "$work"
mkdir "$work/changes" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/changes,workdir=$work/work" "$work/root"
cd "$work/root"
mount -t proc proc proc
mount -o bind,ro proc/sys proc/sys
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --bind /dev dev

# Nothing starts but what is named below.
rm -rf etc/systemd/system/*.wants
for target in sysinit multi-user sockets timers local-fs; do
    rm -rf "lib/systemd/system/$target.target.wants"
done
cat > etc/systemd/system/lesson.target <<'END'
[Unit]
Description=A machine that records
Wants=systemd-journald.service recorder-rtmp.socket recorder-http.socket recorder.service
END
cp "$checkout"/systemd/*.service "$checkout"/systemd/*.socket etc/systemd/system/
systemd-sysusers --root=. "$checkout/systemd/sysusers.d/recorder.conf"

mkdir -p opt/recorder/version/bin opt/recorder/version/lib etc/recorder srv/recordings \
    var/lib/recorder .old
ln -s version opt/recorder/current
cp -r "$checkout/recorder" "$checkout/web" opt/recorder/version/lib/
for package in $packages; do cp -r "$package" opt/recorder/version/lib/; done
printf '%s\n' '#!/usr/bin/python3' 'import sys' \
    'sys.path.insert(0, "/opt/recorder/version/lib")' \
    'from recorder.cli import main' 'main()' > opt/recorder/version/bin/recorder
chmod 755 opt/recorder/version/bin/recorder
cat > etc/recorder/config.yaml
chroot . chown -R root:recorder /etc/recorder
chroot . chown recorder:recorder /srv/recordings /var/lib/recorder
chmod 640 etc/recorder/config.yaml
chroot . setpriv --reuid recorder --regid recorder --clear-groups \
    /opt/recorder/current/bin/recorder init --config /etc/recorder/config.yaml

# Not chroot: who lives in one may make no user namespace (PrivateUsers=).
pivot_root . .old
cd /
umount -l /.old
mount --make-shared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=lesson.target --log-target=journal
"""

_IMPORTED = """
import pathlib, pkgutil, sys, sysconfig
import recorder
for module in pkgutil.walk_packages(recorder.__path__, "recorder."):
    if module.name != "recorder.__main__":
        __import__(module.name)
base = pathlib.Path(sysconfig.get_path("purelib"))
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
inside = [pathlib.Path(file) for file in files if file and pathlib.Path(file).is_relative_to(base)]
print(*{base / file.relative_to(base).parts[0] for file in inside}, *base.glob("*.dist-info"))
"""
"""What the program needs of the libraries here: the top of each that it imports, and what says
their versions."""


def why_not() -> str | None:
    """What this machine lacks; None: nothing."""
    if os.geteuid() != 0:
        return "root"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "overlayfs"
    if not Path("/lib/systemd/systemd").exists():
        return "systemd"
    version = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    done = subprocess.run([PYTHON, "-c", version], check=False)
    return f"{PYTHON} of the version that runs the tests" if done.returncode else None


@attrs.frozen
class Machine:
    """Attributes:
    init: systemd's number out here.
    """

    init: int

    @property
    def into_network(self) -> list[str]:
        """A command that runs another one on this machine's network, and on our files."""
        return ["nsenter", "-t", str(self.init), "--net"]

    async def run(self, *command: str, within_s: float = COMMAND_S, good: bool = True) -> str:
        """Run a command inside; gives what it printed.

        Raises:
            AssertionError: it failed, and should not.
        """
        with trio.fail_after(within_s):
            done = await trio.run_process(
                [
                    *("nsenter", "-t", str(self.init), "-m", "-p", "-i", "-u", "-n", "-C"),
                    *("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *command),
                ],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode == 0 or not good, f"{' '.join(command)}: {said}"
        return said

    async def shows(self, unit: str, key: str) -> str:
        """A property of a unit."""
        return (await self.run("systemctl", "show", "--value", "-p", key, unit)).strip()

    async def journal(self, unit: str) -> str:
        return await self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit)


@asynccontextmanager
async def booted(folder: Path, configuration: str) -> AsyncIterator[Machine]:
    """A machine with the recorder on it, which is ready.

    Args:
        folder: an empty one.
        configuration: of the recorder.
    """
    packages = await trio.run_process(
        [sys.executable, "-c", _IMPORTED], env=environment(), capture_stdout=True
    )
    boot = await trio.lowlevel.open_process(
        [
            *("unshare", *_NAMESPACES, "--propagation", "private", "--kill-child"),
            *("sh", "-c", _BOOT, "sh", str(folder), str(CHECKOUT)),
            packages.stdout.decode(),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert boot.stdin is not None
        async with boot.stdin:
            await boot.stdin.send_all(configuration.encode())
        yield await _ready(boot)
    finally:
        # Its init goes with it, and all the rest with that.
        boot.kill()
        with trio.CancelScope(shield=True):
            await boot.wait()


async def _ready(boot: trio.Process) -> Machine:
    machine, said = None, ""
    with trio.move_on_after(BOOT_S):
        while said != "active\n" and "Traceback" not in said:
            assert boot.poll() is None, "the machine did not boot"
            await trio.sleep(0.5)
            machine = machine or _child_of(boot)
            if machine is not None:
                said = await machine.run("systemctl", "is-active", "recorder", good=False)
                said = said if said == "active\n" else await machine.journal("recorder")
    assert machine is not None, "the machine did not boot"
    assert said == "active\n", await machine.journal("recorder")
    return machine


def _child_of(boot: trio.Process) -> Machine | None:
    children = Path(f"/proc/{boot.pid}/task/{boot.pid}/children").read_text().split()
    return Machine(int(children[0])) if children else None
