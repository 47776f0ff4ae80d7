"""What a person reads of one recording, from its beginning to its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from recorder.recording.diary import Diary
from recorder.recording.manifest import Client, Gap
from tests.helpers.recordings import finished

if TYPE_CHECKING:
    import pytest

MIB = 1 << 20


def test_a_recording_can_be_followed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    manifest = finished(12, end_reason="unpublished")
    first, second = (
        attrs.evolve(row, start_ms=start_ms, duration_ms=600_000, bytes=310 * MIB)
        for row, start_ms in zip(manifest.segments, (0, 612_000), strict=True)
    )
    second = attrs.evolve(second, gap=Gap(reason="reconnect", ms=12_000))
    diary = Diary("room101", 12)
    diary.began(Client(address="10.0.0.5", software="OBS 30.2"))
    diary.began(Client(address="10.0.0.5", software=""))
    diary.closed(first)
    diary.gap(Gap(reason="reconnect", ms=12_000))
    diary.closed(second)
    diary.ended(attrs.evolve(manifest, segments=(first, second)))
    assert caplog.messages == [
        "room101: recording 12 began, from 10.0.0.5 (OBS 30.2)",
        "room101: recording 12 began, from 10.0.0.5 (an encoder that gives no name)",
        "room101: recording 12: 0001.flv closed, 10 min, 310.0 MiB",
        "room101: recording 12: gap of 12 s, the connection was lost",
        "room101: recording 12: 0002.flv closed, 10 min, 310.0 MiB",
        "room101: recording 12 ended (unpublished), 20 min, 2 files, 620.0 MiB, 1 gap",
    ]
    assert {record.__dict__["room"] for record in caplog.records} == {"room101"}


def test_a_deleted_file_is_not_among_those_that_are_there(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    manifest = finished(3)
    first, second = manifest.segments
    deleted = attrs.evolve(first, deleted=True)
    Diary("hall", 3).ended(attrs.evolve(manifest, segments=(deleted, second)))
    assert ", 1 file, " in caplog.text


def test_a_file_that_may_not_be_what_was_sent_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    row = finished(3).segments[0]
    Diary("hall", 3).repaired(row)
    Diary("hall", 3).repaired(attrs.evolve(row, suspect=True))
    assert ["may not be what was sent" in text for text in caplog.messages] == [False, True]
