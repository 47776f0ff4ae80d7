"""Signals during live publishes: what is finished, what is left, and how long it takes."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
import trio

from recorder.flv.scanner import Scanner, scan_file
from tests.helpers import packets
from tests.helpers.encoders import Encoder, Published, publish
from tests.helpers.program import Recorder, run_recorder
from tests.real.checks import can_be_played, check_plays, check_segment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.packets import Tracks

pytestmark = pytest.mark.real

ROOMS = ["hall", "lab", "library"]

FAST = 4.0
"""Times real time: still a live publish, and the second segment begins after 0.8 s."""


async def publish_to_all(recorder: Recorder, source: Path, nursery: trio.Nursery) -> None:
    """Start an encoder for each room, and wait until each writes its second segment."""
    await trio.lowlevel.checkpoint()
    for room in ROOMS:

        async def one(room: str = room) -> None:
            await publish(
                Encoder.CURRENT_FFMPEG,
                source,
                recorder.url(room),
                recorder.folder / f"sent-{room}.flv",
                pace=FAST,
                must_succeed=False,
            )

        nursery.start_soon(one)
    for room in ROOMS:
        await recorder.line(rf"\b{room}: recording \d+: 0001.flv closed")


async def check_is_beginning(sent: Tracks, segments: list[Path]) -> int:
    """The packets are those that were sent, up to some point, for each track.

    Returns:
        how far the shortest track reaches, in ms.
    """
    recorded = await packets.read_all(segments)
    counts = {name: sum(len(tracks.get(name, ())) for tracks in recorded) for name in sent}
    assert all(counts.values())
    beginning = {name: track[: counts[name]] for name, track in sent.items()}
    assert packets.compare(beginning, recorded).differences == []
    return min(track[-1].dts_ms for track in beginning.values())


def sent_by(source: Path, recorder: Recorder) -> Published:
    return Published(
        Encoder.CURRENT_FFMPEG, source, recorder.folder / "reference.flv", code=0, said=""
    )


async def test_sigterm_finishes_every_segment(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", 12)
    async with run_recorder(tmp_path, ROOMS) as recorder, trio.open_nursery() as nursery:
        await publish_to_all(recorder, source, nursery)
        began_s = time.monotonic()
        await recorder.stop(signal.SIGTERM)
        assert time.monotonic() - began_s < 10
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", recorder.port)
    sent = await sent_by(source, recorder).reference()
    for room in ROOMS:
        recording = recorder.recording(room)
        rows = recording.manifest["segments"]
        assert recording.manifest["end"] is not None
        assert recording.manifest["end_reason"] == "shutdown"
        assert recording.parts == []
        assert len(recording.segments) >= 2
        for index, (path, row) in enumerate(zip(recording.segments, rows, strict=True)):
            check_segment(path, row, first=index == 0)
            if can_be_played(path, row):
                await check_plays(path)
        # The second segment had begun; what had arrived before the signal is there.
        assert await check_is_beginning(sent, recording.segments) >= 3000
    # What is computed behind everything else, on a busy machine behind the stop: a checksum.
    unhashed = {
        recording.folder.name[:7]
        for recording in map(recorder.recording, ROOMS)
        if any(row["sha256"] is None for row in recording.manifest["segments"])
    }
    open_entries = tmp_path / "recordings" / ".recorder" / "open"
    assert {path.name for path in open_entries.iterdir()} <= unhashed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_recorder_stops_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """Also when the signal comes right behind the line that says it listens."""
    async with run_recorder(tmp_path, ROOMS) as recorder:
        await recorder.stop(number)


async def check_left_behind(source: Path, recorder: Recorder) -> None:
    """Unfinished files that the scanner reads to their last whole tag; with what was finished,
    they are the beginning of what was sent, but for the last batch."""
    sent = await sent_by(source, recorder).reference()
    for room in ROOMS:
        recording = recorder.recording(room)
        assert recording.manifest["end"] is None
        assert recording.parts != []
        salvaged = [salvage(part) for part in recording.parts]
        reached_ms = await check_is_beginning(sent, [*recording.segments, *salvaged])
        assert reached_ms >= 3000


def salvage(part: Path) -> Path:
    """What recovery will keep of it: a copy up to the last whole tag."""
    scanner = Scanner()
    with part.open("rb") as file:
        tags = list(scan_file(file, scanner))
    assert tags
    assert tags[-1].end == scanner.good_bytes
    if scanner.broken is not None:
        assert scanner.broken.offset >= scanner.good_bytes
    data = part.read_bytes()
    assert len(data) - scanner.good_bytes < (1 << 20), "more than a tag is lost"
    copy = part.with_name(part.name.replace(".flv.part", ".salvaged"))
    copy.write_bytes(data[: scanner.good_bytes])
    return copy


async def test_a_second_signal_exits_at_once(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", 12)
    async with run_recorder(tmp_path, ROOMS) as recorder, trio.open_nursery() as nursery:
        await publish_to_all(recorder, source, nursery)
        # Both are pending when the program goes on: a good disk would leave no time for a second.
        recorder.send(signal.SIGSTOP)
        recorder.send(signal.SIGTERM)
        recorder.send(signal.SIGINT)
        began_s = time.monotonic()
        recorder.send(signal.SIGCONT)
        code = await recorder.gone()
        assert time.monotonic() - began_s < 2
        assert code == 1
    assert recorder.matching("Second signal")
    await check_left_behind(source, recorder)


async def test_a_killed_recorder_leaves_files_that_can_be_read(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 12)
    async with run_recorder(tmp_path, ROOMS) as recorder, trio.open_nursery() as nursery:
        await publish_to_all(recorder, source, nursery)
        await recorder.kill()
    await check_left_behind(source, recorder)
