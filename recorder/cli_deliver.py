"""`recorder deliver`: tells others what the recorder has written into its outbox.

Owns the command. What is told to whom is in `hooks` of the configuration, and how it is delivered
the app's part.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from recorder.cli_config import config_option, find_config
from recorder.cli_control import state_folder
from recorder.cli_fallback import load_or_fall_back
from recorder.config import load

if TYPE_CHECKING:
    from pathlib import Path


@click.command("deliver")
@config_option
@click.pass_obj
def deliver_command(outer: Path | None, chosen: Path | None) -> int:
    """Run the commands and make the POSTs of `hooks`, until stopped.

    It needs no running recorder, and may be stopped at any time: what it has not delivered it
    delivers later. SIGHUP reads the configuration again.
    """
    path = find_config(chosen or outer)
    # So that somebody hears that the recorder runs with the last good one; it says why itself.
    config, errors = load_or_fall_back(path, with_certificates=False)
    for line in errors:
        click.echo(line, err=True)
    from recorder import app_deliver

    return app_deliver.run(config, state_folder(config), partial(load, path))
