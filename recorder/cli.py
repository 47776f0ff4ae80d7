"""The command line: arguments in, one sentence and an exit code out.

Owns the commands, what they print and the exit codes: 0 good, 1 found something wrong, 2 used or
configured wrongly. It decides nothing about recording; each command calls the part that does. What
a command needs is imported when that command is called, so that each answers quickly, and `run`
listens soon after a power cut.

A stream key is printed by `new-key`, and by the first `run` on a terminal. Never to a pipe: what
a service prints ends in a log that more people read than the configuration.
"""

import sys
from functools import partial
from pathlib import Path

import click

from recorder import __version__, addresses
from recorder.cli_config import EXIT_MISUSED, MisuseError, config_option, find_config, load_config
from recorder.cli_fallback import fall_back, load_or_fall_back
from recorder.config import Config, file
from recorder.config.document import printable
from recorder.config.file import ConfigError
from recorder.config.units import format_time
from recorder.log_journal import for_standard_error
from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.refusals import StorageError

EXIT_GOOD = 0
EXIT_INTERRUPTED = 130

_LONGEST_HELP = 200
"""Of a command's first sentence, in characters."""


def main() -> None:
    """Run the command line of this process, and exit."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run one command and give its exit code."""
    try:
        result = commands.main(arguments, prog_name="recorder", standalone_mode=False)
    except ConfigError as error:
        click.echo(for_standard_error(str(error)), err=True)
        return EXIT_MISUSED
    except click.ClickException as error:
        _complain(error.format_message())
        # 2 where it was used wrongly, 1 where the recorder refuses.
        return error.exit_code
    except StorageError as error:
        _complain(str(error))
        return EXIT_MISUSED
    except click.Abort:
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else EXIT_GOOD


def _complain(sentence: str) -> None:
    click.echo(for_standard_error(f"recorder: {printable(sentence)}"), err=True)


class _Commands(click.Group):
    """Knows where the commands are that have a module of their own."""

    ELSEWHERE = (
        "delete",
        "diagnose",
        "deliver",
        "hash-password",
        "keep",
        "list",
        "quiet",
        "recover",
        "split",
        "start",
        "status",
        "stop",
        "sweep",
        "trust-clock",
        "unkeep",
        "verify",
    )

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.ELSEWHERE])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """In whole sentences, which click would cut off where its line ends."""
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        about = [(name, each.get_short_help_str(_LONGEST_HELP)) for name, each in named if each]
        with formatter.section("Commands"):
            formatter.write_dl(about)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        match cmd_name:
            case "delete" | "keep" | "sweep" | "unkeep":
                from recorder import cli_retention

                return cli_retention.COMMANDS[cmd_name]
            case "diagnose":
                from recorder.cli_diagnose import diagnose_command

                return diagnose_command
            case "deliver":
                from recorder.cli_deliver import deliver_command

                return deliver_command
            case "hash-password":
                from recorder.cli_password import hash_password_command

                return hash_password_command
            case "list":
                from recorder.cli_list import list_command

                return list_command
            case "quiet":
                from recorder.cli_quiet import quiet_command

                return quiet_command
            case "recover":
                from recorder.cli_recover import recover_command

                return recover_command
            case "split" | "start" | "stop":
                from recorder import cli_rooms

                return cli_rooms.COMMANDS[cmd_name]
            case "status":
                from recorder.cli_status import status_command

                return status_command
            case "trust-clock":
                from recorder.cli_trust import trust_clock_command

                return trust_clock_command
            case "verify":
                from recorder.cli_verify import verify_command

                return verify_command
            case _:
                return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, invoke_without_command=True)
@click.version_option(__version__, message="recorder %(version)s")
@config_option
@click.pass_context
def commands(context: click.Context, chosen: Path | None) -> int | None:
    """Records what encoders publish over RTMP, room by room."""
    context.obj = chosen
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return EXIT_MISUSED
    return None


@commands.command()
@config_option
@click.option(
    "--sockets",
    type=click.Choice(["own", "systemd"]),
    default="own",
    help="Who opens the ports: the recorder, or systemd, which passes them (recorder-rtmp.socket).",
)
@click.pass_obj
def run(outer: Path | None, chosen: Path | None, sockets: str) -> int:
    """Record until stopped (Ctrl-C or SIGTERM).

    Without a configuration it makes ./config.yaml with one room and a fresh key, and records into
    ./recordings.
    """
    path = file.find(chosen or outer)
    is_first = path is None
    if path is None:
        path = _make_first_config()
    config, errors = load_or_fall_back(path)
    _greet(config, is_first=is_first)
    from recorder import app

    return app.run(
        config,
        errors,
        sockets_by_systemd=sockets == "systemd",
        fall_back=partial(fall_back, path),
    )


@commands.command()
@config_option
@click.pass_obj
def init(outer: Path | None, chosen: Path | None) -> None:
    """Take the configured storage folder into use: make it, and mark it as the recorder's."""
    config = load_config(find_config(chosen or outer))
    directory = config.storage.directory
    if initialise(directory, config.state, OsDisk()):
        click.echo(f"{printable(str(directory))} is now the recorder's storage.")
    else:
        click.echo(f"{printable(str(directory))} already is the recorder's storage.")


@commands.command("check-config")
@config_option
@click.pass_obj
def check_config(outer: Path | None, chosen: Path | None) -> None:
    """Read the configuration and name everything that is wrong with it."""
    path = find_config(chosen or outer)
    config = load_config(path)
    rooms = len(config.rooms) + (config.any_room is not None)
    click.echo(
        f"{printable(str(path))} is good: {rooms} {'room' if rooms == 1 else 'rooms'}, segments of "
        f"{format_time(config.segments.duration)}, in {printable(str(config.storage.directory))}."
    )


@commands.command("new-key")
def new_key() -> None:
    """Print a fresh stream key, for `rooms.NAME.key` in the configuration."""
    click.echo(file.new_key())


def _make_first_config() -> Path:
    """The built-in default, in the current folder."""
    path = file.LOOKED_FOR[0]
    # The folder first: were we cut off in between, the next run would find everything missing
    # again and do both, and not a configuration whose storage nobody has marked.
    initialise(Path.cwd() / file.FIRST_FOLDER, None, OsDisk())
    try:
        file.create_first(path)
    except OSError as error:
        raise MisuseError(
            f"There is no configuration, and {path.absolute()} cannot be made: "
            f"{error.strerror}. Change to a folder that you can write to, or use --config."
        ) from error
    return path


def _greet(config: Config, *, is_first: bool) -> None:
    """Tell a person what to type into the encoder; tell a service only what it could not know."""
    is_terminal = _is_terminal()
    if not (is_first or is_terminal):
        return
    lines = []
    if is_first:
        lines.append(f"Made {config.path} with one room, {file.FIRST_ROOM}.")
    urls = addresses.server_urls(config.rtmp.listen, config.rtmp.application)
    lines.append(f"Server:      {urls[0]}")
    if config.rtmp.tls is not None:
        over_tls = config.rtmp.tls.listen
        urls += addresses.server_urls(over_tls, config.rtmp.application, scheme="rtmps")
    lines += [f"         or  {url}" for url in urls[1:]]
    if is_first and is_terminal:
        (room,) = config.rooms.values()
        lines.append(f"Stream key:  {room.key}")
    else:
        lines.append(f"Stream key:  the key of the room in {config.path}")
    scheme = "http" if config.status.tls is None else "https"
    page = addresses.page_url(config.status.listen[0], scheme=scheme)
    lines.append(f"Page:        {page}")
    lines.append(f"Recordings:  {config.storage.directory}")
    click.echo("\n".join(printable(line) for line in lines))
    sys.stdout.flush()


def _is_terminal() -> bool:
    return sys.stdout.isatty()
