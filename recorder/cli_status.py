"""`recorder status`: what the page shows, in a terminal.

Owns the ways to look (live, once, as JSON) and the exit codes: 0 good; 1 when a critical alarm
stands, or no recorder answers; 2 used wrongly. Where snapshots come from is the business of
`cli_status_source`, what they look like that of `cli_status_picture`.

While it is live, a thread of rich draws what this one has last heard, so that the age of the news
goes on while the recorder lets it wait.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import click

from recorder.cli_config import config_option, find_config
from recorder.cli_control import state_folder
from recorder.cli_fallback import load_to_ask
from recorder.cli_status_fields import has_critical_alarm
from recorder.cli_status_source import (
    USER,
    Address,
    Answer,
    NoAnswerError,
    RefusedError,
    Source,
    on_network,
    on_this_machine,
    read_address,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from recorder.cli_status_picture import Picture

EXIT_GOOD = 0
EXIT_ALARM = 1

PASSWORD = "RECORDER_PASSWORD"
TICK_S = 1.0


@click.command("status")
@config_option
@click.option("--once", is_flag=True, help="One picture, and the exit code 1 in critical alarm.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one line of JSON a second.")
@click.argument("url", required=False)
@click.pass_obj
def status_command(
    outer: Path | None, chosen: Path | None, once: bool, as_json: bool, url: str | None
) -> int:
    """Show what every room does, the disk and the alarms, until Ctrl-C.

    Of the recorder on this machine, or of the one whose status page is at URL; its password is
    taken from RECORDER_PASSWORD, or asked for. On a pipe it shows one picture.
    """
    if url is None:
        source = on_this_machine(state_folder(load_to_ask(find_config(chosen or outer))))
    else:
        source = _remote(read_address(url))
    try:
        if as_json:
            return _print_json(source, once=once)
        is_terminal = _is_terminal()
        if once or not is_terminal:
            return _show_once(source, is_terminal=is_terminal)
        return _watch(source)
    finally:
        source.close()


def _remote(address: Address) -> Source:
    def prompt() -> str:
        if not sys.stdin.isatty():
            raise RefusedError(f"{address} wants the password of {USER}: put it into {PASSWORD}.")
        _warn_of_listeners(address)
        return str(click.prompt(f"Password of {USER} at {address}", hide_input=True, err=True))

    password = os.environ.get(PASSWORD)
    if password:
        _warn_of_listeners(address)
    return on_network(address, password=password or None, prompt=prompt)


def _warn_of_listeners(address: Address) -> None:
    if not address.keeps_secrets:
        click.echo("warning: without https:// the network can read the password.", err=True)


def _print_json(source: Source, *, once: bool) -> int:
    is_silent = False
    while True:
        try:
            answer = source.read()
            click.echo(_one_line(answer))
            if once:
                return _verdict(answer)
            is_silent = False
        except RefusedError:
            raise
        except NoAnswerError as error:
            if once:
                raise
            if not is_silent:
                click.echo(f"warning: {error.format_message()}", err=True)
            is_silent = True
        # There is no loop here, and nothing else to do: Ctrl-C ends this wait as any other.
        time.sleep(TICK_S)


def _one_line(answer: Answer) -> str:
    """As it came, but for what no line of JSON of ours has in it."""
    if answer.text.isascii() and answer.text.isprintable():
        return answer.text
    return json.dumps(answer.document, separators=(",", ":"))


def _show_once(source: Source, *, is_terminal: bool) -> int:
    from recorder.cli_status_picture import Picture, console

    answer = source.read()
    console(is_terminal=is_terminal).print(Picture(document=answer.document))
    return _verdict(answer)


def _verdict(answer: Answer) -> int:
    return EXIT_ALARM if has_critical_alarm(answer.document) else EXIT_GOOD


@attrs.frozen
class _News:
    """The last that was heard. Replaced as a whole: another thread reads it.

    Attributes:
        at_s: when, as of `_now_s`.
        trouble: why nothing has been heard since.
    """

    answer: Answer
    at_s: float
    trouble: str | None = None


def _now_s() -> float:
    """By a clock that goes on while the machine sleeps: a laptop that wakes shows news of hours
    ago, which would look like those of now."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class _Watch:
    """What is known while it is live."""

    def __init__(self, first: Answer) -> None:
        self._news = _News(first, _now_s())

    def ask(self, source: Source) -> None:
        """Raises RefusedError: no further try will have an answer."""
        try:
            self._news = _News(source.read(), _now_s())
        except RefusedError:
            raise
        except NoAnswerError as error:
            self._news = attrs.evolve(self._news, trouble=error.format_message())

    def picture(self) -> Picture:
        from recorder.cli_status_picture import Picture

        news = self._news
        return Picture(
            document=news.answer.document,
            age_s=_now_s() - news.at_s,
            trouble=news.trouble,
            is_fitted=True,
        )


def _watch(source: Source) -> int:
    from recorder.cli_status_picture import console, live

    watch = _Watch(source.read())
    with (
        _until_interrupted() as is_over,
        suppress(KeyboardInterrupt),
        live(console(is_terminal=True), watch.picture),
    ):
        while not is_over.wait(TICK_S):
            watch.ask(source)
    return EXIT_GOOD


@contextmanager
def _until_interrupted() -> Iterator[threading.Event]:
    """Set by Ctrl-C, which also raises KeyboardInterrupt as ever. The exception alone can get
    lost: Python forgets one that is raised while it finalizes an object."""
    is_over = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        is_over.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield is_over
    finally:
        signal.signal(signal.SIGINT, before)


def _is_terminal() -> bool:
    """One on which a picture can be drawn over another."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
