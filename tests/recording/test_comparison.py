"""What a catalogue lacks, when it is held against the folders there are."""

from __future__ import annotations

from recorder.recording.comparison import compare
from recorder.recording.shelves import Shelved
from tests.helpers.recordings import folder_of


def test_what_has_no_row_is_read_from_the_newest() -> None:
    found = [Shelved(1, folder_of(1)), Shelved(3, folder_of(3)), Shelved(2, folder_of(2))]
    comparison = compare(found, {2: folder_of(2)}, unsettled=())
    assert [each.number for each in comparison.read] == [3, 1]
    assert comparison.gone == []


def test_a_row_that_may_be_old_is_read_again() -> None:
    found = [Shelved(1, folder_of(1)), Shelved(2, folder_of(2)), Shelved(3, folder_of(3, "b"))]
    rows = {1: folder_of(1), 2: folder_of(2), 3: folder_of(3, "a")}
    # The third has moved to another room.
    assert [each.number for each in compare(found, rows, {2, 7}).read] == [3, 2]


def test_a_row_without_a_folder_goes_unless_nobody_could_look() -> None:
    rows = {1: folder_of(1), 2: folder_of(2, "b"), 3: "c/2026-11-22/0000003-103000Z"}
    assert compare([], rows, ()).gone == [1, 2, 3]
    assert compare([], rows, (), unreadable=["b", "c/2026-11-22"]).gone == [1]
    assert compare([], rows, (), unreadable=["c/2026-11-2"]).gone == [1, 2, 3]


def test_of_two_folders_with_one_number_the_first_counts() -> None:
    found = [Shelved(1, folder_of(1, "a")), Shelved(1, folder_of(1, "b"))]
    assert compare(found, {}, ()).read == found[:1]
    assert compare(found, {1: folder_of(1, "a")}, ()).read == []
