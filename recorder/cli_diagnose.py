"""`recorder diagnose`: one file to send to whoever helps, without a secret in it.

Owns the bundle: which parts it has, that each fails alone and in bounded time, and that no secret
leaves. Three walls stand before that. The configuration is written by what the schema says of each
key; every text is then blotted, wherever a secret may have come from; and when one stands in what
would be written all the same, nothing is written.

A disk that hangs keeps who asks it waiting for ever, and no signal ends that. So each part is told
in a thread which is left behind when its time is up; they end with the process.
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recorder.cli_config import MisuseError, config_option
from recorder.cli_diagnose_parts import PARTS, Asked, UntoldError
from recorder.config import ConfigError, file, load
from recorder.config.document import printable
from recorder.config.secrets import guessed_secrets, secrets_of
from recorder.log_lines import blotter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PART_S = 20.0

MOST_BYTES = 4 << 20
"""Of a part; the end of a log is what matters."""

SHORTEST_SECRET = 4
"""What is shorter, anybody guesses, and every text is full of it."""

PRIVATE_FILE_MODE = 0o600


class SecretFoundError(click.ClickException):
    """A secret would have been written."""

    exit_code = 1


@click.command("diagnose")
@config_option
@click.option(
    "--output", type=click.Path(path_type=Path), help="The file to write; one that is there stays."
)
@click.pass_obj
def diagnose_command(outer: Path | None, chosen: Path | None, output: Path | None) -> None:
    """Write a file that tells a helper what is going on, without keys and passwords.

    It works whatever is wrong: what cannot be told says why. Run it as root, so that it can tell
    everything.
    """
    now = datetime.now(UTC)
    output = output or Path(f"recorder-diagnosis-{now:%Y%m%d-%H%M%SZ}.tar.gz")
    asked, secrets = _ask(chosen or outer)
    archive = bundle(asked, secrets, f"recorder-diagnosis-{now:%Y%m%d-%H%M%SZ}")
    _write(output, archive)
    click.echo(
        f"Wrote {printable(str(output.absolute()))}. No key and no password is in it; names of "
        "rooms, addresses and the log are."
    )


def _ask(chosen: Path | None) -> tuple[Asked, frozenset[str]]:
    """The configuration as far as it can be read, and what in it is secret."""
    path = file.find(chosen)
    if path is None:
        return Asked(None, "There is no configuration."), frozenset()
    try:
        config = load(path)
    except ConfigError as error:
        return Asked(None, str(error)), guessed_secrets(path)
    return Asked(config, None), secrets_of(config)


def bundle(
    asked: Asked,
    secrets: Iterable[str],
    name: str,
    *,
    parts: dict[str, Callable[[Asked], str]] = PARTS,
    part_s: float = PART_S,
) -> bytes:
    """The compressed archive.

    Args:
        name: of the folder in it.

    Raises:
        SecretFoundError: one stands in it all the same.
    """
    secrets = [each for each in secrets if len(each) >= SHORTEST_SECRET]
    blot = blotter(secrets, shortest=SHORTEST_SECRET)
    told = {part: blot(tell_in_time(tell, asked, part_s)) for part, tell in parts.items()}
    contents = {part: text.encode(errors="replace")[-MOST_BYTES:] for part, text in told.items()}
    for part, content in contents.items():
        if any(secret.encode() in content for secret in secrets):
            raise SecretFoundError(
                f"A key or password stood in {part} of the diagnosis, so nothing was written. This "
                "is a fault of the recorder; please report it."
            )
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for part, content in contents.items():
            entry = tarfile.TarInfo(f"{name}/{part}")
            entry.size, entry.mode, entry.mtime = len(content), PRIVATE_FILE_MODE, int(time.time())
            archive.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def tell_in_time(tell: Callable[[Asked], str], asked: Asked, part_s: float) -> str:
    """The text of a part, or why there is none."""
    told: list[str] = []

    def run() -> None:
        try:
            told.append(tell(asked))
        except UntoldError as error:
            told.append(f"This cannot be told: {error}\n")
        except Exception as error:  # noqa: BLE001 — whatever it is, the bundle tells it
            told.append(f"This cannot be told: {type(error).__name__}: {error}\n")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(part_s)
    return told[0] if told else f"This was not told within {part_s:g} s; a disk may hang.\n"


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE)
    except OSError as error:
        raise MisuseError(
            f"{path} cannot be made: {error.strerror}. Choose another --output."
        ) from error
    try:
        with open(descriptor, "wb") as writing:
            writing.write(content)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise MisuseError(
            f"{path} cannot be written: {error.strerror}. Choose another --output."
        ) from error
