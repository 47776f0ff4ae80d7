"""One run of a program: JSON on its standard input, no shell, a limit of time.

Owns the process and its group: whatever the program started goes with it when its time is up. What
it prints is read, so that it never waits for us, and the end of that is told when it fails.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from recorder.config.document import printable
from recorder.hooks.patience import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTPUT_CHARACTERS: Final = 500
"""Of what it printed, the last."""

TEMPORARY: Final = 75
"""EX_TEMPFAIL (sysexits.h): "the user is invited to retry"."""

_OUTPUT_BYTES: Final = 4 * OUTPUT_CHARACTERS
_READ_BYTES: Final = 8192
_BEHIND_S: Final = 0.5
"""What a program's output may take to arrive behind its end; children of it may hold it open."""

_REAP_S: Final = 5.0


async def run_command(command: Sequence[str], body: bytes, *, timeout_s: float) -> Result:
    """Run it, and say what became of it."""
    try:
        process = await trio.lowlevel.open_process(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        return Result(Outcome.FAILED, f"it cannot be started: {error.strerror or error}")
    output = bytearray()
    try:
        with trio.move_on_after(timeout_s) as limit:
            await _attend(process, body, output)
    finally:
        if process.returncode is None:
            _kill(process.pid)
            with trio.move_on_after(_REAP_S, shield=True):
                await process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            await trio.aclose_forcefully(stream)
    if limit.cancelled_caught:
        return Result(Outcome.REFUSED, f"it took longer than {timeout_s:g} s{_said(output)}")
    match process.returncode:
        case 0:
            return Result(Outcome.DONE)
        case int(code) if code < 0:
            return Result(Outcome.REFUSED, f"it ended by signal {-code}{_said(output)}")
        case code:
            outcome = Outcome.FAILED if code == TEMPORARY else Outcome.REFUSED
            return Result(outcome, f"it ended with exit code {code}{_said(output)}")


async def _attend(process: trio.Process, body: bytes, output: bytearray) -> None:
    """Give it the message, take what it prints, wait for its end."""
    read = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_feed, process, body)
        nursery.start_soon(_read, process, output, read)
        await process.wait()
        with trio.move_on_after(_BEHIND_S):
            await read.wait()
        nursery.cancel_scope.cancel()


async def _feed(process: trio.Process, body: bytes) -> None:
    assert process.stdin is not None
    # It may end without having read all.
    with suppress(trio.BrokenResourceError):
        await process.stdin.send_all(body)
    await process.stdin.aclose()


async def _read(process: trio.Process, output: bytearray, read: trio.Event) -> None:
    assert process.stdout is not None
    while data := await process.stdout.receive_some(_READ_BYTES):
        output += data
        del output[:-_OUTPUT_BYTES]
    read.set()


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _said(output: bytearray) -> str:
    text = printable(output.decode("utf-8", "replace").strip().replace("\n", " | "))
    return f"; it said: {text[-OUTPUT_CHARACTERS:]}" if text else ""
