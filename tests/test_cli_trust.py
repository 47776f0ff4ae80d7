"""`recorder trust-clock`, as an operator calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from recorder.cli import commands
from recorder.recording.clock_state import ClockState
from tests.helpers.clock_files import remember, remembered

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    (tmp_path / "state").mkdir()
    path.write_text(
        f"state: {tmp_path}/state\n"
        f"storage: {{directory: {tmp_path}/rec}}\n"
        'rooms: {room101: {key: "0123456789abcdefgh"}}\n'
    )
    path.chmod(0o600)
    return path


def _run(config: Path, *arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(
        commands, ["trust-clock", "--config", str(config), *arguments], input=answer
    )


def test_without_a_withdrawal_there_is_nothing_to_confirm(config: Path, tmp_path: Path) -> None:
    result = _run(config)
    assert result.exit_code == 0
    assert "Nothing is to be confirmed" in result.output
    assert list((tmp_path / "state").iterdir()) == []


def _withdraw(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    remember(state, ClockState(withdrawn="it was set back by 2 h"))
    return state


def test_it_says_why_and_what_the_clock_shows_and_asks(config: Path, tmp_path: Path) -> None:
    state = _withdraw(tmp_path)
    result = _run(config, answer="n\n")
    assert result.exit_code == 1
    assert "The clock is not trusted: it was set back by 2 h." in result.output
    assert "Is that right?" in result.output
    assert "Set the clock, then run this again; it is not trusted meanwhile." in result.output
    assert remembered(state).withdrawn is not None


@pytest.mark.parametrize(("arguments", "answer"), [((), "y\n"), (("--yes",), "")])
def test_confirmed_the_clock_is_trusted(
    config: Path, tmp_path: Path, arguments: tuple[str, ...], answer: str
) -> None:
    state = _withdraw(tmp_path)
    result = _run(config, *arguments, answer=answer)
    assert result.exit_code == 0, result.output
    found = remembered(state)
    assert found.withdrawn is None
    assert found.confirmed_utc_ms is not None


def test_a_state_folder_that_cannot_be_used_is_one_sentence(config: Path, tmp_path: Path) -> None:
    (tmp_path / "state").rmdir()
    (tmp_path / "state").write_text("")
    result = _run(config)
    assert result.exit_code == 2
    assert f"The state folder {tmp_path}/state cannot be used: Not a directory." in result.output
