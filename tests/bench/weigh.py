"""The scales: what a server costs the machine from its start to its end.

CPU is all time in which a processor was not idle, from the server's start until its exit and a
final `sync`, less what the load and this process used themselves: so the kernel's write-back and
everything in other threads and processes count, for every server alike. Beside it stands the
process tree's own time. The machine must have nothing else to do.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tests.bench import load
from tests.bench.results import Weight
from tests.helpers.ports import free_port
from tests.helpers.program import CHECKOUT, environment

if TYPE_CHECKING:
    from tests.bench.capture import Capture
    from tests.bench.servers import Server
    from tests.bench.small_memory import SmallMemory

_TICKS: Final = os.sysconf("SC_CLK_TCK")

START_S: Final = 20.0
FINISH_S: Final = 120.0
"""How long a server may have to do when the encoders have gone."""

LOOK_S: Final = 1.0

UNSTEADY_LOOKS: Final = 6
"""So many looks see encoders that come one by one, and rates that are not known yet."""


class WeighError(Exception):
    """A server could not be weighed; the text says why."""


@attrs.frozen(kw_only=True)
class Load:
    """What is sent; see `load.Plan`."""

    capture: Capture
    rooms: int
    seconds: float
    gigabytes: float = 0.0
    is_paced: bool


def weigh(server: Server, work: Load, folder: Path, memory: SmallMemory | None) -> Weight:
    """Weigh one run of a server. The folder is made, and removed with what was recorded.

    Args:
        memory: what the server may use, its part of the page cache included; None: all there is.

    Raises:
        WeighError: the server did not start, or did not come to an end.
    """
    folder.mkdir(parents=True)
    try:
        return _weigh(server, work, folder, memory)
    finally:
        shutil.rmtree(folder)
        os.sync()


def _weigh(server: Server, work: Load, folder: Path, memory: SmallMemory | None) -> Weight:
    port = free_port()
    command = server.command(folder, port, work.rooms)
    os.sync()
    machine, own_s = MachineTime(), _own_cpu_s()
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=server_environment(),
            stdout=log,
            stderr=log,
            preexec_fn=None if memory is None else memory.enter,
        )
    tree = Tree(process.pid)
    try:
        wait_for_port(port, process)
        plan = load.Plan(
            capture=work.capture,
            port=port,
            entries=[server.entry(room) for room in range(work.rooms)],
            seconds=work.seconds,
            gigabytes=work.gigabytes,
            is_paced=work.is_paced,
        )
        with tree:
            sent = load.run(plan)
            _wait_until_finished(server, folder)
        process.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
    subprocess.run(["sync"], check=True)
    machine_cpu_s = machine.busy_s() - (_own_cpu_s() - own_s) - sent.cpu_s
    return Weight(
        server=server.name,
        machine_cpu_s=machine_cpu_s,
        tree_cpu_s=used.ru_utime + used.ru_stime,
        gb=sent.gigabytes,
        seconds=sent.seconds,
        peak_mb=tree.peak_bytes / 1e6,
        frames=sum(each.frames for each in sent.sent),
        missing=server.missing(folder, sent.sent),
        peak_core=tree.peak_core,
        steady_core=tree.steady_core,
        late_s=sent.late_s,
    )


def _wait_until_finished(server: Server, folder: Path) -> None:
    deadline = time.monotonic() + FINISH_S
    while not server.has_finished(folder):
        if time.monotonic() > deadline:
            raise WeighError(f"{server.name} has not finished within {FINISH_S:.0f} s")
        time.sleep(0.1)  # another program: only its files say so


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when somebody listens there.

    Raises:
        WeighError: the process ended, or does not listen in time.
    """
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.002)  # the start is measured; nothing tells of a port that is open
        else:
            return
    raise WeighError(f"{process.args!r} does not listen (exit code {process.returncode})")


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def server_environment() -> dict[str, str]:
    """Modules are compiled once and not at every start, as where the program is installed."""
    found = environment()
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


class MachineTime:
    """How much of the processors' time was not idle since this was made.

    Counted from the idle time, which the kernel measures, and not from the busy times, which it
    samples: of many short wake-ups a sample sees none or all. Time that a hypervisor took is no
    time of ours.
    """

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._idle_s = _idle_s()

    def busy_s(self) -> float:
        cores = os.cpu_count() or 1
        return (time.monotonic() - self._began_s) * cores - (_idle_s() - self._idle_s)


def _idle_s() -> float:
    """Idle, waiting for a disk, or taken away: fields 4, 5 and 8 of proc(5)'s cpu line."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return (int(fields[3]) + int(fields[4]) + int(fields[7])) / _TICKS


class Tree:
    """Watches the memory and the load of a process and its children. A context manager."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="scales")
        self.peak_bytes = 0
        """The largest sum of the processes' peak resident sets."""
        self.peak_core = 0.0
        """The busiest second of all processes together, in processors."""
        self._busy: list[float] = []

    @property
    def steady_core(self) -> float:
        """The mean load behind the first seconds, in processors; 0 of a shorter watch."""
        later = self._busy[UNSTEADY_LOOKS:]
        return sum(later) / len(later) if later else 0.0

    def __enter__(self) -> Tree:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        cpu_s, at_s = self._cpu_s(), time.monotonic()
        while not self._over.wait(LOOK_S):
            before = cpu_s, at_s
            cpu_s, at_s = self._cpu_s(), time.monotonic()
            self._busy.append((cpu_s - before[0]) / (at_s - before[1]))
            self.peak_core = max(self.peak_core, self._busy[-1])
            self._look_at_memory()
        self._look_at_memory()

    def _look_at_memory(self) -> None:
        self.peak_bytes = max(self.peak_bytes, sum(map(peak_resident_bytes, self._pids())))

    def _cpu_s(self) -> float:
        return sum(cpu_s(pid) for pid in self._pids())

    def _pids(self) -> list[int]:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text()
        return [self._pid, *map(int, children.split())]


def cpu_s(pid: int) -> float:
    """What a process has used so far, its threads included."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


def peak_resident_bytes(pid: int) -> int:
    """The largest resident set of a process so far."""
    return _of_status(Path(f"/proc/{pid}/status"), "VmHWM:") * 1024


def resident_bytes(pid: int) -> int:
    return _of_status(Path(f"/proc/{pid}/status"), "VmRSS:") * 1024


def switches(pid: int) -> dict[str, int]:
    """How often each thread of a process has gone to sleep: each wake-up ends in one."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {each.name: _of_status(each / "status", "voluntary_ctxt_switches:") for each in threads}


def _of_status(path: Path, field: str) -> int:
    lines = path.read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])
