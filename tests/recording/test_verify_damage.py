"""Recordings on a real folder that are damaged in every way there is."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.flv.scanner import Scanner
from recorder.recording.findings import Kind
from tests.helpers.recorded import lesson, record, rewrite_manifest
from tests.recording.verifying import NAMES, change, findings, made, told

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(directory: Path) -> Path:
    """A finished recording."""
    return record(directory, made())


def test_a_changed_byte_of_a_picture_is_found_by_the_checksum(folder: Path) -> None:
    change(folder / "0002.flv", -40)
    assert told(folder) == [(Kind.CHECKSUM, "0002.flv")]


def test_a_changed_byte_of_a_tag_header_is_found_with_its_second(directory: Path) -> None:
    folder = record(directory, lesson(end_ms=900))
    file = folder / "0001.flv"
    scanner = Scanner()
    broken = next(tag for tag in scanner.feed(file.read_bytes()) if tag.timestamp == 480)
    change(file, broken.offset, 0x40)
    structure, checksum = findings(folder)
    assert (structure.kind, checksum.kind) == (Kind.STRUCTURE, Kind.CHECKSUM)
    assert structure.at_ms == 460
    assert structure.text.startswith(f"breaks at 0:00 (byte {broken.offset}): ")


def test_a_file_that_was_cut_off_is_found(folder: Path) -> None:
    os.truncate(folder / "0003.flv", 35_000)
    assert told(folder) == [(Kind.SIZE, "0003.flv"), (Kind.STRUCTURE, "0003.flv")]
    os.truncate(folder / "0003.flv", 0)
    assert told(folder) == [(Kind.SIZE, "0003.flv"), (Kind.STRUCTURE, "0003.flv")]


def test_a_file_that_grew_is_found(folder: Path) -> None:
    with (folder / "0003.flv").open("ab") as file:
        file.write(b"\0")
    assert told(folder) == [(Kind.SIZE, "0003.flv"), (Kind.STRUCTURE, "0003.flv")]


def test_a_file_that_is_missing_is_found(folder: Path) -> None:
    (folder / "0003.flv").unlink()
    (found,) = findings(folder)
    assert (found.kind, found.file) == (Kind.MISSING, "0003.flv")
    assert found.text == "is in the manifest, and the file is missing."


@pytest.mark.parametrize("is_hashed", [True, False])
def test_two_files_that_changed_places_are_found(is_hashed: bool, directory: Path) -> None:
    folder = record(directory, made(), is_hashed=is_hashed)
    second, third = ((folder / name).read_bytes() for name in ("0002.flv", "0003.flv"))
    (folder / "0002.flv").write_bytes(third)
    (folder / "0003.flv").write_bytes(second)
    damaged = {each.file for each in findings(folder) if each.is_damage}
    assert damaged == {"0002.flv", "0003.flv"}


def test_a_header_that_lies_is_found_also_where_the_checksum_is_right(directory: Path) -> None:
    folder = record(directory, made(), is_hashed=False)
    file = folder / "0001.flv"
    change(file, file.read_bytes().index(b"filesize") + len(b"filesize") + 4, 0x10)
    assert told(folder)[:2] == [(Kind.HEADER, "0001.flv"), (Kind.NOT_HASHED, "0001.flv")]


@pytest.mark.parametrize("content", [b"", b"\0" * 300, b'{"version": 2}', b"{" * 10_000])
def test_a_damaged_manifest_is_found_and_the_files_are_read_all_the_same(
    content: bytes, folder: Path
) -> None:
    (folder / "recording.json").write_bytes(content)
    change(folder / "0004.flv", 0)
    assert told(folder) == [(Kind.MANIFEST, "recording.json"), (Kind.STRUCTURE, "0004.flv")]


def test_a_missing_manifest_is_found(folder: Path) -> None:
    (folder / "recording.json").unlink()
    (found,) = findings(folder)
    assert found.text == (
        "is missing; run `recorder recover` on the recording, which makes it anew."
    )
    for name in NAMES:
        (folder / name).unlink()
    (found,) = findings(folder)
    assert found.text == "is missing, and so is everything else."


def test_the_manifest_of_another_recording_is_found(directory: Path, folder: Path) -> None:
    other = record(directory, made())
    shutil.copy(folder / "recording.json", other / "recording.json")
    (found,) = findings(other)
    assert (found.kind, found.file) == (Kind.MANIFEST, "recording.json")
    assert found.text == "is that of recording 1, in the folder of recording 2."


@pytest.mark.parametrize(("times", "text"), [(2, "names 1 segment twice."), (3, "names 2 seg")])
def test_a_segment_with_two_rows_is_found(times: int, text: str, folder: Path) -> None:
    rows = rewrite_manifest(folder).segments
    rewrite_manifest(folder, segments=rows + rows[-1:] * (times - 1))
    (found,) = findings(folder)
    assert found.kind is Kind.MANIFEST
    assert found.text.startswith(text)


def test_a_segment_without_a_row_is_found_and_read(folder: Path) -> None:
    rewrite_manifest(folder, segments=rewrite_manifest(folder).segments[:3])
    assert told(folder) == [(Kind.UNMENTIONED, "0004.flv")]
    change(folder / "0004.flv", 0)
    assert told(folder) == [(Kind.UNMENTIONED, "0004.flv"), (Kind.STRUCTURE, "0004.flv")]


def test_what_recovery_could_not_read_is_damage_until_somebody_removes_it(folder: Path) -> None:
    for name in ("0005.flv.damaged", "0005.flv.damaged.2", "recording.json.damaged"):
        (folder / name).write_bytes(b"?")
        assert told(folder) == [(Kind.SET_ASIDE, name)]
        (folder / name).unlink()


def test_strangers_are_passed_over(folder: Path) -> None:
    for name in ("notes.txt", "KEEP", "1.flv", "0001.mp4", "recording.json.tmp", "x.damaged"):
        (folder / name).write_bytes(b"?")
    assert told(folder) == []


def test_a_link_in_place_of_a_segment_is_not_followed(folder: Path) -> None:
    (folder / "0002.flv").rename(folder / "elsewhere")
    (folder / "0002.flv").symlink_to("elsewhere")
    assert told(folder) == [(Kind.UNREADABLE, "0002.flv")]


@pytest.mark.unmeasured
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_changed_byte_of_a_recording_is_found(data: Any, folder: Path) -> None:
    file = folder / data.draw(st.sampled_from(NAMES))
    before = file.read_bytes()
    change(file, data.draw(st.integers(0, len(before) - 1)), data.draw(st.integers(1, 255)))
    try:
        assert (Kind.CHECKSUM, file.name) in told(folder)
    finally:
        file.write_bytes(before)
