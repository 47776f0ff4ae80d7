"""`clock.json`: written whole, read whole, and damage gives no trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.clock_state import (
    CLOCK_FILE,
    ClockState,
    recall_clock_state,
    write_clock_state,
)
from recorder.recording.disk import OsDisk, closing
from recorder.recording.initialise import initialise
from recorder.recording.storage import Storage
from tests.helpers.clock_files import remember, remembered
from tests.helpers.disk import FailingDisk, open_descriptors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "state", [ClockState(), ClockState(withdrawn="it was set"), ClockState(confirmed_utc_ms=7)]
)
def test_what_is_written_is_read(tmp_path: Path, state: ClockState) -> None:
    remember(tmp_path, state)
    assert remembered(tmp_path) == state
    assert (tmp_path / CLOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_without_a_file_or_a_folder_nothing_was_withdrawn(tmp_path: Path) -> None:
    assert remembered(tmp_path) == ClockState()
    place, state = tmp_path / "disk", tmp_path / "state"
    initialise(place, state, OsDisk())
    with Storage.open(place, state, OsDisk()) as storage:
        remember(state, ClockState(withdrawn="it was set"))
        assert recall_clock_state(storage, state) == ClockState(withdrawn="it was set")
        assert recall_clock_state(storage, tmp_path / "missing") == ClockState()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 100_000, b'{"withdrawn": 1, "confirmed_utc_ms": null}']
)
def test_damage_is_a_withdrawal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CLOCK_FILE).write_bytes(content)
    found = remembered(tmp_path)
    assert found.withdrawn == "clock.json in the state folder is damaged"


def test_whatever_fails_the_old_or_the_new_state_is_there(tmp_path: Path) -> None:
    old, new = ClockState(withdrawn="it was set"), ClockState(confirmed_utc_ms=7)
    before = open_descriptors()
    for n in range(1, 20):
        remember(tmp_path, old)
        disk = FailingDisk()
        disk.arm(n)
        try:
            with closing(disk, disk.open_path(tmp_path)) as folder:
                write_clock_state(disk, folder, new)
        except OSError:
            assert remembered(tmp_path) in (old, new)
        else:
            assert disk.failed is None
            assert remembered(tmp_path) == new
            break
    else:
        pytest.fail("it never succeeded")
    assert open_descriptors() == before
