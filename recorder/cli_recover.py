"""`recorder recover`: finishes what was cut off, in a storage or in one recording's folder.

Owns the sentences and the exit code: 0 all that was recorded can be played, 1 something cannot.
What is recovered, and how, is `recording.by_hand`'s part.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from recorder import __version__
from recorder.amounts import count
from recorder.cli_config import config_option, find_config, load_config
from recorder.cli_progress import progress
from recorder.config.document import printable
from recorder.recording.by_hand import ByHand, Outcome
from recorder.recording.disk import OsDisk
from recorder.recording.recovery import Recovered
from recorder.recording.refusals import InUseError, StorageError

EXIT_GOOD = 0
EXIT_DAMAGED = 1


@click.command("recover")
@config_option
@click.argument("folder", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON array.")
@click.pass_obj
def recover_command(
    outer: Path | None, chosen: Path | None, folder: Path | None, as_json: bool
) -> int:
    """Finish the recordings that were cut off, while no recorder runs.

    FOLDER is a storage, or the folder of one recording; without it, the configured storage. What
    cannot be read is kept beside the rest, under a name that ends in .damaged; a finished file
    stays where it is. What the disk does not give is asked for again first, for a minute.
    """
    state = None
    if folder is None:
        config = load_config(find_config(chosen or outer))
        folder, state = config.storage.directory, config.state
    outcomes: list[Outcome] = []

    def told(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if not as_json:
            click.echo(printable(f"{outcome.path}: {_sentence(outcome)}"))

    # Here, because it brings the event loop with it, and most commands need neither.
    from recorder.recording.hashing import sha256_of

    disk = OsDisk()

    def checksum(done: Callable[[int], None], file_folder: int, name: str) -> str:
        return sha256_of(disk, file_folder, name, progress=done)

    by_hand = ByHand(
        disk=disk,
        creator=f"recorder {__version__}",
        checksum=checksum,
        watch=progress,
        told=told,
        pause=_pause,
    )
    try:
        warnings = by_hand.recover(folder, state)
    except InUseError as error:
        # To stop it, as who starts a second one is told, would cost a lesson and help nothing.
        raise StorageError(
            f"{error.who} While it runs it repairs by itself what was cut off; let it run."
        ) from error
    for warning in warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    if as_json:
        click.echo(json.dumps([_fields(outcome) for outcome in outcomes], indent=1))
    elif not outcomes:
        click.echo("Every recording is finished.")
    return EXIT_GOOD if all(outcome.is_good for outcome in outcomes) else EXIT_DAMAGED


def _pause(recordings: int, wait_s: float) -> None:
    click.echo(
        f"The disk does not give all of {count(recordings, 'recording')}; trying again in "
        f"{wait_s:g} s.",
        err=True,
    )
    time.sleep(wait_s)  # a command of the terminal: no loop waits for it, and no other work


def _sentence(outcome: Outcome) -> str:
    if outcome.error is not None:
        return (
            f"cannot be recovered ({_reason(outcome.error)}); it stays as it is. "
            "Check the disk and its cable or card, then recover again."
        )
    if outcome.recovered is not None and outcome.recovered.was_deleted:
        return "was being deleted, and is gone now."
    if outcome.recovered is None or outcome.recovered.manifest is None:
        return "nothing was recorded."
    return ", ".join(_done(outcome.recovered)) + "."


def _done(recovered: Recovered) -> list[str]:
    files = recovered.files
    counted = [
        (files.salvaged, "repaired"),
        (files.added, "added to the manifest"),
        (files.empty, "without a frame removed"),
        (files.damaged, "unreadable and kept as .damaged"),
        (len(recovered.unreadable), "not given whole by the disk and left in place"),
    ]
    done = [f"{count(number, 'segment')} {what}" for number, what in counted if number]
    if files.cut_bytes:
        done.append(f"{files.cut_bytes} bytes cut off")
    if recovered.was_damaged:
        done.append("the damaged manifest kept as .damaged and made anew")
    elif recovered.made_anew:
        done.append("the missing manifest made anew")
    if recovered.was_ended:
        done.append("ended")
    if recovered.checksums:
        done.append(f"{count(recovered.checksums, 'checksum')} added")
    return done or ["was finished already"]


def _fields(outcome: Outcome) -> dict[str, Any]:
    fields: dict[str, Any] = {"path": outcome.path, "good": outcome.is_good}
    if outcome.error is not None:
        return fields | {"error": _reason(outcome.error)}
    recovered = outcome.recovered
    if recovered is not None and recovered.was_deleted:
        return fields | {"recorded": True, "deleted": True}
    if recovered is None or recovered.manifest is None:
        return fields | {"recorded": False}
    manifest, files = recovered.manifest, recovered.files
    return fields | {
        "recorded": True,
        "room": manifest.room,
        "number": manifest.number,
        "end": manifest.end,
        "end_reason": manifest.end_reason,
        "segments": len(manifest.segments),
        "salvaged": files.salvaged,
        "added": files.added,
        "empty": files.empty,
        "damaged": files.damaged,
        "cut_bytes": files.cut_bytes,
        "checksums": recovered.checksums,
        "unreadable": list(recovered.unreadable),
        "manifest_damaged": recovered.was_damaged,
        "manifest_made_anew": recovered.made_anew,
        "ended": recovered.was_ended,
    }


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
