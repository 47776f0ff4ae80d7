"""`recorder split`, `stop` and `start`: what an operator does to a room of the running recorder."""

from pathlib import Path

import click

from recorder.cli_config import config_option, find_config
from recorder.cli_control import NotDoneError, ask
from recorder.cli_fallback import load_to_ask

EXIT_GOOD = 0

NOBODY_RUNS = "No recorder runs with this configuration."


def _command(action: str, about: str, done: str) -> click.Command:
    @click.command(action, help=about)
    @config_option
    @click.argument("room")
    @click.pass_obj
    def command(outer: Path | None, chosen: Path | None, room: str) -> int:
        config = load_to_ask(find_config(chosen or outer))
        if room not in config.rooms and config.any_room is None:
            raise NotDoneError(f"There is no room {room!a} in the configuration.")
        if ask(config, "POST", f"/api/v1/rooms/{room}/{action}") is None:
            raise NotDoneError(NOBODY_RUNS)
        click.echo(f"{room}: {done}")
        return EXIT_GOOD

    return command


COMMANDS = {
    "split": _command(
        "split",
        "Begin a new recording in ROOM at the next keyframe, without a gap.",
        "a new recording begins at the next keyframe.",
    ),
    "start": _command(
        "start",
        "Record ROOM again, which was stopped.",
        "a new recording begins at the next keyframe.",
    ),
    "stop": _command(
        "stop",
        "End the recording in ROOM; nothing is recorded until `recorder start`, or until its "
        "encoder comes anew.",
        "stopped; nothing is recorded until `recorder start` or until its encoder comes anew.",
    ),
}
