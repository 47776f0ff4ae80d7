"""Recordings that are verified while they are recorded or deleted, and those that were cut off."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from recorder.recording.disk import OsDisk
from recorder.recording.findings import Kind
from recorder.recording.storage import Storage
from recorder.recording.verify import verify_recording
from tests.helpers.disk import RecordingDisk
from tests.helpers.recorded import record, rewrite_manifest, rewrite_row
from tests.recording.verifying import (
    FOLDER,
    change,
    findings,
    made,
    opened,
    told,
    unfinished,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(directory: Path) -> Path:
    """A finished recording."""
    return record(directory, made())


def test_what_is_being_recorded_is_no_damage(directory: Path) -> None:
    with Storage.open(directory, None, OsDisk()):
        pass
    folder = unfinished(directory)
    assert (folder / "0004.flv.part").exists()
    rewrite_manifest(folder, segments=rewrite_manifest(folder).segments[:2])
    for named in (directory, directory / "room101", folder):
        assert told(named) == [(Kind.OPEN, "")]
    # Its closed segments are held to what they are.
    change(folder / "0001.flv", -30)
    assert told(folder) == [(Kind.OPEN, ""), (Kind.CHECKSUM, "0001.flv")]


def test_it_takes_no_lock_and_asks_for_none(directory: Path, folder: Path) -> None:
    with Storage.open(directory, None, OsDisk()):
        assert told(directory) == []


def test_what_was_cut_off_and_has_no_entry_is_damage(directory: Path) -> None:
    folder = unfinished(directory)
    (directory / ".recorder/open/0000001").unlink()
    assert told(directory) == [(Kind.UNFINISHED, "")]
    rewrite_manifest(folder, end="2026-11-22T10:30:03.500Z")
    assert told(directory) == [(Kind.UNFINISHED, "0004.flv.part")]


def test_a_copy_of_what_was_being_recorded_is_unfinished(directory: Path, tmp_path: Path) -> None:
    shutil.copytree(unfinished(directory), tmp_path / "copy")
    assert told(tmp_path / "copy") == [(Kind.UNFINISHED, "")]


def test_a_start_that_was_cut_off_is_no_damage(directory: Path) -> None:
    folder = unfinished(directory)
    for file in list(folder.iterdir()):
        file.unlink()
    (found,) = findings(directory)
    assert (found.kind, found.is_damage) == (Kind.OPEN, False)
    assert "has no manifest yet" in found.text


@pytest.mark.parametrize("content", [b"", b"{", b'{"folder": "b/2026-11-22/0000001-103000Z"}'])
def test_an_entry_of_something_else_names_no_recording(content: bytes, directory: Path) -> None:
    unfinished(directory)
    (directory / ".recorder/open/0000001").write_bytes(content)
    assert (Kind.UNFINISHED, "") in told(directory)


class _Acting(RecordingDisk):
    """Something happens on the disk right behind (or before) one operation."""

    def __init__(self, operation: str, act: Callable[[], object]) -> None:
        super().__init__()
        self._operation = operation
        self._act: Callable[[], object] | None = act

    def perform(self, operation, subject, action):  # type: ignore[no-untyped-def]
        if f"{operation} {subject}" == self._operation and self._act is not None:
            act, self._act = self._act, None
            act()
        return super().perform(operation, subject, action)


def test_a_segment_that_is_deleted_while_it_is_verified_is_no_damage(
    directory: Path, folder: Path
) -> None:
    def delete() -> None:
        rewrite_row(folder, 2, deleted=True)
        (folder / "0002.flv").unlink()

    disk = _Acting(f"open_file {FOLDER}/0002.flv", delete)
    (verified,) = verify(directory, disk)
    assert (verified.findings, verified.segments) == ((), 3)


def test_a_recording_that_is_removed_while_it_is_verified_is_passed_over(
    directory: Path, folder: Path
) -> None:
    def remove() -> None:
        shutil.rmtree(folder)

    for moment in (f"open_folder {FOLDER}", f"open_file {FOLDER}/recording.json"):
        if not folder.exists():
            shutil.copytree(directory / "copy", folder)
        else:
            shutil.copytree(folder, directory / "copy")
        assert verify(directory, _Acting(moment, remove)) == []
    shutil.copytree(directory / "copy", folder)
    disk = _Acting(f"open_file {FOLDER}/0003.flv", remove)
    assert verify(directory, disk) == []


def test_a_segment_that_is_named_while_it_is_verified_is_no_damage(directory: Path) -> None:
    folder = unfinished(directory)

    def finish() -> None:
        (folder / "0004.flv.part").rename(folder / "0004.flv")

    disk = _Acting(f"list_folder {FOLDER}", finish)
    kinds = {kind for kind, _ in told(directory, disk)}
    # Its header was not written: that is what is wrong with it, and not its name.
    assert Kind.UNMENTIONED not in kinds
    assert Kind.UNFINISHED not in kinds


def test_a_segment_whose_row_is_gone_as_well_is_passed_over_without_a_word(folder: Path) -> None:
    def remove() -> None:
        (folder / "0002.flv").unlink()
        (folder / "recording.json").write_bytes(b"")

    with opened(folder) as descriptor:
        disk = _Acting("open_file ?/0002.flv", remove)
        verified = verify_recording(disk, descriptor, FOLDER)
    assert [each.kind for each in verified.findings] == [Kind.MISSING]
