"""A bar for commands that take their time: on a terminal, and nothing at all on a pipe.

On standard error, so that what a command has to say can be kept in a file while a person watches.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_LABEL_WIDTH = 40


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how far a piece of work is; what is entered is told how much more is done.

    Args:
        label: what is being done; its end is shown where there is no room for all of it.
        total: of bytes, or of whatever is counted; more than that may be done.
    """
    if not total or not sys.stderr.isatty():
        yield lambda _more: None
        return
    with click.progressbar(length=total, label=label[-_LABEL_WIDTH:], file=sys.stderr) as bar:
        yield bar.update
