"""How the recorder before this one ended, by the mark it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.running import RUNNING_FILE, LastEnd, begin_running, end_running
from recorder.recording.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def storage(tmp_path: Path, state: Path) -> Iterator[Storage]:
    initialise(tmp_path / "disk", state, OsDisk())
    with Storage.open(tmp_path / "disk", state, OsDisk()) as storage:
        yield storage


def test_the_first_one_follows_nobody(storage: Storage, state: Path) -> None:
    assert begin_running(storage, state, "boot") is None
    assert (state / RUNNING_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("boot", "end"), [("boot", LastEnd.CRASH), ("another", LastEnd.POWER)])
def test_one_that_left_its_mark_has_crashed_or_lost_its_power(
    storage: Storage, state: Path, boot: str, end: LastEnd
) -> None:
    begin_running(storage, state, "boot")
    end_running(storage, state)
    # That one before it ended in order does not count any more.
    begin_running(storage, state, "boot")
    assert begin_running(storage, state, boot) is end
    # That is told once: this one has begun.
    end_running(storage, state)
    assert begin_running(storage, state, boot) is LastEnd.CLEAN


def test_one_that_ends_in_order_leaves_none(storage: Storage, state: Path) -> None:
    begin_running(storage, state, "boot")
    end_running(storage, state)
    end_running(storage, state)
    assert not (state / RUNNING_FILE).exists()


def test_a_damaged_mark_is_a_mark(storage: Storage, state: Path) -> None:
    (state / RUNNING_FILE).write_bytes(b"\xff\x00")
    assert begin_running(storage, state, "boot") is LastEnd.POWER
