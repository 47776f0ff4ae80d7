"""`recorder hash-password`, from a pipe and on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from recorder.cli_password import hash_password_command
from recorder.passwords import is_password
from tests.helpers.program import environment


def test_from_a_pipe_one_line_is_read() -> None:
    result = CliRunner().invoke(hash_password_command, input="correct horse\nmore\n")
    assert result.exit_code == 0
    hashed = result.output.strip()
    assert is_password("correct horse", hashed)
    assert "correct" not in hashed


def test_on_a_terminal_it_is_asked_for_twice_and_not_shown() -> None:
    leader, follower = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "recorder", "hash-password"],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=follower,
        env=environment(),
        start_new_session=True,
    ) as process:
        os.close(follower)
        shown = b""
        for prompt in (b"Password: ", b"confirmation: "):
            while not shown.endswith(prompt):
                shown += os.read(leader, 1024)
            os.write(leader, b"correct horse\n")
        assert process.stdout is not None
        hashed = process.stdout.read().decode().strip()
    os.close(leader)
    assert is_password("correct horse", hashed)
    assert b"correct" not in shown


@pytest.mark.parametrize("password", ["", "short"])
def test_a_password_that_is_guessed_at_once_is_refused(password: str) -> None:
    result = CliRunner().invoke(hash_password_command, input=f"{password}\n")
    assert result.exit_code == 2
    assert "8 characters" in result.output
