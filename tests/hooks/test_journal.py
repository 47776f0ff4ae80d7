"""The journal: durable, bounded, cut off at any byte."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from recorder.hooks.journal import SKIPPED_IDS, Journal, files_in
from recorder.hooks.reading import Reader
from tests.hooks.writing import event, journal, read, segment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hooks"


@pytest.fixture(autouse=True)
def calls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the disk; nothing is really synced, for time's sake."""
    asked, write = list[str](), os.write
    monkeypatch.setattr(os, "fsync", lambda file: asked.append("sync folder"))
    monkeypatch.setattr(os, "fdatasync", lambda file: asked.append("sync"))

    def written(file: int, data: memoryview) -> int:
        asked.append(f"write {bytes(data).count(b'event') or 'head'}")
        return write(file, data)

    monkeypatch.setattr(os, "write", written)
    return asked


def test_head_and_name_are_durable_before_events_and_these_when_append_returns(
    folder: Path, calls: list[str]
) -> None:
    writer = journal(folder)
    assert calls == ["sync folder", "write head", "sync", "sync folder"]
    calls.clear()
    writer.append([event(1), event(2)])
    writer.close()
    assert calls == ["write 2", "sync"]


def test_what_is_appended_is_read_in_order(folder: Path) -> None:
    writer, reader = journal(folder), Reader(folder)
    assert reader.new() == []
    writer.append([event(1), event(2)])
    assert reader.new() == [event(1), event(2)]
    assert reader.new() == []
    writer.append([event(3)])
    assert reader.new() == [event(3)]
    writer.close()


def test_nobody_else_may_read_it(folder: Path) -> None:
    journal(folder).close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for _, path in files_in(folder)] == [0o600]


def test_a_restart_goes_on_with_larger_ids_and_in_another_file(folder: Path) -> None:
    first = journal(folder)
    first.append([event(1), event(2)])
    first.close()
    second = journal(folder)
    assert second.outbox == first.outbox
    assert second.next_id == 3 + SKIPPED_IDS
    second.append([event(second.next_id)])
    second.close()
    assert len(files_in(folder)) == 2
    assert read(folder) == [1, 2, 3 + SKIPPED_IDS]
    assert journal(folder).next_id == 4 + 2 * SKIPPED_IDS


def test_an_outbox_that_was_thrown_away_is_another_one(folder: Path) -> None:
    first = journal(folder)
    first.close()
    shutil.rmtree(folder)
    second = journal(folder)
    second.close()
    assert second.outbox != first.outbox


@pytest.mark.parametrize("gone", ["cut", "zeros"])
def test_cut_off_at_any_byte_it_holds_every_whole_event_and_goes_on(
    folder: Path, tmp_path: Path, gone: str
) -> None:
    """A power cut leaves a file shorter, or its end as zeros."""
    writer = journal(folder)
    events = [event(1, "recording_started", recording=7), segment(2, 7, 1), segment(3, 7, 2)]
    writer.append(events)
    writer.close()
    [(_, path)] = files_in(folder)
    whole = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    copy = tmp_path / "cut"
    copy.mkdir()
    for cut in range(len(whole) + 1):
        for old in copy.iterdir():
            old.unlink()
        rest = b"" if gone == "cut" else bytes(len(whole) - cut)
        (copy / path.name).write_bytes(whole[:cut] + rest)
        survived = sum(end <= cut for end in ends[1:])
        second = journal(copy)
        assert second.announced.has_begun(7) == (survived >= 1)
        files = (file for file in (1, 2) if survived and second.announced.has_segment(7, file))
        assert list(files) == [1, 2][: max(0, survived - 1)]
        # Also ids that somebody saw before the cut took them back are not given again.
        fresh = second.next_id
        assert fresh > 3
        second.append([event(fresh)])
        second.close()
        assert read(copy) == [*[1, 2, 3][:survived], fresh]


def test_a_damaged_line_is_passed_over_and_counted(folder: Path) -> None:
    writer = journal(folder)
    writer.append([event(1), event(2), event(3)])
    writer.close()
    [(_, path)] = files_in(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\x00garbage\n", lines[3]]))
    reader = Reader(folder)
    assert [each.id for each in reader.new()] == [1, 3]
    assert reader.damaged == 1


def test_a_full_journal_gives_up_its_oldest_and_counts_what_nobody_got(folder: Path) -> None:
    writer = journal(folder, events=100)
    for number in range(1, 301):
        writer.append([event(number)])
    writer.close()
    ids = read(folder)
    assert ids[-1] == 300
    assert ids == list(range(ids[0], 301))
    assert 75 <= len(ids) <= 100
    assert writer.lost == 300 - len(ids)


def test_a_journal_is_bounded_in_bytes_too(folder: Path) -> None:
    limit = 256 << 10
    writer = journal(folder, size=limit)
    for number in range(1, 1001):
        writer.append([event(number, text="x" * 1000)])
    writer.close()
    assert limit / 2 < sum(path.stat().st_size for _, path in files_in(folder)) <= limit
    assert read(folder)[-1] == 1000
    assert writer.lost == 1000 - len(read(folder))


def test_one_large_batch_is_spread_over_files(folder: Path) -> None:
    writer = journal(folder, size=256 << 10)
    writer.append([event(number, text="x" * 1000) for number in range(1, 201)])
    writer.close()
    assert all(path.stat().st_size <= 65 << 10 for _, path in files_in(folder))
    assert read(folder) == list(range(1, 201))


def test_what_is_delivered_goes_with_its_file_and_is_not_lost(folder: Path) -> None:
    done = 0
    writer = journal(folder, events=100, delivered=lambda _: done)
    for number in range(1, 61):
        writer.append([event(number)])
    assert len(files_in(folder)) == 3
    done = 50
    writer.append([event(61)])
    assert read(folder) == list(range(51, 62))
    writer.close()
    done = 61
    writer = journal(folder, delivered=lambda _: done)
    writer.close()
    assert read(folder) == []
    assert writer.lost == 0
    assert writer.next_id > 61


def test_what_was_announced_outlives_the_files_that_told_it(folder: Path) -> None:
    done = 0
    writer = journal(folder, events=100, delivered=lambda _: done)
    writer.append([event(1, "recording_started", recording=7), segment(2, 7, 1)])
    for number in range(3, 60):
        writer.append([event(number)])
    done = 59
    writer.append([event(60)])
    writer.close()
    assert 2 not in read(folder)
    announced = journal(folder).announced
    assert announced.has_begun(7)
    assert announced.has_segment(7, 1)


class Disk:
    """Syncs that fail: as often as `failures` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures = 0
        self._sync = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self)

    def __call__(self, file: int) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(5, "Input/output error")
        self._sync(file)


def test_after_a_failed_sync_the_same_events_come_again_and_are_read_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, writer, reader = Disk(monkeypatch), journal(folder), Reader(folder)
    writer.append([event(1)])
    disk.failures = 2
    batch = [event(2, "recording_started", recording=7), segment(3, 7, 1)]
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            writer.append(batch)
        assert not writer.announced.has_begun(7)
    writer.append(batch)
    writer.close()
    assert [each.id for each in reader.new()] == [1, 2, 3]
    second = journal(folder)
    second.close()
    assert second.next_id == 4 + SKIPPED_IDS
    assert second.announced.has_segment(7, 1)


def test_a_write_that_was_torn_is_not_written_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, write = journal(folder), os.write

    def half(file: int, data: memoryview) -> int:
        if len(data) < 10:
            raise OSError(28, "No space left on device")
        return write(file, data[:-5])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        writer.append([event(1)])
    monkeypatch.undo()
    writer.append([event(1), event(2)])
    writer.close()
    assert read(folder) == [1, 2]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "hooks").write_text("a file")
    with pytest.raises(NotADirectoryError):
        Journal(tmp_path / "hooks", events=100, size=1 << 20, delivered=lambda _: 0)


def test_a_file_that_goes_while_it_is_read_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = journal(folder, events=100), Reader(folder)
    for number in range(1, 61):
        writer.append([event(number)])
    writer.close()
    files = files_in(folder)
    monkeypatch.setattr("recorder.hooks.reading.files_in", lambda _: files)
    files[0][1].unlink()
    assert [each.id for each in reader.new()] == list(range(26, 61))


def test_a_new_outbox_in_the_same_place_is_read_from_its_first_id(folder: Path) -> None:
    reader = Reader(folder)
    first = journal(folder)
    first.append([event(number) for number in range(1, 4)])
    assert len(reader.new()) == 3
    shutil.rmtree(folder)
    assert reader.new() == []
    first.close()
    second = journal(folder)
    second.append([event(1)])
    second.close()
    assert reader.new() == [event(1)]
    assert reader.outbox == second.outbox
