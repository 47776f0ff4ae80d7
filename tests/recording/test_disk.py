"""The primitives of the real disk."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.recording.disk import (
    PRIVATE_FOLDER_MODE,
    OsDisk,
    UnreadableError,
    closing,
    read_block,
    write_all,
)
from tests.helpers.disk import FailingDisk, open_descriptors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


DISK = OsDisk()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    with closing(DISK, DISK.open_path(tmp_path)) as descriptor:
        yield descriptor


# Folders.


def test_a_folder_is_made_once(folder: int, tmp_path: Path) -> None:
    DISK.make_folder(folder, "a", PRIVATE_FOLDER_MODE)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == PRIVATE_FOLDER_MODE
    with pytest.raises(FileExistsError):
        DISK.make_folder(folder, "a")


def test_a_folders_names_are_listed(folder: int, tmp_path: Path) -> None:
    assert DISK.list_folder(folder) == []
    (tmp_path / "b").touch()
    (tmp_path / "a").mkdir()
    # Twice: the position of the descriptor must not matter.
    assert sorted(DISK.list_folder(folder)) == ["a", "b"]
    assert sorted(DISK.list_folder(folder)) == ["a", "b"]
    DISK.sync_folder(folder)


def test_a_link_is_not_followed_to_a_folder(folder: int, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(NotADirectoryError):
        DISK.open_folder(folder, "link")
    with pytest.raises(NotADirectoryError):
        DISK.open_path(tmp_path / "link")
    DISK.close(DISK.open_path(tmp_path / "link", follow=True))


@pytest.mark.parametrize("target", ["real", "nothing"])
def test_a_link_is_not_followed_to_a_file(folder: int, tmp_path: Path, target: str) -> None:
    (tmp_path / "real").write_bytes(b"ours")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(FileExistsError):
        DISK.create_file(folder, "link")
    for open_it in (DISK.open_file, DISK.open_to_repair, DISK.open_lock):
        with pytest.raises(OSError, match="symbolic links") as caught:
            open_it(folder, "link")
        assert caught.value.errno == errno.ELOOP
    assert DISK.exists(folder, "link")
    assert (tmp_path / "real").read_bytes() == b"ours"
    assert not (tmp_path / "nothing").exists()


def test_no_descriptor_survives_an_exec(folder: int) -> None:
    DISK.make_folder(folder, "inner")
    descriptors = [
        folder,
        DISK.open_folder(folder, "inner"),
        DISK.create_file(folder, "file"),
        DISK.open_file(folder, "file"),
        DISK.open_to_repair(folder, "file"),
        DISK.open_lock(folder, "lock"),
    ]
    assert not any(map(os.get_inheritable, descriptors))
    for descriptor in descriptors[1:]:
        DISK.close(descriptor)


# Files.


def test_a_file_is_created_only_where_none_is(folder: int, tmp_path: Path) -> None:
    with closing(DISK, DISK.create_file(folder, "a")) as file:
        DISK.write(file, memoryview(b"onetwo"), 0)
    with pytest.raises(FileExistsError):
        DISK.create_file(folder, "a")
    assert (tmp_path / "a").read_bytes() == b"onetwo"


def test_a_write_goes_to_its_offset_and_moves_no_other(folder: int, tmp_path: Path) -> None:
    with closing(DISK, DISK.create_file(folder, "a")) as file:
        assert DISK.write(file, b"0123456789", 0) == 10
        assert DISK.write(file, b"AB", 2) == 2
        assert DISK.write(file, b"x", 10) == 1
        DISK.sync_file(file)
        DISK.truncate(file, 8)
    assert (tmp_path / "a").read_bytes() == b"01AB4567"


def test_a_file_is_opened_to_be_repaired_and_not_made(folder: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with closing(DISK, DISK.open_to_repair(folder, "a")) as file:
        assert DISK.size(file) == 10
        assert DISK.read(file, 4, 2) == b"2345"
        DISK.write(file, b"AB", 2)
        DISK.forget_cache(file)
        assert DISK.read(file, 4, 2) == b"AB45"
    with pytest.raises(FileNotFoundError):
        DISK.open_to_repair(folder, "b")


def test_a_folder_tells_what_its_names_are(folder: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    os.utime(tmp_path / "a", ns=(1, 2_000_000_003))
    DISK.link(folder, "a", "b")
    (tmp_path / "c").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("inner")
    DISK.make_folder(folder, "inner")
    a, b, c = (DISK.facts(folder, name) for name in "abc")
    assert (a.size, a.modified_ns, a.is_folder) == (5, 2_000_000_003, False)
    assert a.inode == b.inode != c.inode
    assert DISK.facts(folder, "inner").is_folder
    assert not DISK.facts(folder, "link").is_folder
    with pytest.raises(FileNotFoundError):
        DISK.facts(folder, "nothing")


def test_two_descriptors_of_one_folder_are_the_same(folder: int, tmp_path: Path) -> None:
    DISK.make_folder(folder, "inner")
    with (
        closing(DISK, DISK.open_path(tmp_path)) as again,
        closing(DISK, DISK.open_folder(folder, "inner")) as inner,
    ):
        assert DISK.identity(again) == DISK.identity(folder) != DISK.identity(inner)


def test_a_disk_says_how_much_room_there_is(folder: int, tmp_path: Path) -> None:
    space = DISK.space(folder)
    found = os.statvfs(tmp_path)
    assert space.total == found.f_blocks * found.f_frsize
    assert 0 < space.available <= space.total


def test_an_allocated_file_has_its_bytes(folder: int, tmp_path: Path) -> None:
    with closing(DISK, DISK.create_file(folder, "a")) as file:
        DISK.allocate(file, 100_000)
    assert (tmp_path / "a").stat().st_size == 100_000
    assert (tmp_path / "a").stat().st_blocks * 512 >= 100_000


def test_only_an_empty_folder_is_removed(folder: int, tmp_path: Path) -> None:
    DISK.make_folder(folder, "inner")
    (tmp_path / "inner/a").write_bytes(b"")
    with pytest.raises(OSError, match="not empty"):
        DISK.remove_folder(folder, "inner")
    (tmp_path / "inner/a").unlink()
    DISK.remove_folder(folder, "inner")
    assert not DISK.exists(folder, "inner")


def test_a_link_never_takes_a_name_that_is_taken(folder: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        DISK.link(folder, "a", "b")
    DISK.link(folder, "a", "c")
    DISK.unlink(folder, "a")
    assert (tmp_path / "b").read_bytes() == b"b"
    assert (tmp_path / "c").read_bytes() == b"a"


def test_a_rename_replaces(folder: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    DISK.rename(folder, "a", "b")
    assert (tmp_path / "b").read_bytes() == b"a"
    assert not DISK.exists(folder, "a")


_TRY_LOCK = """
import os, sys
from recorder.recording.disk import OsDisk
disk = OsDisk()
print(disk.try_lock(disk.open_lock(disk.open_path(sys.argv[1]), "lock")))
"""


def _another_process_gets_the_lock(folder: Path) -> bool:
    output = subprocess.run(  # Itself and no other program.
        [sys.executable, "-c", _TRY_LOCK, folder], capture_output=True, text=True, check=True
    ).stdout
    return {"True\n": True, "False\n": False}[output]


def test_a_lock_holds_while_its_descriptor_is_open(folder: int, tmp_path: Path) -> None:
    first = DISK.open_lock(folder, "lock")
    assert DISK.try_lock(first)
    with closing(DISK, DISK.open_lock(folder, "lock")) as second:
        assert not DISK.try_lock(second)
    assert not _another_process_gets_the_lock(tmp_path)
    DISK.close(first)
    assert _another_process_gets_the_lock(tmp_path)


# All of the bytes.


class _Short(OsDisk):
    """A disk that takes a few bytes at a time, as one that is nearly full does."""

    def __init__(self, bites: Sequence[int]) -> None:
        self._bites = bites
        self._writes = 0

    def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
        bite = self._bites[self._writes % len(self._bites)]
        self._writes += 1
        return super().write(file, data[:bite], offset)


@given(st.binary(max_size=200), st.lists(st.integers(1, 30), min_size=1), st.integers(0, 5))
def test_a_short_write_is_completed_wherever_it_stops(
    content: bytes, bites: list[int], offset: int
) -> None:
    descriptor = os.memfd_create("file")
    disk = _Short(bites)
    with closing(disk, descriptor):
        assert write_all(disk, descriptor, content, offset) == offset + len(content)
        assert os.pread(descriptor, len(content) + 1, offset) == content


def test_an_error_behind_a_short_write_is_raised(folder: int, tmp_path: Path) -> None:
    disk = FailingDisk()
    disk.max_write_bytes = 3
    with closing(disk, disk.create_file(folder, "a")) as file:
        disk.arm(2, errno.ENOSPC)
        with pytest.raises(OSError, match="No space") as caught:
            write_all(disk, file, b"12345", 0)
        assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / "a").read_bytes() == b"123"


def test_a_disk_that_takes_nothing_and_says_nothing_is_an_error(folder: int) -> None:
    disk = _Short([3, 0])
    with (
        closing(disk, disk.create_file(folder, "a")) as file,
        pytest.raises(OSError, match="took no byte") as caught,
    ):
        write_all(disk, file, b"12345", 0)
    assert caught.value.errno == errno.EIO


def test_nothing_to_write_is_no_write(folder: int) -> None:
    with closing(DISK, DISK.create_file(folder, "a")) as file:
        assert write_all(DISK, file, b"", 7) == 7


# What is in a file.


def test_what_the_disk_does_not_give_is_unreadable_and_keeps_its_number(folder: int) -> None:
    disk = FailingDisk()
    with closing(disk, disk.create_file(folder, "a")) as file:
        disk.write(file, b"12345", 0)
    with closing(disk, disk.open_file(folder, "a")) as file:
        assert read_block(disk, file, 3, 1) == b"234"
        disk.arm(1, errno.EIO)
        with pytest.raises(UnreadableError) as caught:
            read_block(disk, file, 3, 1)
    assert caught.value.errno == errno.EIO


# Descriptors.


def test_a_descriptor_that_is_replaced_keeps_its_number_and_means_the_other(
    tmp_path: Path,
) -> None:
    before = open_descriptors()
    for name in "ab":
        (tmp_path / name).mkdir()
    old, new = (DISK.open_path(tmp_path / name) for name in "ab")
    DISK.replace(old, new)
    assert DISK.identity(old) == DISK.identity(new)
    assert not os.get_inheritable(old)
    DISK.close(new)
    DISK.make_folder(old, "inside")
    assert (tmp_path / "b/inside").is_dir()
    DISK.close(old)
    assert open_descriptors() == before


def test_the_end_of_a_with_closes_whatever_happened(tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(KeyError), closing(DISK, DISK.open_path(tmp_path)):
        raise KeyError
    assert open_descriptors() == before


# File systems.


def test_the_file_system_of_a_real_folder_is_known(folder: int, tmp_path: Path) -> None:
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", tmp_path], capture_output=True, text=True, check=True
    ).stdout.strip()
    # stat(1) calls the whole family by one name.
    assert DISK.file_system(folder).startswith({"ext2/ext3": "ext"}.get(kind, kind[:5]))
