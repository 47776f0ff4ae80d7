"""What the commands do by themselves, with nobody recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.retention.alone import (
    SweepAlone,
    delete_alone,
    keep_alone,
    unkeep_alone,
)
from recorder.recording.retention.inventory import newest_start_utc_ms
from recorder.recording.retention.memory import read_ledger
from recorder.recording.retention.planner import SegmentDeletion
from recorder.recording.retention.refusals import RefusedError
from recorder.recording.retention.report import report
from recorder.recording.retention.rules import RoomRules, Rules
from tests.helpers.clock import START_UTC_NS
from tests.recording.retention.shelf import DAY_MS, MIB, Shelf, open_shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AGE = Rules(others=RoomRules(max_age_ms=90 * DAY_MS))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path) as found:
        yield found


def alone(shelf: Shelf, rules: Rules = AGE) -> SweepAlone:
    state = shelf.storage.directory / ".recorder"
    return SweepAlone(shelf.storage, rules, shelf.clock, state)


def test_a_recording_is_kept_let_go_and_deleted(shelf: Shelf) -> None:
    folder = shelf.add(1)
    assert keep_alone(shelf.storage, 1, who="ada", why="", utc_ns=START_UTC_NS)
    with pytest.raises(RefusedError, match="unkeep 1"):
        delete_alone(shelf.storage, 1)
    assert unkeep_alone(shelf.storage, 1)
    assert delete_alone(shelf.storage, 1) == 10 * MIB
    assert not folder.parent.exists()
    with pytest.raises(RefusedError, match="There is no recording 1"):
        delete_alone(shelf.storage, 1)


def test_what_is_not_over_is_not_deleted_and_what_is_damaged_is(shelf: Shelf) -> None:
    shelf.add(1, end=None, end_reason=None)
    with pytest.raises(RefusedError, match="is not over yet"):
        delete_alone(shelf.storage, 1)
    (shelf.add(2) / "recording.json").write_text("{")
    delete_alone(shelf.storage, 2)
    assert shelf.there() == [1]


def test_a_plan_is_shown_and_then_carried_out(shelf: Shelf) -> None:
    shelf.add(1, days=91)
    shelf.add(2)
    sweep = alone(shelf)
    shown = report(sweep.plan(), sweep.watch)
    assert shown["recordings"] == [{"number": 1, "room": "hall", "bytes": 10 * MIB, "why": "age"}]
    assert shown["blocked"] is None
    assert shown["ages_count"] is True
    assert shelf.there() == [1, 2]
    sweep.sweep()
    assert shelf.there() == [2]
    assert read_ledger(shelf.disk, shelf.storage.directory / ".recorder").week_bytes == 10 * MIB
    shelf.clock.is_trusted = False
    assert alone(shelf).plan().ages_count is False


def test_space_is_made_until_there_is_enough(shelf: Shelf) -> None:
    for number in range(1, 6):
        shelf.add(number, size=50 * MIB)
    sweep = alone(shelf, Rules(min_free_bytes=846 * MIB))
    sweep.watch.ledger.accepted_bytes = 0
    sweep.sweep()
    assert shelf.there() == [3, 4, 5]


def test_of_a_plan_that_frees_more_than_was_thought_the_rest_stays(shelf: Shelf) -> None:
    for number in range(1, 4):
        shelf.add(number, size=300 * MIB)
    shelf.disk.foreign = 90 * MIB
    sweep = alone(shelf, Rules())
    decision = sweep.plan()
    assert [each.number for each in decision.plan.recordings] == [1]
    shelf.disk.foreign = 0
    sweep._carry_out(decision.plan.recordings)
    assert shelf.there() == [1, 2, 3]


def test_a_suspicious_plan_waits_and_is_confirmed(shelf: Shelf) -> None:
    for number in range(1, 13):
        shelf.add(number, days=91)
    shelf.add(13)
    sweep = alone(shelf)
    sweep.sweep()
    assert len(shelf.there()) == 13
    blocked = sweep.watch.ledger.blocked
    assert blocked is not None
    shown = report(sweep.plan(), sweep.watch)
    assert shown["blocked"]["plan"] == blocked.plan_id
    assert len(shown["blocked"]["recordings"]) == 12
    with pytest.raises(RefusedError, match="No plan nonsense waits"):
        alone(shelf).confirm("nonsense")
    # Another command knows it, from what is remembered.
    shelf.add(14)
    assert alone(shelf).confirm(blocked.plan_id) == 12
    assert shelf.there() == [13, 14]


def test_a_plan_that_was_only_shown_can_be_confirmed_too(shelf: Shelf) -> None:
    for number in range(1, 13):
        shelf.add(number, days=91)
    shelf.add(13)
    blocked = alone(shelf).plan().blocked
    assert blocked is not None
    (shelf.storage.directory / "hall").joinpath("x").mkdir()
    assert alone(shelf).confirm(blocked.plan_id) == 12


def test_what_is_gone_meanwhile_is_passed_over(shelf: Shelf) -> None:
    folder = shelf.add(1, days=91)
    shelf.add(2)
    sweep = alone(shelf)
    decision = sweep.plan()
    folder.rename(shelf.storage.directory / "elsewhere")
    assert sweep._carry_out(decision.plan.recordings) == 0


def test_the_newest_believed_start_is_found(shelf: Shelf) -> None:
    assert newest_start_utc_ms(shelf.disk, shelf.storage.root) is None
    shelf.add(1, days=5)
    shelf.add(2, days=1, clock="untrusted")
    newest = newest_start_utc_ms(shelf.disk, shelf.storage.root)
    assert newest == START_UTC_NS // 1_000_000 - 5 * DAY_MS - 2000


def test_a_report_names_segments_too(shelf: Shelf) -> None:
    sweep = alone(shelf, Rules())
    decision = sweep.plan()
    plan = attrs.evolve(decision.plan, segments=(SegmentDeletion(5, "hall", 2, 7),))
    shown = report(attrs.evolve(decision, plan=plan), sweep.watch)
    assert shown["segments"] == [
        {"number": 5, "room": "hall", "segment": 2, "bytes": 7, "why": "free-space"}
    ]
