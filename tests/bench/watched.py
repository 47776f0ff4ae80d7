"""What those who watch cost: the recorder's CPU with nobody, with 32 viewers of the page, with one
who never reads, and with players of a room.

One recorder records 100 rooms in real time all the while. Every ratio is that of a window with
viewers and of two half as long without, before it and behind it: what else the machine does, and
does more and more or less and less, meets both. Counted is the time of the recorder's own process;
viewers and encoders are other processes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench import load
from tests.bench.results import DROPPED, PLAYED, STUCK, WATCHED, Figures
from tests.bench.servers import Recorder
from tests.bench.weigh import cpu_s, server_environment, wait_for_port
from tests.helpers.ports import free_port
from tests.helpers.program import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.bench.capture import Capture

ROOMS: Final = 100
VIEWERS: Final = 32
PLAYERS: Final = 10

SETTLE_S: Final = 20.0
"""By then every encoder's rate is known, and pauses are as long as they become."""

ASIDE_S: Final = 12.0
"""Beside each window, at most: viewers start, and are dropped."""

PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.25
"""How often the kernel and the disk are asked, neither of which tells of a change."""

FEWEST_A_SECOND: Final = 0.75
"""Pictures to each viewer; with fewer it was not served, and the figure means nothing."""

FEWEST_BYTES_A_SECOND: Final = 80_000
"""To each player of a room of 1 Mbit/s."""

_OPEN: Final = frozenset({"01", "08"})
"""Established, and closed by the other end only (include/net/tcp_states.h)."""


class WatchedError(Exception):
    """It was not measured what was to be measured; the text says why."""


def measure(media: Capture, folder: Path, rounds: int, window_s: float) -> Sequence[Figures]:
    """Blocking; everything in `folder`, which is made and removed.

    Args:
        window_s: how long each state is watched, six times a round.
    """
    folder.mkdir(parents=True)
    try:
        return _measure(media, folder, rounds, window_s)
    finally:
        shutil.rmtree(folder)


def _measure(media: Capture, folder: Path, rounds: int, window_s: float) -> Sequence[Figures]:
    server, port = Recorder(), free_port()
    command = server.command(folder, port, ROOMS)
    plan = load.Plan(
        capture=media,
        port=port,
        entries=[server.entry(room) for room in range(ROOMS)],
        seconds=SETTLE_S + rounds * 6 * (window_s + ASIDE_S),
        is_paced=True,
    )
    with (folder / "log").open("w") as log:
        recorder = subprocess.Popen(
            command, env=server_environment(), cwd=CHECKOUT, stdout=log, stderr=log
        )
    try:
        wait_for_port(port, recorder)
        with ThreadPoolExecutor(1) as encoders:
            sending = encoders.submit(load.run, plan)
            time.sleep(SETTLE_S)
            windows = _Windows(
                recorder.pid,
                server.page_port(folder),
                window_s,
                play=[str(port), "--play", server.view(0), str(PLAYERS)],
            )
            found = windows.all(rounds)
            if sending.done():
                raise WatchedError("The encoders left before all was measured.")
            sent = sending.result().sent
        _wait(lambda: server.has_finished(folder), "the recordings have not ended")
        if missing := server.missing(folder, sent):
            raise WatchedError(f"{missing} frames are missing.")
        return found
    finally:
        recorder.terminate()
        recorder.wait()


class _Windows:
    """Args:
    pid: of the recorder, whose page is at `page`.
    play: what the players are told.
    """

    def __init__(self, pid: int, page: int, window_s: float, *, play: Sequence[str]) -> None:
        self._pid = pid
        self._play = play
        self._page = page
        self._window_s = window_s
        self._dropped_s: list[float] = []

    def all(self, rounds: int) -> Sequence[Figures]:
        watched = self._pairs(self._watched, rounds)
        stuck = self._pairs(self._stuck, rounds)
        played = self._pairs(self._played, rounds)
        unit = "CPU ms a second"
        return (
            Figures(name=WATCHED, unit=unit, ours=watched[0], theirs=watched[1]),
            Figures(name=STUCK, unit=unit, ours=stuck[0], theirs=stuck[1]),
            Figures(name=PLAYED, unit=unit, ours=played[0], theirs=played[1]),
            Figures(name=DROPPED, unit="s", ours=self._dropped_s, theirs=[]),
        )

    def _pairs(self, state: Callable[[], float], rounds: int) -> tuple[list[float], list[float]]:
        """The state's and nobody's."""
        ours, theirs = list[float](), list[float]()
        for _ in range(rounds):
            before_ms = self._unwatched()
            ours.append(state())
            theirs.append((before_ms + self._unwatched()) / 2)
        return ours, theirs

    def _busy_ms(self, share: float = 1.0) -> float:
        """CPU milliseconds a second, over a window or a share of one."""
        began_s, before_s = time.monotonic(), cpu_s(self._pid)
        time.sleep(share * self._window_s)  # the time over which the work is counted
        return (cpu_s(self._pid) - before_s) / (time.monotonic() - began_s) * 1000

    def _settle(self) -> None:
        _wait(lambda: not _viewers_at(self._page), "the viewers have not gone")
        time.sleep(LOOK_S)  # what the recorder still does about who has gone is over by then

    def _unwatched(self) -> float:
        self._settle()
        return self._busy_ms(0.5)

    def _watched(self) -> float:
        self._settle()
        with _process(str(self._page), str(VIEWERS)) as viewers:
            busy_ms = self._busy_ms()
            pictures = json.loads(_leave(viewers))
        if min(pictures) < FEWEST_A_SECOND * self._window_s:
            raise WatchedError(f"A viewer got {min(pictures)} pictures in {self._window_s:g} s.")
        return busy_ms

    def _stuck(self) -> float:
        self._settle()
        with _process(str(self._page), "--never-read"), ThreadPoolExecutor(1) as watch:
            began_s = time.monotonic()

            def dropped() -> None:
                _wait(lambda: not _viewers_at(self._page), "who never reads is not dropped")
                self._dropped_s.append(time.monotonic() - began_s)

            watching = watch.submit(dropped)
            busy_ms = self._busy_ms()
            watching.result()
        return busy_ms

    def _played(self) -> float:
        self._settle()
        with _process(*self._play) as players:
            busy_ms = self._busy_ms()
            taken = json.loads(_leave(players))
        if min(taken) < FEWEST_BYTES_A_SECOND * self._window_s:
            raise WatchedError(f"A player got {min(taken)} bytes in {self._window_s:g} s.")
        return busy_ms


@contextmanager
def _process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Viewers that are let in."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.viewers", *arguments],
        env=server_environment(),
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as viewers:
        assert viewers.stdout is not None
        if viewers.stdout.readline() != "ready\n":
            raise WatchedError("The viewers were not let in.")
        try:
            yield viewers
        finally:
            viewers.terminate()


def _leave(viewers: subprocess.Popen[str]) -> str:
    assert viewers.stdin is not None
    assert viewers.stdout is not None
    viewers.stdin.close()
    return viewers.stdout.readline()


def _wait(true: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline_s:
            raise WatchedError(f"Within {PATIENCE_S:g} s {what}.")
        time.sleep(LOOK_S)


def _viewers_at(port: int) -> int:
    """Connections that the recorder has not closed. Asked of the kernel: it costs the recorder
    nothing (proc_net_tcp: local address, remote address, state)."""
    rows = (line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    at = f":{port:04X}"
    return sum(local.endswith(at) and state in _OPEN for local, _, state in rows)
