"""`recorder quiet`: whether nobody is being recorded, for who wants to restart or to update.

Owns what "quiet" is and the waiting for it, and changes nothing. A room is live while an encoder
is connected, held ones included, while its recording waits for its encoder to come back, and while
media of it wait for the disk: a lesson that is over is lost with the process until then. Where no
recorder runs it is quiet.

Exit codes: 0 quiet; 1 live at the end of the wait, or the recorder does not answer; 2 used wrongly.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from recorder.cli_config import MisuseError, config_option, find_config
from recorder.cli_control import ask
from recorder.cli_fallback import load_to_ask
from recorder.config.document import printable
from recorder.config.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.config import Config

EXIT_QUIET = 0
EXIT_LIVE = 1

LOOK_EVERY_S = 2.0


def live_rooms(snapshot: dict[str, Any]) -> list[str]:
    """The names of the rooms that a restart would disturb."""
    return [
        room["name"]
        for room in snapshot["rooms"]
        if room["publisher"] is not None or room["recording"] is not None or room["buffer_bytes"]
    ]


@click.command("quiet")
@config_option
@click.option("--wait", "wait", default="0s", help="Wait so long for it, such as 30m.")
@click.pass_obj
def quiet_command(outer: Path | None, chosen: Path | None, wait: str) -> int:
    """Tell whether no room is live, so that a restart disturbs no lesson; waits for it if asked."""
    config = load_to_ask(find_config(chosen or outer))
    try:
        wait_s = parse_time(wait)
    except ValueError as error:
        raise MisuseError(f"--wait {wait!a}: {error}.") from error
    live = wait_until_quiet(config, wait_s, sleep=time.sleep, now=time.monotonic)
    if live:
        click.echo(f"Live: {', '.join(map(printable, live))}.")
        return EXIT_LIVE
    click.echo("Quiet: no room is live.")
    return EXIT_QUIET


def wait_until_quiet(
    config: Config,
    wait_s: float,
    *,
    sleep: Callable[[float], None],
    now: Callable[[], float],
) -> list[str]:
    """Look until no room is live or the time is over; gives the rooms that are live then.

    Raises:
        NotDoneError: the recorder runs and does not answer.
    """
    end = now() + wait_s
    told: list[str] = []
    while True:
        snapshot = ask(config, "GET", "/api/v1/status")
        live = [] if snapshot is None else live_rooms(snapshot)
        left = end - now()
        if not live or left <= 0:
            return live
        if live != told and sys.stderr.isatty():
            names = ", ".join(map(printable, live))
            click.echo(f"Waiting for a quiet moment; live: {names}. Ctrl-C ends it.", err=True)
        told = live
        sleep(min(LOOK_EVERY_S, left))
