"""The sweep: what it deletes and when, on real folders and a disk that counts."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.recording.manifest import Manifest
from recorder.recording.retention.refusals import RefusedError
from recorder.recording.retention.rules import RoomRules, Rules
from recorder.recording.retention.space import TimeLeft
from recorder.recording.retention.sweeper import (
    EVERY_S,
    LEAST_S,
    LOOK_S,
    PATIENCE_S,
    SEGMENT_S,
)
from tests.recording.retention.shelf import DAY_MS, MIB, LivePart, Shelf, open_shelf

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from recorder.recording.retention.planner import Deletion, SegmentDeletion

AGE = Rules(others=RoomRules(max_age_ms=90 * DAY_MS))
TEN_YEARS_MS = 3653 * DAY_MS


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path) as found:
        yield found


async def test_what_is_too_old_goes_and_its_empty_day_with_it(tmp_path: Path) -> None:
    with open_shelf(tmp_path, AGE) as shelf:
        old = shelf.add(1, days=91)
        shelf.add(2, days=89)
        shelf.add(3, days=92, kept=True)
        decision = await shelf.sweeper.sweep()
        assert [each.number for each in decision.plan.recordings] == [1]
        assert shelf.there() == [2, 3]
        assert not old.parent.exists()
        assert shelf.index.are_removed == [1]
        assert shelf.ledger.week_bytes == 10 * MIB
        remembered = json.loads((tmp_path / ".recorder/retention.json").read_text())
        assert remembered["hours"] == [{"rate": 0, "deleted_bytes": 10 * MIB}]


async def test_a_day_that_is_not_empty_stays(tmp_path: Path) -> None:
    with open_shelf(tmp_path, Rules(max_bytes=10 * MIB)) as shelf:
        first = shelf.add(1)
        shelf.add(2)
        await shelf.sweeper.sweep()
        assert shelf.there() == [2]
        assert first.parent.exists()


async def test_space_is_made_by_what_the_disk_says_and_no_more_than_is_wanted(
    shelf: Shelf,
) -> None:
    for number in range(1, 8):
        shelf.add(number, size=100 * MIB)
    shelf.disk.foreign = 150 * MIB
    await shelf.sweeper.sweep()
    assert shelf.there() == [1, 2, 3, 4, 5, 6, 7]
    for number in (8, 9):
        shelf.add(number, size=65 * MIB)
    # 20 MiB are free, 24 wanted.
    await shelf.sweeper.sweep()
    assert shelf.there() == [2, 3, 4, 5, 6, 7, 8, 9]


async def test_a_live_recording_gives_its_oldest_segments_at_last(shelf: Shelf) -> None:
    shelf.add(1, size=100 * MIB)
    folder = shelf.add(2, size=800 * MIB, segments=8, end=None, end_reason=None)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    part = LivePart(2, manifest, folder=folder)
    shelf.live.append(part)
    await shelf.sweeper.sweep()
    shelf.add(3, size=90 * MIB, end=None, end_reason=None)
    await shelf.sweeper.sweep()
    assert part.removed == []
    assert shelf.there() == [2, 3]
    shelf.add(4, size=100 * MIB, end=None, end_reason=None)
    await shelf.sweeper.sweep()
    assert part.removed == [1]


async def test_a_live_recording_that_is_kept_gives_none(shelf: Shelf) -> None:
    folder = shelf.add(1, size=900 * MIB, segments=9, end=None, end_reason=None, kept=True)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    part = LivePart(1, manifest, folder=folder)
    shelf.live.append(part)
    await shelf.sweeper.sweep()
    shelf.add(2, size=100 * MIB, end=None, end_reason=None)
    decision = await shelf.sweeper.sweep()
    assert part.removed == []
    assert decision.plan.segments == ()
    assert decision.plan.missing_bytes > 0


async def test_when_more_becomes_free_than_was_thought_the_rest_stays(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        shelf.add(number, size=100 * MIB)
    folder = shelf.add(4, size=600 * MIB, segments=6, end=None, end_reason=None)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    part = LivePart(4, manifest, folder=folder)
    shelf.live.append(part)
    await shelf.sweeper.sweep()
    take, remove = shelf.hand.take, shelf.hand.remove_segment

    async def take_more(deletion: Deletion) -> None:
        shelf.disk.foreign -= 250 * MIB
        await take(deletion)

    monkeypatch.setattr(shelf.hand, "take", take_more)
    shelf.watch.rules = Rules(min_free_bytes=320 * MIB)
    shelf.disk.foreign = 90 * MIB
    shelf.ledger.accepted_bytes = 90 * MIB
    decision = await shelf.sweeper.sweep()
    assert [each.number for each in decision.plan.recordings] == [1, 2, 3]
    assert shelf.there() == [2, 3, 4]

    async def remove_more(deletion: SegmentDeletion) -> None:
        shelf.disk.foreign -= 900 * MIB
        await remove(deletion)

    monkeypatch.setattr(shelf.hand, "take", take)
    monkeypatch.setattr(shelf.hand, "remove_segment", remove_more)
    shelf.watch.rules = Rules(min_free_bytes=500 * MIB)
    shelf.disk.foreign = shelf.ledger.accepted_bytes = 180 * MIB
    decision = await shelf.sweeper.sweep()
    assert len(decision.plan.segments) > 1
    assert part.removed == [1]


async def test_one_that_ends_meanwhile_is_left_alone(shelf: Shelf) -> None:
    folder = shelf.add(1, size=980 * MIB, segments=8, end=None, end_reason=None)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    part = LivePart(1, manifest, folder=folder, is_open=False)
    shelf.live.append(part)
    await shelf.sweeper.sweep()
    decision = await shelf.sweeper.preview()
    assert decision.plan.segments == ()
    assert part.removed == []


async def test_a_removal_that_does_not_land_is_given_up(
    shelf: Shelf, autojump_clock: trio.testing.MockClock
) -> None:
    folder = shelf.add(1, size=980 * MIB, segments=8, end=None, end_reason=None)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    part = LivePart(1, manifest, goes_at_once=False)
    shelf.live.append(part)

    async def next_hop() -> None:
        await trio.sleep(1)

    shelf.writer.next_hop = next_hop  # type: ignore[method-assign]
    await shelf.sweeper.sweep()
    began = trio.current_time()
    await shelf.sweeper.sweep()
    assert trio.current_time() - began >= 60
    assert part.removed[0] == 1


async def test_without_a_catalogue_that_can_be_read_nothing_is_deleted(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.index.error = OSError(5, "sick")
    with pytest.raises(OSError, match="sick"):
        await shelf.sweeper.sweep()
    assert shelf.there() == [1]


# A suspicious plan.


async def test_suspiciously_much_waits_for_a_person_who_gets_exactly_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_shelf(tmp_path, AGE) as shelf:
        for number in range(1, 13):
            shelf.add(number, days=91)
        shelf.add(13, days=89)
        shelf.add(14)
        await shelf.sweeper.sweep()
        await shelf.sweeper.sweep()
        assert shelf.there() == list(range(1, 15))
        blocked = shelf.ledger.blocked
        assert blocked is not None
        said = [each for each in caplog.records if "--confirm" in each.getMessage()]
        assert [each.levelno for each in said] == [logging.CRITICAL]
        assert f"`recorder sweep --confirm {blocked.plan_id}`" in said[0].getMessage()
        with pytest.raises(RefusedError, match="No plan 00000000 waits"):
            shelf.sweeper.confirm("00000000")
        # More grows old, and is not in what was shown.
        shelf.clock.advance(2 * DAY_MS)
        (tmp_path / "hall").joinpath(folder_of(shelf, 5)).joinpath("KEEP").touch()
        assert shelf.sweeper.confirm(blocked.plan_id) == 12
        await shelf.sweeper.sweep()
        # The twelve but for the kept one, and then, as on every day, what is old since.
        assert shelf.there() == [5, 14]
        assert shelf.ledger.blocked is None


def folder_of(shelf: Shelf, number: int) -> str:
    (found,) = (shelf.storage.directory / "hall").glob(f"*/{number:07}-*")
    return found.relative_to(shelf.storage.directory / "hall").as_posix()


async def test_a_confirmation_that_comes_too_late_does_nothing(tmp_path: Path) -> None:
    with open_shelf(tmp_path, AGE) as shelf:
        for number in range(1, 13):
            shelf.add(number, days=91)
        shelf.add(13)
        await shelf.sweeper.sweep()
        blocked = shelf.ledger.blocked
        assert blocked is not None
        shelf.sweeper.confirm(blocked.plan_id)
        shelf.ledger.blocked = None
        await shelf.sweeper.sweep()
        assert len(shelf.there()) == 13


# The clock.


@pytest.mark.parametrize("years", [-50, 10])
async def test_a_clock_that_jumps_deletes_nothing_while_nobody_believes_it(
    tmp_path: Path, years: int
) -> None:
    with open_shelf(tmp_path, AGE) as shelf:
        for number in range(1, 6):
            shelf.add(number, days=60 - number)
        for step_ms in (years * 365 * DAY_MS, -years * 365 * DAY_MS):
            shelf.clock.step_wall(step_ms)
            shelf.clock.is_trusted = step_ms == -years * 365 * DAY_MS
            await shelf.sweeper.sweep()
            assert shelf.there() == [1, 2, 3, 4, 5]


async def test_recordings_of_1970_and_of_the_future_are_not_old(tmp_path: Path) -> None:
    with open_shelf(tmp_path, AGE) as shelf:
        shelf.add(1, start="1970-01-01T00:00:10.000Z", clock="untrusted")
        shelf.add(2, days=-3653)
        shelf.add(3, start="1970-01-01T00:00:10.000Z", clock="untrusted")
        await shelf.sweeper.sweep()
        assert shelf.there() == [1, 2, 3]


# When.


@pytest.fixture
async def running(tmp_path: Path, mock_clock: trio.testing.MockClock) -> AsyncIterator[Shelf]:
    """A shelf whose sweeper runs; the clock is moved by hand, because threads are at work."""
    with open_shelf(tmp_path, Rules(max_bytes=100 * MIB)) as shelf:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shelf.sweeper.run)
            await settled()
            yield shelf
            nursery.cancel_scope.cancel()


async def settled() -> None:
    for _ in range(10):
        await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_threads_completed()


async def passed(clock: trio.testing.MockClock, seconds: float) -> None:
    clock.jump(seconds)
    await settled()
    # The pauses between two files.
    for _ in range(8):
        clock.jump(0.06)
        await settled()


async def until_the_next_sweep(clock: trio.testing.MockClock) -> None:
    for _ in range(int(EVERY_S / LOOK_S) + 1):
        await passed(clock, LOOK_S)


async def test_a_sweep_comes_every_minute(
    running: Shelf, mock_clock: trio.testing.MockClock
) -> None:
    for number in range(1, 4):
        running.add(number, size=50 * MIB)
    await passed(mock_clock, LOOK_S)
    assert running.there() == [1, 2, 3]
    await until_the_next_sweep(mock_clock)
    assert running.there() == [2, 3]


async def test_a_catalogue_that_is_being_made_is_waited_for_unless_space_is_wanted(
    running: Shelf, mock_clock: trio.testing.MockClock
) -> None:
    running.index.is_ready = False
    for number in range(1, 4):
        running.add(number, size=50 * MIB)
    for _ in range(8):
        await passed(mock_clock, LOOK_S)
    assert running.there() == [1, 2, 3]
    await passed(mock_clock, PATIENCE_S)
    assert running.there() == [2, 3]
    running.watch.rules = Rules()
    running.add(4, size=880 * MIB)
    await running.hand.measure()
    await passed(mock_clock, LEAST_S)
    assert running.there() == [3, 4]


async def test_a_segment_s_end_brings_it_forward(
    running: Shelf, mock_clock: trio.testing.MockClock
) -> None:
    for number in range(1, 4):
        running.add(number, size=50 * MIB)
    running.sweeper.segment_ended()
    await passed(mock_clock, LOOK_S)
    await passed(mock_clock, SEGMENT_S)
    assert running.there() == [2, 3]


async def test_less_space_than_is_wanted_brings_it_at_once(
    running: Shelf, mock_clock: trio.testing.MockClock
) -> None:
    running.watch.rules = Rules()
    for number in range(1, 10):
        running.add(number, size=109 * MIB)
    await running.hand.measure()
    assert running.watch.is_low
    await passed(mock_clock, LEAST_S)
    assert running.there() == list(range(2, 10))


async def test_room_that_somebody_made_is_counted_at_once(
    running: Shelf, mock_clock: trio.testing.MockClock
) -> None:
    """What is told of a full disk must not outlive it by a minute."""
    running.watch.rules = Rules()
    running.disk.foreign = 500 * MIB
    await passed(mock_clock, EVERY_S)
    running.watch.time_left = TimeLeft.TEN_MINUTES
    running.disk.foreign = 490 * MIB
    await passed(mock_clock, LOOK_S)
    assert running.watch.foreign.bytes == 500 * MIB
    running.disk.foreign = 0
    await passed(mock_clock, LOOK_S)
    assert running.watch.foreign.bytes == 0


async def test_where_nothing_is_left_to_delete_the_end_of_a_segment_is_waited_for(
    running: Shelf, mock_clock: trio.testing.MockClock
) -> None:
    running.watch.rules = Rules()
    running.add(1, size=985 * MIB)
    await running.hand.measure()
    await passed(mock_clock, LEAST_S)
    await passed(mock_clock, LOOK_S)
    assert running.held[-1] is not None
    assert not running.watch.wants_sweep
    running.add(2, size=1 * MIB)
    running.sweeper.segment_ended()
    await passed(mock_clock, LEAST_S)
    assert running.there() == [2]


async def test_a_sick_disk_is_said_and_asked_again(
    running: Shelf, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    running.disk.error = OSError(5, "sick")
    await passed(mock_clock, LOOK_S)
    assert "cannot be looked through: [Errno 5] sick" in caplog.text
    running.disk.error = None
    for number in range(1, 4):
        running.add(number, size=50 * MIB)
    await until_the_next_sweep(mock_clock)
    assert running.there() == [2, 3]


async def test_a_fault_of_ours_deletes_nothing_and_ends_no_sweeping(
    running: Shelf, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    running.disk.error = ValueError("a fault of ours")
    await passed(mock_clock, LOOK_S)
    said = "Old recordings cannot be looked through; this is a fault of the recorder"
    assert said in caplog.text
    running.disk.error = None
    for number in range(1, 4):
        running.add(number, size=50 * MIB)
    await until_the_next_sweep(mock_clock)
    assert running.there() == [2, 3]


async def test_a_confirmed_plan_is_carried_out_at_once(
    running: Shelf, mock_clock: trio.testing.MockClock
) -> None:
    running.watch.rules = AGE
    for number in range(1, 13):
        running.add(number, days=91)
    running.add(13)
    await until_the_next_sweep(mock_clock)
    blocked = running.ledger.blocked
    assert blocked is not None
    running.sweeper.confirm(blocked.plan_id)
    for _ in range(20):
        await passed(mock_clock, LEAST_S)
    assert running.there() == [13]


async def test_the_ledger_is_written_when_something_has_happened_and_once_an_hour(
    running: Shelf, mock_clock: trio.testing.MockClock
) -> None:
    def writes() -> int:
        return running.disk.operations.count("rename .recorder/retention.json")

    assert writes() == 1
    for _ in range(10):
        await passed(mock_clock, EVERY_S)
    assert writes() == 1
    await passed(mock_clock, 3600)
    assert writes() == 2
