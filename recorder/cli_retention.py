"""`recorder keep`, `unkeep`, `delete` and `sweep`: what may go, what must not, what goes now.

Owns the questions, the sentences and the exit codes: 0 done, 1 refused, 2 used wrongly. A recorder
that runs does it itself (`cli_control`); otherwise the command takes the storage's lock and does it
alone. A spoilt configuration keeps nobody from keeping a recording; what deletes wants a good one.
"""

import getpass
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from recorder.cli_config import MisuseError, config_option, find_config, load_config
from recorder.cli_control import NotDoneError, ask, state_folder
from recorder.cli_fallback import load_to_ask
from recorder.cli_question import ask_first
from recorder.clock import SystemClock
from recorder.config import Config
from recorder.config.document import printable
from recorder.recording.clock_state import recall_clock_state
from recorder.recording.disk import OsDisk
from recorder.recording.retention import alone, words
from recorder.recording.retention.inventory import newest_start_utc_ms
from recorder.recording.retention.refusals import RefusedError
from recorder.recording.retention.report import report
from recorder.recording.retention.rules import rules_of
from recorder.recording.storage import Storage
from recorder.trust import doubt_at_start

EXIT_GOOD = 0

_number = click.argument("number", type=click.IntRange(min=1))


@click.command("keep")
@config_option
@_number
@click.option("--why", default="", help="For those who find it kept.")
@click.pass_obj
def keep_command(outer: Path | None, chosen: Path | None, number: int, why: str) -> int:
    """Keep recording NUMBER: nothing deletes it until `recorder unkeep`."""
    config = load_to_ask(find_config(chosen or outer))
    done = ask(config, "POST", f"/api/v1/recordings/{number}/keep", {"why": why})
    if done is None:
        with _alone(config) as storage:
            changed = alone.keep_alone(
                storage, number, who=getpass.getuser(), why=why, utc_ns=time.time_ns()
            )
        done = {"changed": changed}
    already = "" if done["changed"] else " already"
    click.echo(f"Recording {number} is kept{already}.")
    return EXIT_GOOD


@click.command("unkeep")
@config_option
@_number
@click.pass_obj
def unkeep_command(outer: Path | None, chosen: Path | None, number: int) -> int:
    """Let recording NUMBER go when the rules of retention say so."""
    config = load_to_ask(find_config(chosen or outer))
    done = ask(config, "POST", f"/api/v1/recordings/{number}/unkeep")
    if done is None:
        with _alone(config) as storage:
            done = {"changed": alone.unkeep_alone(storage, number)}
    was = "is not kept any more" if done["changed"] else "was not kept"
    click.echo(f"Recording {number} {was}.")
    return EXIT_GOOD


@click.command("delete")
@config_option
@_number
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete_command(outer: Path | None, chosen: Path | None, number: int, yes: bool) -> int:
    """Delete recording NUMBER for good, whatever its age."""
    config = load_config(find_config(chosen or outer))
    if not yes:
        ask_first(f"Delete recording {number} for good?", no=f"Recording {number} is not deleted.")
    done = ask(config, "DELETE", f"/api/v1/recordings/{number}")
    if done is None:
        with _alone(config) as storage:
            done = {"bytes": alone.delete_alone(storage, number)}
    click.echo(f"Recording {number} is deleted, {words.size(done['bytes'])}.")
    return EXIT_GOOD


@click.command("sweep")
@config_option
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted, and why.")
@click.option("--confirm", "plan", metavar="PLAN", help="Delete what the plan that waits names.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
@click.pass_obj
def sweep_command(
    outer: Path | None, chosen: Path | None, dry_run: bool, plan: str | None, as_json: bool
) -> int:
    """Delete now what the rules of retention want gone."""
    if dry_run and plan is not None:
        raise MisuseError("--dry-run and --confirm are one or the other.")
    config = load_config(find_config(chosen or outer))
    if plan is not None:
        done = _confirmed(config, plan)
        text = f"Plan {printable(plan)} is confirmed: {_counted(done['recordings'])} go."
    else:
        done = _swept(config, dry_run=dry_run)
        text = "\n".join(_lines(done, dry_run=dry_run))
    click.echo(json.dumps(done, indent=1) if as_json else text)
    return EXIT_GOOD


COMMANDS = {
    command.name: command
    for command in (keep_command, unkeep_command, delete_command, sweep_command)
}


@contextmanager
def _alone(config: Config) -> Iterator[Storage]:
    """The storage's lock. Raises StorageError where it cannot be had, NotDoneError for refusals."""
    try:
        with Storage.open(config.storage.directory, config.state, OsDisk()) as storage:
            yield storage
    except RefusedError as error:
        raise NotDoneError(str(error)) from error
    except OSError as error:
        raise NotDoneError(f"The recording disk refuses: {error.strerror or error}.") from error


def _confirmed(config: Config, plan: str) -> dict[str, Any]:
    done = ask(config, "POST", "/api/v1/sweep", {"confirm": plan})
    if done is None:
        with _alone(config) as storage:
            done = {"plan": plan, "recordings": _sweep_alone(config, storage).confirm(plan)}
    return done


def _swept(config: Config, *, dry_run: bool) -> dict[str, Any]:
    done = ask(config, "GET" if dry_run else "POST", "/api/v1/sweep")
    if done is None:
        with _alone(config) as storage:
            sweep = _sweep_alone(config, storage)
            done = report(sweep.plan() if dry_run else sweep.sweep(), sweep.watch)
    return done


def _sweep_alone(config: Config, storage: Storage) -> alone.SweepAlone:
    """Raises OSError."""
    state, clock = state_folder(config), SystemClock(config.clock.trust)
    known = recall_clock_state(storage, state)
    clock.withdrawn, clock.confirmed_utc_ms = known.withdrawn, known.confirmed_utc_ms
    newest = newest_start_utc_ms(storage.disk, storage.root)
    clock.newest_utc_ms = lambda: newest
    clock.withdrawn = clock.withdrawn or doubt_at_start(clock.known())
    return alone.SweepAlone(storage, rules_of(config), clock, state)


def _lines(done: dict[str, Any], *, dry_run: bool) -> Iterator[str]:
    """A sweep, or what it would do, for people."""
    rows = [*done["recordings"], *done["segments"]]
    verb = "would go" if dry_run else "go"
    if rows:
        total = words.size(sum(row["bytes"] for row in rows))
        yield f"{_counted(len(done['recordings']))} {verb}, {total}:"
        for row in rows:
            part = f"/{row['segment']:04}.flv" if "segment" in row else ""
            name, size = f"{row['number']}{part}", words.size(row["bytes"])
            yield f"  {name:<16}  {row['room']}  {size}  ({words.reason_of(row['why'])})"
    else:
        yield "Nothing would be deleted." if dry_run else "There is nothing to delete."
    if done["blocked"] is not None:
        yield done["blocked"]["text"]
    if not done["ages_count"]:
        yield "The clock is not trusted, so no recording is too old now."
    if done["missing_bytes"]:
        yield (
            f"{words.size(done['missing_bytes'])} more should be free than deleting can give; "
            "nothing else may be deleted."
        )
    yield (
        f"{words.size(done['free_bytes'])} are free, {words.size(done['floor_bytes'])} shall stay "
        "free."
    )
    if done["seconds_left"] is not None:
        hours, seconds = divmod(done["seconds_left"], 3600)
        yield (
            f"There is room for {hours} h {seconds // 60} min at the highest rate of the last "
            "seven days, with what may be deleted."
        )


def _counted(recordings: int) -> str:
    return f"{recordings} recording{'' if recordings == 1 else 's'}"
