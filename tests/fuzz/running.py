"""Fuzzing a target with atheris, in a process of its own, and what it came to.

Atheris takes over the process it runs in and ends it, so each target runs in a fork. Before the
first one, everything of ours is imported instrumented: an input that newly reaches a place in it is
one to go on from.
"""

from __future__ import annotations

import io
import logging
import os
import re
import time
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, Final

import atheris
import attrs

# Atheris would name every module. What reads HTTP for us is watched like what is ours.
with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["recorder", "h11"]):
    from tests.fuzz.seeds import SEEDS, WORDS
    from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LONGEST_BYTES: Final = {
    "salvage": 40_000,
    "handshake": 4000,
    "server": 6000,
    "page": 4000,
    "segments": 4000,
}
"""The largest input; 2000 where nothing is said. Short ones are tried more often."""

MOST_S: Final = 30
"""Of one input, by the clock: a loop that does not end is a finding."""

MOST_MB: Final = 1024
"""Of the process: a fuzzer takes some 150."""


@attrs.frozen
class Findings:
    """What a run of one target came to."""

    target: str
    seconds: float
    inputs: int
    places: int
    """Of the code, that were reached: counted by libFuzzer ("cov")."""
    kept: int
    """Inputs that each lead somewhere new."""
    trouble: str
    """The end of what was said of an input that broke something; or nothing."""

    def __str__(self) -> str:
        end = "NOT GOOD" if self.trouble else "good"
        return (
            f"{self.target:<10} {self.inputs:>10} inputs in {self.seconds:>6.0f} s, "
            f"{self.places:>5} places reached, {self.kept:>5} inputs kept: {end}"
        )


def fuzz(target: str, folder: Path, options: Sequence[str]) -> Findings:
    """Run one target.

    Args:
        folder: where seeds, kept inputs and findings are put.
        options: of libFuzzer: when it ends, and from which number its chance begins.
    """
    corpus, seeds, words = folder / "corpus", folder / "seeds", folder / "words"
    for each in (corpus, seeds):
        each.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[target]()):
        (seeds / f"{number:03}").write_bytes(seed)
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in sorted(set(WORDS))))
    arguments = [
        *("fuzz", str(corpus), str(seeds), f"-dict={words}", f"-artifact_prefix={folder}/"),
        f"-max_len={LONGEST_BYTES.get(target, 2000)}",
        *(f"-timeout={MOST_S}", f"-rss_limit_mb={MOST_MB}", "-print_final_stats=1"),
        *options,
    ]
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be_the_fuzzer(target, folder / "log", arguments)
    _, status = os.waitpid(pid, 0)
    log = (folder / "log").read_text(errors="replace")
    return Findings(
        target=target,
        seconds=time.monotonic() - begin,
        inputs=_last_number(r"stat::number_of_executed_units:\s+(\d+)", log),
        places=_last_number(r"cov: (\d+)", log),
        kept=sum(1 for _ in corpus.iterdir()),
        trouble=log[-4000:] if status else "",
    )


def _be_the_fuzzer(target: str, log: Path, arguments: list[str]) -> None:
    """Never returns."""
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
        logging.disable()  # a wrong password is a line
        atheris.Setup(arguments, TARGETS[target])
        atheris.Fuzz()
    finally:
        os._exit(1)


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


def _last_number(pattern: str, text: str) -> int:
    return int((re.findall(pattern, text) or ["0"])[-1])
