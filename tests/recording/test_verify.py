"""Recordings on a real folder: whole, damaged in every way there is, and being recorded."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.flv.scanner import Scanner
from recorder.recording.disk import OsDisk
from recorder.recording.findings import Finding, Kind
from recorder.recording.refusals import StorageError
from recorder.recording.storage import Storage
from recorder.recording.verify import (
    LOOKING,
    VERIFYING,
    Verified,
    verify_folder,
    verify_recording,
)
from tests.helpers.disk import FailingDisk, RecordingDisk
from tests.helpers.recorded import lesson, record, rewrite_manifest, rewrite_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recorder.recording.actions import Action
    from recorder.recording.disk import Disk

NAMES = ["0001.flv", "0002.flv", "0003.flv", "0004.flv"]
FOLDER = "room101/2026-11-22/0000001-103000Z"


@pytest.fixture
def folder(directory: Path) -> Path:
    """A finished recording."""
    return record(directory, made())


@cache
def made() -> tuple[Action, ...]:
    return tuple(lesson())


class Watched:
    """Whoever shows how far it is."""

    def __init__(self) -> None:
        self.done: dict[str, list[int]] = {}

    @contextlib.contextmanager
    def __call__(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        counted = self.done[label] = [total, 0]

        def more(number: int) -> None:
            counted[1] += number

        yield more


def verify(folder: Path, disk: Disk | None = None) -> list[Verified]:
    return list(verify_folder(disk or OsDisk(), folder, watch=Watched()))


def findings(folder: Path, disk: Disk | None = None) -> list[Finding]:
    return [each for verified in verify(folder, disk) for each in verified.findings]


def told(folder: Path, disk: Disk | None = None) -> list[tuple[Kind, str]]:
    return [(each.kind, each.file) for each in findings(folder, disk)]


def change(file: Path, at: int, by: int = 1) -> None:
    """Flip bits of one byte; from the end where `at` is negative."""
    content = bytearray(file.read_bytes())
    content[at] ^= by
    file.write_bytes(content)


# What is whole.


def test_a_storage_as_it_was_recorded_gives_no_finding(directory: Path, folder: Path) -> None:
    record(directory, made(), room="b")
    first, second = verify(directory)
    assert (first.findings, second.findings) == ((), ())
    assert [each.path for each in (first, second)] == ["b/2026-11-22/0000002-103000Z", FOLDER]
    sizes = [(folder / name).stat().st_size for name in NAMES]
    assert (second.segments, second.bytes, second.is_recording) == (4, sum(sizes), True)


@pytest.mark.parametrize("below", ["", "room101", "room101/2026-11-22", FOLDER])
def test_a_part_of_a_storage_can_be_named(below: str, directory: Path, folder: Path) -> None:
    (folder / "0002.flv").unlink()
    (verified,) = verify(directory / below)
    assert verified.path == FOLDER
    assert [each.file for each in verified.damage] == ["0002.flv"]


@pytest.mark.parametrize(
    ("below", "copy", "path"),
    [
        ("", "backup", FOLDER),
        ("room101", "old room", "2026-11-22/0000001-103000Z"),
        ("room101/2026-11-22", "2026-11-22", "0000001-103000Z"),
        ("room101/2026-11-22", "a day", "0000001-103000Z"),
        (FOLDER, "0000001-103000Z", "0000001-103000Z"),
        (FOLDER, "lesson", "lesson"),
    ],
)
def test_a_copy_of_any_part_can_be_named(
    below: str, copy: str, path: str, directory: Path, folder: Path, tmp_path: Path
) -> None:
    shutil.rmtree(directory / ".recorder")
    shutil.copytree(directory / below, tmp_path / "away" / copy)
    (verified,) = verify(tmp_path / "away" / copy)
    assert (verified.path, verified.findings, verified.segments) == (path, (), 4)


def test_a_copy_without_its_manifest_is_still_a_recording(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "lesson")
    (tmp_path / "lesson/recording.json").unlink()
    assert told(tmp_path / "lesson") == [(Kind.MANIFEST, "recording.json")]


def test_a_recording_at_the_root_of_a_disk_has_no_storage_around_it(folder: Path) -> None:
    class Elsewhere(RecordingDisk):
        def open_path(self, path: Path, *, follow: bool = False) -> int:
            return super().open_path(folder)

    (verified,) = verify(Path("/0000001-103000Z"), Elsewhere())
    assert (verified.path, verified.findings) == ("0000001-103000Z", ())


def test_a_copy_in_a_storage_is_no_recording_of_the_storage(directory: Path) -> None:
    copy = directory / "room101/2026-11-22/lesson"
    shutil.copytree(unfinished(directory), copy)
    assert (Kind.UNFINISHED, "") in told(copy)
    assert [each.path for each in verify(directory)] == [FOLDER]


def test_a_storage_without_recordings_is_good(directory: Path) -> None:
    assert verify(directory) == []
    (directory / "room101/2026-11-22").mkdir(parents=True)
    assert verify(directory / "room101") == []


def test_a_folder_that_holds_no_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="There are no recordings in "):
        verify(tmp_path)
    with pytest.raises(StorageError, match="does not exist"):
        verify(tmp_path / "missing")


def test_the_progress_counts_every_byte_once(directory: Path, folder: Path) -> None:
    record(directory, made(), room="b")
    (folder / "0002.flv").write_bytes(b"no FLV" * 400_000)
    watched = Watched()
    list(verify_folder(OsDisk(), directory, watch=watched))
    files = [file.stat().st_size for file in directory.rglob("*.flv")]
    assert watched.done == {LOOKING: [2, 2], VERIFYING: [sum(files), sum(files)]}


def test_every_file_is_read_once_from_the_disk_and_nothing_is_written(
    directory: Path, folder: Path
) -> None:
    disk = RecordingDisk()
    verify(directory, disk)
    kinds = {operation.split()[0] for operation in disk.operations}
    assert kinds <= {
        "open_path", "open_folder", "list_folder", "facts", "open_file", "forget_cache", "size",
        "read", "close",
    }  # fmt: skip
    for name in NAMES:
        its = [each.split()[0] for each in disk.operations if each.endswith(f"{FOLDER}/{name}")]
        assert its == [
            "facts", "open_file", "size", "forget_cache", "read", "read", "forget_cache", "close",
        ]  # fmt: skip


def test_it_can_be_left_before_its_end(directory: Path, folder: Path) -> None:
    record(directory, made(), room="b")
    with contextlib.closing(verify_folder(OsDisk(), directory, watch=Watched())) as found:
        assert next(found).findings == ()


# What is damaged.


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


# What is no damage.


def test_checksums_that_are_not_computed_yet_are_counted(directory: Path) -> None:
    folder = record(directory, made(), is_hashed=False)
    assert told(folder) == [(Kind.NOT_HASHED, name) for name in NAMES]
    (verified,) = verify(folder)
    assert verified.damage == []


def test_a_suspect_segment_is_told(folder: Path) -> None:
    rewrite_row(folder, 2, suspect=True)
    (found,) = findings(folder)
    assert (found.kind, found.file, found.is_damage) == (Kind.SUSPECT, "0002.flv", False)


def test_a_deleted_segment_is_not_missing(folder: Path) -> None:
    rewrite_row(folder, 2, deleted=True)
    assert told(folder) == [(Kind.LEFT_OVER, "0002.flv")]
    (folder / "0002.flv").unlink()
    (verified,) = verify(folder)
    assert (verified.findings, verified.segments) == ((), 3)


def test_what_is_being_deleted_has_nothing_missing(folder: Path) -> None:
    rewrite_manifest(folder, deleting="age")
    for name in ("0001.flv", "0002.flv"):
        (folder / name).unlink()
    (verified,) = verify(folder)
    (found,) = verified.findings
    assert (found.kind, found.is_damage) == (Kind.OPEN, False)
    assert "is being deleted" in found.text


def test_a_part_beside_its_final_name_is_left_over(folder: Path) -> None:
    os.link(folder / "0002.flv", folder / "0002.flv.part")
    assert told(folder) == [(Kind.LEFT_OVER, "0002.flv.part")]


# While it is recorded, and when it was cut off.


def unfinished(directory: Path) -> Path:
    """Two segments, one without a row yet, and a part."""
    return record(directory, made()[:-2], is_finished=False)


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

    with _open(folder) as descriptor:
        disk = _Acting("open_file ?/0002.flv", remove)
        verified = verify_recording(disk, descriptor, FOLDER)
    assert [each.kind for each in verified.findings] == [Kind.MISSING]


# A disk that fails.


@contextlib.contextmanager
def _open(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
    with _open(folder) as descriptor:
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
