"""The ledger on the disk: a memory that may be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.known import META_FOLDER
from recorder.recording.retention.ledger import Ledger
from recorder.recording.retention.memory import LEDGER_FILE, read_ledger, write_ledger
from recorder.recording.storage import Storage

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_written_is_read(tmp_path: Path) -> None:
    ledger = Ledger(accepted_bytes=5)
    place, state = tmp_path / "disk", tmp_path / "state"
    initialise(place, state, OsDisk())
    with Storage.open(place, state, OsDisk()) as storage:
        write_ledger(storage, state, ledger.to_bytes())
    assert read_ledger(OsDisk(), state) == ledger
    assert (state / LEDGER_FILE).stat().st_mode & 0o777 == 0o600


def test_another_disk_under_our_path_is_not_written(tmp_path: Path) -> None:
    ledger = Ledger(accepted_bytes=5)
    place, foreign = tmp_path / "disk", tmp_path / "foreign"
    for folder in (place, foreign):
        initialise(folder, None, OsDisk())
    before = sorted(foreign.rglob("*"))
    with Storage.open(place, None, OsDisk()) as storage:
        place.rename(tmp_path / "ours")
        foreign.rename(place)
        write_ledger(storage, place / META_FOLDER, ledger.to_bytes())
    place.rename(foreign)
    assert sorted(foreign.rglob("*")) == before
    assert read_ledger(OsDisk(), tmp_path / "ours" / META_FOLDER) == ledger


def test_without_a_file_or_a_folder_it_begins_anew(tmp_path: Path) -> None:
    assert read_ledger(OsDisk(), tmp_path) == Ledger()
    assert read_ledger(OsDisk(), tmp_path / "none") == Ledger()


def test_a_damaged_one_is_said_and_begins_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / LEDGER_FILE).write_text("{}")
    assert read_ledger(OsDisk(), tmp_path) == Ledger()
    assert f"{tmp_path / LEDGER_FILE}, was damaged" in caplog.text
