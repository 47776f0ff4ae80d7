"""A question before what cannot be taken back, asked on the terminal or answered by a pipe.

Owns what becomes of the answers that are no yes: each is a sentence and an exit code of its own, so
that no script takes it for done, or for a fault.
"""

import sys

import click

from recorder.cli_config import MisuseError
from recorder.cli_control import NotDoneError


def ask_first(question: str, *, no: str) -> None:
    """Return when the answer is yes.

    Args:
        no: what is so after another answer, as a sentence.

    Raises:
        NotDoneError: it is no.
        MisuseError: nobody is there to answer.
        click.Abort: it was interrupted.
    """
    try:
        is_yes = click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        # Behind the question, which waits on its line.
        click.echo()
        raise MisuseError("Nobody is there to answer; with --yes it is not asked.") from None
    if not is_yes:
        raise NotDoneError(no)
