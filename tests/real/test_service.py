"""The real program as systemd runs it: ready, watched, stopped, and restarted under an encoder."""

from __future__ import annotations

import itertools
import os
import re
import signal
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trustme

from tests.helpers.certificates import write_certificate
from tests.helpers.encoders import Encoder, begin, publish
from tests.helpers.faults import disks
from tests.helpers.faults.disks import MIB
from tests.helpers.ports import free_port
from tests.helpers.program import (
    command,
    configuration,
    eventually,
    write_configuration,
)
from tests.helpers.service_manager import manage
from tests.real import said
from tests.real.checks import check_segment

if TYPE_CHECKING:
    from tests.helpers.encoders import Published, Sources

pytestmark = [pytest.mark.real]

WATCHDOG_S = 1.5
BEATS_A_WATCHDOG = 3

LOOP_THAT_CAN_BE_BLOCKED = """
import signal, time
# A handler runs in the thread of the loop, between two of its steps.
signal.signal(signal.SIGUSR1, lambda number, frame: time.sleep(60))
from recorder.cli import main
main()
"""


def is_closed_on_exec(process: int, descriptor: int) -> bool:
    info = Path(f"/proc/{process}/fdinfo/{descriptor}").read_text()
    (flags,) = re.findall(r"flags:\s+(\d+)", info)
    return bool(int(flags, 8) & os.O_CLOEXEC)


SESSIONS_THAT_GET_STUCK = """
import trio
from recorder.live import pulse, requests

async def never(self, event):
    await trio.sleep_forever()

requests.Requests.publish = never
pulse.TURN_S = pulse.GRACE_S = 0.2
from recorder.cli import main
main()
"""


async def shake_hands(authority: trustme.CA, address: str) -> None:
    client = ssl.create_default_context()
    authority.configure_trust(client)
    host, port = address.split(":")
    with trio.fail_after(10):
        stream = await trio.open_ssl_over_tcp_stream(host, int(port), ssl_context=client)
        await stream.do_handshake()
        await trio.aclose_forcefully(stream)


async def test_the_service_says_that_it_is_ready_how_it_is_and_that_it_stops(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    tls = {"tls": write_certificate(authority, tmp_path)}
    async with manage(tmp_path, names=["rtmps", "http", "rtmp"]) as manager:
        async with manager.start(["hall"], watchdog_s=WATCHDOG_S, rtmp=tls) as recorder:
            ready = await manager.hears("READY")
            over_tls = manager.address("rtmps")
            assert recorder.matching(rf"\blistens on .*{over_tls} \(RTMPS\)")
            await shake_hands(authority, over_tls)
            assert (await manager.hears("STATUS")).values["STATUS"].startswith("0 of 1 rooms live")
            beats = [await manager.hears("WATCHDOG")]
            for _ in range(2):
                since = manager.messages.index(beats[-1]) + 1
                beats.append(await manager.hears("WATCHDOG", since=since))
            assert beats[-1].at_s - beats[0].at_s < WATCHDOG_S
            # What is passed is for this program alone.
            assert all(is_closed_on_exec(recorder.process.pid, number) for number in (3, 4, 5))
            await recorder.stop()
        assert manager.told("STOPPING") == ["1"]
        assert manager.last_s("STOPPING") > ready.at_s
        # The port outlives the program: an encoder waits, and is not refused.
        with trio.fail_after(5):
            waiting = await recorder.connect()
        await waiting.aclose()


async def test_without_descriptors_it_binds_nothing_and_leaves_with_2(tmp_path: Path) -> None:
    config = configuration(tmp_path, ["hall"], free_port())
    path = write_configuration(tmp_path / "config.yaml", config)
    done = await command("run", "--sockets", "systemd", "--config", path, cwd=tmp_path)
    assert done.code == 2
    assert "systemd passes no sockets" in done.err
    assert "listens" not in done.err


async def test_an_address_that_systemd_does_not_pass_costs_no_lesson_where_another_file_was_good(
    tmp_path: Path,
) -> None:
    async with manage(tmp_path) as manager:
        other = {"listen": ["127.0.0.1:1"]}
        passed = manager.address("rtmp")
        async with manager.start(["hall"]) as recorder:
            await eventually((recorder.storage / ".recorder/last-good.yaml").exists, what="kept")
            await recorder.stop()
        since = len(manager.messages)
        async with manager.start(["hall"], initialise=False, rtmp=other) as recorder:
            await manager.hears("READY", since=since)
            assert recorder.matching(rf"rtmp.listen says 127.0.0.1:1, and systemd passes {passed}")
            assert recorder.matching("the last good one is in force")
            await recorder.stop()


async def test_a_blocked_loop_stops_the_beat_and_the_journal_says_where_it_was(
    tmp_path: Path,
) -> None:
    async with (
        manage(tmp_path) as manager,
        manager.start(
            ["hall"], watchdog_s=WATCHDOG_S, program=["-c", LOOP_THAT_CAN_BE_BLOCKED]
        ) as recorder,
    ):
        await manager.hears("WATCHDOG")
        recorder.send(signal.SIGUSR1)
        with trio.fail_after(10):
            await manager.silence_s("WATCHDOG", 2 * WATCHDOG_S)
        # What systemd does then (WatchdogSignal=).
        recorder.send(signal.SIGABRT)
        assert await recorder.gone() == -signal.SIGABRT
        assert recorder.matching(r'File ".*trio/_core/_run.py"')


async def test_a_session_that_is_stuck_stops_the_beat_although_the_loop_runs(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 12)
    async with (
        manage(tmp_path) as manager,
        manager.start(
            ["hall"], watchdog_s=WATCHDOG_S, program=["-c", SESSIONS_THAT_GET_STUCK]
        ) as recorder,
        trio.open_nursery() as nursery,
    ):
        await manager.hears("WATCHDOG")
        begin(nursery, source, recorder.url("hall"), tmp_path / "unused.flv", must_succeed=False)
        await recorder.line("its session does not run any more")
        with trio.fail_after(10):
            await manager.silence_s("WATCHDOG", 2 * WATCHDOG_S)
        # The loop does, and ends in order.
        await recorder.stop()
        nursery.cancel_scope.cancel()


@pytest.mark.root
@pytest.mark.debian
async def test_a_disk_that_stalls_stops_no_beat_and_a_stop_on_it_asks_for_time(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 12)
    with disks.ext4(tmp_path / "images", tmp_path / "disk", 64 * MIB) as disk:
        async with (
            manage(tmp_path) as manager,
            manager.start(
                ["hall"],
                watchdog_s=WATCHDOG_S,
                storage={"directory": str(disk), "sync_interval": "1s", "stop_timeout": "30s"},
            ) as recorder,
            trio.open_nursery() as nursery,
        ):
            begin(
                nursery, source, recorder.url("hall"), tmp_path / "unused.flv", must_succeed=False
            )
            await recorder.line(said.began("hall"))
            with disks.frozen(disk):
                began_s = time.monotonic()
                await trio.sleep(2 * WATCHDOG_S)
                recorder.send(signal.SIGTERM)
                await manager.hears("STOPPING")
                await manager.hears("EXTEND_TIMEOUT_USEC")
                await trio.sleep(WATCHDOG_S)
                assert recorder.process.poll() is None
                frozen_s = time.monotonic() - began_s
            assert await recorder.gone() == 0
            nursery.cancel_scope.cancel()
        beats = [each.at_s for each in manager.messages if "WATCHDOG" in each.values]
        within = [at_s for at_s in beats if began_s <= at_s <= began_s + frozen_s]
        assert len(within) >= 3 * BEATS_A_WATCHDOG - 3
        assert max(b - a for a, b in itertools.pairwise(within)) < WATCHDOG_S


@attrs.define
class Insistent:
    """An encoder that connects anew, at once, whenever it has lost its server, as OBS does.

    Attributes:
        lost: how each of its connections ended.
    """

    source: Path
    muxed: Path
    lost: list[Published] = attrs.field(factory=list)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def run(self, url: str) -> None:
        with self._scope:
            while True:
                ended = await publish(
                    Encoder.CURRENT_FFMPEG, self.source, url, self.muxed, pace=1, must_succeed=False
                )
                self.lost.append(ended)

    def kill(self) -> None:
        self._scope.cancel()


async def test_a_restart_under_an_encoder_is_one_recording_with_a_gap(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 12)
    encoder = Insistent(source, tmp_path / "unused.flv")
    async with manage(tmp_path) as manager, trio.open_nursery() as nursery:
        async with manager.start(["hall"]) as first:
            # It outlives this program, and meets the next one at the same address.
            nursery.start_soon(encoder.run, first.url("hall"))  # noqa: ASYNC111
            await first.line(said.closed("hall", "0001.flv"))
            stopped_s = time.monotonic()
            await first.stop()
        async with manager.start(["hall"], initialise=False) as second:
            assert second.matching(said.continues("hall"))
            await second.line(said.publishes("hall"))
            back_s = time.monotonic()
            await second.line(said.closed("hall"))
            encoder.kill()
            await second.stop()
    # It was cut off once, and never refused.
    assert len(encoder.lost) == 1
    assert "refused" not in encoder.lost[0].said
    recording = second.recording("hall")
    rows = recording.manifest["segments"]
    gaps = [row["gap"] for row in rows if row["gap"] is not None]
    assert [gap["reason"] for gap in gaps] == ["reconnect"]
    assert abs(gaps[0]["ms"] / 1000 - (back_s - stopped_s)) < 2
    assert recording.manifest["end_reason"] == "shutdown"
    for index, (path, row) in enumerate(zip(recording.segments, rows, strict=True)):
        check_segment(path, row, first=index == 0 or row["gap"] is not None)
    report(f"restart under an encoder: a gap of {gaps[0]['ms']} ms")


def report(line: str) -> None:
    """Shown by `pytest -s`."""
    print(line)  # noqa: T201
