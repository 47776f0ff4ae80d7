"""What a person may do to recordings of a running recorder, and what is answered."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from recorder.recording.manifest import Manifest
from recorder.recording.retention.deletion import Fate
from recorder.recording.retention.planner import Deletion, SegmentDeletion, Why
from recorder.recording.retention.refusals import RefusedError
from tests.recording.retention.shelf import MIB, LivePart, Shelf, open_shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path) as found:
        yield found


async def test_a_recording_is_kept_with_who_when_and_why_until_it_is_not(shelf: Shelf) -> None:
    folder = shelf.add(1)
    assert await shelf.operator.keep(1, who="ada", why="exam") is True
    assert (folder / "KEEP").read_text() == (
        "who: ada\nwhen: 2026-11-22T10:30:00.000Z\nwhy: exam\n"
    )
    assert await shelf.operator.keep(1, who="bob", why="") is False
    assert "ada" in (folder / "KEEP").read_text()
    assert await shelf.operator.unkeep(1) is True
    assert await shelf.operator.unkeep(1) is False
    assert not (folder / "KEEP").exists()
    assert shelf.index.has_changed == [1] * 4


async def test_a_damaged_one_can_be_kept_too(shelf: Shelf) -> None:
    folder = shelf.add(1)
    (folder / "recording.json").write_text("{")
    assert await shelf.operator.keep(1, who="ada", why="") is True
    (folder / "recording.json").unlink()
    assert await shelf.operator.unkeep(1) is True
    assert shelf.index.has_changed == []


async def test_a_recording_is_deleted_for_good(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2)
    assert await shelf.operator.delete(2) == 10 * MIB
    assert shelf.there() == [1]
    with pytest.raises(RefusedError, match="There is no recording 2; ") as refused:
        await shelf.operator.delete(2)
    assert refused.value.is_missing


async def test_what_is_not_there_is_said(shelf: Shelf) -> None:
    for action in (
        shelf.operator.delete(7),
        shelf.operator.keep(7, who="", why=""),
        shelf.operator.unkeep(7),
    ):
        with pytest.raises(RefusedError, match="There is no recording 7"):
            await action


async def test_one_that_goes_while_it_is_kept_is_said(shelf: Shelf) -> None:
    folder = shelf.add(1)

    async def folder_of(_number: int) -> str:
        return shelf.path_of(folder) + "0"

    shelf.index.folder_of = folder_of  # type: ignore[method-assign,assignment]
    with pytest.raises(RefusedError, match="There is no recording 1"):
        await shelf.operator.keep(1, who="", why="")


async def test_what_is_kept_or_in_hand_is_not_deleted(shelf: Shelf) -> None:
    shelf.add(1, kept=True)
    with pytest.raises(RefusedError, match="kept; `recorder unkeep 1` first"):
        await shelf.operator.delete(1)
    folder = shelf.add(2)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    shelf.live.append(LivePart(2, manifest))
    shelf.in_hand = {shelf.path_of(shelf.add(3)), "entry 0000009"}
    for number in (2, 3):
        with pytest.raises(RefusedError, match="is not over yet"):
            await shelf.operator.delete(number)
    assert shelf.there() == [1, 2, 3]


# What the hand does of a plan.


async def test_what_is_read_or_in_hand_meanwhile_is_left(shelf: Shelf) -> None:
    for number in (1, 2):
        shelf.add(number)
    shelf.hand.downloaded[1] = 1
    shelf.in_hand = {shelf.path_of(next(shelf.storage.directory.glob("hall/*/0000002-*")))}
    for number in (1, 2):
        await shelf.hand.take(Deletion(number, "hall", 1, Why.AGE))
    assert shelf.there() == [1, 2]


async def test_a_folder_that_the_disk_refuses_does_not_keep_the_others(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = shelf.add(1)
    shelf.add(2)
    unlink = shelf.disk.unlink

    def refuse(folder: int, name: str) -> None:
        if name == "0001.flv" and (first / name).exists() and not (first / "KEEP").exists():
            raise OSError(errno.EIO, "Input/output error")
        unlink(folder, name)

    monkeypatch.setattr(shelf.disk, "unlink", refuse)
    for number in (1, 2):
        await shelf.hand.take(Deletion(number, "hall", 1, Why.AGE))
    assert "hall: recording 1 cannot be deleted: [Errno 5]" in caplog.text
    assert shelf.there() == [1, 2] or shelf.there() == [1]
    assert 1 in shelf.hand.untouchable
    assert 1 not in shelf.hand.in_use
    # A person may try, and a disk that is well is tried again.
    with pytest.raises(OSError, match="Input/output error"):
        await shelf.operator.delete(1)
    shelf.hand.try_again()
    assert 1 not in shelf.hand.untouchable


async def test_one_that_was_kept_by_hand_is_known_as_kept_from_then_on(shelf: Shelf) -> None:
    folder = shelf.add(1)
    (folder / "KEEP").touch()
    removed = await shelf.hand.delete(1, "age", "it is old")
    assert removed.fate is Fate.KEPT
    assert shelf.index.has_changed == [1]


async def test_a_damaged_one_that_is_kept_keeps_its_row(shelf: Shelf) -> None:
    folder = shelf.add(1, kept=True)
    (folder / "recording.json").write_text("{")
    assert (await shelf.hand.delete(1, "operator", "")).fate is Fate.KEPT
    assert shelf.index.has_changed == []


async def test_a_segment_that_is_spared_is_not_counted_as_deleted(shelf: Shelf) -> None:
    manifest = Manifest.from_json((shelf.add(1) / "recording.json").read_bytes())
    shelf.live.append(LivePart(1, manifest, spares=True))
    await shelf.hand.remove_segment(SegmentDeletion(1, "hall", 1, 5 * MIB))
    assert shelf.watch.ledger.week_bytes == 0


async def test_what_is_not_ours_keeps_its_folder_and_the_manifest_tells_what_is_gone(
    shelf: Shelf,
) -> None:
    folder = shelf.add(1)
    (folder / "notes.txt").write_text("mine")
    removed = await shelf.hand.delete(1, "operator", "a person wants it")
    assert removed.fate is Fate.EMPTIED
    assert removed.bytes == 10 * MIB
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "recording.json"]
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    assert [row.deleted for row in manifest.segments] == [True, True]
    assert manifest.deleting is None
    assert shelf.index.has_changed == [1]
    assert (await shelf.sweeper.preview()).total_bytes == 0


async def test_a_segment_of_what_is_not_live_or_not_there_is_left(shelf: Shelf) -> None:
    folder = shelf.add(1)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    await shelf.hand.remove_segment(SegmentDeletion(1, "hall", 1, 5))
    part = LivePart(1, manifest, removed=[1])
    shelf.live.append(part)
    await shelf.hand.remove_segment(SegmentDeletion(1, "hall", 1, 5))
    assert part.removed == [1]
    await shelf.hand.remove_segment(SegmentDeletion(1, "hall", 2, 5))
    assert part.removed == [1, 2]


async def test_what_is_gone_already_is_not_looked_for(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.hand.gone.add(1)
    assert (await shelf.hand.delete(1, "age", "")).fate is Fate.GONE
    assert shelf.there() == [1]
    # Until the catalogue has forgotten it.
    await shelf.sweeper.preview()
    assert shelf.hand.gone == {1}
    (folder,) = shelf.storage.directory.glob("hall/*/*")
    folder.rename(shelf.storage.directory / "elsewhere")
    await shelf.sweeper.preview()
    assert shelf.hand.gone == set()


async def test_what_several_read_is_left_alone_until_the_last_has_done(shelf: Shelf) -> None:
    shelf.add(1)
    for _ in range(2):
        shelf.hand.read_begins(1)
    shelf.hand.read_over(1)
    await shelf.hand.take(Deletion(1, "hall", 1, Why.AGE))
    assert shelf.there() == [1]
    shelf.hand.read_over(1)
    await shelf.hand.take(Deletion(1, "hall", 1, Why.AGE))
    assert shelf.there() == []
