"""Listings: the same from the catalogue and from the disk, with what is being recorded."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from recorder.flv import tags
from recorder.recording.catalogue import Catalogue
from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.listing import FRESH_NS, Listing, list_recordings
from recorder.recording.naming import number_name
from recorder.recording.refusals import StorageError
from recorder.recording.rows import row_of
from tests.helpers.clock import START_UTC_NS
from tests.helpers.disk import PatchyDisk, RecordingDisk
from tests.helpers.recordings import finished, folder_of, going_on, lay_down, segment
from tests.recording.read_only import said_where_it_is_read_only

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.manifest import Manifest

WAYS = pytest.mark.parametrize("by", ["catalogue", "folders"])


class Place:
    """A storage, its catalogue good where the test is one with a catalogue."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.disk = PatchyDisk()
        initialise(directory, None, OsDisk())

    def lay_down(self, *manifests: Manifest) -> None:
        for manifest in manifests:
            lay_down(self.directory, manifest)

    def unfinished(self, manifest: Manifest) -> Path:
        """Lay down a recording with its entry, and give its folder."""
        entry = Entry(folder=folder_of(manifest.number, manifest.room))
        place = self.directory / ".recorder/open" / number_name(manifest.number)
        place.write_bytes(entry.to_bytes())
        return lay_down(self.directory, manifest)

    def catalogue(self, by: str, *manifests: Manifest) -> None:
        """Make the catalogue, with rows of these manifests."""
        if by == "folders":
            return
        with closing(Catalogue.open(self.path)) as catalogue:
            for each in manifests:
                catalogue.put(row_of(folder_of(each.number, each.room), each, kept=False))
            catalogue.mark_complete()

    @property
    def path(self) -> Path:
        return self.directory / ".recorder/catalogue.sqlite3"

    def listing(
        self, *, room: str | None = None, limit: int = 50, now_utc_ns: int = START_UTC_NS
    ) -> Listing:
        return list_recordings(
            self.directory, self.disk, room=room, limit=limit, now_utc_ns=now_utc_ns
        )

    def numbers(self, *, room: str | None = None, limit: int = 50) -> list[int]:
        return [each.row.number for each in self.listing(room=room, limit=limit).recordings]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "storage")


def _part(folder: Path, size: int, modified_ns: int) -> None:
    part = folder / "0003.flv.part"
    part.write_bytes(bytes(size))
    os.utime(part, ns=(modified_ns, modified_ns))


@WAYS
def test_the_newest_come_first(by: str, place: Place) -> None:
    manifests = [finished(1), finished(10, "a"), finished(2, "b"), finished(3)]
    place.lay_down(*manifests)
    place.catalogue(by, *manifests)
    assert place.numbers() == [10, 3, 2, 1]
    assert place.numbers(limit=2) == [10, 3]
    assert place.numbers(room="room101") == [3, 1]
    assert place.numbers(room="room101", limit=1) == [3]
    assert place.numbers(room="elsewhere") == []
    assert [each.state for each in place.listing().recordings] == ["ended"] * 4


def test_catalogue_and_folders_show_the_same(place: Place) -> None:
    manifests = [finished(1), finished(2, segments=(segment(1, repaired=True),)), finished(3)]
    place.lay_down(*manifests)
    from_folders = place.listing()
    place.catalogue("catalogue", *manifests)
    assert place.listing() == from_folders


def test_with_a_catalogue_no_manifest_of_a_settled_recording_is_read(place: Place) -> None:
    place.lay_down(finished(1), finished(2))
    place.catalogue("catalogue", finished(1), finished(2))
    place.listing()
    assert not any(each.endswith("recording.json") for each in place.disk.operations)


def test_without_a_catalogue_no_more_manifests_are_read_than_are_shown(place: Place) -> None:
    place.lay_down(*(finished(number) for number in range(1, 9)))
    place.numbers(limit=2)
    read = [each for each in place.disk.operations if each.startswith("open_file")]
    assert len(read) == 2


@WAYS
def test_a_recording_whose_file_grows_is_recording(by: str, place: Place) -> None:
    folder = place.unfinished(going_on(1))
    _part(folder, 500, START_UTC_NS - FRESH_NS)
    place.catalogue(by, going_on(1, segments=()))
    (listed,) = place.listing().recordings
    assert (listed.state, listed.row.bytes, listed.row.segments) == ("recording", 2_000_500, 2)


@WAYS
def test_a_recording_whose_file_does_not_grow_is_unfinished(by: str, place: Place) -> None:
    folder = place.unfinished(going_on(1))
    _part(folder, 500, START_UTC_NS - FRESH_NS - 1)
    place.catalogue(by)
    (listed,) = place.listing().recordings
    assert (listed.state, listed.row.bytes) == ("unfinished", 2_000_500)
    assert place.listing(room="room102").recordings == []


HEADER = tags.file_header(audio=True, video=True)
LAST = tags.tag(tags.VIDEO, 75_040, b"picture")


@pytest.mark.parametrize(
    ("content", "more_ms"),
    [
        (HEADER + tags.tag(tags.AUDIO, 75_000, b"sound") + LAST, 75_040),
        # A batch that is only half there, and a part that has just been made.
        (HEADER + LAST + tags.tag(tags.AUDIO, 80_000, b"so")[:-3], 0),
        (HEADER + LAST[:-4] + tags.tag_trailer(6), 0),
        (HEADER + LAST[:-4] + tags.tag_trailer(80), 0),
        (HEADER + LAST + bytes(20), 0),
        (HEADER, 0),
    ],
)
def test_what_is_being_written_counts_in_the_duration(
    place: Place, content: bytes, more_ms: int
) -> None:
    folder = place.unfinished(going_on(1))
    (folder / "0003.flv.part").write_bytes(content)
    (listed,) = place.listing().recordings
    closed_ms = max(each.start_ms + each.duration_ms for each in going_on(1).segments)
    assert listed.row.duration_ms == closed_ms + more_ms


def test_what_has_ended_since_the_catalogue_was_written_is_read_anew(place: Place) -> None:
    place.unfinished(finished(1))
    place.lay_down(finished(2))
    place.catalogue("catalogue", going_on(1, segments=()), going_on(2, segments=()))
    listed = place.listing().recordings
    assert [(each.state, each.row.segments) for each in listed] == [("ended", 2), ("ended", 2)]


def test_what_has_ended_and_is_not_done_yet_is_read_anew(place: Place) -> None:
    """Its entry stays until the checksums are there, and a repair may still change it."""
    place.unfinished(finished(1, segments=(segment(1),) * 3))
    place.catalogue("catalogue", finished(1))
    assert [each.row.segments for each in place.listing().recordings] == [3]


@WAYS
def test_one_damaged_manifest_breaks_no_listing(by: str, place: Place) -> None:
    manifests = [finished(number) for number in (1, 2, 3)]
    place.lay_down(*manifests)
    (place.directory / folder_of(2) / "recording.json").write_bytes(b"{")
    if by == "catalogue":
        with closing(Catalogue.open(place.path)) as catalogue:
            catalogue.put(row_of(folder_of(1), manifests[0], kept=False))
            catalogue.put(row_of(folder_of(2), finished(3), kept=False))
            catalogue.put(row_of(folder_of(3), manifests[2], kept=False))
            catalogue.mark_complete()
    states = {each.row.number: each.state for each in place.listing().recordings}
    assert states == {3: "ended", 2: "unknown", 1: "ended"}


@WAYS
def test_keep_is_seen_when_it_is_put_there(by: str, place: Place) -> None:
    place.lay_down(finished(1))
    place.catalogue(by, finished(1))
    (place.directory / folder_of(1) / "KEEP").touch()
    assert place.listing().recordings[0].row.kept


@WAYS
def test_a_folder_that_was_removed_is_not_listed(by: str, place: Place) -> None:
    place.lay_down(finished(1), finished(2))
    place.catalogue(by, finished(1), finished(2), going_on(3))
    (place.directory / folder_of(2)).rename(place.directory / "aside")
    assert place.numbers() == [1]


@WAYS
def test_a_folder_that_cannot_be_opened_does_not_break_the_listing(by: str, place: Place) -> None:
    place.lay_down(finished(1), finished(2))
    place.unfinished(going_on(3))
    place.catalogue(by, finished(1), finished(2))
    place.disk.sick = {
        f"open_folder {folder_of(2)}": errno.EIO,
        f"list_folder {folder_of(3)}": errno.EIO,
    }
    assert place.numbers() == [3, 2, 1]


def test_a_room_that_cannot_be_read_is_told(place: Place) -> None:
    place.lay_down(finished(1, "a"), finished(2, "b"))
    place.disk.sick = {"open_folder a": errno.EACCES}
    listing = place.listing()
    assert [each.row.number for each in listing.recordings] == [2]
    assert listing.warnings == ["The folder a cannot be read: Permission denied."]


@pytest.mark.parametrize(
    "sick", ["open_folder .recorder/open", "list_folder .recorder/open"], ids=["open", "list"]
)
def test_without_the_entries_the_catalogue_is_not_believed(sick: str, place: Place) -> None:
    place.lay_down(finished(1))
    place.catalogue("catalogue", finished(1), finished(2))
    place.disk.sick = {sick: errno.EACCES}
    assert place.numbers() == [1]
    assert any("recording.json" in each for each in place.disk.operations)


def test_an_entry_that_is_damaged_or_goes_in_between_is_passed_over(place: Place) -> None:
    entries = place.directory / ".recorder/open"
    (entries / "0000007").write_bytes(b"")
    (entries / "0000008").write_bytes(b"")
    place.lay_down(finished(1))
    place.catalogue("catalogue", finished(1))
    place.disk.sick = {"open_file .recorder/open/0000008": errno.ENOENT}
    assert place.numbers() == [1]


@pytest.mark.parametrize("damage", ["missing", "garbage", "not complete", "no table"])
def test_without_a_good_catalogue_the_folders_are_read(damage: str, place: Place) -> None:
    place.lay_down(finished(1), finished(2))
    if damage == "garbage":
        place.path.write_bytes(b"garbage" * 1000)
    if damage == "not complete":
        Catalogue.open(place.path).close()
    if damage == "no table":
        place.catalogue("catalogue", finished(1))
        with closing(Catalogue.open(place.path)) as catalogue:
            catalogue._connection.execute("DROP TABLE recording")
    assert place.numbers() == [2, 1]


def test_a_catalogue_that_fails_while_it_is_read_is_left(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.lay_down(finished(1))
    place.catalogue("catalogue", finished(1), finished(2))
    opened = Catalogue.open_to_read

    def open_and_lose(path: Path) -> Catalogue | None:
        catalogue = opened(path)
        assert catalogue is not None
        catalogue.close()
        return catalogue

    monkeypatch.setattr(Catalogue, "open_to_read", open_and_lose)
    assert place.numbers() == [1]


@pytest.mark.parametrize("by", ["catalogue", "folders"])
def test_what_is_being_deleted_says_so(by: str, place: Place) -> None:
    going = finished(1, deleting="age")
    place.lay_down(going)
    place.catalogue(by, going)
    assert [each.state for each in place.listing().recordings] == ["deleting"]


@WAYS
@pytest.mark.parametrize("leaves", [[], ["recording.json.tmp"]])
def test_what_is_just_being_made_or_removed_is_not_listed(
    by: str, leaves: list[str], place: Place
) -> None:
    place.lay_down(finished(1))
    folder = place.unfinished(finished(2))
    place.catalogue(by, finished(1), finished(2))
    for path in folder.iterdir():
        path.unlink()
    for name in leaves:
        (folder / name).touch()
    assert place.numbers() == [1]


def _state_without_a_manifest(place: Place, *files: str) -> list[str]:
    folder = place.unfinished(finished(1))
    for path in folder.iterdir():
        path.unlink()
    for name in files:
        (folder / name).touch()
    return [each.state for each in place.listing().recordings]


def test_what_has_lost_its_manifest_and_nothing_else_is_damaged(place: Place) -> None:
    assert _state_without_a_manifest(place, "0001.flv") == ["unknown"]


def test_what_is_empty_and_in_nobody_s_hand_is_damaged(place: Place) -> None:
    assert _state_without_a_manifest(place) == []
    (place.directory / ".recorder/open/0000001").unlink()
    assert [each.state for each in place.listing().recordings] == ["unknown"]


def test_an_empty_folder_that_cannot_be_looked_into_is_damaged(place: Place) -> None:
    place.disk.sick[f"list_folder {folder_of(1)}"] = errno.EIO
    assert _state_without_a_manifest(place) == ["unknown"]


def test_what_is_removed_while_it_is_listed_is_not_damaged(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.unfinished(finished(1))
    for path in folder.iterdir():
        path.unlink()
    exists = place.disk.exists

    def finish_deletion(at: int, name: str) -> bool:
        if name == "0000001":
            folder.rmdir()
            (place.directory / ".recorder/open" / name).unlink()
        return exists(at, name)

    monkeypatch.setattr(place.disk, "exists", finish_deletion)
    assert place.numbers() == []


def test_a_listing_changes_nothing(place: Place) -> None:
    place.lay_down(finished(1))
    place.unfinished(going_on(2))
    place.catalogue("catalogue", finished(1))
    before = sorted(place.directory.rglob("*"))
    place.listing()
    assert sorted(place.directory.rglob("*")) == before
    reading = {"open_path", "open_folder", "open_file", "list_folder", "exists", "facts", "read"}
    assert {each.split()[0] for each in place.disk.operations} <= {*reading, "close"}


def test_a_folder_that_is_no_storage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a recorder storage"):
        list_recordings(tmp_path, RecordingDisk(), room=None, limit=1, now_utc_ns=0)
    with pytest.raises(StorageError, match="does not exist"):
        list_recordings(tmp_path / "missing", RecordingDisk(), room=None, limit=1, now_utc_ns=0)


@pytest.mark.root
@pytest.mark.parametrize("has_catalogue", [True, False])
def test_a_storage_on_a_disk_that_takes_no_writes_is_listed(
    has_catalogue: bool, place: Place
) -> None:
    place.lay_down(finished(1), finished(2))
    if has_catalogue:
        place.catalogue("catalogue", finished(1), finished(2))
    said = said_where_it_is_read_only(place.directory, place.directory, _LISTING)
    assert said == "[2, 1]\n"


_LISTING = """
import sys
from pathlib import Path
from recorder.recording.disk import OsDisk
from recorder.recording.listing import list_recordings
found = list_recordings(Path(sys.argv[1]), OsDisk(), room=None, limit=9, now_utc_ns=0)
print([each.row.number for each in found.recordings])
"""
