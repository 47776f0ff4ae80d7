"""The faults themselves: each tool of `tests/helpers/faults` does what the tests with it believe.

Here a fault meets small programs of Python instead of the recorder, so that a tool that stopped
working (another kernel, another strace) fails here, and not as a recorder that stands everything.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.helpers.faults import disks, reading, tracing
from tests.helpers.faults.disks import MIB
from tests.helpers.faults.last_resort import undone_anyway
from tests.helpers.faults.network import From, Proxy, open_proxy
from tests.helpers.faults.wall_clock import WallClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path


def error_of(call: Callable[[], object]) -> str | None:
    """The name of the error that a call gives; None when it succeeds."""
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return None


@contextmanager
def opened(path: Path, flags: int = os.O_WRONLY | os.O_CREAT) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_synced(path: Path, data: bytes) -> None:
    with opened(path) as file:
        os.write(file, data)
        os.fdatasync(file)


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


# System calls.

WRITER = """
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
file = os.open("a", os.O_WRONLY | os.O_CREAT, dir_fd=folder)
said = []
def call(name, function, *arguments, **more):
    try:
        function(*arguments, **more)
    except OSError as error:
        said.append(f"{name} {error.errno}")
    else:
        said.append(f"{name} 0")
for line in sys.stdin:
    call("write", os.pwrite, file, b"x", 0)
    call("sync", os.fdatasync, file)
    call("link", os.link, "a", line.strip(), src_dir_fd=folder, dst_dir_fd=folder)
    call("rename", os.rename, line.strip(), "z", src_dir_fd=folder, dst_dir_fd=folder)
    print(" ".join(said), flush=True)
    said.clear()
"""

WELL = {"write": None, "sync": None, "link": None, "rename": None}


class Helper:
    """A program that answers every line with a line."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process

    async def ask(self, line: str) -> list[str]:
        """The words of its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        await self.process.stdin.send_all(f"{line}\n".encode())
        said = b""
        with trio.fail_after(10):
            while not said.endswith(b"\n"):
                await trio.lowlevel.checkpoint()
                block = await self.process.stdout.receive_some(4096)
                assert block, "the program ended"
                said += block
        return said.decode().split()


async def start(
    nursery: trio.Nursery, code: str, folder: Path, env: dict[str, str] | None = None
) -> Helper:
    process: trio.Process = await nursery.start(
        partial(
            trio.run_process,
            [sys.executable, "-c", code, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            check=False,
        )
    )
    return Helper(process)


class Writer(Helper):
    """Does one round of calls at a time."""

    async def round(self) -> dict[str, str | None]:
        """The error of each call, by what it was for."""
        words = await self.ask(f"name{time.monotonic_ns()}")
        numbers = zip(words[::2], words[1::2], strict=True)
        return {name: errno.errorcode.get(int(number)) for name, number in numbers}


@pytest.fixture
async def writer(tmp_path: Path, nursery: trio.Nursery) -> Writer:
    (tmp_path / "files").mkdir()
    return Writer((await start(nursery, WRITER, tmp_path / "files")).process)


@pytest.mark.debian
class TestSystemCalls:
    """Taking hold of a program that is no child of ours is, on Debian, for root alone."""

    @pytest.mark.root
    async def test_the_chosen_calls_on_the_chosen_files_fail_while_it_lasts(
        self, tmp_path: Path, writer: Writer
    ) -> None:
        folder, trace = tmp_path / "files", tmp_path / "trace"
        assert await writer.round() == WELL
        async with tracing.injected(
            writer.process.pid,
            trace,
            tracing.error(tracing.SYNC_FILE, "EIO", when="2"),
            tracing.error(tracing.WRITE, "ENOSPC", when="3+"),
            paths=[folder / "a"],
        ):
            assert await writer.round() == WELL
            assert await writer.round() == {**WELL, "sync": "EIO"}
            assert await writer.round() == {**WELL, "write": "ENOSPC"}
            assert await writer.round() == {**WELL, "write": "ENOSPC"}
        assert await writer.round() == WELL
        assert len(tracing.hits(trace)) == 3

    @pytest.mark.root
    async def test_calls_by_a_folder_are_chosen_by_the_folder(
        self, tmp_path: Path, writer: Writer
    ) -> None:
        injections = [
            tracing.error(tracing.LINK, "EIO"),
            tracing.error(tracing.RENAME, "EROFS", when="1"),
        ]
        async with tracing.injected(
            writer.process.pid, tmp_path / "trace", *injections, paths=[tmp_path / "elsewhere"]
        ):
            assert await writer.round() == WELL
        async with tracing.injected(
            writer.process.pid, tmp_path / "trace", *injections, paths=[tmp_path / "files"]
        ):
            assert await writer.round() == {**WELL, "link": "EIO", "rename": "EROFS"}
            assert await writer.round() == WELL

    @pytest.mark.root
    async def test_calls_take_longer(self, tmp_path: Path, writer: Writer) -> None:
        async with tracing.injected(
            writer.process.pid,
            tmp_path / "trace",
            tracing.delay(tracing.SYNC_FILE, 300),
            paths=[tmp_path / "files" / "a"],
        ):
            began_s = time.monotonic()
            assert await writer.round() == WELL
            assert time.monotonic() - began_s >= 0.3

    async def test_a_program_is_traced_from_its_first_call_and_keeps_its_place(
        self, tmp_path: Path
    ) -> None:
        code = "import os, sys; os.stat(sys.argv[1]); print(os.getpid()); os.listdir(sys.argv[1])"
        process = await trio.lowlevel.open_process(
            [
                *tracing.traced(
                    tmp_path / "trace",
                    injections=[tracing.error("getdents64", "EIO")],
                    paths=[tmp_path],
                ),
                *(sys.executable, "-c", code, str(tmp_path)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        with trio.fail_after(20):
            said = b"".join([block async for block in process.stdout])
            assert await process.wait() == 1, "the injected error"
        assert said == f"{process.pid}\n".encode(), "signals reach the program, not strace"
        calls = tracing.counted(tmp_path / "trace")
        assert calls["getdents64"] == 1
        assert calls["openat"] == 1


# The clock.


CLOCKS = """
import os, sys, time
for line in sys.stdin:
    with open(f"{sys.argv[1]}/{line.strip()}", "w"):
        pass
    modified = os.stat(f"{sys.argv[1]}/{line.strip()}").st_mtime
    boottime = time.clock_gettime(time.CLOCK_BOOTTIME)
    print(time.time(), time.monotonic(), boottime, modified, flush=True)
"""


@pytest.mark.debian
async def test_the_wall_clock_jumps_and_the_monotonic_clock_does_not(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    clock = WallClock(tmp_path / "offset")
    clocks = await start(nursery, CLOCKS, tmp_path, clock.environment)
    for index, offset_s in enumerate((0, 7200, -7200, 0)):
        clock.set_to(offset_s)
        wall_s, monotonic_s, boottime_s, modified_s = map(float, await clocks.ask(f"file{index}"))
        assert abs(wall_s - offset_s - time.time()) < 5
        assert abs(monotonic_s - time.monotonic()) < 5
        assert abs(boottime_s - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5
        assert abs(modified_s - time.time()) < 5


# The network.


class Way:
    """Both ends of one connection through the proxy."""

    def __init__(
        self, proxy: Proxy, encoder: trio.SocketStream, program: trio.SocketStream
    ) -> None:
        self.proxy = proxy
        self.encoder = encoder
        self.program = program


@pytest.fixture
async def listener() -> AsyncIterator[trio.SocketListener]:
    (made,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    yield made
    made.socket.close()


@pytest.fixture
async def proxy(listener: trio.SocketListener, nursery: trio.Nursery) -> Proxy:
    async def serve(*, task_status: trio.TaskStatus[Proxy]) -> None:
        port: int = listener.socket.getsockname()[1]
        async with open_proxy(port, source="127.0.0.9") as made:
            task_status.started(made)
            await trio.sleep_forever()

    found: Proxy = await nursery.start(serve)
    return found


@pytest.fixture
async def way(proxy: Proxy, listener: trio.SocketListener) -> AsyncIterator[Way]:
    encoder = await trio.open_tcp_stream("127.0.0.1", proxy.port)
    program = await listener.accept()
    yield Way(proxy, encoder, program)
    encoder.socket.close()
    program.socket.close()


async def arrives(sender: trio.SocketStream, receiver: trio.SocketStream) -> bool:
    """Whether a byte that is sent now comes, or any that was held back."""
    await sender.send_all(b"x")
    with trio.move_on_after(0.2):
        return await receiver.receive_some(1000) != b""
    return False


class TestNetwork:
    async def test_bytes_and_ends_pass_in_both_directions(self, way: Way) -> None:
        assert await arrives(way.encoder, way.program)
        assert await arrives(way.program, way.encoder)
        assert way.proxy.passed_bytes == {From.ENCODER: 1, From.PROGRAM: 1}
        assert way.program.socket.getpeername()[0] == "127.0.0.9"
        await way.encoder.send_eof()
        assert await way.program.receive_some(10) == b""
        assert await arrives(way.program, way.encoder), "the other direction goes on"
        await way.program.aclose()
        assert await way.encoder.receive_some(10) == b""

    async def test_a_stall_holds_everything_back_and_loses_nothing(self, way: Way) -> None:
        way.proxy.stall()
        assert not await arrives(way.encoder, way.program)
        with trio.move_on_after(1) as timeout:
            await way.encoder.send_all(bytes(64 << 20))
        assert timeout.cancelled_caught, "the sender's window closes"
        assert not await arrives(way.program, way.encoder)
        way.proxy.resume()
        assert await way.encoder.receive_some(10) == b"x"
        received = await way.program.receive_some(1)
        assert received == b"x"

    async def test_a_halved_connection_loses_bytes_and_end_of_one_side(self, way: Way) -> None:
        way.proxy.halve(From.ENCODER)
        assert not await arrives(way.encoder, way.program)
        assert await arrives(way.program, way.encoder)
        await way.encoder.aclose()
        with trio.move_on_after(0.3) as timeout:
            await way.program.receive_some(10)
        assert timeout.cancelled_caught, "no end came"
        for _ in range(3):
            # Nobody is there to take it, and the program does not learn that either.
            await way.program.send_all(bytes(100_000))

    async def test_a_reset_is_seen_as_one_on_both_sides(self, way: Way) -> None:
        way.proxy.reset()
        for end in (way.encoder, way.program):
            with pytest.raises(trio.BrokenResourceError):
                await end.receive_some(10)

    async def test_what_was_sent_before_a_reset_arrives_before_it(self, way: Way) -> None:
        """An encoder that leaves with answers unread resets its connection, after its good-bye."""
        # So small a window that most of it waits in the proxy.
        way.program.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        await way.encoder.send_all(bytes(60_000))
        await way.program.send_all(b"an answer")
        await trio.sleep(0.1)
        await way.encoder.aclose()
        await trio.sleep(0.1)
        received_bytes = 0

        async def receive_all() -> None:
            nonlocal received_bytes
            while block := await way.program.receive_some(10_000):
                received_bytes += len(block)

        with pytest.raises(trio.BrokenResourceError):
            await receive_all()
        assert received_bytes == 60_000

    async def test_a_network_that_is_down_refuses_and_comes_back(
        self, way: Way, listener: trio.SocketListener
    ) -> None:
        port = way.proxy.port
        async with way.proxy.down():
            with pytest.raises(trio.BrokenResourceError):
                await way.program.receive_some(10)
            with pytest.raises(OSError, match="all attempts to connect"):
                await trio.open_tcp_stream("127.0.0.1", port)
        async with (
            await trio.open_tcp_stream("127.0.0.1", port) as encoder,
            await listener.accept() as program,
        ):
            assert await arrives(encoder, program)
        assert way.proxy.accepted == 2

    async def test_nobody_behind_the_proxy_is_a_reset(
        self, proxy: Proxy, listener: trio.SocketListener
    ) -> None:
        await listener.aclose()
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as encoder:
            with pytest.raises(trio.BrokenResourceError):
                await encoder.receive_some(10)
