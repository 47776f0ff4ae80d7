"""Calls of the system that fail or take long, and a wall clock that jumps: both do what the tests
with them believe.

Here the fault meets small programs of Python instead of the recorder, so that a tool that stopped
working (another kernel, another strace) fails here, and not as a recorder that stands everything.
"""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.helpers.faults import tracing
from tests.helpers.faults.wall_clock import WallClock
from tests.real.small_programs import Helper, start

if TYPE_CHECKING:
    from pathlib import Path


# System calls.

WRITER = """
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
file = os.open("a", os.O_WRONLY | os.O_CREAT, dir_fd=folder)
said = []
def call(name, function, *arguments, **more):
    try:
        function(*arguments, **more)
    except OSError as error:
        said.append(f"{name} {error.errno}")
    else:
        said.append(f"{name} 0")
for line in sys.stdin:
    call("write", os.pwrite, file, b"x", 0)
    call("sync", os.fdatasync, file)
    call("link", os.link, "a", line.strip(), src_dir_fd=folder, dst_dir_fd=folder)
    call("rename", os.rename, line.strip(), "z", src_dir_fd=folder, dst_dir_fd=folder)
    print(" ".join(said), flush=True)
    said.clear()
"""

WELL = {"write": None, "sync": None, "link": None, "rename": None}


class Writer(Helper):
    """Does one round of calls at a time."""

    async def round(self) -> dict[str, str | None]:
        """The error of each call, by what it was for."""
        words = await self.ask(f"name{time.monotonic_ns()}")
        numbers = zip(words[::2], words[1::2], strict=True)
        return {name: errno.errorcode.get(int(number)) for name, number in numbers}


@pytest.fixture
async def writer(tmp_path: Path, nursery: trio.Nursery) -> Writer:
    (tmp_path / "files").mkdir()
    return Writer((await start(nursery, WRITER, tmp_path / "files")).process)


@pytest.mark.debian
class TestSystemCalls:
    """Taking hold of a program that is no child of ours is, on Debian, for root alone."""

    @pytest.mark.root
    async def test_the_chosen_calls_on_the_chosen_files_fail_while_it_lasts(
        self, tmp_path: Path, writer: Writer
    ) -> None:
        folder, trace = tmp_path / "files", tmp_path / "trace"
        assert await writer.round() == WELL
        async with tracing.injected(
            writer.process.pid,
            trace,
            tracing.error(tracing.SYNC_FILE, "EIO", when="2"),
            tracing.error(tracing.WRITE, "ENOSPC", when="3+"),
            paths=[folder / "a"],
        ):
            assert await writer.round() == WELL
            assert await writer.round() == {**WELL, "sync": "EIO"}
            assert await writer.round() == {**WELL, "write": "ENOSPC"}
            assert await writer.round() == {**WELL, "write": "ENOSPC"}
        assert await writer.round() == WELL
        assert len(tracing.hits(trace)) == 3

    @pytest.mark.root
    async def test_calls_by_a_folder_are_chosen_by_the_folder(
        self, tmp_path: Path, writer: Writer
    ) -> None:
        injections = [
            tracing.error(tracing.LINK, "EIO"),
            tracing.error(tracing.RENAME, "EROFS", when="1"),
        ]
        async with tracing.injected(
            writer.process.pid, tmp_path / "trace", *injections, paths=[tmp_path / "elsewhere"]
        ):
            assert await writer.round() == WELL
        async with tracing.injected(
            writer.process.pid, tmp_path / "trace", *injections, paths=[tmp_path / "files"]
        ):
            assert await writer.round() == {**WELL, "link": "EIO", "rename": "EROFS"}
            assert await writer.round() == WELL

    @pytest.mark.root
    async def test_calls_take_longer(self, tmp_path: Path, writer: Writer) -> None:
        async with tracing.injected(
            writer.process.pid,
            tmp_path / "trace",
            tracing.delay(tracing.SYNC_FILE, 300),
            paths=[tmp_path / "files" / "a"],
        ):
            began_s = time.monotonic()
            assert await writer.round() == WELL
            assert time.monotonic() - began_s >= 0.3

    async def test_a_program_is_traced_from_its_first_call_and_keeps_its_place(
        self, tmp_path: Path
    ) -> None:
        code = "import os, sys; os.stat(sys.argv[1]); print(os.getpid()); os.listdir(sys.argv[1])"
        process = await trio.lowlevel.open_process(
            [
                *tracing.traced(
                    tmp_path / "trace",
                    injections=[tracing.error("getdents64", "EIO")],
                    paths=[tmp_path],
                ),
                *(sys.executable, "-c", code, str(tmp_path)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        with trio.fail_after(20):
            said = b"".join([block async for block in process.stdout])
            assert await process.wait() == 1, "the injected error"
        assert said == f"{process.pid}\n".encode(), "signals reach the program, not strace"
        calls = tracing.counted(tmp_path / "trace")
        assert calls["getdents64"] == 1
        assert calls["openat"] == 1


# The clock.


CLOCKS = """
import os, sys, time
for line in sys.stdin:
    with open(f"{sys.argv[1]}/{line.strip()}", "w"):
        pass
    modified = os.stat(f"{sys.argv[1]}/{line.strip()}").st_mtime
    boottime = time.clock_gettime(time.CLOCK_BOOTTIME)
    print(time.time(), time.monotonic(), boottime, modified, flush=True)
"""


@pytest.mark.debian
async def test_the_wall_clock_jumps_and_the_monotonic_clock_does_not(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    clock = WallClock(tmp_path / "offset")
    clocks = await start(nursery, CLOCKS, tmp_path, clock.environment)
    for index, offset_s in enumerate((0, 7200, -7200, 0)):
        clock.set_to(offset_s)
        wall_s, monotonic_s, boottime_s, modified_s = map(float, await clocks.ask(f"file{index}"))
        assert abs(wall_s - offset_s - time.time()) < 5
        assert abs(monotonic_s - time.monotonic()) < 5
        assert abs(boottime_s - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5
        assert abs(modified_s - time.time()) < 5
