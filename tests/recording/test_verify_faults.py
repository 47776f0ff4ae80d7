"""Recordings on a disk that fails while they are verified."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from recorder.recording.findings import Kind
from recorder.recording.refusals import StorageError
from recorder.recording.verify import verify_recording
from tests.helpers.disk import FailingDisk, RecordingDisk
from tests.helpers.recorded import lesson, record
from tests.recording.verifying import (
    FOLDER,
    NAMES,
    findings,
    made,
    opened,
    told,
    unfinished,
    verify,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(directory: Path) -> Path:
    """A finished recording."""
    return record(directory, made())


class _Refusing(RecordingDisk):
    """One operation fails on one place, always."""

    def __init__(self, refused: str, error: int = errno.EIO) -> None:
        super().__init__()
        self._refused = refused
        self._error = error

    def perform(self, operation, subject, action):  # type: ignore[no-untyped-def]
        if f"{operation} {subject}".endswith(self._refused):
            raise OSError(self._error, os.strerror(self._error), subject)
        return super().perform(operation, subject, action)


@pytest.mark.parametrize(
    ("refused", "place"),
    [
        ("list_folder room101", "room101"),
        ("open_folder room101/2026-11-22", "room101/2026-11-22"),
        (f"open_folder {FOLDER}", FOLDER),
        (f"list_folder {FOLDER}", FOLDER),
        (f"open_file {FOLDER}/recording.json", f"{FOLDER}/recording.json"),
        (f"open_file {FOLDER}/0002.flv", f"{FOLDER}/0002.flv"),
        (f"size {FOLDER}/0002.flv", f"{FOLDER}/0002.flv"),
        (f"read {FOLDER}/0002.flv", f"{FOLDER}/0002.flv"),
        ("open_folder .recorder", ".recorder/open"),
        ("open_folder .recorder/open", ".recorder/open"),
        ("open_file .recorder/open/0000001", FOLDER),
    ],
)
def test_what_cannot_be_read_is_a_finding_that_names_it(
    refused: str, place: str, directory: Path, folder: Path
) -> None:
    record(directory, made(), room="b")
    found = verify(directory, _Refusing(refused))
    damage = [
        ("/".join(filter(None, (verified.path, each.file))), each)
        for verified in found
        for each in verified.damage
    ]
    assert [where for where, _ in damage] == [place]
    finding = damage[0][1]
    assert finding.kind is Kind.UNREADABLE
    assert finding.text.endswith("(Input/output error); check the disk and its cable or card.")
    assert found[-1].is_recording or place in ("room101", "room101/2026-11-22", FOLDER)


def test_a_recording_whose_entry_cannot_be_read_is_not_called_cut_off(directory: Path) -> None:
    unfinished(directory)
    disk = _Refusing("open_file .recorder/open/0000001")
    assert told(directory, disk) == [(Kind.UNREADABLE, ""), (Kind.OPEN, "")]


def test_what_another_user_may_not_read_is_said_so(directory: Path, folder: Path) -> None:
    disk = _Refusing("open_folder .recorder/open", errno.EACCES)
    (found,) = findings(directory, disk)
    assert found.text == (
        "cannot be read (Permission denied); run this as the user of the recorder, or as root."
    )


def test_where_a_read_fails_in_the_middle_the_second_is_named(directory: Path) -> None:
    folder = record(directory, lesson(end_ms=900, size=60_000))

    class Torn(RecordingDisk):
        def read(self, file: int, size: int, offset: int) -> bytes:
            if offset >= 1 << 20:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(file, size, offset)

    (found,) = findings(folder, Torn())
    assert (found.kind, found.at_byte) == (Kind.UNREADABLE, 1 << 20)
    assert found.at_ms is not None
    assert 500 < found.at_ms < 900


def test_a_cache_that_cannot_be_dropped_is_nothing_to_tell(directory: Path, folder: Path) -> None:
    for name in NAMES:
        assert told(directory, _Refusing(f"forget_cache {FOLDER}/{name}")) == []


@pytest.mark.unmeasured
def test_every_operation_that_fails_gives_a_finding_or_a_sentence(directory: Path) -> None:
    record(directory, made()[:-2], is_finished=False)
    record(directory, made(), room="b")
    count = _operations(directory)
    for n in range(1, count + 1):
        disk = FailingDisk()
        disk.arm(n)
        try:
            damage = [each for verified in verify(directory, disk) for each in verified.damage]
        except StorageError:
            continue
        assert disk.failed is not None
        if not disk.failed.startswith(("forget_cache", "facts", "close")):
            # The survey only counts; whoever reads meets the disk once more.
            assert damage or disk.failed.startswith(("open_folder", "list_folder")), disk.failed


@pytest.mark.unmeasured
def test_every_read_that_fails_is_a_finding(folder: Path) -> None:
    with opened(folder) as descriptor:
        counting = RecordingDisk()
        verify_recording(counting, descriptor, FOLDER)
        for n, operation in enumerate(counting.operations, 1):
            disk = FailingDisk()
            disk.arm(n)
            verified = verify_recording(disk, descriptor, FOLDER)
            if not operation.startswith("forget_cache"):
                assert [each.kind for each in verified.damage] == [Kind.UNREADABLE], operation


def _operations(directory: Path) -> int:
    disk = RecordingDisk()
    verify(directory, disk)
    return len(disk.operations)
