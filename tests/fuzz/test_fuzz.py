"""Every target stands its seeds, and a short fuzzing; and each oracle sees what it is there for.

A machine without atheris has the seeds. `make fuzz` is the long run.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING

import h11
import pytest

from recorder.amf import encode_values
from recorder.amf.source import Source
from recorder.flv.parameters import TrackParameters
from recorder.recording.waiting import Waiting
from recorder.rtmp import PlayEnded, PlayRequested, RemoteProtocolError
from recorder.rtmp.chunk_headers import ChunkHeaders
from recorder.rtmp.chunks import ChunkReader
from recorder.rtmp.digest import find_digest
from recorder.rtmp.output import Output
from recorder.rtmp.relay import RelayEncoder
from recorder.status import login
from recorder.status.operations import Operations
from recorder.status.pages import Pages
from tests.fuzz import media
from tests.fuzz import pieces as all_pieces
from tests.fuzz.__main__ import TARGETS as NAMES
from tests.fuzz.conversation import hear
from tests.fuzz.pieces import affordable, pieces
from tests.fuzz.script import read_script
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS
from tests.helpers.program import CHECKOUT
from tests.rtmp.test_bounds import interleaved

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.hold import Held
    from recorder.rtmp.chunk_stream import ChunkStream


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


def test_a_reader_that_looks_at_bytes_again_and_again_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = ChunkHeaders.read

    def curious(headers: ChunkHeaders, data: bytes, at: int) -> ChunkStream | None:
        assert len(data[at:]) >= 0
        return read(headers, data, at)

    monkeypatch.setattr(ChunkHeaders, "read", curious)
    with pytest.raises(AssertionError, match="again and again"):
        TARGETS["chunks"](b"\0" + interleaved(1, 2000))


def test_references_that_are_not_counted_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Source, "charge_repeated", lambda *_: None)
    with pytest.raises(AssertionError):
        TARGETS["amf0"](encode_values([None] * 100) + b"\x07\0\0" * 2000)


@pytest.mark.parametrize("target", ["server", "session"])
def test_an_answer_without_bound_is_seen(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = Output.reply
    monkeypatch.setattr(Output, "reply", lambda self, body: reply(self, body + bytes(100_000)))
    with pytest.raises(AssertionError):
        stands_all(target)


@pytest.mark.parametrize("target", ["server", "session"])
def test_an_answer_that_is_no_whole_message_is_seen(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Output.take
    monkeypatch.setattr(Output, "take", lambda self: take(self)[:-1])
    with pytest.raises(AssertionError):
        stands_all(target)


def test_a_frame_for_a_player_that_is_no_whole_message_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encode = RelayEncoder.encode
    monkeypatch.setattr(RelayEncoder, "encode", lambda *arguments: encode(*arguments)[:-1])
    with pytest.raises(AssertionError):
        stands_all("session")


def test_a_player_among_the_seeds_is_answered_and_leaves() -> None:
    said = [hear(*read_script(seed), cut=lambda data: [data]) for seed in SEEDS["session"]()]
    events = [type(event) for each in said for event in each.events]
    assert events.count(PlayRequested) > events.count(PlayEnded) > 2
    assert any(find_digest(seed[1:1537]) for seed in SEEDS["handshake"]())


def test_somebody_who_does_what_he_may_not_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Operations, "answer", lambda self, request: self._download(request, "", ""))
    with pytest.raises(AssertionError):
        stands_all("page")


def test_a_password_that_nobody_knows_and_is_right_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "is_password", lambda *_: True)
    with pytest.raises(AssertionError, match="nobody knows"):
        stands_all("page")


def test_a_request_of_which_the_split_matters_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    receive = h11.Connection.receive_data

    def forgetful(connection: h11.Connection, data: bytes) -> None:
        receive(connection, data.replace(b"chunked", b"nothing"))

    monkeypatch.setattr(h11.Connection, "receive_data", forgetful)
    with pytest.raises(AssertionError):
        stands_all("page")


def test_a_fault_of_ours_behind_the_page_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pages, "answer", lambda *_: 1 // 0)
    with pytest.raises(AssertionError, match="a fault of ours"):
        stands_all("page")


def test_a_frame_that_is_in_no_file_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, turns = Waiting.frame, itertools.count(1)

    def forgetful(waiting: Waiting, held: Held, now_ms: int) -> None:
        if next(turns) % 5:
            frame(waiting, held, now_ms)

    monkeypatch.setattr(Waiting, "frame", forgetful)
    with pytest.raises(AssertionError):
        stands_all("segments")


def test_a_picture_that_cannot_be_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        media, "parameters", lambda *_: TrackParameters(codec="", width=0, height=1)
    )
    with pytest.raises(AssertionError):
        stands_all("codecs")


def test_tracks_that_do_not_come_apart_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "split_tracks", lambda _, body: [body])
    with pytest.raises(AssertionError):
        stands_all("codecs")


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
