"""Recordings that were cut off, and what holds for each that recovery is done with."""

from __future__ import annotations

import hashlib
import os
from functools import cache, partial
from typing import TYPE_CHECKING

from recorder.flv.scanner import Scanner
from recorder.recording.actions import Appended, Opened
from recorder.recording.disk import OsDisk
from recorder.recording.hashing import sha256_of
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Manifest
from recorder.recording.recovery import Recovered, recover_recording
from recorder.recording.recovery_steps import Repaired
from recorder.recording.storage import Storage
from tests.helpers.cut_off import CREATOR, FOLDER, actions, tree
from tests.helpers.disk import RecordingDisk

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.actions import Action
    from recorder.recording.disk import Disk

ENTRY = ".recorder/open/0000001"
MANIFEST = f"{FOLDER}/recording.json"

READING = {
    "open_folder", "open_file", "open_to_repair", "close",
    "list_folder", "facts", "read", "size", "exists", "forget_cache",
}  # fmt: skip

FORGOTTEN = [f"unlink {ENTRY}", f"unlink {ENTRY}.tmp", "sync_folder .recorder/open"]


def new_storage(directory: Path) -> Path:
    initialise(directory, None, OsDisk())
    return directory


@cache
def made() -> list[Action]:
    return actions()


def recover(directory: Path, disk: Disk | None = None, path: str = FOLDER) -> Recovered:
    disk = disk or OsDisk()
    with Storage.open(directory, None, disk) as storage:
        if isinstance(disk, RecordingDisk):
            disk.operations.clear()
        return recover_recording(
            storage,
            path,
            creator=CREATOR,
            checksum=partial(sha256_of, disk),
        )


def manifest_of(directory: Path) -> Manifest:
    return Manifest.from_json((directory / MANIFEST).read_bytes())


def check_recovered(directory: Path, expected: Recovered | None = None) -> None:
    """Every promise about a recording that recovery is done with."""
    assert not (directory / ENTRY).exists()
    if not (directory / FOLDER).exists():
        return
    manifest = manifest_of(directory)
    assert manifest.end is not None
    names = set(os.listdir(directory / FOLDER))
    damaged = {name for name in names if ".damaged" in name}
    assert names - damaged == {"recording.json", *(row.file for row in manifest.segments)}
    for row in manifest.segments:
        data = (directory / FOLDER / row.file).read_bytes()
        assert row.sha256 == hashlib.sha256(data).hexdigest()
        assert row.bytes == len(data)
        scanner = Scanner()
        scanner.feed(data)
        scanner.finish()
        assert scanner.broken is None
    before = tree(directory)
    again = recover(directory)
    assert tree(directory) == before
    assert again.files == Repaired()
    assert (again.made_anew, again.was_ended, again.checksums) == (False, False, 0)
    if expected is not None:
        assert expected.manifest == manifest == again.manifest


def two_open() -> list[Action]:
    """The second segment and the third are open, both with frames."""
    third = [n for n, each in enumerate(made()) if isinstance(each, Opened)][2]
    assert isinstance(made()[third + 2], Appended)
    return [*made()[: third + 1], made()[third + 2]]
