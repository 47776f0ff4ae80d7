"""`recorder deliver` as a command: what it hands on. What it does then is tried for real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from recorder import app_deliver, cli_fallback
from recorder.cli import run_command
from recorder.config.last_good import LAST_GOOD_FILE, copy_of

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "state: state\nhooks: {alarm_raised: {commands: [[/bin/tell]]}}\n"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    made: list[tuple[Any, ...]] = []

    def run(*arguments: Any) -> int:
        made.append(arguments)
        return 0

    monkeypatch.setattr(app_deliver, "run", run)
    monkeypatch.setattr(cli_fallback, "_a_person_watches", lambda: False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    return made


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_it_delivers_from_the_configured_state_and_can_read_the_file_again(
    tmp_path: Path, calls: list[tuple[Any, ...]]
) -> None:
    path = written(tmp_path / "config.yaml", GOOD)
    assert run_command(["deliver", "--config", str(path)]) == 0
    [(config, state, load)] = calls
    assert config.hooks.has_receivers
    assert state == tmp_path / "state"
    written(path, "hooks: {}\n")
    assert not load().hooks.has_receivers


def test_a_bad_file_leaves_the_last_good_one_in_force_as_it_does_for_the_recorder(
    tmp_path: Path, calls: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "config.yaml", GOOD.replace("hooks", "hoks"))
    (tmp_path / "state").mkdir()
    written(tmp_path / "state" / LAST_GOOD_FILE, copy_of(path, GOOD.encode()).decode())
    assert run_command(["deliver", "--config", str(path)]) == 0
    [(config, state, _)] = calls
    assert config.hooks.has_receivers
    assert "hoks" in capsys.readouterr().err
    assert state == tmp_path / "state"


def test_without_one_a_bad_file_is_told(
    tmp_path: Path, calls: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "config.yaml", GOOD.replace("hooks", "hoks"))
    assert run_command(["deliver", "--config", str(path)]) == 2
    assert calls == []
    assert "hoks" in capsys.readouterr().err
