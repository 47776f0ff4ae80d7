"""`recorder keep`, `unkeep`, `delete` and `sweep`: alone, and through a recorder that runs."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
from click.testing import CliRunner

from recorder import cli_control
from recorder.addresses import CONTROL_SOCKET
from recorder.cli import commands
from recorder.status.control import make_socket, serve_control
from recorder.status.operations import Operations
from tests.recording.retention.shelf import MIB, Shelf, open_shelf
from tests.status.fakes import FakeActions, refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from click.testing import Result

    from recorder.status.messages import Answer, Request


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(
        "storage: {directory: recordings}\n"
        "clock: {trust: always}\n"
        "retention: {max_age: 90d}\n"
        "rooms: {hall: {key: a-long-enough-key-1}}\n"
    )
    path.chmod(0o600)
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings"


def filled(directory: Path, **days: float) -> Shelf:
    """A storage with recordings that ended so many days ago: `r1=91`."""
    with open_shelf(directory) as shelf:
        shelf.clock.now_utc_ns = time.time_ns()
        for name, age in days.items():
            shelf.add(int(name[1:]), days=age)
    return shelf


def run(config: Path, *arguments: str, answer: str = "") -> Result:
    arguments = (arguments[0], "--config", str(config), *arguments[1:])
    return CliRunner().invoke(commands, list(arguments), input=answer)


# Alone.


def test_a_recording_is_kept_and_let_go(config: Path, directory: Path) -> None:
    filled(directory, r1=1)
    (folder,) = directory.glob("hall/*/*")
    assert run(config, "keep", "1", "--why", "exam").output == "Recording 1 is kept.\n"
    assert "why: exam" in (folder / "KEEP").read_text()
    assert run(config, "keep", "1").output == "Recording 1 is kept already.\n"
    assert run(config, "unkeep", "1").output == "Recording 1 is not kept any more.\n"
    assert run(config, "unkeep", "1").output == "Recording 1 was not kept.\n"


def test_a_recording_is_deleted_when_somebody_says_yes(config: Path, directory: Path) -> None:
    shelf = filled(directory, r1=1)
    result = run(config, "delete", "1", answer="n\n")
    assert result.exit_code == 1
    assert "Recording 1 is not deleted." in result.output
    assert shelf.there() == [1]
    result = run(config, "delete", "1", answer="y\n")
    assert "Recording 1 is deleted, 10.0 MiB." in result.output
    assert shelf.there() == []
    result = run(config, "delete", "1", "--yes")
    assert result.exit_code == 1
    assert "There is no recording 1; `recorder list` shows those there are." in result.output


def test_a_sweep_is_shown_then_done(config: Path, directory: Path) -> None:
    shelf = filled(directory, r1=91, r2=1)
    shown = run(config, "sweep", "--dry-run")
    assert shown.exit_code == 0
    assert shown.output.splitlines()[:2] == [
        "1 recording would go, 10.0 MiB:",
        "  1                 hall  10.0 MiB  (older than max_age)",
    ]
    assert shelf.there() == [1, 2]
    assert run(config, "sweep").output.startswith("1 recording go, 10.0 MiB:")
    assert shelf.there() == [2]
    assert run(config, "sweep", "--dry-run").output.startswith("Nothing would be deleted.\n")
    assert run(config, "sweep").output.startswith("There is nothing to delete.\n")


def test_a_suspicious_sweep_is_confirmed_by_its_plan(config: Path, directory: Path) -> None:
    days = {f"r{number}": 91.0 for number in range(1, 13)}
    shelf = filled(directory, **days, r13=1)
    document = json.loads(run(config, "sweep", "--dry-run", "--json").output)
    plan = document["blocked"]["plan"]
    assert document["recordings"] == []
    assert f"recorder sweep --confirm {plan}" in run(config, "sweep").output
    wrong = run(config, "sweep", "--confirm", "nonsense")
    assert wrong.exit_code == 1
    assert "No plan nonsense waits to be confirmed" in wrong.output
    right = run(config, "sweep", "--confirm", plan)
    assert right.output == f"Plan {plan} is confirmed: 12 recordings go.\n"
    assert shelf.there() == [13]


def test_a_clock_in_doubt_is_said(config: Path, directory: Path) -> None:
    # The newest recording is more than 400 days old: more often a wrong clock than a quiet year.
    filled(directory, r1=500, r2=450)
    result = run(config, "sweep", "--dry-run")
    assert "The clock is not trusted, so no recording is too old now." in result.output
    assert "Nothing would be deleted." in result.output


def test_both_ways_at_once_are_none(config: Path, directory: Path) -> None:
    result = run(config, "sweep", "--dry-run", "--confirm", "x")
    assert result.exit_code == 2
    assert "--dry-run and --confirm are one or the other." in result.output


def test_a_storage_that_somebody_has_is_not_touched(config: Path, directory: Path) -> None:
    with open_shelf(directory) as shelf:
        shelf.add(1)
        result = run(config, "keep", "1")
    assert "is in use by another recorder" in str(result.exception or result.output)


def test_a_disk_that_refuses_is_said(
    config: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(directory, r1=1)

    def refuse(*_: object, **__: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("recorder.recording.retention.alone.delete_recording", refuse)
    result = run(config, "delete", "1", "--yes")
    assert result.exit_code == 1
    assert "The recording disk refuses: Input/output error." in result.output


# Through a recorder that runs.


def running(state: Path, actions: FakeActions) -> AbstractContextManager[None]:
    return running_with(state, Operations(actions).answer)


@contextmanager
def running_with(state: Path, answer: Callable[[Request], Awaitable[Answer]]) -> Iterator[None]:
    """A control socket, served by a loop in another thread."""
    ready, stop = threading.Event(), trio.Event()
    tokens: list[trio.lowlevel.TrioToken] = []

    async def serve() -> None:
        async with serve_control(await make_socket(state), answer):
            tokens.append(trio.lowlevel.current_trio_token())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        tokens[0].run_sync_soon(stop.set)
        thread.join(10)


class Telling(FakeActions):
    """Actions that give a document of the real shape."""

    document: dict[str, Any]

    def _done(self, call: str) -> dict[str, Any]:
        return {**super()._done(call), **self.document}


def telling(**document: Any) -> Telling:
    actions = Telling()
    actions.document = document
    return actions


PLAN: dict[str, Any] = {
    "recordings": [],
    "segments": [{"number": 7, "room": "lab", "segment": 3, "bytes": 5, "why": "free-space"}],
    "missing_bytes": 3 * MIB,
    "blocked": None,
    "free_bytes": MIB,
    "floor_bytes": 2 * MIB,
    "seconds_left": 3720,
    "ages_count": True,
}


def test_a_running_recorder_does_it_itself(config: Path, directory: Path) -> None:
    state = directory / ".recorder"
    filled(directory)
    actions = telling(changed=True, bytes=5, recordings=4)
    with running(state, actions):
        assert run(config, "keep", "7", "--why", "exam").output == "Recording 7 is kept.\n"
        assert run(config, "unkeep", "7").output == "Recording 7 is not kept any more.\n"
        assert "is deleted, 5 bytes" in run(config, "delete", "7", "--yes").output
        confirmed = run(config, "sweep", "--confirm", "abcdef01").output
    assert confirmed == "Plan abcdef01 is confirmed: 4 recordings go.\n"
    who = actions.calls[0].split()[2]
    assert actions.calls == [
        f"keep 7 {who} exam", "unkeep 7", "delete 7", "confirm abcdef01"
    ]  # fmt: skip


def test_its_plan_is_shown_with_segments_and_with_what_is_missing(
    config: Path, directory: Path
) -> None:
    filled(directory)
    actions = telling(**PLAN)
    with running(directory / ".recorder", actions):
        shown = run(config, "sweep", "--dry-run").output.splitlines()
        swept = run(config, "sweep").output.splitlines()
    room = "There is room for 1 h 2 min at the highest rate of the last seven days, with what may"
    assert shown == [
        "0 recordings would go, 5 bytes:",
        "  7/0003.flv        lab  5 bytes  (the disk is nearly full)",
        "3.0 MiB more should be free than deleting can give; nothing else may be deleted.",
        "1.0 MiB are free, 2.0 MiB shall stay free.",
        f"{room} be deleted.",
    ]
    assert swept[0] == "0 recordings go, 5 bytes:"
    assert actions.calls == ["plan", "sweep"]


def test_its_refusal_is_shown_as_it_is(config: Path, directory: Path) -> None:
    filled(directory)
    with running(directory / ".recorder", FakeActions(refusal=refused("Not now; ask later."))):
        result = run(config, "keep", "7")
    assert result.exit_code == 1
    assert "Not now; ask later." in result.output


def test_a_recorder_that_does_not_answer_is_said(
    config: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(directory)
    monkeypatch.setattr(cli_control, "TIMEOUT_S", 0.2)

    async def silent(_request: Request) -> Answer:
        await trio.sleep_forever()
        raise AssertionError

    with running_with(directory / ".recorder", silent):
        result = run(config, "keep", "7")
    assert result.exit_code == 1
    assert "The running recorder did not answer: timed out." in result.output


def test_one_that_this_user_may_not_ask_is_said(
    config: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(directory)

    def refuse(_self: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(cli_control.ControlConnection, "connect", refuse)
    result = run(config, "keep", "7")
    assert result.exit_code == 1
    assert "The running recorder cannot be asked: Permission denied." in result.output


def test_a_socket_without_a_recorder_is_none(
    config: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(directory, r1=1)
    monkeypatch.chdir(directory / ".recorder")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(CONTROL_SOCKET)
    assert run(config, "keep", "1").output == "Recording 1 is kept.\n"
