"""A manifest summed up in one row."""

from __future__ import annotations

import pytest

from recorder.recording.manifest import Gap, Manifest
from recorder.recording.rows import Row, damaged_row, row_of, utc_ms
from tests.helpers.recordings import END, START, START_MS, finished, folder_of, going_on, segment


def test_a_recording_is_summed_up() -> None:
    manifest = finished(
        42,
        segments=(
            segment(1, deleted=True, repaired=True, sha256=None, suspect=True),
            segment(2, gap=Gap(reason="connection lost", ms=4_000), repaired=True),
            segment(3, sha256=None, suspect=True),
        ),
    )
    assert row_of(folder_of(42), manifest, kept=True) == Row(
        number=42,
        room="room101",
        folder="room101/2026-11-22/0000042-103000Z",
        start_utc=START,
        start_utc_ms=START_MS,
        end_utc=END,
        end_reason="publisher_ended",
        clock="trusted",
        duration_ms=180_000,
        bytes=2_000_000,
        segments=2,
        gaps=1,
        # What is deleted was repaired, and nobody can do anything about it any more.
        missing_checksums=1,
        repaired=1,
        suspect=1,
        deleted=1,
        kept=True,
    )


def test_a_recording_that_has_just_begun_is_empty() -> None:
    row = row_of(folder_of(42), going_on(42, segments=()), kept=False)
    assert (row.end_utc, row.end_reason, row.duration_ms, row.segments) == (None, None, 0, 0)


def test_the_segment_that_ends_last_ends_the_recording() -> None:
    # Two pictures: their segments lie beside each other.
    segments = (segment(1, duration_ms=90_000), segment(2, start_ms=0, duration_ms=60_000))
    assert row_of(folder_of(42), finished(42, segments=segments), kept=False).duration_ms == 90_000


def test_a_damaged_recording_is_known_by_its_folder() -> None:
    assert damaged_row(folder_of(42), "not JSON", kept=True) == Row(
        number=42,
        room="room101",
        folder="room101/2026-11-22/0000042-103000Z",
        start_utc=START,
        start_utc_ms=START_MS,
        kept=True,
        damaged="not JSON",
    )


@pytest.mark.parametrize("manifest", [finished(41), finished(42, "room102")])
def test_a_manifest_that_was_copied_from_elsewhere_is_not_believed(manifest: Manifest) -> None:
    row = row_of(folder_of(42), manifest, kept=False)
    assert (row.number, row.room, row.segments) == (42, "room101", 0)
    assert row.damaged is not None
    assert row.damaged.startswith("the manifest is that of recording 4")


@pytest.mark.parametrize(
    "start", ["2026-13-22T10:30:00.000Z", "2026-02-30T10:30:00.000Z", "2026-11-22T10:60:00.000Z"]
)
def test_a_start_that_is_no_date_stays_a_label(start: str) -> None:
    row = row_of(folder_of(42), finished(42, start=start), kept=False)
    assert (row.start_utc, row.start_utc_ms) == (start, None)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-11-22T10:30:00.123Z", START_MS + 123),
    ],
)
def test_a_moment_is_counted_in_milliseconds(text: str, ms: int) -> None:
    assert utc_ms(text) == ms


def test_only_a_recordings_folder_has_a_row() -> None:
    with pytest.raises(ValueError, match="not a recording's folder"):
        damaged_row("room101/2026-11-22/notes", "no manifest", kept=False)
