"""A segment that was written off, made whole again from whatever the error left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.salvage import Salvaged
from recorder.recording.storage import Storage
from recorder.recording.written_off import WrittenOff, make_whole
from tests.helpers.recorded import lesson, record

if TYPE_CHECKING:
    from pathlib import Path

PART, FINAL, ASIDE = "0001.flv.part", "0001.flv", "0001.flv.damaged"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording whose first segment has its name."""
    initialise(tmp_path, None, OsDisk())
    return record(tmp_path, lesson())


def made_whole(directory: Path, folder: Path, *, is_suspect: bool = False) -> Salvaged:
    part = WrittenOff(
        path=folder.relative_to(directory).as_posix(),
        file=1,
        landed_bytes=1 << 30,
        is_suspect=is_suspect,
        position_ms=5000,
    )
    with Storage.open(directory, None, OsDisk()) as storage:
        return make_whole(storage, part, creator="test")


def first_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("0001.*"))


def test_a_part_gets_its_name(tmp_path: Path, folder: Path) -> None:
    (folder / FINAL).rename(folder / PART)
    row = made_whole(tmp_path, folder, is_suspect=True).row
    assert row is not None
    assert (row.file, row.suspect) == (FINAL, True)
    assert first_names(folder) == [FINAL]


def test_of_two_names_the_final_one_stays(tmp_path: Path, folder: Path) -> None:
    (folder / PART).hardlink_to(folder / FINAL)
    size = (folder / FINAL).stat().st_size
    row = made_whole(tmp_path, folder).row
    assert row is not None
    assert (row.file, row.bytes) == (FINAL, size)
    assert first_names(folder) == [FINAL]


def test_a_file_of_somebody_else_with_that_name_is_left_alone(tmp_path: Path, folder: Path) -> None:
    (folder / FINAL).rename(folder / PART)
    (folder / FINAL).write_bytes(b"of somebody else")
    assert made_whole(tmp_path, folder) == Salvaged(None, damaged=True)
    assert (folder / FINAL).read_bytes() == b"of somebody else"
    assert first_names(folder) == [FINAL, ASIDE]


def test_of_a_recording_that_is_gone_there_is_nothing_to_make_whole(
    tmp_path: Path, folder: Path
) -> None:
    folder.rename(tmp_path / "elsewhere")
    assert made_whole(tmp_path, folder) == Salvaged(None)
