"""The sandbox of `recorder.service`, tried for real as far as that goes without systemd.

An empty network with passed sockets, a user namespace in which the program is nobody without any
capability, no new privileges, no memory that is writable and executable: by unshare(1), setpriv(1)
and prctl(2), which systemd uses as well. The system call filter is held against what strace saw.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers.encoders import Encoder, begin, publish
from tests.helpers.faults import tracing
from tests.helpers.program import command
from tests.helpers.service_manager import manage
from tests.real import said

if TYPE_CHECKING:
    from tests.helpers.encoders import Sources

pytestmark = [pytest.mark.real, pytest.mark.debian]

UNIT = Path(__file__).parents[2] / "systemd/recorder.service"

NOBODY = 65534

# PR_SET_MDWE and PR_MDWE_REFUSE_EXEC_GAIN of linux/prctl.h, since Linux 6.3.
_NO_EXECUTABLE_MEMORY = """
import ctypes, os, sys
if ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0):
    sys.exit(f"PR_SET_MDWE: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
"""

SANDBOX = [
    # A process that is not root in its namespace loses all capabilities at the next exec.
    *("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--net"),
    *("setpriv", "--no-new-privs"),
]


def expanded(group: str) -> set[str]:
    """The system calls of a set such as @system-service, and of those inside of it."""
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", group],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    names = {line.strip() for line in listed.splitlines()[1:] if not re.match(r"\s*#", line)}
    found = {name for name in names if re.fullmatch(r"[a-z0-9_]+", name)}
    return found.union(*(expanded(name) for name in names if name.startswith("@")))


def allowed() -> set[str]:
    """What the unit lets through: the first line allows, later ones take away or add."""
    found: set[str] = set()
    for text in re.findall(r"(?m)^SystemCallFilter=(.*)$", UNIT.read_text()):
        names = text.removeprefix("~").split()
        calls = set[str]().union(
            *(expanded(name) if name.startswith("@") else {name} for name in names)
        )
        found = found - calls if text.startswith("~") else found | calls
    return found


def of_process(process: int, what: str) -> str:
    """A line of its status in /proc."""
    text = Path(f"/proc/{process}/status").read_text()
    (found,) = re.findall(rf"(?m)^{what}:\s+(.*)$", text)
    return str(found)


def network_of(process: int | str) -> str:
    return os.readlink(f"/proc/{process}/ns/net")


async def get(address: str, path: str) -> bytes:
    """What the page answers."""
    host, port = address.split(":")
    with trio.fail_after(10):
        stream = await trio.open_tcp_stream(host, int(port))
        async with stream:
            await stream.send_all(f"GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
            return b"".join([bytes(block) async for block in stream])


async def test_the_recorder_works_shut_in_and_makes_no_call_that_the_filter_refuses(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 8)
    trace = tmp_path / "calls"
    async with (
        manage(tmp_path) as manager,
        manager.start(
            ["hall", "lab"],
            sandbox=SANDBOX,
            tracer=["strace", "-f", "-D", "-o", str(trace), "-e", "signal=none"],
            segments={"duration": "2s"},
            retention={"max_age": "1d", "min_free": {"size": "1MiB"}},
        ) as recorder,
    ):
        process = recorder.process.pid
        assert network_of(process) != network_of("self")
        assert of_process(process, "NoNewPrivs") == "1"
        assert int(of_process(process, "CapEff"), 16) == 0
        assert int(of_process(process, "CapPrm"), 16) == 0
        async with trio.open_nursery() as nursery:
            for room in ("hall", "lab"):
                begin(nursery, source, recorder.url(room), tmp_path / "unused.flv", pace=2)
            await recorder.line(said.closed("hall"))
            for path in ("/", "/api/v1/status", "/metrics", "/healthz"):
                assert b" 200 " in (await get(manager.address("http"), path)).split(b"\r\n")[0]
        # By its socket in the state folder, which needs no network.
        config = tmp_path / "config.yaml"
        asked = await command("status", "--once", "--config", config, cwd=tmp_path)
        assert asked.code == 0, asked.err
        for room in ("hall", "lab"):
            assert len((await recorder.ended(room)).segments) >= 4
        await recorder.stop()
    made = set(tracing.counted(trace))
    assert {"accept4", "linkat", "fdatasync", "epoll_wait", "setpriority"} <= made, "a blind trace"
    assert made <= allowed()


def test_the_filter_refuses_what_the_recorder_has_no_business_with() -> None:
    assert not {"mount", "ptrace", "chown", "reboot", "init_module", "sched_setscheduler"} & (
        allowed()
    )


def complaint(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stderr if done.returncode else ""


async def test_the_recorder_works_without_memory_that_is_writable_and_executable(
    sources: Sources, tmp_path: Path
) -> None:
    shut_in = [sys.executable, "-c", _NO_EXECUTABLE_MEMORY]
    if why := complaint(*shut_in, "true"):
        pytest.skip(f"this kernel cannot refuse it (Linux 6.3 can): {why}")
    refused = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"
    assert "PermissionError" in complaint(*shut_in, sys.executable, "-c", refused)
    source = sources.get("h264-aac", 8)
    async with (
        manage(tmp_path) as manager,
        manager.start(["hall"], sandbox=[*SANDBOX, *shut_in]) as recorder,
    ):
        await publish(Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "unused.flv")
        await get(manager.address("http"), "/api/v1/status")
        assert (await recorder.ended("hall")).segments
        await recorder.stop()
