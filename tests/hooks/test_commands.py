"""Commands: real programs, what they are given and what ends them."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from recorder.hooks.commands import OUTPUT_CHARACTERS, run_command
from recorder.hooks.patience import Outcome, Result
from tests.helpers.program import eventually

if TYPE_CHECKING:
    from pathlib import Path

BODY = b'{"version":1,"events":[]}\n'


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


async def test_it_gets_the_message_on_standard_input_and_its_arguments_untouched(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out file"
    result = await run_command(
        ["/bin/sh", "-c", 'cat > "$1"; echo "$2" >> "$1"', "sh", str(out), "$(id) ; `id`"],
        BODY,
        timeout_s=10,
    )
    assert result == Result(Outcome.DONE)
    assert out.read_bytes() == BODY + b"$(id) ; `id`\n"


@pytest.mark.parametrize(
    ("script", "outcome", "reason"),
    [
        ("cat >/dev/null; exit 3", Outcome.REFUSED, "it ended with exit code 3"),
        ("exit 75", Outcome.FAILED, "it ended with exit code 75"),
        ("kill -9 $$", Outcome.REFUSED, "it ended by signal 9"),
        ("echo no; printf 'way\\033[1m' >&2; exit 1", Outcome.REFUSED,
         "it ended with exit code 1; it said: no | way\\x1b[1m"),
    ],
)  # fmt: skip
async def test_what_became_of_it_is_told(script: str, outcome: Outcome, reason: str) -> None:
    assert await run_command(shell(script), BODY, timeout_s=10) == Result(outcome, reason)


async def test_one_that_cannot_be_started_may_be_there_later() -> None:
    result = await run_command(["/nowhere/tell"], BODY, timeout_s=10)
    assert result.outcome is Outcome.FAILED
    assert result.reason == "it cannot be started: No such file or directory"


async def test_one_that_reads_nothing_and_one_that_prints_much_are_not_waited_for() -> None:
    assert (await run_command(shell("true"), b"x" * 1_000_000, timeout_s=10)).reason == ""
    result = await run_command(
        [sys.executable, "-c", "print('x' * 3_000_000 + 'end'); raise SystemExit(1)"],
        BODY,
        timeout_s=20,
    )
    assert result.reason.endswith("xend")
    assert len(result.reason) < OUTPUT_CHARACTERS + 100


async def test_when_its_time_is_up_it_and_all_it_started_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 600 & echo $$ $! > {pids}; echo begun; sleep 600"
    began_s = trio.current_time()
    result = await run_command(shell(script), BODY, timeout_s=0.5)
    assert result == Result(Outcome.REFUSED, "it took longer than 0.5 s; it said: begun")
    assert trio.current_time() - began_s < 5
    both = [int(pid) for pid in pids.read_text().split()]
    await eventually(lambda: not any(map(is_running, both)), what="both are gone")


async def test_one_that_ends_and_leaves_a_child_with_its_output_is_done(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    began_s = trio.current_time()
    result = await run_command(shell(f"sleep 600 & echo $! > {pid}"), BODY, timeout_s=30)
    assert result.outcome is Outcome.DONE
    assert trio.current_time() - began_s < 10
    with suppress(ProcessLookupError):
        os.kill(int(pid.read_text()), signal.SIGKILL)


async def test_who_delivers_no_more_leaves_no_program_behind(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            lambda: run_command(shell(f"echo $$ > {pid}; sleep 600"), BODY, timeout_s=60)
        )
        await eventually(lambda: pid.exists() and pid.read_text() != "", what="it has begun")
        nursery.cancel_scope.cancel()
    assert not is_running(int(pid.read_text()))


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
