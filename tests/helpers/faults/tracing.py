"""System calls that fail, or take long: strace between the program and the kernel.

Owns the command lines of strace and its life beside the program. `injected` takes hold of a
program that runs, from one moment to another, and touches only the calls on the named files: the
n-th counts from that moment. `traced` is for a program from its first call on, whose calls are to
be counted or to fail.

A path selects a call when one of its descriptors or names is exactly that path. For calls that go
by a folder's descriptor (linkat, renameat, unlinkat, openat) that is the folder.
strace counts for every thread by itself.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

ATTACHED_S = 15.0
DETACHED_S = 10.0

FILE_CALLS = "%file,%desc"

WRITE = "pwrite64"
SYNC_FILE = "fdatasync"
SYNC_FOLDER = "fsync"
LINK = "linkat"
RENAME = "?renameat,?renameat2"
UNLINK = "unlinkat"
CREATE = "openat"
"""What Python's calls are to the kernel: it decides by the C library which of two it makes."""


def error(calls: str, name: str, *, when: str = "1") -> str:
    """An injection: these calls fail with this error.

    Args:
        calls: names, separated by commas. `?name` is one that not every machine has.
        when: `3` the third only, `3+` that and all later ones, `1..2` the first two.
    """
    return f"inject={calls}:error={name}:when={when}"


def delay(calls: str, delay_ms: int, *, when: str = "1+") -> str:
    """An injection: these calls take longer by this."""
    return f"inject={calls}:delay_enter={delay_ms * 1000}:when={when}"


def _options(injections: Sequence[str], paths: Sequence[Path], trace: Path) -> list[str]:
    named = [option for path in paths for option in ("-P", str(path))]
    chosen = [option for injection in injections for option in ("-e", injection)]
    # Strings long enough for a line of a log.
    return ["strace", "-f", "-y", "-s", "200", "-o", str(trace), *named, *chosen]


def traced(
    trace: Path,
    *,
    calls: str = FILE_CALLS,
    injections: Sequence[str] = (),
    paths: Sequence[Path] = (),
) -> list[str]:
    """What to put in front of a command, so that its calls are written to `trace`.

    The process that is started is the command itself, and strace its distant relative: signals
    go where they should.
    """
    return [*_options(injections, paths, trace), "-D", "-e", f"trace={calls}"]


@asynccontextmanager
async def injected(
    pid: int, trace: Path, *injections: str, paths: Sequence[Path] = ()
) -> AsyncIterator[Path]:
    """Let calls of a running program fail until the end of the context.

    Gives `trace`, which lists the calls it chose; `hits` reads it. The program goes on as before
    after leaving.

    Raises:
        AssertionError: strace could not take hold of the program.
    """
    strace = await trio.lowlevel.open_process(
        [*_options(injections, paths, trace), "-p", str(pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        await _attached(strace)
        yield trace
    finally:
        if strace.poll() is None:
            # It lets go of all threads; killed, it might leave one of them stopped.
            strace.send_signal(signal.SIGINT)
        with trio.move_on_after(DETACHED_S, shield=True):
            await strace.wait()
        if strace.poll() is None:
            # A thread waits for the disk, and cannot be let go of before that ends.
            strace.kill()
            with trio.move_on_after(DETACHED_S, shield=True):
                await strace.wait()
        assert strace.stderr is not None
        with trio.move_on_after(DETACHED_S, shield=True):
            await strace.stderr.aclose()


async def _attached(strace: trio.Process) -> None:
    assert strace.stderr is not None
    said = ""
    with trio.move_on_after(ATTACHED_S):
        while not re.search(r"\battached\b", said):
            await trio.lowlevel.checkpoint()
            block = await strace.stderr.receive_some(4096)
            said += block.decode(errors="replace")
            if not block:
                break
    assert re.search(r"\battached\b", said), f"strace: {said}"


def lines(trace: Path) -> list[str]:
    """The calls, as strace wrote them down so far."""
    return trace.read_text(errors="replace").splitlines()


def split_at(trace: Path, text: str) -> tuple[list[str], list[str]]:
    """The calls before the first one that has this text in its arguments, and from that on."""
    found = lines(trace)
    at = next(index for index, line in enumerate(found) if text in line)
    return found[:at], found[at:]


def naming(calls: Iterable[str], path: Path) -> list[str]:
    """Those that were made on this path, or on what lies below it."""
    # The second half of a call that another thread interrupted names nothing: each is there once.
    exactly = re.compile(rf"{re.escape(str(path))}(?![^/>\"])")
    return [line for line in calls if exactly.search(line)]


def hits(trace: Path) -> list[str]:
    """The calls that an injection changed, as strace wrote them down."""
    return [line for line in lines(trace) if re.search(r"\((INJECTED|DELAYED)\)$", line)]


def counted(trace: Path) -> Counter[str]:
    """How often each call was made, failed ones included."""
    found: Counter[str] = Counter()
    for line in lines(trace):
        # "<... read resumed>" is the second half of a call that another thread interrupted.
        if call := re.match(r"\d+ +([a-z_0-9]+)\(", line):
            found[call[1]] += 1
    return found
