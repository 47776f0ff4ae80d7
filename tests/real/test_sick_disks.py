"""Disks that are full, that fail, stall, vanish or are exchanged, under real encoders.

In each of them the encoder stays connected, what cannot be written is said and counted, nothing
is called safe that is not, and recording goes on by itself when the disk is well again. Every
scenario has a program and a disk of its own; those of a group run side by side, because most of
their time is waiting.

With RECORDER_LONG_TESTS=1 in the environment the stall has its full size, and a publish is refused
after half a minute on a disk that fails.
"""

from __future__ import annotations

import json
import os
import re
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.helpers import packets
from tests.helpers.encoders import Encoder, begin, publish
from tests.helpers.faults import disks, tracing
from tests.helpers.faults.disks import MIB
from tests.helpers.program import Recorder, Recording, command, eventually, run_recorder
from tests.real import said
from tests.real.aftermath import (
    check_rows_tell_where,
    check_safe,
    fingerprints,
    finished,
)
from tests.real.checks import can_be_played, check_plays, check_recording
from tests.real.pieces import Coverage, cover, locate

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.helpers.encoders import Published, Sources
    from tests.helpers.faults.disks import SickDisk

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.debian]

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

SYNC_S = 1.0

CATALOGUE = ".recorder/catalogue.sqlite3"

RESUMED_S = 35.0
"""The disk is tried again after 1, 2, 4 ... at most 30 s."""


def storage_at(at: Path, **more: str) -> dict[str, str]:
    """The section: recordings lie in a folder of the disk, as on any disk that has other uses."""
    return {"directory": str(at), "sync_interval": f"{SYNC_S:g}s", **more}


async def not_recorded(recorder: Recorder, room: str) -> str:
    return await recorder.line(said.not_recorded(room))


async def recorded_again(recorder: Recorder, *rooms: str) -> None:
    for room in rooms:
        await recorder.line(said.recorded_again(room), within_s=RESUMED_S)


async def first_file_closed(recorder: Recorder, *rooms: str) -> None:
    """And summed up: nothing but media is on its way to the disk for some seconds."""
    for room in rooms:
        await recorder.line(said.closed(room, "0001.flv"))
        await eventually(partial(is_summed_up, recorder, room), what=f"{room}: the SHA-256")


def is_summed_up(recorder: Recorder, room: str) -> bool:
    rows = recorder.recording(room).manifest["segments"]
    return bool(rows) and rows[0]["sha256"] is not None


async def held(recording: Recording, published: Published) -> Coverage:
    """What of the room's one publish its one recording holds, and that its rows say where."""
    sent = await published.reference()
    pieces = [locate(sent, tracks) for tracks in await packets.read_all(recording.segments)]
    check_rows_tell_where(recording, [piece.base_ms for piece in pieces])
    for path, row in zip(recording.segments, recording.manifest["segments"], strict=True):
        if can_be_played(path, row):
            await check_plays(path)
    return cover(sent, pieces)


def check_gaps(recording: Recording, coverage: Coverage) -> int:
    """Every hole between two files is a gap in the manifest, as long as the hole; gives its ms."""
    rows = recording.manifest["segments"]
    gaps = [row["gap"] for row in rows if row["gap"] is not None]
    missing_ms = sum(
        hole.before_ms - hole.after_ms for hole in coverage.holes if hole.track.kind == "video"
    )
    said_ms: int = sum(gap["ms"] for gap in gaps)
    assert abs(said_ms - missing_ms) < 100 * max(1, len(gaps)), (gaps, coverage.holes)
    return said_ms


async def picture(recorder: Recorder) -> dict[str, Any]:
    """What the page has now."""

    def ask() -> Any:
        with urllib.request.urlopen(f"{recorder.page}/api/v1/status", timeout=5) as answer:
            return json.load(answer)

    found = await trio.to_thread.run_sync(ask)
    assert isinstance(found, dict)
    return found


async def loses_more_and_more(recorder: Recorder, room: str) -> None:
    """While it happens the page says how much of a room is lost, in figures and in words."""
    said_ms = 0
    with trio.fail_after(20):
        for _ in range(3):
            while True:
                seen = await picture(recorder)
                (shown,) = (each for each in seen["rooms"] if each["name"] == room)
                if shown["lost_ms"] > said_ms:
                    break
                await trio.sleep(0.2)
            said_ms = shown["lost_ms"]
            (alarm,) = (
                each
                for each in seen["alarms"]
                if (each["kind"], each["room"]) == ("not_recorded", room)
            )
            assert alarm["text"].endswith("of it are lost so far.")
            assert shown["lost_bytes"] > 0


# Full, failing.


async def is_full(tmp_path: Path, sources: Sources) -> None:
    """The files are closed, the encoders stay, and it goes on when there is room again. A room
    whose buffer lasts loses nothing; one that sends more loses its oldest, counted."""
    light, heavy = await sources.made("h264-aac", 20), await sources.made("heavy", 20)
    with disks.tmpfs(tmp_path / "disk", 160 * MIB) as disk:
        async with run_recorder(
            tmp_path, ["hall", "lab"], storage=storage_at(disk, buffer="1MiB")
        ) as recorder:
            async with trio.open_nursery() as nursery:
                hall = begin(nursery, light, recorder.url("hall"), tmp_path / "hall.flv")
                lab = begin(nursery, heavy, recorder.url("lab"), tmp_path / "lab.flv")
                await first_file_closed(recorder, "hall", "lab")
                with disks.filled(disk):
                    assert re.search(said.FULL, await not_recorded(recorder, "lab"))
                    await not_recorded(recorder, "hall")
                    # The ballast made room to finish what was being written.
                    await eventually(
                        lambda: not list(disk.rglob("*.part")), what="all files closed"
                    )
                    # Full again to the last byte, and for longer than the lab's buffer lasts.
                    with disks.filled(disk):
                        await loses_more_and_more(recorder, "lab")
                        assert (await picture(recorder))["rooms"][0]["lost_bytes"] == 0
                        terminal = await command(
                            "status", "--once", "--config", "config.yaml", cwd=tmp_path
                        )
                        assert re.search(r"lab loses media: \d.* so far", terminal.out)
                    assert not recorder.matching(said.recorded_again())
                    assert not hall.is_over
                    assert not lab.is_over
                await recorded_again(recorder, "hall", "lab")
                assert len(recorder.matching(said.not_recorded("hall"))) == 1
                published = {"hall": await hall.published(), "lab": await lab.published()}
            for room in published:
                await recorder.ended(room)
            await finished(recorder)
        whole = await held(recorder.recording("hall"), published["hall"])
        assert whole.holes == []
        assert whole.is_whole
        short = await held(recorder.recording("lab"), published["lab"])
        assert short.is_whole, "the newest is kept"
        assert 1000 < check_gaps(recorder.recording("lab"), short) < 20_000


async def is_worn_out(tmp_path: Path, sources: Sources) -> None:
    """A sync fails, with ENOSPC or EIO, and then everything with EROFS."""
    await fails(tmp_path, sources, disks.worn_out_disk)


async def is_protected(tmp_path: Path, sources: Sources) -> None:
    """The same from the first write on, with EIO."""
    await fails(tmp_path, sources, disks.protected_disk)


async def fails(
    tmp_path: Path,
    sources: Sources,
    make: Callable[[Path, Path], AbstractContextManager[SickDisk]],
) -> None:
    """It is said, and recording goes on when the disk is repaired."""
    source = await sources.made("h264-aac", 16)
    with make(tmp_path / "behind", tmp_path / "disk") as sick:
        async with run_recorder(
            tmp_path, ["hall", "lab"], storage=storage_at(sick.at), log={"level": "debug"}
        ) as recorder:
            async with trio.open_nursery() as nursery:
                publishes = {
                    room: begin(nursery, source, recorder.url(room), tmp_path / f"{room}.flv")
                    for room in ("hall", "lab")
                }
                await first_file_closed(recorder, *publishes)
                sick.fail()
                for room in publishes:
                    await not_recorded(recorder, room)
                said_safe = list(recorder.lines)
                await trio.sleep(1)
                assert not recorder.matching(said.recorded_again())
                sick.repair()
                await recorded_again(recorder, *publishes)
                published = {room: await one.published() for room, one in publishes.items()}
            for room in publishes:
                await recorder.ended(room)
            await finished(recorder)
        for room in publishes:
            recording = recorder.recording(room)
            coverage = await held(recording, published[room])
            assert coverage.is_whole
            # What was in memory alone when the disk failed is gone, and only that.
            for hole in coverage.holes:
                assert hole.before_ms - hole.after_ms < (SYNC_S + 1) * 1000 + 1000
            assert check_safe(said_safe, recording) > 0
            suspects = [row for row in recording.manifest["segments"] if row["suspect"]]
            assert len(suspects) <= 1


# Stalling.


async def everything_stalls(tmp_path: Path, sources: Sources) -> None:
    """No frame is lost: of two rooms by their buffer, of two that send more than it holds by
    holding the encoder back, which is no silence of theirs."""
    stall_s = 20 if LONG else 6
    seconds = stall_s + 7
    recipes = dict.fromkeys(["hall", "lab"], "heavy" if LONG else "h264-aac")
    recipes |= dict.fromkeys(["library", "studio"], "heavy")
    files = {room: await sources.made(recipe, seconds) for room, recipe in recipes.items()}
    with disks.ext4(tmp_path / "images", tmp_path / "disk", 256 * MIB) as disk:
        async with run_recorder(
            tmp_path,
            recipes,
            # The program's own default in the full size: 4 Mbit/s for 20 s are 10 MB.
            storage=storage_at(disk, buffer="64MiB" if LONG else "1MiB"),
            recording={"idle_timeout": "3s"},
        ) as recorder:
            async with trio.open_nursery() as nursery:
                publishes = {
                    room: begin(nursery, file, recorder.url(room), tmp_path / f"{room}.flv")
                    for room, file in files.items()
                }
                await first_file_closed(recorder, *recipes)
                with disks.frozen(disk, at_most_s=40):
                    await trio.sleep(stall_s)
                published = {room: await one.published() for room, one in publishes.items()}
            for room in recipes:
                await recorder.ended(room)
            await finished(recorder)
        assert recorder.matching(said.STALLED)
        assert not recorder.matching(said.not_recorded())
        async with trio.open_nursery() as nursery:
            for room, sent in published.items():
                check = partial(check_recording, was_held_back=True)
                nursery.start_soon(check, recorder.recording(room), sent)


# Single calls.


async def one_call_fails(
    folder: Path,
    sources: Sources,
    call: str,
    error: str,
    *,
    when: str = "1",
    on_folder: bool = False,
) -> Recording:
    """Record two rooms; one call fails for the hall. Gives the hall's recording, of which no
    frame is missing; the lab's is as if nothing had happened."""
    source = await sources.made("h264-aac", 10)
    async with run_recorder(folder, ["hall", "lab"], storage={"sync_interval": "1s"}) as recorder:
        async with trio.open_nursery() as nursery:
            hall = begin(nursery, source, recorder.url("hall"), folder / "hall.flv")
            lab = begin(nursery, source, recorder.url("lab"), folder / "lab.flv")
            await recorder.line(said.began("hall"))
            await eventually(
                lambda: bool(recorder.recordings("hall") and recorder.recording("hall").parts),
                what="the first file",
            )
            recording = recorder.recording("hall")
            # The first file may be closed before strace has taken hold.
            files = [recording.folder / f"{number:04}.flv.part" for number in range(1, 5)]
            async with tracing.injected(
                recorder.process.pid,
                folder / "trace",
                tracing.error(call, error, when=when),
                paths=[recording.folder] if on_folder else files,
            ) as trace:
                await not_recorded(recorder, "hall")
                await recorded_again(recorder, "hall")
            assert tracing.hits(trace)
            published = {"hall": await hall.published(), "lab": await lab.published()}
        for room in published:
            await recorder.ended(room)
        await finished(recorder)
    if error != "ENOSPC":  # a full disk is every room's
        assert not recorder.matching(said.not_recorded("lab"))
        await check_recording(recorder.recording("lab"), published["lab"])
    for room in published:
        coverage = await held(recorder.recording(room), published[room])
        assert coverage.holes == []
        assert coverage.is_whole
    if call is not tracing.SYNC_FILE:
        assert not any(row["suspect"] for row in recording.manifest["segments"])
    return recording


async def a_sync_fails(tmp_path: Path, sources: Sources) -> None:
    """What was not synced may be lost: the file is suspect, and another begins."""
    recording = await one_call_fails(tmp_path, sources, tracing.SYNC_FILE, "EIO")
    (suspect,) = [row["file"] for row in recording.manifest["segments"] if row["suspect"]]
    assert any(f"/{suspect}.part>" in hit for hit in tracing.hits(tmp_path / "trace"))


async def a_write_fails(tmp_path: Path, sources: Sources) -> None:
    """The second one, in the middle of a file."""
    await one_call_fails(tmp_path, sources, tracing.WRITE, "ENOSPC", when="2")


async def a_name_cannot_be_given(tmp_path: Path, sources: Sources) -> None:
    """The file is whole, and gets its name later."""
    await one_call_fails(tmp_path, sources, tracing.LINK, "EIO", on_folder=True)


async def a_manifest_cannot_be_replaced(tmp_path: Path, sources: Sources) -> None:
    """The file has its name, and its row comes later."""
    await one_call_fails(tmp_path, sources, tracing.RENAME, "EROFS", on_folder=True)


# Vanished, exchanged.


async def vanishes_and_is_exchanged(tmp_path: Path, sources: Sources) -> None:
    """It is said, nothing is written to what is there instead, and no frame is lost."""
    source = await sources.made("h264-aac", 20)
    below = {"somebody-elses.txt": b"a file on the boot disk"}
    at, other, elsewhere = tmp_path / "disk", tmp_path / "other", tmp_path / "elsewhere"
    at.mkdir()
    elsewhere.mkdir()
    for name, content in below.items():
        (at / name).write_bytes(content)
    with (
        disks.ext4(tmp_path / "images", at, 128 * MIB) as disk,
        disks.ext4(tmp_path / "images", other, 128 * MIB),
    ):
        async with run_recorder(
            tmp_path / "elsewhere", ["hall"], storage={"directory": str(other)}
        ):
            pass
        before, catalogue = fingerprints(other), (other / CATALOGUE).read_bytes()
        disks.unmount(other)
        async with run_recorder(tmp_path, ["hall"], storage=storage_at(disk)) as recorder:
            async with trio.open_nursery() as nursery:
                hall = begin(nursery, source, recorder.url("hall"), tmp_path / "hall.flv")
                await first_file_closed(recorder, "hall")
                disks.unmount(at)
                await not_recorded(recorder, "hall")
                assert {path.name: path.read_bytes() for path in at.iterdir()} == below
                disks.mount_again(tmp_path / "images" / "disk.img", at)
                await recorded_again(recorder, "hall")
                disks.mount_again(tmp_path / "images" / "other.img", at)
                await recorder.line(said.not_recorded("hall"), count=2)
                # Longer than it takes to see that the catalogue is another one, and to try again.
                await trio.sleep(7)
                assert fingerprints(at) == before
                assert (at / CATALOGUE).read_bytes() == catalogue
                disks.unmount(at)
                await recorder.line(said.recorded_again("hall"), count=2, within_s=RESUMED_S)
                published = await hall.published()
            await recorder.ended("hall")
            await finished(recorder)
        coverage = await held(recorder.recording("hall"), published)
        # It was written to the right disk all the time, or kept.
        assert coverage.holes == []
        assert coverage.is_whole
    assert {path.name: path.read_bytes() for path in at.iterdir()} == below


async def is_pulled_out(tmp_path: Path, sources: Sources) -> None:
    """What was safe is there when it is put in again."""
    source = await sources.made("h264-aac", 16)
    at = tmp_path / "disk"
    with disks.ext4(tmp_path / "images", at, 128 * MIB):
        async with run_recorder(
            tmp_path, ["hall"], storage=storage_at(at), log={"level": "debug"}
        ) as recorder:
            async with trio.open_nursery() as nursery:
                hall = begin(nursery, source, recorder.url("hall"), tmp_path / "hall.flv")
                await first_file_closed(recorder, "hall")
                disks.pull_out(at)
                await not_recorded(recorder, "hall")
                said_safe = list(recorder.lines)
                disks.unmount(at)
                await trio.sleep(1)
                disks.put_in(tmp_path / "images" / "disk.img", at)
                await recorded_again(recorder, "hall")
                published = await hall.published()
            await recorder.ended("hall")
            await finished(recorder)
        recording = recorder.recording("hall")
        assert check_safe(said_safe, recording) > 0
        coverage = await held(recording, published)
        assert coverage.is_whole
        for hole in coverage.holes:
            assert hole.before_ms - hole.after_ms < (SYNC_S + 1) * 1000 + 1000


# Refusing.


async def fails_for_half_a_minute(tmp_path: Path, sources: Sources) -> None:
    """Who comes then is refused, in words that the encoder shows; and not when it is well."""
    source = await sources.made("h264-aac", 8)
    with disks.protected_disk(tmp_path / "behind", tmp_path / "disk") as sick:
        async with run_recorder(tmp_path, ["hall"], storage=storage_at(sick.at)) as recorder:
            sick.fail()
            # A probe every 30 s, and half a minute of failing ones.
            await trio.sleep(65)
            refused = await publish(
                Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "refused.flv",
                must_succeed=False,
            )  # fmt: skip
            assert refused.code != 0
            assert re.search(said.DISK, refused.said)
            sick.repair()
            await trio.sleep(35)
            published = await publish(
                Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "whole.flv"
            )
            await recorder.ended("hall")
            await finished(recorder)
        await check_recording(recorder.recording("hall"), published)


GROUPS = {
    "a disk that": [
        is_full,
        is_worn_out,
        is_protected,
        is_pulled_out,
        vanishes_and_is_exchanged,
    ],
    "a disk where": [
        everything_stalls,
        a_sync_fails,
        a_write_fails,
        a_name_cannot_be_given,
        a_manifest_cannot_be_replaced,
    ],
}
if LONG:
    GROUPS["a disk that"].append(fails_for_half_a_minute)


@pytest.mark.parametrize("group", GROUPS)
async def test_recording_goes_on_after(group: str, tmp_path: Path, sources: Sources) -> None:
    async with trio.open_nursery() as nursery:
        for scenario in GROUPS[group]:
            folder = tmp_path / scenario.__name__
            folder.mkdir()
            nursery.start_soon(scenario, folder, sources, name=scenario.__name__)
