"""`recorder hash-password`: what stands in the configuration for a password.

The password itself is asked for twice on a terminal, and never shown; from a pipe one line is read.
It is no argument: those can be seen by everybody on the machine.
"""

import os
import sys

import click

from recorder.cli_config import MisuseError
from recorder.passwords import SALT_BYTES, hash_password

LEAST_CHARACTERS = 8


@click.command("hash-password")
def hash_password_command() -> None:
    """Print what `status.password` is to be, for a password that is asked for."""
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < LEAST_CHARACTERS:
        raise MisuseError(f"A password needs {LEAST_CHARACTERS} characters at least.")
    click.echo(hash_password(password, os.urandom(SALT_BYTES)))
