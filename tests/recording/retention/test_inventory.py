"""What is ours on the disk, whether or not a manifest tells of it: nobody is sent to look for it
among the data of others."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.entries import Entry
from recorder.recording.manifest import Manifest
from recorder.recording.retention.alone import SweepAlone
from recorder.recording.retention.inventory import bytes_of
from recorder.recording.retention.rules import Rules
from recorder.recording.unfinished import create_entry
from tests.recording.retention.shelf import MIB, LivePart, Shelf, open_shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder.recording.disk import FileFacts


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path) as found:
        yield found


def fill(folder: Path, name: str, size: int) -> None:
    with (folder / name).open("wb") as file:
        file.truncate(size)


def manifest_of(folder: Path) -> Manifest:
    return Manifest.from_json((folder / "recording.json").read_bytes())


async def counted(shelf: Shelf) -> tuple[int | None, bool]:
    """The bytes that the sweep holds for somebody else's, and whether these fill the disk."""
    await shelf.sweeper.sweep()
    return shelf.watch.foreign.bytes, shelf.watch.foreign.fills


async def test_what_no_manifest_on_the_disk_tells_of_a_live_recording_is_ours(
    shelf: Shelf,
) -> None:
    """A full disk takes no manifest either, while much is closed and written off."""
    shelf.ledger.accepted_bytes = 0
    folder = shelf.add(1, size=800 * MIB, segments=8, end=None, end_reason=None)
    manifest = manifest_of(folder)
    known = attrs.evolve(manifest, segments=manifest.segments[:7])
    (folder / "recording.json").write_bytes(known.to_json())
    fill(folder, "0009.flv.part", 80 * MIB)
    shelf.live.append(LivePart(1, manifest, open_bytes=80 * MIB, spares=True))
    fill(shelf.add(2, size=100 * MIB), "0003.flv.part", 0)
    assert await counted(shelf) == (0, False)
    # When its manifest is saved at last, nothing counts twice.
    (folder / "recording.json").write_bytes(manifest.to_json())
    shelf.disk.foreign = 3 * MIB
    assert await counted(shelf) == (3 * MIB, False)


async def test_what_waits_for_its_repair_after_a_power_cut_is_ours(shelf: Shelf) -> None:
    shelf.ledger.accepted_bytes = 0
    folder = shelf.add(1, size=700 * MIB, end=None, end_reason=None)
    fill(folder, "0003.flv.part", 280 * MIB)
    fill(folder, "somebody.mp4", 0)
    shelf.in_hand = {shelf.path_of(folder), f"{shelf.path_of(folder)}/0002.flv", "entry 0000009"}
    assert await counted(shelf) == (0, False)
    shelf.disk.foreign = 5 * MIB
    assert (await counted(shelf))[0] == 5 * MIB
    # So too where its publisher goes on with it.
    shelf.live.append(LivePart(1, manifest_of(folder)))
    assert (await counted(shelf))[0] == 5 * MIB


async def test_a_row_of_a_recording_that_is_deleted_is_not_taken_off_twice(shelf: Shelf) -> None:
    folder = shelf.add(1, size=100 * MIB)
    shelf.hand.gone.add(1)
    shelf.live.append(LivePart(1, manifest_of(folder)))
    assert (await counted(shelf))[0] == 0


def test_two_names_of_one_file_count_once_and_files_of_others_do_not(shelf: Shelf) -> None:
    folder = shelf.add(1, size=10 * MIB)
    os.link(folder / "0002.flv", folder / "0002.flv.part")
    fill(folder, "0003.flv.damaged", 3 * MIB)
    fill(folder, "somebody.mp4", 100 * MIB)
    folders = {1: shelf.path_of(folder), 2: "hall/2026-11-22/0000002-103000Z"}
    assert bytes_of(shelf.disk, shelf.storage.root, folders) == {1: 13 * MIB}


def test_a_file_that_goes_meanwhile_and_a_folder_that_cannot_be_read_spoil_no_count(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {number: shelf.path_of(shelf.add(number)) for number in (1, 2)}
    facts, errors = shelf.disk.facts, [errno.ENOENT]

    def sick(folder: int, name: str) -> FileFacts:
        if name == "0001.flv" and errors:
            raise OSError(errors[0], os.strerror(errors.pop(0)))
        return facts(folder, name)

    monkeypatch.setattr(shelf.disk, "facts", sick)
    root = shelf.storage.root
    assert bytes_of(shelf.disk, root, folders) == {1: 5 * MIB, 2: 10 * MIB}
    errors.append(errno.EIO)
    assert bytes_of(shelf.disk, root, folders) == {2: 10 * MIB}


def test_a_sweep_without_a_recorder_knows_what_waits_for_its_repair(shelf: Shelf) -> None:
    folder = shelf.add(1, size=700 * MIB, end=None, end_reason=None)
    fill(folder, "0003.flv.part", 280 * MIB)
    create_entry(shelf.storage, Entry(folder=shelf.path_of(folder)))
    fill(shelf.storage.directory / ".recorder/open", "0000002", 0)
    shelf.disk.foreign = 4 * MIB
    state = shelf.storage.directory / ".recorder"
    sweep = SweepAlone(shelf.storage, Rules(), shelf.clock, state)
    sweep.watch.ledger.accepted_bytes = 0
    sweep.plan()
    assert (sweep.watch.foreign.bytes, sweep.watch.foreign.fills) == (4 * MIB, False)
