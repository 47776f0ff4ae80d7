"""What the commands share: the configuration they work with, and the sentence without one."""

from pathlib import Path

import click

from recorder.config import Config, file, load

EXIT_MISUSED = 2

config_option = click.option(
    "--config",
    "chosen",
    type=click.Path(path_type=Path),
    help="The configuration file. Without it: ./config.yaml, then /etc/recorder/config.yaml.",
)


class MisuseError(click.ClickException):
    """Something the caller has to change; shown as it is."""

    exit_code = EXIT_MISUSED


def find_config(chosen: Path | None) -> Path:
    """The configuration's place, for a command that makes none.

    Raises:
        MisuseError: there is none.
    """
    path = file.find(chosen)
    if path is None:
        places = " or ".join(str(place) for place in file.LOOKED_FOR)
        raise MisuseError(
            f"There is no configuration ({places}). Copy config.example.yaml, name a file with "
            "--config, or let `recorder run` make one."
        )
    return path


def load_config(path: Path) -> Config:
    """The configuration; what is unwise in it is said on standard error.

    Raises:
        ConfigError: something in it is wrong.
    """
    config = load(path)
    for warning in config.warnings:
        click.echo(f"warning: {warning.describe(str(path))}", err=True)
    return config
