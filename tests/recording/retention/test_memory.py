"""The ledger on the disk: a memory that may be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.recording.disk import OsDisk
from recorder.recording.retention.ledger import Ledger
from recorder.recording.retention.memory import LEDGER_FILE, read_ledger, write_ledger

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_written_is_read(tmp_path: Path) -> None:
    ledger = Ledger(accepted_bytes=5)
    write_ledger(OsDisk(), tmp_path, ledger.to_bytes())
    assert read_ledger(OsDisk(), tmp_path) == ledger
    assert (tmp_path / LEDGER_FILE).stat().st_mode & 0o777 == 0o600


def test_without_a_file_or_a_folder_it_begins_anew(tmp_path: Path) -> None:
    assert read_ledger(OsDisk(), tmp_path) == Ledger()
    assert read_ledger(OsDisk(), tmp_path / "none") == Ledger()


def test_a_damaged_one_is_said_and_begins_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / LEDGER_FILE).write_text("{}")
    assert read_ledger(OsDisk(), tmp_path) == Ledger()
    assert f"{tmp_path / LEDGER_FILE}, was damaged" in caplog.text
