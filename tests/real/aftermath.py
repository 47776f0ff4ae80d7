"""What must be true of a storage after any kill, power cut or failure, and of what it holds.

Owns the promises as checks: recovery leaves nothing half done, a second recovery changes nothing,
`verify` finds nothing wrong, what was said to be safe is there, and what is there of a publish is
its beginning. Works on the folders and the command line; imports nothing of the program.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

import attrs

from tests.helpers import packets
from tests.helpers.program import (
    Recording,
    command,
    configuration,
    eventually,
    write_configuration,
)
from tests.real import said
from tests.real.pieces import Coverage, cover, locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.helpers.packets import Tracks
    from tests.helpers.program import Recorder

OF_THE_MOMENT = re.compile(r"\.recorder/(lock|alive|catalogue\.sqlite3.*)")
"""Files that say who runs and when, and the cache: no recording is in them."""


@attrs.frozen
class Stored:
    """A storage that no recorder is running on, with a configuration to call commands by."""

    folder: Path
    config: Path


def at_rest(folder: Path, storage: Path, rooms: Iterable[str]) -> Stored:
    """Make the configuration for a storage that lies anywhere.

    Args:
        folder: where the configuration goes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = configuration(folder, rooms, 1, storage={"directory": str(storage)})
    return Stored(storage, write_configuration(folder / "at-rest.yaml", content))


def fingerprints(storage: Path) -> dict[str, str]:
    """Every file of a storage with the SHA-256 of its bytes; folders have none."""
    found = {}
    for path in sorted(storage.rglob("*")):
        name = path.relative_to(storage).as_posix()
        if not OF_THE_MOMENT.fullmatch(name):
            is_file = path.is_file()
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else ""
    return found


async def recover(stored: Stored) -> None:
    done = await command("recover", "--config", stored.config, cwd=stored.config.parent)
    assert done.code == 0, done.out + done.err


async def verify(stored: Stored) -> None:
    """`verify` has looked at everything there is, and finds it whole, finished and summed up. So do
    we, as far as that can be done without reading media."""
    done = await command("verify", "--json", "--config", stored.config, cwd=stored.config.parent)
    assert done.code == 0, done.out + done.err
    found = json.loads(done.out)
    there = recordings(stored.folder)
    assert found["recordings"] == len(there)
    assert found["segments"] == sum(len(recording.segments) for recording in there)
    assert (found["damaged"], found["open"], found["not_hashed"]) == (0, 0, 0), found["findings"]
    for recording in there:
        for path, row in zip(recording.segments, recording.manifest["segments"], strict=True):
            content = path.read_bytes()
            assert len(content) == row["bytes"], path
            assert hashlib.sha256(content).hexdigest() == row["sha256"], path


async def finished(recorder: Recorder) -> None:
    """Wait until everything that has ended is repaired and summed up; stop it, and look at all."""
    unfinished = recorder.storage / ".recorder" / "open"
    await eventually(lambda: not list(unfinished.iterdir()), what="all recordings finished")
    await recorder.stop()
    check_nothing_open(recorder.storage)
    await verify(at_rest(recorder.folder / "at-rest", recorder.storage, recorder.config["rooms"]))


async def check_recovery(stored: Stored) -> None:
    """Recovery by hand repairs everything, once and for all."""
    await recover(stored)
    recovered = fingerprints(stored.folder)
    check_nothing_open(stored.folder)
    await recover(stored)
    assert fingerprints(stored.folder) == recovered
    await verify(stored)


def is_of_the_state(path: Path) -> bool:
    """Whether it is what a killed program was about to replace a file of its state with, as it does
    with alarms: the next one removes that, and recovery touches nothing there."""
    return path.parent.name == ".recorder"


def check_nothing_open(storage: Path) -> None:
    assert list((storage / ".recorder" / "open").iterdir()) == []
    assert (left := list(storage.rglob("*.part"))) == [], left
    assert (left := [path for path in storage.rglob("*.tmp") if not is_of_the_state(path)]) == [], (
        left
    )
    for recording in recordings(storage):
        manifest = recording.manifest
        assert manifest["end"] is not None
        there = [path.name for path in recording.segments]
        assert [row["file"] for row in manifest["segments"]] == there


def recordings(storage: Path, room: str = "*") -> list[Recording]:
    """By number."""
    found = [Recording(path.parent) for path in storage.glob(f"{room}/*/*/recording.json")]
    return sorted(found, key=lambda recording: recording.folder.name)


def check_safe(log: Iterable[str], recording: Recording) -> int:
    """What a log of level debug said to be safe is in the files; gives how often it said so.

    Appends are whole tags, so a file that was cut behind its last whole tag still has them.
    """
    count = 0
    for line in log:
        found = said.SAFE.search(line)
        if found and found[1] == recording.manifest["room"]:
            count += 1
            size = (recording.folder / found[3]).stat().st_size
            assert size >= int(found[2]), f"{line!r}, and it has {size} bytes"
    return count


async def coverage(sent: Tracks, segments: Sequence[Path]) -> Coverage:
    """What of one publish these files hold, each of them an unbroken piece of it."""
    return cover(sent, [locate(sent, tracks) for tracks in await packets.read_all(segments)])


def check_rows_tell_where(recording: Recording, bases_ms: Sequence[int]) -> None:
    """The manifest's `start_ms` say where the segments of one publish lie to each other.

    Args:
        bases_ms: of the recording's last segments, where the segment begins in the publish.
    """
    rows = recording.manifest["segments"][-len(bases_ms) :]
    said = [row["start_ms"] - rows[0]["start_ms"] for row in rows]
    assert said == [base - bases_ms[0] for base in bases_ms]
