"""Reload under load: the file is read again on SIGHUP, and nobody who publishes notices.

Good files and bad ones, in a running program and at a start. What each key does when it changes is
tried without a program, in tests/test_app_reload.py.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio
import yaml

from recorder.config.last_good import copy_of
from tests.helpers.encoders import Encoder, begin, publish, sent_by
from tests.helpers.ports import free_port
from tests.helpers.program import (
    LINE_S,
    LOOK_EVERY_S,
    command,
    configuration,
    environment,
    eventually,
    run_recorder,
    write_configuration,
)
from tests.helpers.service_manager import manage
from tests.real import said
from tests.real.checks import check_segment, compare_recording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.program import Recorder

pytestmark = [pytest.mark.real, pytest.mark.debian]

RELOADED = "The configuration was reloaded: "
REFUSED = "is refused; what was in force stays in force"
LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"
SECONDS = 60 if LONG else 3
COPY = "recordings/.recorder/last-good.yaml"


async def reload(recorder: Recorder, content: object, answer: str) -> str:
    """Write the file, have it read, and give the line that says so."""
    before = len(recorder.matching(answer))
    write_configuration(recorder.folder / "config.yaml", content)
    recorder.send(signal.SIGHUP)
    return await recorder.line(answer, count=before + 1)


async def status(recorder: Recorder) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(f"{recorder.page}/api/v1/status", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    return await trio.to_thread.run_sync(ask)


async def alarm(recorder: Recorder, *kinds: str) -> tuple[str, str]:
    """Wait until just these alarms about the configuration stand; severity and text of the first.
    A picture may be a second old."""
    with trio.fail_after(LINE_S):
        while True:
            found = {each["kind"]: each for each in (await status(recorder))["alarms"]}
            if {kind for kind in found if kind.startswith("config_")} == set(kinds):
                break
            await trio.sleep(LOOK_EVERY_S)
    return next(((found[kind]["severity"], found[kind]["text"]) for kind in kinds), ("", ""))


async def test_a_reload_drops_nobody_whatever_stands_in_the_file(
    sources: Sources, tmp_path: Path
) -> None:
    source, short = sources.get("h264-aac", 8), sources.get("h264-aac", 3)
    async with run_recorder(tmp_path, ["hall", "lab"]) as recorder, trio.open_nursery() as nursery:
        ongoing = {
            room: begin(nursery, source, recorder.url(room), tmp_path / f"{room}.flv")
            for room in ("hall", "lab")
        }
        for room in ongoing:
            await recorder.line(said.began(room))
        # Another key for hall, no lab, a new room, shorter files, a rule: and nobody is dropped.
        good = {
            **recorder.config,
            "segments": {"duration": "1s"},
            "retention": {"max_age": "90d"},
            "rooms": {
                "hall": {"key": "another-key-of-hall-0123", "title": "Great hall"},
                "annex": {"key": "key-of-annex-0123456789"},
            },
        }
        line = await reload(recorder, good, RELOADED)
        assert line.endswith(
            "segments.duration, retention.max_age, rooms.annex, rooms.hall.key, rooms.hall.title, "
            "rooms.lab."
        )
        await alarm(recorder)
        await publish(Encoder.CURRENT_FFMPEG, short, recorder.url("annex"), tmp_path / "a.flv")
        # The key of yesterday opens nothing; nor does that of a room that is gone.
        late = [
            begin(nursery, short, recorder.url(room), tmp_path / "x.flv", must_succeed=False)
            for room in ongoing
        ]
        for each in late:
            assert (await each.published()).code != 0

        bad = {**good, "segments": {"duration": "never"}, "colour": "green"}
        await reload(recorder, bad, REFUSED)
        path = tmp_path / "config.yaml"
        assert recorder.matching(rf"{path}:\d+: segments\.duration: ")
        assert recorder.matching(rf"{path}:\d+: colour: is no known key")
        severity, text = await alarm(recorder, "config_refused")
        assert severity == "warning"
        assert "is not in force" in text
        assert f"{path}:" in text

        await reload(recorder, good, f"{RELOADED}nothing has changed")
        await alarm(recorder)
        assert not any(each.is_over for each in ongoing.values()), "they publish all the time"
        for each in ongoing.values():
            assert (await each.published()).code == 0
        await recorder.ended("hall")
        rooms = {each["name"]: each["title"] for each in (await status(recorder))["rooms"]}
        assert rooms["hall"] == "Great hall"
        assert "annex" in rooms
        await recorder.stop()
    lessons = {room: await each.published() for room, each in ongoing.items()}
    for room, published in {**lessons, "annex": sent_by(short, tmp_path)}.items():
        recording = recorder.recording(room)
        assert not recording.parts
        assert (await compare_recording(recording, published)).differences == []
        rows = recording.manifest["segments"]
        for path, row in zip(recording.segments, rows, strict=True):
            assert row["gap"] is None
            check_segment(path, row, first=row is rows[0])
    # Three seconds as it began, and one second each behind the reload; lab keeps what it had.
    durations = [row["duration_ms"] for row in recorder.recording("hall").manifest["segments"]]
    assert durations[0] > 2500
    assert all(each < 1500 for each in durations[1:])
    assert len(recorder.recording("lab").segments) == 3


async def test_what_needs_a_restart_is_named_until_it_is_put_back(tmp_path: Path) -> None:
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        moved = {
            **recorder.config,
            "storage": {"directory": str(tmp_path / "elsewhere")},
            "rtmp": {"listen": ["127.0.0.1:1"]},
        }
        await reload(recorder, moved, r"Restart needed for: storage\.directory, rtmp\.listen")
        severity, text = await alarm(recorder, "config_restart")
        assert severity == "info"
        assert "storage.directory, rtmp.listen" in text
        assert str(tmp_path / "elsewhere") not in (tmp_path / COPY).read_text()
        await reload(recorder, recorder.config, RELOADED)
        await alarm(recorder)


async def test_systemd_hears_of_a_reload_and_of_its_end_however_it_goes(tmp_path: Path) -> None:
    async with manage(tmp_path) as manager, manager.start(["hall"]) as recorder:
        good = recorder.config
        await manager.hears("READY")
        for content, answer in (
            (good, RELOADED),
            ({**good, "colour": "green"}, REFUSED),
            # Its ports are systemd's: the next start would end with 2.
            ({**good, "rtmp": {"listen": [f"127.0.0.1:{free_port()}"]}}, REFUSED),
        ):
            before = len(manager.messages)
            await reload(recorder, content, answer)
            begun = await manager.hears("RELOADING", since=before)
            # systemd takes it for the answer to its own signal by this alone.
            assert 0 < int(begun.values["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
            await manager.hears("READY", since=manager.messages.index(begun) + 1)
        assert recorder.matching(r"rtmp\.listen says .*, and systemd passes ")


async def test_many_hangups_in_a_row_are_few_reloads_and_drop_nobody(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", SECONDS)
    async with run_recorder(tmp_path, ["hall"]) as recorder, trio.open_nursery() as nursery:
        ongoing = begin(nursery, source, recorder.url("hall"), tmp_path / "unused.flv")
        await recorder.line(said.began("hall"))
        for _ in range(200):
            recorder.send(signal.SIGHUP)
        await recorder.line(RELOADED)
        assert len(recorder.matching(RELOADED)) < 100
        # Good ones and bad ones, as fast as they are read.
        good, files = recorder.config, recorder.open_files()
        for number in range(10 * SECONDS):
            segments = {"duration": f"{1 + number % 3}s"}
            await reload(recorder, {**good, "segments": segments}, RELOADED)
            await reload(recorder, {**good, "segments": {}, "bad": 1}, REFUSED)
            if ongoing.is_over:
                break
        # A few come and go with the segments; a reload leaves none.
        assert recorder.open_files() < files + 10
        assert (await ongoing.published()).code == 0
        recording = await recorder.ended("hall")
        assert (await compare_recording(recording, await ongoing.published())).differences == []


AT_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes standard input the terminal that a session hangs on (tty_ioctl(4))."""


@contextmanager
def at_a_terminal(path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A recorder that listens, and our end of the terminal that it was started in."""
    ours, theirs = os.openpty()
    program = [sys.executable, "-m", "recorder", "run", "--config", str(path)]
    with subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, *program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(),
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            heard = b""
            while b"listens on" not in heard:
                heard += os.read(ours, 4096)
            yield process, ours
        finally:
            process.kill()


async def test_a_terminal_that_is_closed_costs_no_lesson(tmp_path: Path) -> None:
    port = free_port()
    config = configuration(tmp_path, ["hall"], port)
    path = write_configuration(tmp_path / "config.yaml", config)
    assert (await command("init", "--config", path, cwd=tmp_path)).code == 0
    with at_a_terminal(path) as (process, ours):
        config["rooms"]["hall"]["title"] = "The great hall"
        write_configuration(path, config)
        # The kernel sends SIGHUP, and every line of the log is refused from here on.
        os.close(ours)
        copy = tmp_path / COPY
        await eventually(
            lambda: copy.exists() and "The great hall" in copy.read_text(),
            what="the file was read again, as SIGHUP asks",
        )
        async with await trio.open_tcp_stream("127.0.0.1", port):
            process.terminate()
            code = await trio.to_thread.run_sync(process.wait, LINE_S)
    assert code == 0, "a stop in order, by SIGTERM"


async def test_a_start_with_a_bad_file_goes_back_to_the_last_good_one(
    sources: Sources, tmp_path: Path
) -> None:
    config: dict[str, Any] = {}
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        config |= recorder.config
        await recorder.stop()
    copy = tmp_path / COPY
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    path = tmp_path / "config.yaml"
    assert copy.read_text().partition("\n")[2] == path.read_text()
    start = partial(run_recorder, tmp_path, ["hall"], initialise=False)
    async with start(port=recorder.port, content=f"rooms:\n\t{{\n{json.dumps(config)}") as again:
        assert again.matching(rf"{path}:\d+: cannot be read: ")
        assert again.matching(r"CRITICAL .*cannot be used: the last good one is in force")
        again.page = recorder.page
        severity, text = await alarm(again, "config_last_good")
        assert severity == "critical"
        assert f"{path}:" in text
        await publish(
            Encoder.CURRENT_FFMPEG,
            sources.get("h264-aac", 3),
            again.url("hall"),
            tmp_path / "unused.flv",
        )
        await reload(again, config, f"{RELOADED}nothing has changed")
        await alarm(again)
        await again.stop()
    for line in again.lines:
        assert config["rooms"]["hall"]["key"] not in line


async def test_a_bad_file_that_was_never_good_is_no_start(tmp_path: Path) -> None:
    good = configuration(tmp_path, ["hall"], free_port())
    bad = write_configuration(tmp_path / "config.yaml", {**good, "colour": "green"})
    other = write_configuration(tmp_path / "other.yaml", {**good, "colour": "green"})
    copy = tmp_path / COPY
    copy.parent.mkdir(parents=True)
    copy.write_bytes(copy_of(bad, yaml.safe_dump(good).encode()))
    copy.chmod(0o600)

    async def refuses(*arguments: str | Path) -> None:
        outcome = await command(*arguments, cwd=tmp_path)
        assert outcome.code == 2
        assert "colour: is no known key" in outcome.err

    async with trio.open_nursery() as nursery:
        # The copy is another file's; and who checks a file wants to know of that file.
        nursery.start_soon(refuses, "run", "--config", other)
        nursery.start_soon(refuses, "check-config", "--config", bad)
