"""SIGKILL at random moments while real encoders publish: what is left is repaired and complete.

Each chain is one storage and one program that is killed again and again, under two rooms in real
time, and started again on the same folder and port. After every kill the storage is copied; on
the copy recovery is done by hand, twice. The original goes on: the program that is started again
repairs behind its own back while the encoders are back already, and both rooms end with one
recording.

With RECORDER_LONG_TESTS=1 in the environment hundreds of kills instead of twelve.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.helpers import packets
from tests.helpers.encoders import begin, sent_by
from tests.helpers.faults.disks import run
from tests.helpers.ports import kept_port
from tests.helpers.program import Recorder, command, eventually, run_recorder
from tests.real import said
from tests.real.aftermath import (
    Stored,
    at_rest,
    check_nothing_open,
    check_recovery,
    check_safe,
    recordings,
    verify,
)
from tests.real.pieces import cover, locate

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.packets import Tracks

pytestmark = pytest.mark.real

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

CHAINS = 3
"""At once: most of their time they wait for the next kill."""

KILLS = (300 if LONG else 12) // CHAINS

ROOMS = ["hall", "lab"]

LIVE_AT_MOST_S = 2.4

# Short, so that many of the kills meet the end of one file and the beginning of the next.
SEGMENTS = {"duration": "1s"}

BATCH_S = 1.0
"""What a killed program may lose."""

UNDERWAY_S = 1.0
"""What the encoder, two sockets and a busy machine hold besides; ffmpeg begins to read late."""


@attrs.frozen
class Kill:
    """What one kill left.

    Attributes:
        live_s: how long both encoders had been publishing.
        log: what the program had said.
    """

    stored: Stored
    live_s: float
    log: list[str]


async def test_after_any_kill_everything_is_repaired_and_the_recording_goes_on(
    tmp_path: Path, sources: Sources
) -> None:
    source = sources.get("h264-aac", 12)
    # Once for all: what the encoder sends is the same every time.
    sent = await sent_by(source, tmp_path).reference()
    with ExitStack() as kept:
        async with trio.open_nursery() as nursery:
            for number in range(CHAINS):
                folder = tmp_path / f"chain{number}"
                folder.mkdir()
                # No other chain's page may get it while the program of this one is dead.
                port, chance = kept.enter_context(kept_port()), random.Random(number)
                nursery.start_soon(kill_again_and_again, folder, port, source, sent, chance)


def started(folder: Path, port: int) -> AbstractAsyncContextManager[Recorder]:
    return run_recorder(
        folder,
        ROOMS,
        initialise=not (folder / "recordings").exists(),
        port=port,
        segments=SEGMENTS,
        storage={"sync_interval": "1s"},
        log={"level": "debug"},
    )


async def kill_again_and_again(
    folder: Path, port: int, source: Path, sent: Tracks, chance: random.Random
) -> None:
    kills: list[Kill] = []
    for number in range(KILLS):
        moment_s = chance.uniform(0.05, LIVE_AT_MOST_S)
        at_a_cut = number % 2 == 1
        async with (
            started(folder, port) as recorder,
            trio.open_nursery() as nursery,
        ):
            for room in ROOMS:
                start(nursery, recorder, room, source)
            for room in ROOMS:
                await recorder.line(said.publishes(room))
            since_s = time.monotonic()
            if number == 0 or at_a_cut:
                # The first one leaves something to continue; others wait for a file's end.
                await recorder.line(said.closed("hall"))
                await trio.sleep(moment_s / 50)
            else:
                await trio.sleep(moment_s)
            await recorder.kill()
            live_s = time.monotonic() - since_s
            nursery.cancel_scope.cancel()
        kills.append(Kill(copied(folder, number), live_s, list(recorder.lines)))
    await come_to_the_end(folder, port, source)
    await check_kills(kills, sent)


def start(nursery: trio.Nursery, recorder: Recorder, room: str, source: Path) -> None:
    begin(nursery, source, recorder.url(room), recorder.folder / "unused.flv", must_succeed=False)


def copied(folder: Path, number: int) -> Stored:
    """The storage as the kill left it, elsewhere; one file under two names stays one."""
    copy = folder / f"kill{number:03}"
    run("cp", "--archive", "--sparse=always", folder / "recordings", copy)
    return at_rest(folder / f"config{number:03}", copy, ROOMS)


async def come_to_the_end(folder: Path, port: int, source: Path) -> None:
    """The encoders come back once more and say good-bye."""
    async with started(folder, port) as recorder:
        async with trio.open_nursery() as nursery:
            for room in ROOMS:
                begin(nursery, source, recorder.url(room), folder / "unused.flv", pace=None)
        for room in ROOMS:
            await recorder.line(said.ended(room))
        unfinished = folder / "recordings" / ".recorder" / "open"
        await eventually(lambda: not list(unfinished.iterdir()), what="all recordings finished")
        await recorder.stop()
    stored = at_rest(folder / "end", folder / "recordings", ROOMS)
    check_nothing_open(stored.folder)
    await verify(stored)
    for room in ROOMS:
        whole = [found for found in recordings(stored.folder, room) if found.segments]
        assert len(whole) == 1, f"{room} was not continued: {[found.folder for found in whole]}"
        assert whole[0].manifest["end_reason"] == "unpublished"


async def check_kills(kills: list[Kill], sent: Tracks) -> None:
    for kill in kills:
        await check_recovery(kill.stored)
    for room in ROOMS:
        await check_room(kills, room, sent)


async def check_room(kills: list[Kill], room: str, sent: Tracks) -> None:
    """After each kill the files that are new hold the beginning of what was sent, up to a batch;
    the others are what they were."""
    known: dict[str, str] = {}
    contents: dict[str, Tracks] = {}
    for number, kill in enumerate(kills):
        found = recordings(kill.stored.folder, room)
        for recording in found[-1:]:
            check_safe(kill.log, recording)
        files = {
            path.relative_to(kill.stored.folder).as_posix(): path
            for recording in found
            for path in recording.segments
        }
        assert set(known) <= set(files), f"kill {number}: {room} lost files"
        new = []
        for name, path in files.items():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if known.get(name) == digest:
                continue
            tracks = await packets.read_tracks(path)
            if name in known:
                # Repaired twice, here and by the program itself: the same frames.
                assert tracks == contents[name], name
            else:
                new.append(tracks)
            known[name], contents[name] = digest, tracks
        reached = cover(sent, [locate(sent, tracks) for tracks in new])
        assert reached.holes == [], f"kill {number}: {room}"
        lost_s = kill.live_s - reached.reach_ms / 1000
        assert lost_s < BATCH_S + UNDERWAY_S, f"kill {number}: {room} lost {lost_s:.2f} s"


async def test_a_kill_while_nobody_publishes_leaves_nothing_to_repair(tmp_path: Path) -> None:
    async with run_recorder(tmp_path, ROOMS) as recorder:
        await recorder.kill()
    stored = at_rest(tmp_path / "end", tmp_path / "recordings", ROOMS)
    await check_recovery(stored)
    listed = await command("list", "--config", stored.config, cwd=tmp_path)
    assert listed.code == 0, listed.err
