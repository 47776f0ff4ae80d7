"""`recorder quiet`: what counts as live, and the waiting, on a clock of its own."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from recorder import cli, cli_quiet
from recorder.cli_control import NotDoneError
from tests.status.sample import SNAPSHOT

if TYPE_CHECKING:
    from pathlib import Path

LIVE, IDLE = (json.loads(SNAPSHOT.to_json())["rooms"][index] for index in (0, 1))
HELD = {**LIVE, "name": "held", "recording": None}
AWAITED = {**LIVE, "name": "awaited", "publisher": None}
UNWRITTEN = {**IDLE, "name": "unwritten", "buffer_bytes": 1}


@attrs.define
class Running:
    """A recorder that answers; each answer is one look.

    Attributes:
        looks: the rooms of each look, the last for ever; None: no recorder runs.
    """

    looks: list[Any]
    clock_s: float = 0.0

    def ask(self, _config: object, method: str, path: str) -> dict[str, Any] | None:
        assert (method, path) == ("GET", "/api/v1/status")
        rooms = self.looks[0] if len(self.looks) == 1 else self.looks.pop(0)
        return None if rooms is None else {"rooms": rooms}

    def sleep(self, seconds: float) -> None:
        self.clock_s += seconds


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text('rooms:\n  room101: {key: "key-of-room101-0123456789"}\n')
    path.chmod(0o600)
    return path


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    made = Running([[IDLE]])
    monkeypatch.setattr(cli_quiet, "ask", made.ask)
    monkeypatch.setattr(time, "sleep", made.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: made.clock_s)
    return made


def test_a_room_is_live_while_an_encoder_is_there_or_awaited_or_media_wait_for_the_disk() -> None:
    rooms = [IDLE, LIVE, HELD, AWAITED, UNWRITTEN]
    assert cli_quiet.live_rooms({"rooms": rooms}) == [LIVE["name"], "held", "awaited", "unwritten"]


@pytest.mark.parametrize("rooms", [[IDLE], None], ids=["idle rooms", "no recorder"])
def test_it_is_quiet(
    rooms: list[dict[str, Any]] | None,
    config: Path,
    running: Running,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running.looks = [rooms]
    assert cli.run_command(["quiet", "--config", str(config), "--wait", "10m"]) == 0
    assert capsys.readouterr().out == "Quiet: no room is live.\n"
    assert running.clock_s == 0


def test_live_rooms_are_named_and_the_exit_code_is_1(
    config: Path, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    running.looks = [[LIVE, AWAITED]]
    assert cli.run_command(["quiet", "--config", str(config)]) == 1
    assert capsys.readouterr().out == f"Live: {LIVE['name']}, awaited.\n"
    assert running.clock_s == 0


def test_it_waits_for_the_end_of_the_lesson_and_no_longer(config: Path, running: Running) -> None:
    running.looks = [[LIVE]] * 100 + [[IDLE]]
    assert cli.run_command(["quiet", "--config", str(config), "--wait", "1h"]) == 0
    assert running.clock_s == 100 * cli_quiet.LOOK_EVERY_S


def test_the_wait_has_an_end(config: Path, running: Running) -> None:
    running.looks = [[LIVE]]
    assert cli.run_command(["quiet", "--config", str(config), "--wait", "5s"]) == 1
    assert running.clock_s == 5


def test_a_recorder_that_does_not_answer_is_not_quiet(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(*_: object) -> None:
        raise NotDoneError("The running recorder did not answer.")

    monkeypatch.setattr(cli_quiet, "ask", ask)
    assert cli.run_command(["quiet", "--config", str(config)]) == 1
    assert capsys.readouterr().err == "recorder: The running recorder did not answer.\n"


def test_a_wait_without_a_unit_is_misuse(
    config: Path, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run_command(["quiet", "--config", str(config), "--wait", "5"]) == 2
    assert "recorder: --wait '5': write a time with its unit" in capsys.readouterr().err
