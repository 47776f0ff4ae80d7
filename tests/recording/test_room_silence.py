"""A room whose disk does not answer: a hop that is given up, and comes back after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.recording.manifest import Gap
from tests.helpers.studio import FRAME_MS, SECOND, marks
from tests.recording.ward import open_ward

if TYPE_CHECKING:
    from pathlib import Path


class TestWhenAHopDoesNotComeBack:
    def test_it_is_given_up_and_what_it_did_after_all_is_not_written_twice(
        self, tmp_path: Path
    ) -> None:
        with open_ward(tmp_path, sent=SECOND + 2) as ward:
            studio = ward.studio
            studio.writer.hang()
            assert "has not answered" in (studio.recorder.fault or "")
            studio.send(2 * SECOND, hop_every=0)
            studio.recorder.resume(studio.clock.now_ms)  # a probe was good: too early
            assert studio.fault() is not None
            studio.writer.come_back()
            ward.get_well()
            studio.send(SECOND)
            studio.end()
        assert marks(tmp_path) == studio.sent

    def test_and_what_it_did_not_do_is_written_then(self, tmp_path: Path) -> None:
        with open_ward(tmp_path, sent=SECOND + 2) as ward:
            studio = ward.studio
            studio.writer.hang()
            studio.send(2 * SECOND, hop_every=0)
            ward.fall_sick()
            studio.writer.come_back()
            studio.send(SECOND, hop_every=0)
            ward.get_well()
            studio.end()
        (manifest,) = ward.manifests()
        assert marks(tmp_path) == studio.sent
        assert all(row.gap is None for row in manifest.segments)

    def test_what_was_given_up_meanwhile_lies_between(self, tmp_path: Path) -> None:
        with open_ward(tmp_path) as ward:
            studio = ward.studio
            studio.arrive()
            studio.send(2 * SECOND, hop_every=0)
            studio.writer.hang()
            studio.buffer_bytes = studio.recorder.pending_bytes + 16_000
            studio.send(10 * SECOND, hop_every=0)
            ward.fall_sick()
            studio.buffer_bytes = 1 << 20
            studio.writer.come_back()
            ward.get_well()
            studio.end()
        (manifest,) = ward.manifests()
        found = marks(tmp_path)
        lost = sorted(set(studio.sent) - set(found))
        assert lost == list(range(lost[0], lost[-1] + 1))
        assert lost[0] == 2 * SECOND
        row = next(row for row in manifest.segments if row.gap is not None)
        assert row.gap == Gap(reason="disk", ms=len(lost) * FRAME_MS)
        assert manifest.counts["lost_ms"] == len(lost) * FRAME_MS

    def test_a_publish_that_begins_meanwhile_waits_like_the_others(self, tmp_path: Path) -> None:
        with open_ward(tmp_path) as ward:
            studio = ward.studio
            studio.writer.hang()
            studio.recorder._outage.fault = None  # a room that came into being since
            studio.arrive()
            studio.send(SECOND, hop_every=0)
            assert studio.fault() is not None
            studio.writer.come_back()
            ward.get_well()
            studio.end()
        assert marks(tmp_path) == studio.sent
