"""Stopping while the disk does not answer: how long it waits, what it says, what it leaves.

A thread that waits for the disk cannot be cancelled, and the kernel lets no process end while it
has one. What the program can do is to say what is lost and to decide to leave; it is gone when
the disk answers, or the machine's power ends. (A thread that only reads lets it end.)
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers.encoders import Encoder, begin, publish, sent_by
from tests.helpers.faults import disks, reading
from tests.helpers.faults.disks import MIB
from tests.helpers.program import Recorder, eventually, run_recorder
from tests.real import said
from tests.real.aftermath import at_rest, check_recovery, coverage, recordings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.debian]

ROOMS = ["hall", "lab"]

STOP_TIMEOUT_S = 3.0

LAST_WORDS_S = 8.0
"""What is said behind that: to the catalogue, to the hooks, to the next start."""


async def scenario(
    folder: Path,
    source: Path,
    act: Callable[[Recorder, Path], Awaitable[int]],
    *,
    expected: int,
) -> Recorder:
    """Two live rooms on a disk of their own; `act` stalls and stops, and gives the exit code.

    Whatever happens, what is left can be repaired, and is the beginning of what was sent.
    """
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 — a test's own small folder
    with disks.ext4(folder / "images", folder / "disk", 64 * MIB) as disk:
        async with (
            run_recorder(
                folder,
                ROOMS,
                storage={
                    "directory": str(disk),
                    "sync_interval": "1s",
                    "stop_timeout": f"{STOP_TIMEOUT_S:g}s",
                },
            ) as recorder,
            trio.open_nursery() as nursery,
        ):
            for room in ROOMS:
                begin(
                    nursery, source, recorder.url(room), folder / "unused.flv", must_succeed=False
                )
            for room in ROOMS:
                await recorder.line(said.closed(room, "0001.flv"))
            code = await act(recorder, disk)
            assert code == expected
            nursery.cancel_scope.cancel()
        stored = at_rest(folder / "at-rest", disk, ROOMS)
        if expected == 0:
            assert list(disk.rglob("*.part")) == []
            assert all(recording.manifest["end"] for recording in recordings(disk))
        await check_recovery(stored)
        sent = await sent_by(source, folder).reference()
        for room in ROOMS:
            (recording,) = recordings(disk, room)
            found = await coverage(sent, recording.segments)
            assert found.holes == []
            assert found.reach_ms >= 3000
    return recorder


async def waits_and_gives_up(recorder: Recorder, disk: Path) -> int:
    with disks.frozen(disk):
        # Something of every room is on its way to the disk.
        await trio.sleep(1.5)
        recorder.send(signal.SIGTERM)
        began_s = time.monotonic()
        for room in ROOMS:
            await recorder.line(said.not_written(room))
        assert STOP_TIMEOUT_S - 0.5 < time.monotonic() - began_s < STOP_TIMEOUT_S + 2
        # Its state lies on that disk as well, and does not keep it.
        await eventually(lambda: recorder.has_left, what="nothing runs any more")
        assert time.monotonic() - began_s < STOP_TIMEOUT_S + LAST_WORDS_S
    return await recorder.gone()


async def is_told_twice(recorder: Recorder, disk: Path) -> int:
    with disks.frozen(disk):
        await trio.sleep(1.5)
        recorder.send(signal.SIGTERM)
        await recorder.line(said.STOPPING)
        began_s = time.monotonic()
        recorder.send(signal.SIGTERM)
        await recorder.line(said.SECOND_SIGNAL)
        assert time.monotonic() - began_s < 1
    return await recorder.gone()


async def is_answered_in_time(recorder: Recorder, disk: Path) -> int:
    with disks.frozen(disk):
        await trio.sleep(1.5)
        recorder.send(signal.SIGTERM)
        await recorder.line(said.STOPPING)
        await trio.sleep(STOP_TIMEOUT_S / 2)
    return await recorder.gone()


async def test_a_stop_on_a_disk_that_stalls_waits_for_a_while_and_names_what_is_lost(
    tmp_path: Path, sources: Sources
) -> None:
    """Three programs at once: one that waits in vain, one told twice, one whose disk answers."""
    source = sources.get("h264-aac", 12)
    async with trio.open_nursery() as nursery:
        for act, code in ((waits_and_gives_up, 1), (is_told_twice, 1), (is_answered_in_time, 0)):

            async def one(
                act: Callable[[Recorder, Path], Awaitable[int]] = act, code: int = code
            ) -> None:
                recorder = await scenario(tmp_path / act.__name__, source, act, expected=code)
                not_written = recorder.matching(said.not_written())
                # Who is told twice says nothing more: it leaves at once.
                assert bool(not_written) == (act is waits_and_gives_up)

            nursery.start_soon(one)


async def visit(recorder: Recorder, path: str, answered: trio.Event) -> None:
    """Ask for something as a browser does, and wait for all of it."""
    host, port = recorder.page.removeprefix("http://").split(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        await stream.send_all(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = b""
        try:
            while block := await stream.receive_some():
                answer += block
        except trio.BrokenResourceError:
            return
        head, _, body = answer.partition(b"\r\n\r\n")
        if f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n" and b" 200" in head:
            answered.set()


async def test_a_stop_waits_for_nobody_who_fetches_from_a_disk_that_does_not_answer(
    tmp_path: Path, sources: Sources
) -> None:
    source = sources.get("h264-aac", 12)
    with disks.ext4(tmp_path / "images", tmp_path / "disk", 64 * MIB) as disk:
        async with (
            run_recorder(tmp_path, ROOMS, storage={"directory": str(disk)}) as recorder,
            trio.open_nursery() as nursery,
        ):
            await publish(
                Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "sent.flv"
            )
            folder = (await recorder.ended("hall")).folder
            begin(nursery, source, recorder.url("lab"), tmp_path / "x.flv", must_succeed=False)
            await recorder.line(said.closed("lab", "0001.flv"))
            file = f"/recordings/{folder.relative_to(disk).as_posix()}/0001.flv"
            paths, answered = [file, file, file, "/api/v1/recordings"], trio.Event()
            for path in paths:
                await visit(recorder, path, answered)
                assert answered.is_set(), path
                answered = trio.Event()
            with reading.unread(disk, recorder.process.pid):
                for name in ("0001.flv", "recording.json"):
                    reading.forget(folder / name)
                for path in paths:
                    nursery.start_soon(visit, recorder, path, answered)
                with trio.move_on_after(1):
                    await answered.wait()
                assert not answered.is_set(), "the disk was read"
                recorder.send(signal.SIGTERM)
                assert await recorder.gone(within_s=STOP_TIMEOUT_S + 2) == 0
            nursery.cancel_scope.cancel()
        assert list(disk.rglob("*.part")) == []
        assert all(recording.manifest["end"] for recording in recordings(disk))
