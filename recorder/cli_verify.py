"""`recorder verify`: whether all that was recorded is there, whole, and unchanged.

Owns the sentences and the exit code: 0 nothing is damaged, 1 something is. What is looked at, and
what of it is damage, is decided in `recording.verify`. Each finding is printed when it is made: a
storage may take hours to read, and who watches can look for a card reader meanwhile.
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import attrs
import click

from recorder.cli_config import config_option, find_config
from recorder.cli_fallback import load_to_ask
from recorder.cli_progress import progress
from recorder.config.document import printable
from recorder.recording.disk import OsDisk
from recorder.recording.findings import Finding, Kind
from recorder.recording.verify import Verified, verify_folder

EXIT_GOOD = 0
EXIT_DAMAGED = 1

_LONGEST = 400
"""Of a finding; a manifest can be damaged in long words."""

_CLEAR_LINE = "\r\x1b[K"


@click.command("verify")
@config_option
@click.argument("folder", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
@click.pass_obj
def verify_command(
    outer: Path | None, chosen: Path | None, folder: Path | None, as_json: bool
) -> int:
    """Check that every segment is there, whole and unchanged, also while the recorder runs.

    FOLDER is a storage, the folder of a room or of a day in it, or that of one recording, or a copy
    of one of these; without it, the configured storage. Nothing is changed.
    """
    if folder is None:
        folder = load_to_ask(find_config(chosen or outer)).storage.directory
    totals, everything = _Totals(), list[Verified]()
    with contextlib.closing(verify_folder(OsDisk(), folder, watch=progress)) as found:
        for verified in found:
            totals.add(verified)
            if as_json:
                everything.append(verified)
            else:
                _tell(verified)
    if as_json:
        click.echo(json.dumps(_fields(totals, everything), indent=1))
    else:
        click.echo(totals.sentence())
    return EXIT_DAMAGED if totals.damaged else EXIT_GOOD


def _tell(verified: Verified) -> None:
    for finding in verified.findings:
        if finding.kind is Kind.NOT_HASHED:
            continue  # A recording has many, and the totals count them.
        if sys.stderr.isatty():
            click.echo(_CLEAR_LINE, nl=False, err=True)
        place = "/".join(filter(None, (verified.path, finding.file)))
        click.echo(printable(f"{place}: {finding.text}"[:_LONGEST]))


@attrs.define
class _Totals:
    """`damaged`: files, and recordings where it is no file."""

    recordings: int = 0
    segments: int = 0
    bytes: int = 0
    damaged: int = 0
    open: int = 0
    suspect: int = 0
    not_hashed: int = 0

    def add(self, verified: Verified) -> None:
        self.recordings += verified.is_recording
        self.segments += verified.segments
        self.bytes += verified.bytes
        self.damaged += len({each.file for each in verified.damage})
        kinds = [each.kind for each in verified.findings]
        self.open += Kind.OPEN in kinds
        self.suspect += kinds.count(Kind.SUSPECT)
        self.not_hashed += kinds.count(Kind.NOT_HASHED)

    def sentence(self) -> str:
        what = (
            f"{_count(self.recordings, 'recording')}, {_count(self.segments, 'segment')}, "
            f"{self.bytes / 1e6:.1f} MB"
        )
        more = [f"{self.damaged or 'none'} damaged"]
        for number, word in (
            (self.not_hashed, "without SHA-256 yet"),
            (self.suspect, "suspect"),
            (self.open, "not finished yet"),
        ):
            if number:
                more.append(f"{number} {word}")
        return f"{what}: {', '.join(more)}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _fields(totals: _Totals, everything: list[Verified]) -> dict[str, Any]:
    findings = [
        _finding(verified.path, finding) for verified in everything for finding in verified.findings
    ]
    return {**attrs.asdict(totals), "findings": findings}


def _finding(path: str, finding: Finding) -> dict[str, Any]:
    return {"path": path, **attrs.asdict(finding), "damage": finding.is_damage}
