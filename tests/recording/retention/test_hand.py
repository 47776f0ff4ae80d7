"""What the hand does not do again and again, and what it counts as deleted and as freed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
import trio
import trio.testing

from recorder.recording.manifest import Manifest
from recorder.recording.retention.deletion import Fate
from recorder.recording.retention.planner import Deletion, Goal, SegmentDeletion, Why
from recorder.recording.retention.rules import RoomRules, Rules
from tests.recording.retention.shelf import DAY_MS, MIB, LivePart, Shelf, open_shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


T = TypeVar("T")

AGE = Rules(others=RoomRules(max_age_ms=90 * DAY_MS))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path, AGE) as found:
        yield found


def live(shelf: Shelf, number: int = 1, **changes: object) -> LivePart:
    folder = shelf.add(number, size=900 * MIB, segments=9, end=None, end_reason=None)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    part = LivePart(number, manifest, folder=folder, **changes)  # type: ignore[arg-type]
    shelf.live.append(part)
    return part


# Not again and again.


async def test_what_lies_beside_something_else_is_emptied_once(shelf: Shelf) -> None:
    folder = shelf.add(1, days=91, segments=0)
    (folder / "notes.txt").write_text("mine")
    planned = [len((await shelf.sweeper.sweep()).plan.recordings) for _ in range(3)]
    assert planned == [1, 0, 0]
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "recording.json"]
    shelf.disk.operations.clear()
    await shelf.sweeper.sweep()
    assert not [each for each in shelf.disk.operations if "rename" in each and "open" in each]
    # A person has seen to it, and says so.
    (folder / "notes.txt").unlink()
    await shelf.operator.delete(1)
    assert shelf.there() == []


async def test_what_is_kept_and_cannot_be_read_is_asked_for_once_until_nobody_keeps_it(
    shelf: Shelf,
) -> None:
    folder = shelf.add(1, kept=True)
    (folder / "recording.json").write_text("{")
    await shelf.hand.take(Deletion(1, "hall", 1, Why.AGE))
    assert 1 in shelf.hand.untouchable
    await shelf.operator.unkeep(1)
    assert 1 not in shelf.hand.untouchable


async def test_what_is_kept_stands_as_kept_and_not_as_stuck(shelf: Shelf) -> None:
    shelf.add(1, days=91, kept=True)
    await shelf.hand.take(Deletion(1, "hall", 1, Why.AGE))
    # So that a disk full of what is kept is said to be that.
    assert shelf.hand.untouchable == set()
    assert (await shelf.sweeper.preview()).kept_bytes == 10 * MIB


async def test_a_segment_that_does_not_go_is_not_planned_until_the_disk_is_well(
    shelf: Shelf,
) -> None:
    part = live(shelf, spares=True)
    await shelf.sweeper.sweep()
    shelf.add(2, size=90 * MIB, end=None, end_reason=None)
    first = await shelf.sweeper.sweep()
    assert [each.file for each in first.plan.segments] == [1]
    # The next one helps as well, and the first one is left.
    second = await shelf.sweeper.sweep()
    assert [each.file for each in second.plan.segments] == [2]
    part.spares = False
    shelf.hand.try_again()
    third = await shelf.sweeper.sweep()
    assert [each.file for each in third.plan.segments] == [1]
    assert part.removed == [1]


async def test_segments_that_somebody_reads_stay(shelf: Shelf) -> None:
    part = live(shelf)
    shelf.hand.downloaded[1] = 1
    await shelf.sweeper.sweep()
    shelf.add(2, size=90 * MIB, end=None, end_reason=None)
    assert (await shelf.sweeper.sweep()).plan.segments == ()
    # Also when he came behind the plan.
    await shelf.hand.remove_segment(SegmentDeletion(1, "hall", 1, 100 * MIB))
    assert part.removed == []


# What is counted.


async def test_a_segment_whose_removal_is_still_awaited_is_not_counted(
    shelf: Shelf, autojump_clock: trio.testing.MockClock
) -> None:
    part = live(shelf, goes_at_once=False)
    part.folder = None

    async def next_hop() -> None:
        await trio.sleep(1)

    shelf.writer.next_hop = next_hop  # type: ignore[method-assign]
    await shelf.hand.remove_segment(SegmentDeletion(1, "hall", 1, 100 * MIB))
    assert part.removed == [1]
    assert shelf.ledger.week_bytes == 0
    goal = shelf.watch.goal
    assert goal is not None
    assert goal.available == 100 * MIB


@pytest.mark.parametrize("frees", [True, False])
async def test_what_others_write_meanwhile_is_not_awaited_as_free(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, *, frees: bool
) -> None:
    shelf.add(1, segments=2)
    in_thread = shelf.hand.in_thread

    async def others_write(call: Callable[[], T]) -> T:
        found = await in_thread(call)
        shelf.disk.foreign += 4 * MIB
        return found

    unlink = shelf.disk.unlink

    def free_later(folder: int, name: str) -> None:
        unlink(folder, name)
        if name.endswith(".flv") and not frees:
            # As btrfs does.
            shelf.disk.foreign += 5 * MIB

    monkeypatch.setattr(shelf.disk, "unlink", free_later)
    monkeypatch.setattr(shelf.hand, "in_thread", others_write)
    assert (await shelf.hand.delete(1, "age", "it is old")).fate is Fate.GONE
    assert shelf.watch.space is not None
    available = shelf.watch.space.available
    awaited = 0 if frees else 10 * MIB
    assert shelf.watch.goal == Goal(available + awaited, shelf.watch.goal.wanted)  # type: ignore[union-attr]
    assert shelf.ledger.week_bytes == 10 * MIB
