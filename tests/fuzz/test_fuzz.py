"""Every target stands its seeds, and a short fuzzing; and each oracle sees what it is there for.

A machine without atheris has the seeds. `make fuzz` is the long run.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from recorder.rtmp import RemoteProtocolError
from recorder.rtmp.chunks import ChunkReader
from recorder.rtmp.output import Output
from tests.fuzz import pieces as all_pieces
from tests.fuzz.__main__ import TARGETS as NAMES
from tests.fuzz.pieces import affordable, pieces
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS
from tests.helpers.program import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path


def test_every_target_has_a_name_and_seeds() -> None:
    assert list(TARGETS) == list(SEEDS) == NAMES


def test_make_knows_how_to_fuzz() -> None:
    assert "\nfuzz: " in (CHECKOUT / "Makefile").read_text()
    assert "`make fuzz`" in (CHECKOUT / "README.md").read_text()


@pytest.mark.parametrize("target", NAMES)
def test_a_target_stands_its_seeds_and_any_beginning_of_them(target: str) -> None:
    for seed in SEEDS[target]():
        for each in (seed, seed[: len(seed) // 2], seed + seed[1:]):
            TARGETS[target](each)


@pytest.mark.atheris
def test_fuzzing_every_target_for_a_moment_finds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--runs=100", "--seed=1", f"--folder={tmp_path}"]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == NAMES
    for name, inputs, *_, end in lines:
        assert int(inputs) >= 100
        assert end == "good"
        # It goes on from what is reached, so something of ours was instrumented.
        assert any((tmp_path / name / "corpus").iterdir())


# The oracles.


def test_pieces_are_all_of_the_input_and_always_the_same() -> None:
    for size in (0, 1, 599, 5000):
        data = bytes(index % 251 for index in range(size))
        assert b"".join(pieces(data)) == data
        assert pieces(data) == pieces(data)
        assert all(pieces(data))


def test_an_input_that_costs_too_much_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_pieces, "MOST_CPU_S", 0.0)
    with pytest.raises(AssertionError, match="of CPU"), affordable():
        pieces(bytes(5000))


def stands_all(target: str) -> None:
    for seed in SEEDS[target]():
        TARGETS[target](seed)


@pytest.mark.parametrize("target", ["chunks", "server", "session"])
def test_a_reader_for_which_the_split_matters_is_seen(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = ChunkReader.receive

    def forgetful(reader: ChunkReader, data: bytes) -> None:
        receive(reader, data if len(data) > 1 else b"")

    monkeypatch.setattr(ChunkReader, "receive", forgetful)
    with pytest.raises(AssertionError):
        stands_all(target)


@pytest.mark.parametrize("target", ["server", "session"])
def test_an_answer_without_bound_is_seen(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = Output.reply
    monkeypatch.setattr(Output, "reply", lambda self, body: reply(self, body + bytes(100_000)))
    with pytest.raises(AssertionError):
        stands_all(target)


@pytest.mark.parametrize("error", [RecursionError, MemoryError, UnicodeEncodeError])
def test_any_other_error_than_the_one_comes_out(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: ChunkReader) -> None:
        raise error("utf-8", "x", 0, 1, "no") if error is UnicodeEncodeError else error

    assert not issubclass(error, RemoteProtocolError)
    monkeypatch.setattr(ChunkReader, "next_message", fail)
    for target in ("chunks", "server", "session"):
        with pytest.raises(error):
            TARGETS[target](SEEDS[target]()[0])
