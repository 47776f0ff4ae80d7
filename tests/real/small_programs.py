"""Small programs of Python that a fault meets instead of the recorder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio
import trio.testing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def error_of(call: Callable[[], object]) -> str | None:
    """The name of the error that a call gives; None when it succeeds."""
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return None


@contextmanager
def opened(path: Path, flags: int = os.O_WRONLY | os.O_CREAT) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_synced(path: Path, data: bytes) -> None:
    with opened(path) as file:
        os.write(file, data)
        os.fdatasync(file)


class Helper:
    """A program that answers every line with a line."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process

    async def ask(self, line: str) -> list[str]:
        """The words of its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        await self.process.stdin.send_all(f"{line}\n".encode())
        said = b""
        with trio.fail_after(10):
            while not said.endswith(b"\n"):
                await trio.lowlevel.checkpoint()
                block = await self.process.stdout.receive_some(4096)
                assert block, "the program ended"
                said += block
        return said.decode().split()


async def start(
    nursery: trio.Nursery, code: str, folder: Path, env: dict[str, str] | None = None
) -> Helper:
    process: trio.Process = await nursery.start(
        partial(
            trio.run_process,
            [sys.executable, "-c", code, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            check=False,
        )
    )
    return Helper(process)
