"""The worst morning: the recorder starts, and the recordings' disk is not there, is another one, or
does not answer.

The page is served and says so; nothing is written to what lies in the disk's place; and when the
disk comes, lessons are recorded without anybody touching the recorder. Disks are real ones.

With RECORDER_LONG_TESTS=1 in the environment a publish is refused after half a minute, as it is for
everybody; else the program is told to be less patient.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.helpers.encoders import Encoder, begin, publish, sent_by
from tests.helpers.faults import disks
from tests.helpers.faults.disks import MIB
from tests.helpers.program import Recorder, command, eventually, run_recorder
from tests.helpers.service_manager import manage
from tests.real import said
from tests.real.aftermath import coverage, finished
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.debian]

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

PATIENCE_S = 10.0 if LONG else 2.0
"""How long a start waits for a disk that does not answer."""

IMPATIENT = f"""
from recorder.recording import arrival, health
arrival.PATIENCE_S = {PATIENCE_S}
health.BAD_FOR_MS = 8000
from recorder.cli import main
main()
"""

ROOMS = ["hall", "lab"]

STOP_TIMEOUT_S = 3.0

BELOW = {"somebody-elses.txt": b"a file on the boot disk"}
"""What lies in the mount point."""


def started(folder: Path, **more: Any) -> AbstractAsyncContextManager[Recorder]:
    """As an appliance: what must be known without the disk lies beside it."""
    return run_recorder(
        folder,
        ROOMS,
        state=folder / "state",
        storage={
            "directory": str(folder / "disk"),
            "sync_interval": "1s",
            "stop_timeout": f"{STOP_TIMEOUT_S:g}s",
        },
        **more,
    )


def started_without_disk(folder: Path) -> AbstractAsyncContextManager[Recorder]:
    program = [] if LONG else ["-c", IMPATIENT]
    return started(folder, initialise=False, program=program, patience_s=PATIENCE_S)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything in it, with the time of its last change."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [folder, *folder.rglob("*")]
    }


def mount_point(folder: Path) -> Path:
    at = folder / "disk"
    at.mkdir()
    for name, content in BELOW.items():
        (at / name).write_bytes(content)
    return at


async def get(recorder: Recorder, path: str) -> tuple[int, bytes]:
    """What the page answers."""
    host, port = recorder.page.removeprefix("http://").split(":")
    with trio.fail_after(10):
        stream = await trio.open_tcp_stream(host, int(port))
        async with stream:
            await stream.send_all(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            answer = b"".join([bytes(block) async for block in stream])
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def snapshot(recorder: Recorder) -> dict[str, Any]:
    status, body = await get(recorder, "/api/v1/status")
    assert status == 200
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


async def check_the_truth(recorder: Recorder, reason: str) -> None:
    """Every face of the recorder says that the disk is missing, and what to do."""
    assert (await get(recorder, "/"))[0] == 200
    seen = await snapshot(recorder)
    storage = seen["storage"]
    assert storage["state"] == "failed"
    assert re.search(reason, storage["reason"])
    for figure in ("total_bytes", "free_bytes", "time_left_s", "foreign_bytes", "probe_age_s"):
        assert storage[figure] is None, figure
    (alarm,) = [each for each in seen["alarms"] if each["kind"] == "disk_failed"]
    assert alarm["severity"] == "critical"
    assert re.search(reason, alarm["text"])
    assert "recording goes on by itself" in alarm["advice"]
    # Of the card that lies below nothing is said as if it were the disk.
    assert storage["directory"] not in [each["directory"] for each in seen["system"]["wear"]]
    status, body = await get(recorder, "/healthz")
    assert (status, json.loads(body)["healthy"]) == (503, False)
    ill = {each["id"]: each["kind"] for each in json.loads(body)["alarms"]}
    assert ill.pop(alarm["id"]) == "disk_failed"
    # Whose encoder has come meanwhile is not recorded.
    assert set(ill.values()) <= {"not_recorded"}
    status, metrics = await get(recorder, "/metrics")
    assert status == 200
    assert re.search(rb"(?m)^rec_storage_probe_success\{[^}]*\} 0\.0$", metrics)
    assert not re.search(rb"(?m)^rec_storage_(avail|size)_bytes\{", metrics)
    status, body = await get(recorder, "/api/v1/recordings")
    assert status != 200
    assert re.search(reason, json.loads(body)["error"])
    config = recorder.folder / "config.yaml"
    told = await command("status", "--once", "--config", config, cwd=recorder.folder)
    assert told.code == 1
    assert re.search(reason, " ".join(told.out.split()))


async def refused(recorder: Recorder, room: str, source: Path) -> None:
    """A publish that is refused, in words that the encoder shows."""
    done = await publish(
        Encoder.CURRENT_FFMPEG,
        source,
        recorder.url(room),
        recorder.folder / "refused.flv",
        must_succeed=False,
    )
    assert done.code != 0
    assert re.search(said.DISK, done.said)
    assert re.search("has no marker|storage of another recorder", done.said)


async def listed(recorder: Recorder) -> list[int]:
    """The numbers of the recordings, as soon as the catalogue is read."""
    with trio.fail_after(15):
        while True:
            status, body = await get(recorder, "/api/v1/recordings")
            if status == 200:
                return [row["number"] for row in json.loads(body)["recordings"]]
            await trio.sleep(0.5)


async def states(recorder: Recorder) -> dict[str, str]:
    return {room["name"]: room["state"] for room in (await snapshot(recorder))["rooms"]}


async def is_not_mounted(folder: Path, sources: Sources) -> None:
    """Who publishes at once is kept in memory and recorded; who comes later is refused until the
    disk is there. What a kill left on it before is repaired then."""
    at = mount_point(folder)
    short, long = await sources.made("h264-aac", 4), await sources.made("h264-aac", 60)
    with disks.ext4(folder / "images", at, 128 * MIB):
        async with started(folder) as recorder, trio.open_nursery() as nursery:
            begin(nursery, long, recorder.url("hall"), folder / "unused.flv", must_succeed=False)
            await recorder.line(said.closed("hall", "0001.flv"))
            await recorder.kill()
            nursery.cancel_scope.cancel()
        disks.unmount(at)
        below = contents(at)
        async with started_without_disk(folder) as recorder:
            async with trio.open_nursery() as nursery:
                lab = begin(nursery, long, recorder.url("lab"), folder / "lab.flv", pace=1)
                await recorder.line(said.not_recorded("lab"))
                await check_the_truth(recorder, "has no marker")
                await eventually_refusing(recorder)
                await refused(recorder, "hall", short)
                assert await states(recorder) == {"hall": "fault", "lab": "fault"}
                assert not lab.is_over
                assert len(recorder.matching("The disk takes no writes: .* has no marker")) == 1
                assert contents(at) == below
                disks.mount_again(folder / "images" / "disk.img", at)
                await recorder.line(said.recorded_again("lab"))
                await recorder.line(said.closed("lab", "0001.flv"))
                assert await listed(recorder) == [2, 1]
                # Pulled out, and put in again, as at any other time.
                disks.unmount(at)
                await recorder.line(said.not_recorded("lab"), count=2)
                assert contents(at) == below
                disks.mount_again(folder / "images" / "disk.img", at)
                await recorder.line(said.recorded_again("lab"), count=2)
                await publish(
                    Encoder.CURRENT_FFMPEG, short, recorder.url("hall"), folder / "unused.flv"
                )
                await recorder.ended("hall")
                closed = len(recorder.matching(said.closed("lab")))
                await recorder.line(said.closed("lab"), count=closed + 1)
                lab.kill()
            await recorder.line(said.waits("lab"))
            await recorder.stop()
        async with started(folder, initialise=False) as last:
            await finished(last)
        # Its publisher has come back within the window, of which the disk took a part.
        continued = recorder.recording("hall").manifest
        assert continued["end_reason"] == "unpublished"
        assert [row["gap"] and row["gap"]["reason"] for row in continued["segments"]][-2:] == [
            "reconnect", None,
        ]  # fmt: skip
        # The lesson that began without its disk is there from its first frame on.
        waited = recorder.recording("lab")
        sent = await sent_by(long, folder).reference()
        assert (await coverage(sent, waited.segments)).holes == []
        disks.unmount(at)
        assert contents(at) == below


async def eventually_refusing(recorder: Recorder) -> None:
    """Until the disk has been missed for so long that nobody is let in."""
    with trio.fail_after(40):
        while (await states(recorder))["hall"] != "fault":  # noqa: ASYNC110 - nobody tells it
            await trio.sleep(0.5)


async def is_another_ones(folder: Path, sources: Sources) -> None:
    """It is left as it is, to the last byte, also by a recorder that is killed beside it."""
    at, other, elsewhere = mount_point(folder), folder / "other", folder / "elsewhere"
    elsewhere.mkdir()
    source = await sources.made("h264-aac", 4)
    with (
        disks.ext4(folder / "images", at, 128 * MIB),
        disks.ext4(folder / "images", other, 128 * MIB),
    ):
        async with started(folder) as recorder:
            await recorder.stop()
        async with run_recorder(elsewhere, ["hall"], storage={"directory": str(other)}) as theirs:
            await publish(Encoder.CURRENT_FFMPEG, source, theirs.url("hall"), folder / "x.flv")
            await theirs.ended("hall")
            await finished(theirs)
        disks.unmount(other)
        disks.unmount(at)
        below = contents(at)
        disks.mount_again(folder / "images" / "other.img", at)
        before = contents(at)
        async with started_without_disk(folder) as recorder:
            await check_the_truth(recorder, "is the storage of another recorder")
            await recorder.kill()
        assert contents(at) == before
        async with started_without_disk(folder) as recorder:
            await eventually_refusing(recorder)
            await refused(recorder, "hall", source)
            assert contents(at) == before
            disks.unmount(at)
            await recorder.line("The disk takes no writes: .* has no marker")
            assert contents(at) == below
            disks.mount_again(folder / "images" / "disk.img", at)
            await recorder.line("The disk takes writes again")
            published = await publish(
                Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), folder / "hall.flv"
            )
            await recorder.ended("hall")
            await finished(recorder)
        await check_recording(recorder.recording("hall"), published)
        disks.unmount(at)
        disks.mount_again(folder / "images" / "other.img", at)
        assert contents(at) == before


async def is_unreadable(folder: Path, sources: Sources) -> None:
    """Mounted, and every read is an error: it is what comes when it is put in again that counts."""
    at, source = mount_point(folder), await sources.made("h264-aac", 4)
    with disks.ext4(folder / "images", at, 128 * MIB):
        async with started(folder) as recorder:
            await recorder.stop()
        disks.run("sync")
        disks.pull_out(at)
        async with started_without_disk(folder) as recorder:
            await check_the_truth(recorder, "cannot be used: Input/output error")
            disks.unmount(at)
            disks.put_in(folder / "images" / "disk.img", at)
            await recorder.line("The disk takes writes again", within_s=35)
            published = await publish(
                Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), folder / "hall.flv"
            )
            await recorder.ended("hall")
            await finished(recorder)
        await check_recording(recorder.recording("hall"), published)


async def does_not_answer(folder: Path, sources: Sources) -> None:
    """As one that is missing, and nobody waits for it: neither the page nor a stop. What a kill
    left on it before is repaired when it answers."""
    at, long = folder / "disk", await sources.made("h264-aac", 60)
    with disks.ext4(folder / "images", at, 128 * MIB), ExitStack() as frozen:
        async with started(folder) as recorder, trio.open_nursery() as nursery:
            begin(nursery, long, recorder.url("hall"), folder / "unused.flv", must_succeed=False)
            await recorder.line(said.closed("hall", "0001.flv"))
            await recorder.kill()
            nursery.cancel_scope.cancel()
        frozen.enter_context(disks.frozen(at))
        async with started_without_disk(folder) as recorder:
            async with trio.open_nursery() as nursery:
                lab = begin(nursery, long, recorder.url("lab"), folder / "lab.flv", pace=1)
                await recorder.line(said.not_recorded("lab"))
                await check_the_truth(recorder, "does not answer")
                assert len(recorder.matching("The disk takes no writes: .* does not answer")) == 1
                frozen.close()
                await recorder.line(said.recorded_again("lab"))
                await recorder.line(said.closed("lab", "0001.flv"))
                assert await listed(recorder) == [2, 1]
                lab.kill()
            await recorder.line(said.waits("lab"))
            await recorder.stop()
        frozen.enter_context(disks.frozen(at))
        async with started_without_disk(folder) as recorder, trio.open_nursery() as nursery:
            begin(nursery, long, recorder.url("lab"), folder / "x.flv", must_succeed=False)
            await recorder.line(said.not_recorded("lab"))
            recorder.send(signal.SIGTERM)
            began_s = time.monotonic()
            await recorder.line(said.not_written("lab"))
            await eventually(lambda: recorder.has_left, what="nothing runs any more")
            assert time.monotonic() - began_s < STOP_TIMEOUT_S + 3
            frozen.close()
            assert await recorder.gone() == 1
            nursery.cancel_scope.cancel()
        # The lesson that began while it did not answer is there from its first frame on.
        waited = recorder.recording("lab")
        sent = await sent_by(long, folder).reference()
        assert (await coverage(sent, waited.segments)).holes == []


async def is_full(folder: Path, sources: Sources) -> None:
    """It is opened in the room that is kept for that, so that something can be deleted."""
    at, source = folder / "disk", await sources.made("h264-aac", 4)
    with disks.ext4(folder / "images", at, 64 * MIB):
        async with started(folder) as recorder:
            await publish(Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), folder / "x.flv")
            await recorder.ended("hall")
            await finished(recorder)
        with disks.filled(at):
            async with started(folder, initialise=False) as recorder:
                assert recorder.matching("is full; the reserve that is kept for that was used")
                assert await listed(recorder) == [1]
                config = recorder.folder / "config.yaml"
                done = await command("delete", "1", "--yes", "--config", config, cwd=folder)
                assert done.code == 0, done.err
                assert recorder.recordings("hall") == []
                await recorder.stop()


SCENARIOS = (is_not_mounted, is_another_ones, is_unreadable, does_not_answer, is_full)


async def test_a_recorder_without_its_disk_says_so_and_records_when_it_comes(
    tmp_path: Path, sources: Sources
) -> None:
    async with trio.open_nursery() as nursery:
        for scenario in SCENARIOS:
            folder = tmp_path / scenario.__name__
            folder.mkdir()
            nursery.start_soon(scenario, folder, sources, name=scenario.__name__)


async def test_systemd_is_told_that_it_runs_and_what_is_missing(tmp_path: Path) -> None:
    directory = tmp_path / "recordings"
    async with manage(tmp_path) as manager:
        async with manager.start(["hall"], state=tmp_path / "state") as recorder:
            await recorder.stop()
        directory.rename(tmp_path / "elsewhere")
        since = len(manager.messages)
        async with manager.start(
            ["hall"], initialise=False, state=tmp_path / "state", watchdog_s=1.5
        ) as recorder:
            await manager.hears("READY", since=since)
            await manager.hears("STATUS", since=since)
            assert "takes no writes: The folder" in manager.told("STATUS")[-1]
            beaten = len(manager.told("WATCHDOG"))
            await eventually(
                lambda: len(manager.told("WATCHDOG")) > beaten + 3, what="the watchdog is fed"
            )
            recorder.send(signal.SIGHUP)
            await recorder.line("The configuration was reloaded")
            (tmp_path / "elsewhere").rename(directory)
            await recorder.line("The disk takes writes again")
            await recorder.stop()
