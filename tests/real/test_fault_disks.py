"""The disks that fail: each does what the tests with it believe.

Here the fault meets small programs of Python instead of the recorder, so that a tool that stopped
working (another kernel, another strace) fails here, and not as a recorder that stands everything.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

import pytest

from tests.helpers.faults import disks, reading
from tests.helpers.faults.disks import MIB
from tests.helpers.faults.last_resort import undone_anyway
from tests.real.small_programs import error_of, opened, write_synced

if TYPE_CHECKING:
    from pathlib import Path


# Last resort.


def test_what_must_be_undone_is_undone_when_the_test_run_is_killed(tmp_path: Path) -> None:
    undone = tmp_path / "undone"
    os.mkfifo(undone)
    code = (
        "import os, signal, sys\n"
        "from tests.helpers.faults.last_resort import undone_anyway\n"
        "with undone_anyway('echo yes > \"$1\"', sys.argv[1]):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, undone], check=False, timeout=10)
    assert killed.returncode == -signal.SIGKILL
    # Opening it waits for the shell that writes.
    assert undone.read_text() == "yes\n"


def test_what_was_undone_in_time_is_not_undone_again(tmp_path: Path) -> None:
    with undone_anyway('touch "$1"', tmp_path / "undone"):
        pass
    # Its shell is dead: `undone_anyway` waited for that.
    assert not list(tmp_path.iterdir())


# Disks.


@pytest.mark.root
@pytest.mark.debian
class TestDisks:
    def test_a_full_tmpfs_says_enospc_until_room_is_made(self, tmp_path: Path) -> None:
        with (
            disks.tmpfs(tmp_path / "disk", 4 * MIB) as disk,
            disks.filled(disk, but_bytes=MIB) as filler,
        ):
            assert error_of(lambda: write_synced(disk / "a", bytes(MIB // 2))) is None
            assert error_of(lambda: write_synced(disk / "b", bytes(MIB))) is None, "short"
            assert (disk / "b").stat().st_size < MIB
            assert error_of(lambda: write_synced(disk / "c", bytes(MIB))) == "ENOSPC"
            filler.unlink()
            assert error_of(lambda: write_synced(disk / "d", bytes(MIB))) is None
        assert not (tmp_path / "disk").is_mount()
        assert list((tmp_path / "disk").iterdir()) == []

    @pytest.mark.parametrize("kind", ["worn out", "protected"])
    def test_a_sick_disk_fails_a_sync_then_is_read_only_and_looks_well(
        self, tmp_path: Path, kind: str
    ) -> None:
        make = {"worn out": disks.worn_out_disk, "protected": disks.protected_disk}[kind]
        errors = {"worn out": {"EIO", "ENOSPC"}, "protected": {"EIO"}}[kind]
        with make(tmp_path / "behind", tmp_path / "disk") as sick:
            assert error_of(lambda: write_synced(sick.at / "before", b"safe")) is None
            with opened(sick.at / "a") as file:
                os.write(file, b"a" * 1000)
                os.fdatasync(file)
                sick.fail()
                assert error_of(lambda: os.write(file, bytes(MIB))) is None
                assert error_of(lambda: os.fdatasync(file)) in errors
                with opened(sick.at, os.O_RDONLY | os.O_DIRECTORY) as folder:
                    # The journal dies of it, at once or with the next name.
                    error_of(lambda: write_synced(sick.at / "b", b"b"))
                    error_of(lambda: os.fsync(folder))
                assert error_of(lambda: write_synced(sick.at / "c", b"c")) == "EROFS"
                assert not os.statvfs(sick.at).f_flag & os.ST_RDONLY
                assert os.access(sick.at, os.W_OK)
                assert disks.available_bytes(sick.at) > MIB
                sick.repair()
                assert error_of(lambda: os.write(file, b"more")) == "EROFS", "the dead one"
            assert (sick.at / "before").read_bytes() == b"safe"
            assert error_of(lambda: write_synced(sick.at / "d", bytes(MIB))) is None
        assert not (tmp_path / "disk").is_mount()
        assert not (tmp_path / "behind").is_mount()
        assert str(tmp_path) not in disks.run("losetup", "--list")

    def test_a_disk_that_is_pulled_out_gives_only_errors(self, tmp_path: Path) -> None:
        with disks.ext4(tmp_path / "images", tmp_path / "disk", 64 * MIB) as disk:
            write_synced(disk / "before", b"safe")
            with opened(disk / "before", os.O_WRONLY | os.O_APPEND) as file:
                disks.pull_out(disk)
                assert error_of(lambda: os.write(file, b"more")) == "EIO"
                assert error_of(lambda: os.fdatasync(file)) == "EIO"
            assert error_of(lambda: write_synced(disk / "after", b"a")) == "EIO"

    def test_a_frozen_disk_lets_writers_wait_and_readers_read(self, tmp_path: Path) -> None:
        with disks.ext4(tmp_path / "images", tmp_path / "disk", 64 * MIB) as disk:
            write_synced(disk / "before", b"safe")
            written = threading.Event()

            def write() -> None:
                write_synced(disk / "during", b"late")
                written.set()

            thread = threading.Thread(target=write)
            with disks.frozen(disk):
                thread.start()
                assert not written.wait(0.3)
                assert (disk / "before").read_bytes() == b"safe"
            assert written.wait(5)
            thread.join()

    def test_a_disk_that_is_not_read_lets_its_reader_wait_and_takes_what_it_writes(
        self, tmp_path: Path
    ) -> None:
        program = (
            "import os, sys; sys.stdin.readline(); disk = sys.argv[1];"
            "file = os.open(f'{disk}/during', os.O_WRONLY | os.O_CREAT); os.write(file, b'new');"
            "os.fdatasync(file); print('written', flush=True);"
            "print(len(open(f'{disk}/before', 'rb').read()), flush=True)"
        )
        with (
            disks.ext4(tmp_path / "images", tmp_path / "disk", 64 * MIB) as disk,
            subprocess.Popen(
                [sys.executable, "-c", program, disk],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            write_synced(disk / "before", b"o" * MIB)
            read = threading.Event()

            def follow(output: IO[str]) -> None:
                assert output.readline() == f"{MIB}\n"
                read.set()

            with reading.unread(disk, process.pid):
                reading.forget(disk / "before")
                process.stdin.write("go\n")
                process.stdin.flush()
                assert process.stdout.readline() == "written\n"
                thread = threading.Thread(target=follow, args=[process.stdout])
                thread.start()
                assert not read.wait(0.5)
            assert read.wait(5)
            thread.join()

    def test_a_disk_that_stays_frozen_is_freed(self, tmp_path: Path) -> None:
        with disks.ext4(tmp_path / "images", tmp_path / "disk", 64 * MIB) as disk:
            began_s = time.monotonic()
            with disks.frozen(disk, at_most_s=0.3):
                write_synced(disk / "during", b"late")
            assert 0.2 < time.monotonic() - began_s < 10

    def test_an_unmounted_disk_stays_with_those_who_have_it_open(self, tmp_path: Path) -> None:
        at = tmp_path / "disk"
        with disks.ext4(tmp_path / "images", at, 64 * MIB):
            with opened(at, os.O_RDONLY | os.O_DIRECTORY) as folder:
                device = os.fstat(folder).st_dev
                disks.unmount(at)
                assert at.stat().st_dev != device
                assert list(at.iterdir()) == []
                file = os.open("late", os.O_WRONLY | os.O_CREAT, dir_fd=folder)
                os.write(file, b"into what is gone")
                os.close(file)
                assert list(at.iterdir()) == []
            with disks.ext4(tmp_path / "images" / "other", at, 64 * MIB):
                assert [path.name for path in at.iterdir()] == ["lost+found"]
        assert not at.is_mount()

    def test_a_power_cut_loses_what_was_not_synced(self, tmp_path: Path) -> None:
        with disks.ext4(tmp_path / "images", tmp_path / "disk", 64 * MIB) as disk:
            write_synced(disk / "synced", b"s" * 100_000)
            with opened(disk, os.O_RDONLY | os.O_DIRECTORY) as folder:
                os.fsync(folder)
            with opened(disk / "synced", os.O_WRONLY | os.O_APPEND) as file:
                os.write(file, b"u" * 100_000)
                with opened(disk / "new") as new:
                    os.write(new, b"n" * 100_000)
                copy = disks.power_cut(disk, tmp_path / "cut.img")
        with disks.mounted_image(copy, tmp_path / "after") as after:
            # The journal commits by itself every five seconds: a name may be there, and a size.
            assert (after / "synced").read_bytes()[:100_000] == b"s" * 100_000
            assert b"u" not in (after / "synced").read_bytes()
            assert b"n" not in ((after / "new").read_bytes() if (after / "new").exists() else b"")
            write_synced(after / "later", b"l")
