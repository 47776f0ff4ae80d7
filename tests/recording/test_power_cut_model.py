"""The model of power cuts gives what a disk may give, and nothing that it may not."""

from __future__ import annotations

import errno
import math
import random
from pathlib import Path

import pytest

from tests.helpers.cut_choices import Choice, Cuts, key_of
from tests.helpers.power_cuts import BLOCK_BYTES, File, PowerCutDisk, Sync

ROOT = Path("/")
ALL = Choice(product=4096, chance=0)

A, B = b"a" * BLOCK_BYTES, b"b" * BLOCK_BYTES
ZEROS = bytes(BLOCK_BYTES)


def left_of(disk: PowerCutDisk, choice: Choice = ALL) -> list[dict[str, bytes]]:
    """The files in the root, in every state that a power cut may leave."""
    return [
        {
            name: bytes(node.content)
            for name, node in left.disk.root.names.items()
            if isinstance(node, File)
        }
        for left in Cuts(disk, choice, random.Random(1))
    ]


def contents_of(disk: PowerCutDisk, name: str) -> set[bytes | None]:
    return {each.get(name) for each in left_of(disk)}


@pytest.fixture
def disk() -> PowerCutDisk:
    return PowerCutDisk()


@pytest.fixture
def root(disk: PowerCutDisk) -> int:
    return disk.open_path(ROOT)


def test_blocks_that_were_not_synced_are_there_or_zeros_and_the_size_comes_by_itself(
    disk: PowerCutDisk, root: int
) -> None:
    file = disk.create_file(root, "file")
    disk.sync_folder(root)
    disk.write(file, A + B, 0)
    # The last of them is a write that was under way.
    assert contents_of(disk, "file") == {b"", A + B, A + ZEROS, ZEROS + B, ZEROS + ZEROS, A}


def test_a_block_that_is_written_again_is_as_it_was_or_as_a_write_left_it(
    disk: PowerCutDisk, root: int
) -> None:
    file = disk.create_file(root, "file")
    disk.sync_folder(root)
    disk.write(file, A, 0)
    disk.sync_file(file)
    disk.write(file, b"1", 0)
    disk.write(file, b"2", 1)
    assert contents_of(disk, "file") == {A, b"1" + A[1:], b"12" + A[2:]}


def test_what_was_cut_may_come_back(disk: PowerCutDisk, root: int) -> None:
    file = disk.create_file(root, "file")
    disk.sync_folder(root)
    disk.write(file, A + B, 0)
    disk.sync_file(file)
    disk.truncate(file, 1)
    assert contents_of(disk, "file") == {A + B, b"a", b"a" + ZEROS[1:] + B}


def test_what_was_synced_is_there(disk: PowerCutDisk, root: int) -> None:
    file = disk.create_file(root, "file")
    disk.write(file, A + B, 0)
    disk.sync_file(file)
    assert contents_of(disk, "file") == {None, A + B}, "the name is not"
    disk.sync_folder(root)
    assert left_of(disk) == [{"file": A + B}]


def test_each_change_of_a_name_happens_by_itself_and_a_rename_is_one(
    disk: PowerCutDisk, root: int
) -> None:
    for name, content in (("old", A), ("new", B)):
        file = disk.create_file(root, name)
        disk.write(file, content, 0)
        disk.sync_file(file)
    disk.sync_folder(root)
    disk.rename(root, "new", "old")
    assert left_of(disk) == [{"old": B}, {"old": A, "new": B}]
    disk.link(root, "old", "third")
    disk.unlink(root, "old")
    names = {" ".join(sorted(each)) for each in left_of(disk)}
    assert names == {
        *("third", "old", "new", "new old", "old third", "new third", "new old third", ""),
    }


def test_what_no_name_leads_to_is_gone(disk: PowerCutDisk, root: int) -> None:
    disk.make_folder(root, "folder")
    folder = disk.open_folder(root, "folder")
    disk.create_file(folder, "file")
    disk.sync_folder(folder)
    lefts = [left.disk.root.names for left in Cuts(disk, ALL, random.Random(1))]
    assert [len(names) for names in lefts] == [1, 0]


def test_a_failed_sync_loses_what_was_not_durable_and_a_second_one_lies(
    disk: PowerCutDisk, root: int
) -> None:
    file = disk.create_file(root, "file")
    disk.sync_folder(root)
    disk.write(file, A, 0)
    disk.sync_file(file)
    disk.write(file, b"b", 0)
    disk.fails = lambda operation, _: operation == "sync_file"
    with pytest.raises(OSError, match=str(errno.EIO)):
        disk.sync_file(file)
    disk.fails = None
    disk.sync_file(file)
    assert disk.read(file, 1, 0) == b"b", "what is in memory shows it"
    assert contents_of(disk, "file") == {A}
    disk.forget_cache(file)
    assert disk.read(file, 1, 0) == b"a"


def test_a_killed_process_leaves_all_that_it_did_and_none_of_it_durable(
    disk: PowerCutDisk, root: int
) -> None:
    lock = disk.open_lock(root, "lock")
    assert disk.try_lock(lock)
    disk.write(lock, A, 0)
    killed = disk.killed()
    assert key_of(killed) == key_of(disk)
    assert {frozenset(each) for each in left_of(killed)} == {frozenset(), frozenset({"lock"})}
    again = killed.open_lock(killed.open_path(ROOT), "lock")
    assert killed.try_lock(again), "its lock went with it"
    killed.truncate(again, 0)
    assert disk.size(lock) == BLOCK_BYTES


def test_dull_files_are_durable_at_once(root: int, disk: PowerCutDisk) -> None:
    disk.dull = frozenset({"lock"})
    disk.write(disk.open_lock(root, "lock"), A, 0)
    assert left_of(disk) == [{"lock": A}]
    disk.unlink(root, "lock")
    assert left_of(disk) == [{}]


def test_a_sync_can_be_swallowed(root: int, disk: PowerCutDisk) -> None:
    asked: list[Sync] = []
    disk.swallows = lambda sync: not asked.append(sync)  # type: ignore[func-returns-value]
    disk.create_file(root, "file")
    disk.sync_folder(root)
    assert left_of(disk) == [{"file": b""}, {}]
    assert asked == [Sync("folder", "", 0, ())]


def test_where_there_are_too_many_ways_some_are_chosen_and_always_the_same(
    root: int, disk: PowerCutDisk
) -> None:
    for name in "abcdefghijkl":
        disk.create_file(root, name)
    few = Choice(product=100, chance=20)
    found = [frozenset(each) for each in left_of(disk, few)]
    assert found == [frozenset(each) for each in left_of(disk, few)]
    everything = frozenset("abcdefghijkl")
    expected = {frozenset(), everything}
    for at, name in enumerate("abcdefghijkl"):
        expected |= {frozenset(name), everything - {name}, frozenset("abcdefghijkl"[:at])}
    assert expected <= set(found)
    assert len(found) == len(set(found)) <= len(expected) + 20
    cuts = Cuts(disk, few, random.Random(1))
    assert not cuts.is_whole
    every = Cuts(disk, ALL, random.Random(1))
    assert every.is_whole
    assert len(list(every)) == math.pow(2, 12)


def test_it_refuses_what_a_disk_refuses(root: int, disk: PowerCutDisk) -> None:
    disk.create_file(root, "file")
    disk.make_folder(root, "folder")
    disk.create_file(disk.open_folder(root, "folder"), "inner")
    disk.has_links = False
    for refused, kind in (
        (lambda: disk.create_file(root, "file"), FileExistsError),
        (lambda: disk.make_folder(root, "file"), FileExistsError),
        (lambda: disk.link(root, "file", "folder"), FileExistsError),
        (lambda: disk.link(root, "file", "other"), PermissionError),
        (lambda: disk.open_file(root, "other"), FileNotFoundError),
        (lambda: disk.open_path(ROOT / "file" / "inner"), FileNotFoundError),
        (lambda: disk.open_folder(root, "file"), NotADirectoryError),
        (lambda: disk.list_folder(disk.open_file(root, "file")), NotADirectoryError),
        (lambda: disk.unlink(root, "other"), FileNotFoundError),
        (lambda: disk.rename(root, "other", "file"), FileNotFoundError),
        (lambda: disk.remove_folder(root, "folder"), OSError),
        (lambda: disk.close(-1), OSError),
    ):
        with pytest.raises(kind):
            refused()
