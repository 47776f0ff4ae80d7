"""`make fuzz`: looks for bytes that break what reads the bytes of others.

Each target in turn, so long as it is told. What is found is kept, with all inputs that lead to new
places, and a later run goes on from those. It needs atheris, which there is for Linux on x86-64.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import click

from tests.helpers.program import CHECKOUT

TARGETS = [
    *("handshake", "chunks", "amf0", "amf3", "server", "session", "flv", "salvage"),
    *("page", "codecs", "segments"),
]
"""Named here, because what reads the bytes must not be imported before atheris can watch it."""


@click.command()
@click.argument("targets", nargs=-1, type=click.Choice(TARGETS))
@click.option("--hours", default=1.0, help="For each target.")
@click.option("--seconds", type=float, help="The same, to have a quick look.")
@click.option("--runs", type=int, help="So many inputs instead; with --seed always the same ones.")
@click.option("--seed", default=0, help="Where chance begins; 0: anywhere.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=CHECKOUT / "test-output" / "fuzz",
    help="Where inputs are kept, and what is found.",
)
def main(
    targets: tuple[str, ...],
    hours: float,
    seconds: float | None,
    runs: int | None,
    seed: int,
    folder: Path,
) -> None:
    """Fuzz these TARGETS, or all of them, one after the other."""
    if importlib.util.find_spec("atheris") is None:
        sys.exit("Fuzzing needs atheris, which PyPI has for Linux on x86-64 only.")
    from tests.fuzz.running import fuzz

    seconds = hours * 3600 if seconds is None else seconds
    end = f"-max_total_time={max(1, round(seconds))}" if runs is None else f"-runs={runs}"
    is_good = True
    for target in targets or TARGETS:
        found = fuzz(target, folder / target, [end, f"-seed={seed}"])
        click.echo(str(found))
        if found.trouble:
            is_good = False
            click.echo(found.trouble)
    if not is_good:
        sys.exit(f"The inputs that broke something are in {folder}: make each a named test.")


if __name__ == "__main__":
    main()
