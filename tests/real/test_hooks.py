"""Hooks of the real program: a receiver as the README shows it, programs, a kill, a receiver that
blocks. Every event arrives, and none of it is felt by a lesson."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from tests.helpers.encoders import Encoder, publish
from tests.helpers.ports import free_port
from tests.helpers.program import (
    CHECKOUT,
    STOP_S,
    Recorder,
    environment,
    eventually,
    run_recorder,
)
from tests.helpers.service_manager import manage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real

SECRET = "s3cret-of-the-hooks"
FAST = 4.0
"""Times real time."""

RECORDINGS = ("recording_started", "segment_closed", "recording_ended")


@attrs.define
class Receiver:
    """The one of the README, as a process of its own; `url` is there before it runs."""

    folder: Path
    port: int = attrs.field(factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has printed so far, in order."""
        out = self.folder / "received"
        lines = out.read_text().splitlines() if out.exists() else []
        return [json.loads(line) for line in lines]

    def kinds(self) -> list[str]:
        return [event["event"] for event in self.events]

    async def got(self, kind: str, count: int = 1) -> None:
        await eventually(lambda: self.kinds().count(kind) >= count, what=f"{count} {kind}")

    @asynccontextmanager
    async def running(self, secret: str = SECRET) -> AsyncIterator[None]:
        readme = (CHECKOUT / "README.md").read_text()
        [program] = re.findall(r"(?ms)^```python\n(.*?)^```", readme)
        (self.folder / "receiver.py").write_text(program)
        with (self.folder / "received").open("a") as out:
            process = await trio.lowlevel.open_process(
                [sys.executable, str(self.folder / "receiver.py")],
                env={**os.environ, "HOOKS_SECRET": secret, "PORT": str(self.port)},
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
        try:
            yield
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


def hooks(url: str, commands: list[list[str]], **more: object) -> dict[str, Any]:
    """Everything that happens to a recording is told to these."""
    told: dict[str, Any] = {
        kind: {"urls": [url], "commands": [list(each) for each in commands]} for kind in RECORDINGS
    }
    return {**told, "secret": SECRET, "timeout": "2s", **more}


def file_numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["segment"]["number"] for event in events if "segment" in event]


async def send(recorder: Recorder, source: Path, *, lost: bool = False) -> None:
    await publish(
        Encoder.CURRENT_FFMPEG,
        source,
        recorder.url("hall"),
        recorder.folder / "sent.flv",
        pace=FAST,
        must_succeed=not lost,
    )


async def test_a_lesson_is_told_to_a_receiver_and_a_program_and_the_heartbeat_beats(
    sources: Sources, tmp_path: Path
) -> None:
    receiver, stranger = Receiver(tmp_path), Receiver(tmp_path / "stranger")
    stranger.folder.mkdir()
    heard = tmp_path / "heard by the program"
    command = ["/bin/sh", "-c", 'cat >> "$1"', "sh", str(heard)]
    config = hooks(
        receiver.url, [command], heartbeat={"url": receiver.url + "?t0ken", "every": "10s"}
    )
    config["segment_closed"]["urls"].append(stranger.url)
    async with (
        receiver.running(),
        stranger.running(secret="another-secret-of-hooks"),
        run_recorder(tmp_path, ["hall"], hooks=config) as recorder,
    ):
        await receiver.got("heartbeat")
        await send(recorder, sources.get("h264-aac", 7))
        recording = await recorder.ended("hall")
        await receiver.got("recording_ended")
        await eventually(lambda: "recording_ended" in heard.read_text(), what="the program heard")
        await recorder.line("segment_closed .* given up: it answers 403")
    assert stranger.events == []
    beat = receiver.events[0]
    assert (beat["event"], beat["live_rooms"], beat["worst_alarm"]) == ("heartbeat", 0, None)
    events = [event for event in receiver.events if event["event"] != "heartbeat"]
    rows = recording.manifest["segments"]
    expected = ["recording_started", *["segment_closed"] * len(rows), "recording_ended"]
    assert [event["event"] for event in events] == expected
    assert [event["segment"]["bytes"] for event in events[1:-1]] == [row["bytes"] for row in rows]
    assert {event["room"] for event in events} == {"hall"}
    assert recorder.storage / events[0]["folder"] == recording.folder
    messages = [json.loads(line) for line in heard.read_text().splitlines()]
    assert [each for message in messages for each in message["events"]] == events
    everything = recorder.log + json.dumps(messages)
    assert SECRET not in everything
    assert "t0ken" not in everything


async def test_killed_while_its_receiver_is_away_everything_is_told_later_by_recorder_deliver(
    sources: Sources, tmp_path: Path
) -> None:
    receiver = Receiver(tmp_path)
    config = hooks(receiver.url, [], heartbeat={"url": receiver.url, "every": "10s"})
    async with (
        run_recorder(tmp_path, ["hall"], hooks=config) as recorder,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(lambda: send(recorder, sources.get("h264-aac", 7), lost=True))
        await recorder.line(r"hall: recording \d+: 0001.flv closed")
        await recorder.kill()
        nursery.cancel_scope.cancel()
    assert receiver.events == []
    async with (
        manage(tmp_path) as manager,
        manager.start(
            ["hall"], initialise=False, hooks=config, recording={"reconnect_window": "0s"}
        ) as recorder,
    ):
        await recorder.line("hall: recording 1 was cut off: repaired")
        recording = recorder.recording("hall")
        # Who is started by systemd has no network, and leaves it to the unit beside it.
        async with receiver.running(), delivering(tmp_path) as process:
            await receiver.got("recording_ended")
            await receiver.got("heartbeat")
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            with trio.fail_after(STOP_S):
                assert await process.wait() == 0
        assert not recorder.matching("Hook http|deliver")
    beat = next(event for event in receiver.events if event["event"] == "heartbeat")
    assert beat["live_rooms"] == 0
    events = [event for event in receiver.events if event["event"] != "heartbeat"]
    rows = recording.manifest["segments"]
    assert len(rows) >= 2
    assert [event["event"] for event in events] == [
        "recording_started",
        *["segment_closed"] * len(rows),
        "recording_ended",
    ]
    assert file_numbers(events) == list(range(1, len(rows) + 1))
    ids = [event["id"] for event in events]
    assert ids == sorted(set(ids))


@asynccontextmanager
async def delivering(folder: Path) -> AsyncIterator[trio.Process]:
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "recorder", "deliver", "--config", folder / "config.yaml"],
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def test_receivers_that_block_delay_neither_the_lesson_nor_others_nor_the_stop(
    sources: Sources, tmp_path: Path
) -> None:
    receiver, listener = Receiver(tmp_path), await trio.open_tcp_listeners(0, host="127.0.0.1")
    # The kernel accepts, and nobody ever reads.
    port = listener[0].socket.getsockname()[1]
    config = hooks(receiver.url, [["/bin/sleep", "600"]], timeout="10m")
    config["segment_closed"] = {
        "urls": [f"http://127.0.0.1:{port}/", receiver.url],
        "commands": [["/bin/sh", "-c", "sleep 600 & wait"]],
    }
    async with (
        receiver.running(),
        run_recorder(tmp_path, ["hall"], hooks=config) as recorder,
    ):
        await send(recorder, sources.get("h264-aac", 7))
        recording = await recorder.ended("hall")
        await receiver.got("recording_ended")
        assert len(recording.segments) == len(recording.manifest["segments"]) >= 2
        recorder.send(signal.SIGTERM)
        assert await recorder.gone(within_s=STOP_S) == 0
    for each in listener:
        await each.aclose()
