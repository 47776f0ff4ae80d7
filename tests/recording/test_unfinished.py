"""The entries of unfinished recordings, as a start reads them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.storage import Storage
from recorder.recording.unfinished import read_entries
from tests.helpers.cut_off import FOLDER
from tests.helpers.disk import FailingDisk

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_entries_come_by_number_and_those_that_were_cut_short_by_name(directory: Path) -> None:
    entries = directory / ".recorder/open"
    for number in (10_000_000, 2):
        folder = f"room101/2026-11-22/{number:07}-103000Z"
        (entries / f"{number:07}").write_bytes(Entry(folder=folder).to_bytes())
    (entries / "0000003").write_bytes(b"")
    (entries / "0000004").write_bytes(Entry(folder=FOLDER).to_bytes())
    (entries / "notes").write_bytes(b"")
    with Storage.open(directory, None, OsDisk()) as storage:
        found = [each if isinstance(each, str) else each.number for each in read_entries(storage)]
    assert found == [2, "0000003", "0000004", 10_000_000]


def test_an_entry_that_the_disk_does_not_give_keeps_no_other_from_being_read(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        folder = f"room101/2026-11-22/{number:07}-103000Z"
        entry = directory / f".recorder/open/{number:07}"
        entry.write_bytes(Entry(folder=folder).to_bytes())
    disk = FailingDisk()
    with Storage.open(directory, None, disk) as storage, caplog.at_level(logging.WARNING):
        disk.arm(2)
        found = read_entries(storage)
    assert [each if isinstance(each, str) else each.number for each in found] == ["0000001", 2]
    assert caplog.messages == [
        (
            "The entry 0000001 of an unfinished recording cannot be read: "
            "[Errno 5] Input/output error: '.recorder/open/0000001'"
        )
    ]
