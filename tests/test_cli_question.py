"""What a command asks before it does what cannot be taken back, and what it makes of the answer.

By the program's own entry, whose exit codes scripts read.
"""

from __future__ import annotations

import io
import sys

import click
import pytest

from recorder import cli
from recorder.cli_question import ask_first


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _asks(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("new-key")
    def command() -> None:
        ask_first("Go on?", no="It stays.")
        click.echo("Gone.")

    monkeypatch.setitem(cli.commands.commands, "new-key", command)


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("y\n", 0, ""),
        ("n\n", 1, "recorder: It stays.\n"),
        ("\n", 1, "recorder: It stays.\n"),
        ("", 2, "recorder: Nobody is there to answer; with --yes it is not asked.\n"),
    ],
)
def test_each_answer_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert cli.run_command(["new-key"]) == code
    output = capsys.readouterr()
    assert output.err == said
    assert ("Gone." in output.out) == (code == 0)


def test_an_interrupted_question_ends_as_any_interrupted_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert cli.run_command(["new-key"]) == 130
