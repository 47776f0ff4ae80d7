"""A room that a policy stops: what comes is kept in memory, and what is lost is told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tests.helpers.studio import SECOND, marks
from tests.recording.ward import FULL, losses, open_ward, totals

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_policy_stops_recording_in_order_and_costs_no_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with open_ward(tmp_path, sent=SECOND + 2) as ward:
        studio = ward.studio
        studio.recorder.hold(FULL)
        studio.writer.hop()
        assert studio.fault() == FULL
        # What was open has its final name, and nothing is begun.
        studio.send(2 * SECOND)
        assert [path.name for path in sorted(tmp_path.glob("room101/*/*/0*"))] == ["0001.flv"]
        studio.recorder.hold(f"{FULL} More.")
        assert studio.fault() == f"{FULL} More."
        studio.recorder.release(studio.clock.now_ms)
        assert studio.fault() is None
        studio.send(2 * SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    assert marks(tmp_path) == studio.sent
    assert not any(row.repaired or row.gap for row in manifest.segments)
    assert manifest.segments[1].reason == "disk"
    assert caplog.text.count(f"room101: not recorded: {FULL}") == 1
    assert "room101: recorded again" in caplog.text


def test_what_the_buffer_does_not_hold_is_a_gap_that_is_told(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=SECOND) as ward:
        studio = ward.studio
        studio.writer.hop()
        studio.buffer_bytes = 20_000
        studio.recorder.hold(FULL)
        studio.send(20 * SECOND)
        lost = losses(studio)
        assert totals(studio).dropped_bytes == {"policy": lost[1]}
        studio.recorder.release(studio.clock.now_ms)
        studio.send(SECOND)
        studio.end()
    (manifest,) = ward.manifests()
    assert (manifest.counts["lost_ms"], manifest.counts["lost_bytes"]) == lost
    (gap,) = [row.gap for row in manifest.segments if row.gap is not None]
    assert gap.reason == "disk"
    assert gap.ms == manifest.counts["lost_ms"]


def test_who_comes_while_a_policy_stops_recording_is_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ward(tmp_path) as ward:
        studio = ward.studio
        studio.recorder.hold(FULL)
        assert "not recorded" not in caplog.text
        studio.arrive()
        studio.send(2 * SECOND)
        assert f"room101: not recorded: {FULL}" in caplog.text
        assert ward.manifests() == []
        studio.recorder.release(studio.clock.now_ms)
        studio.end()
    assert marks(tmp_path) == studio.sent


def test_a_disk_that_fails_as_well_must_be_well_and_have_room(tmp_path: Path) -> None:
    with open_ward(tmp_path, sent=SECOND + 2) as ward:
        studio = ward.studio
        ward.fall_sick()
        studio.send(SECOND)
        sick = studio.fault()
        assert sick is not None
        studio.recorder.hold(FULL)
        assert studio.fault() == sick
        studio.recorder.release(studio.clock.now_ms)
        assert studio.fault() == sick
        studio.recorder.hold(FULL)
        ward.get_well()
        assert studio.fault() == FULL
        studio.send(SECOND)
        studio.recorder.release(studio.clock.now_ms)
        assert studio.fault() is None
        studio.end()
    assert marks(tmp_path) == studio.sent


def test_what_was_on_its_way_when_the_policy_came_is_not_lost_by_a_failure(
    tmp_path: Path,
) -> None:
    with open_ward(tmp_path, sent=SECOND + 2) as ward:
        studio = ward.studio
        studio.recorder.hold(FULL)
        ward.fall_sick()
        studio.writer.hop()
        studio.send(SECOND)
        ward.get_well()
        studio.recorder.release(studio.clock.now_ms)
        studio.send(SECOND)
        studio.end()
    assert marks(tmp_path) == studio.sent
