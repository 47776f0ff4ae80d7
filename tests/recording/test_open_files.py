"""Files without a final name: their numbers, and who has them."""

from __future__ import annotations

import pytest

from recorder.recording.actions import CutReason, Opened
from recorder.recording.manifest import Gap
from recorder.recording.open_files import BEFORE, OpenFiles, Sums

OPENED = Opened(
    segment=1,
    head=b"FLV",
    reason=CutReason.START,
    new_recording=True,
    base=0,
    position_ms=0,
    forced=False,
)


def test_a_file_is_one_of_these_until_it_has_its_name() -> None:
    files = OpenFiles(None)
    gap = Gap(reason="reconnect", ms=40)
    assert [files.begin(OPENED, gap), files.begin(OPENED, None)] == [1, 2]
    assert (files.newest, len(files), files.sums()) == (2, 2, Sums(segments=2, bytes=0, gaps=1))
    assert files.numbers == (1, 2)
    files[2].landed_bytes = 7
    files[2].is_closing = True
    assert (files.newest, files.sums().bytes) == (1, 7)
    files.is_named(2)
    assert 2 not in files
    assert 1 in files
    files[1].is_closing = True
    assert not files.is_busy
    assert files.newest is None


def test_what_is_away_has_its_bytes_until_it_comes_back() -> None:
    files = OpenFiles(3)
    files[files.begin(OPENED, None)].landed_bytes = 7
    assert files.away_bytes == 0
    files.write_off([], [])
    assert (files.away_bytes, files.sums().bytes) == (7, 0)
    files.comes_back(4)
    assert files.away_bytes == 0


def test_a_recording_that_is_continued_waits_for_what_was_there_and_numbers_on_behind_it() -> None:
    files = OpenFiles(3)
    assert (files.are_old_away, files.is_busy) == (True, True)
    assert files.begin(OPENED, None) == 4
    files[4].is_closing = True
    assert files.comes_back(BEFORE) is None
    assert (files.are_old_away, files.is_busy) == (False, False)


@pytest.mark.parametrize(
    ("never_tried", "away", "next_number"), [([], [2, 3], 4), ([3], [2], 3), ([2, 3], [], 2)]
)
def test_what_is_written_off_is_away_and_numbers_of_files_that_never_were_are_free(
    never_tried: list[int], away: list[int], next_number: int
) -> None:
    files = OpenFiles(None)
    for _ in range(3):
        files.begin(OPENED, None)
    files.is_named(1)
    assert list(files.write_off(never_tried, [1])) == away
    assert len(files) == 0
    assert files.is_busy == bool(away)
    assert files.begin(OPENED, None) == next_number
    for file in away:
        assert files.comes_back(file) is not None
    assert files.comes_back(7) is None
