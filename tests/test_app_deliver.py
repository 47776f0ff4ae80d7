"""`recorder deliver` and the signals that come to it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio

from recorder import app_deliver
from recorder.hooks.heartbeat import State
from tests.helpers.program import environment
from tests.status.sample import SNAPSHOT

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import signal, sys
from pathlib import Path
import trio
from recorder import app_deliver
from recorder.config import Config, ConfigError
from recorder.config.document import Problem

told = []
waiting = {waiting}

async def deliver(config, folder, *, alive):
    for number in waiting.pop(0):
        signal.raise_signal(number)
    await trio.sleep_forever()

def load():
    told.append("load")
    if {is_bad}:
        raise ConfigError("config.yaml", [Problem("the first"), Problem("the second")])
    return Config()

app_deliver.deliver_hooks = deliver
code = app_deliver.run(Config(), Path("state"), load)
print(code, len(told), len(waiting))
"""


@pytest.mark.parametrize(
    ("signals", "is_bad", "printed"),
    [
        pytest.param("[[2]]", False, "0 0 0", id="Ctrl-C"),
        # Trio hands the second one on when the first has ended everything.
        pytest.param("[[15, 1]]", False, "0 0 0", id="a reload behind a stop"),
        # Delivery goes on as it was, and hears the next signal.
        pytest.param("[[1, 15]]", True, "0 1 0", id="a bad reload, then a stop"),
        # Delivery begins anew.
        pytest.param("[[1], [15]]", False, "0 1 0", id="a good reload, then a stop"),
    ],
)
def test_signals_stop_and_reload(tmp_path: Path, signals: str, is_bad: bool, printed: str) -> None:
    program = PROGRAM.replace("{waiting}", signals).replace("{is_bad}", str(is_bad))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, printed), done.stderr
    if is_bad:
        *mistakes, verdict = [line for line in done.stderr.splitlines() if " ERROR " in line]
        assert [line.rpartition(" ")[2] for line in mistakes] == ["first", "second"]
        assert "refused; what was in force stays in force" in verdict


async def test_a_heartbeat_from_this_process_says_what_the_recorder_would_say_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(state: Path, path: str) -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        document: dict[str, Any] = json.loads(SNAPSHOT.to_json())
        return document

    monkeypatch.setattr("recorder.app_deliver.ask", ask)
    worst = SNAPSHOT.worst_alarm
    assert worst is not None
    assert await app_deliver._alive(tmp_path) == State(
        time=SNAPSHOT.time, live_rooms=SNAPSHOT.live_rooms, worst_alarm=worst.severity.value
    )
    assert SNAPSHOT.live_rooms == 1


def test_what_was_delivered_is_replaced_as_a_whole_and_is_for_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    for content in (b"old", b"new"):
        app_deliver._replace(file, content)
        assert file.read_bytes() == content
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
