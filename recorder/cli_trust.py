"""`recorder trust-clock`: an operator says that the clock is right.

Owns the question and the words. The answer goes into the state folder, where a running recorder
finds it within half a minute, and every later start.
"""

import time
from datetime import datetime
from pathlib import Path

import click

from recorder.cli_config import MisuseError, config_option, find_config
from recorder.cli_fallback import load_to_ask
from recorder.cli_question import ask_first
from recorder.recording.clock_state import ClockState, read_clock_state, write_clock_state
from recorder.recording.disk import OsDisk, closing
from recorder.recording.known import META_FOLDER


@click.command("trust-clock")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def trust_clock_command(outer: Path | None, chosen: Path | None, yes: bool) -> None:
    """Say that the clock of this machine is right, after the recorder stopped trusting it."""
    config = load_to_ask(find_config(chosen or outer))
    state = config.state or config.storage.directory / META_FOLDER
    disk = OsDisk()
    try:
        with closing(disk, disk.open_path(state)) as folder:
            found = read_clock_state(disk, folder)
            if found.withdrawn is None:
                click.echo("Nothing is to be confirmed: trust in the clock was not withdrawn.")
                return
            click.echo(f"The clock is not trusted: {found.withdrawn}.")
            now = datetime.now().astimezone()
            if not yes:
                ask_first(
                    f"It shows {now:%Y-%m-%d %H:%M:%S %Z} now. Is that right?",
                    no="Set the clock, then run this again; it is not trusted meanwhile.",
                )
            confirmed = ClockState(confirmed_utc_ms=time.time_ns() // 1_000_000)
            write_clock_state(disk, folder, confirmed)
    except OSError as error:
        raise MisuseError(
            f"The state folder {state} cannot be used: {error.strerror or error}. "
            "Run this as the recorder's user or as root, with its configuration."
        ) from error
    click.echo("The clock is trusted from now on; a running recorder notices within 30 s.")
