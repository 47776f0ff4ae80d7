"""What the recorder takes while nobody publishes: memory, wake-ups, and the time of its start.

Beside each stands a process that only imports the same libraries: what no code of ours can save.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from tests.bench.results import IDLE_MEMORY, START, WAKE_UPS, Figures
from tests.bench.servers import Recorder
from tests.bench.weigh import resident_bytes, server_environment, switches, wait_for_port
from tests.helpers.ports import free_port
from tests.helpers.program import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SETTLE_S: Final = 3.0
"""By then what only a start needs is given back. No event says so: nothing happens any more."""

WATCH_S: Final = 20.0

_LIBRARIES: Final = """
import sys
import recorder.app, recorder.cli
print(*sorted(n for n in sys.modules if n.partition(".")[0] not in ("recorder", "__main__")))
"""

_IMPORT: Final = """
import contextlib, importlib, sys
for name in sys.stdin.readline().split():
    # Names that only an extension module has put there cannot be imported.
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
print("done", flush=True)
sys.stdin.read()
"""


def libraries() -> str:
    """Every module the running recorder has that is not ours."""
    done = subprocess.run(
        [sys.executable, "-c", _LIBRARIES],
        env=server_environment(),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def measure(folder: Path, rounds: int) -> Sequence[Figures]:
    """Ours and the imports' in turn."""
    names = libraries()
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    wake_ups: list[float] = []
    for number in range(rounds):
        theirs.append(_imports(names))
        start_s, memory, wakes = _recorder(
            folder / f"idle-{number}", WATCH_S if number == 0 else 0.0
        )
        ours.append((start_s, memory))
        wake_ups += wakes
    return (
        Figures(
            name=IDLE_MEMORY, unit="MB", ours=[m for _, m in ours], theirs=[m for _, m in theirs]
        ),
        Figures(name=START, unit="s", ours=[s for s, _ in ours], theirs=[s for s, _ in theirs]),
        Figures(name=WAKE_UPS, unit="per second", ours=wake_ups, theirs=[]),
    )


def _imports(names: str) -> tuple[float, float]:
    began_s = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", _IMPORT],
        env=server_environment(),
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(names)
        process.stdin.flush()
        process.stdout.readline()
        start_s = time.monotonic() - began_s
        memory = resident_bytes(process.pid) / 1e6
        process.stdin.close()
        process.wait()
    return start_s, memory


def _recorder(folder: Path, watch_s: float) -> tuple[float, float, list[float]]:
    """How long it took to listen, its memory when it has settled, and its wake-ups a second."""
    folder.mkdir(parents=True)
    port = free_port()
    command = Recorder().command(folder, port, rooms=4)
    with (folder / "log").open("w") as log:
        began_s = time.monotonic()
        process = subprocess.Popen(
            command, env=server_environment(), cwd=CHECKOUT, stdout=log, stderr=log
        )
        try:
            wait_for_port(port, process)
            start_s = time.monotonic() - began_s
            time.sleep(SETTLE_S)
            memory = resident_bytes(process.pid) / 1e6
            before = switches(process.pid)
            time.sleep(watch_s)  # the time in which wake-ups are counted
            # A thread that has ended meanwhile was one of the start, and is not counted.
            count = sum(n - before.get(thread, 0) for thread, n in switches(process.pid).items())
            wakes = [count / watch_s] if watch_s else []
        finally:
            process.terminate()
            process.wait()
    return start_s, memory, wakes
