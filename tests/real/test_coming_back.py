"""What becomes of a recording when its encoder goes away: lost, back again, replaced, or done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.helpers import packets
from tests.helpers.encoders import Encoder, Published, publish
from tests.helpers.program import Recorder, Recording, run_recorder
from tests.real.checks import can_be_played, check_plays, check_segment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real

FAST = 4.0
"""Times real time."""


async def send(
    recorder: Recorder, source: Path, name: str, *, pace: float | None, lost: bool = False
) -> Published:
    """Publish into the hall with the current ffmpeg."""
    return await publish(
        Encoder.CURRENT_FFMPEG,
        source,
        recorder.url("hall"),
        recorder.folder / f"sent-{name}.flv",
        pace=pace,
        must_succeed=not lost,
    )


async def check_rows(recording: Recording) -> list[dict[str, Any]]:
    """Every segment is well by itself; gives the manifest's rows."""
    await trio.lowlevel.checkpoint()
    rows: list[dict[str, Any]] = recording.manifest["segments"]
    publishes_begin = {0} | {index for index, row in enumerate(rows) if row["gap"] is not None}
    for index, (path, row) in enumerate(zip(recording.segments, rows, strict=True)):
        check_segment(path, row, first=index in publishes_begin)
        if can_be_played(path, row):
            await check_plays(path)
    return rows


async def check_first_part(segments: list[Path], sent: Published) -> None:
    """The packets are the beginning of what was sent."""
    reference = await sent.reference()
    recorded = await packets.read_all(segments)
    counts = {name: sum(len(tracks.get(name, ())) for tracks in recorded) for name in reference}
    beginning = {name: track[: counts[name]] for name, track in reference.items()}
    assert packets.compare(beginning, recorded).differences == []


async def test_a_lost_encoder_that_comes_back_continues_its_recording(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 12)
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: send(recorder, source, "first", pace=FAST))
            await recorder.line(r"\bhall: recording \d+: 0001.flv closed")
            # Killed, not stopped: no good-bye.
            nursery.cancel_scope.cancel()
        await recorder.line(r"\bhall: recording \d+ waits")
        second = await send(recorder, source, "second", pace=None)
        recording = await recorder.ended("hall")
        await recorder.stop()
    assert recorder.recordings("hall") == [recording]
    rows = await check_rows(recording)
    gaps = [index for index, row in enumerate(rows) if row["gap"] is not None]
    assert len(gaps) == 1
    at = gaps[0]
    assert rows[at]["gap"]["reason"] == "reconnect"
    assert 0 < rows[at]["gap"]["ms"] < 10_000
    before = rows[at - 1]
    silence_ms = rows[at]["start_ms"] - (before["start_ms"] + before["duration_ms"])
    assert abs(silence_ms - rows[at]["gap"]["ms"]) <= 100
    assert rows[-1]["start_ms"] > rows[at]["start_ms"]
    assert recording.manifest["end_reason"] == "unpublished"
    reference = await second.reference()
    after = await packets.read_all(recording.segments[at:])
    assert packets.compare(reference, after).differences == []
    first = Published(second.encoder, source, tmp_path / "first.flv", code=0, said="")
    await check_first_part(recording.segments[:at], first)


async def test_a_lost_encoder_that_does_not_come_back_ends_its_recording(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 12)
    async with run_recorder(
        tmp_path, ["hall"], recording={"reconnect_window": "500ms"}
    ) as recorder:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: send(recorder, source, "first", pace=FAST))
            await recorder.line(r"\bhall: recording \d+ began")
            nursery.cancel_scope.cancel()
        first = await recorder.ended("hall")
        assert first.manifest["end_reason"] == "lost"
        assert first.parts == []
        # Whoever comes after the window begins a recording of its own.
        await send(recorder, source, "second", pace=None)
        await recorder.line(r"\bhall: recording \d+ ended", count=2)
        await recorder.stop()
    recordings = recorder.recordings("hall")
    assert len(recordings) == 2
    for recording in recordings:
        rows = await check_rows(recording)
        assert all(row["gap"] is None for row in rows)
    assert recordings[1].manifest["end_reason"] == "unpublished"
    assert recordings[1].manifest["number"] > recordings[0].manifest["number"]


async def test_a_clean_end_ends_the_recording_at_once(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", 12)
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        for number in (1, 2):
            await send(recorder, source, str(number), pace=None)
            await recorder.line(r"\bhall: recording \d+ ended", count=number, within_s=5)
        await recorder.stop()
    assert len(recorder.recordings("hall")) == 2
    for recording in recorder.recordings("hall"):
        assert recording.manifest["end_reason"] == "unpublished"
        assert len(recording.segments) == 4


async def test_a_second_encoder_from_the_same_address_takes_the_room_over(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 12)
    gone: list[Published] = []
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        async with trio.open_nursery() as nursery:

            async def first() -> None:
                gone.append(await send(recorder, source, "first", pace=1, lost=True))

            nursery.start_soon(first)
            await recorder.line(r"\bhall: recording \d+ began")
            second = await send(recorder, source, "second", pace=None)
        recording = await recorder.ended("hall")
        await recorder.stop()
    # The first was told, or its connection was closed; it did not send to the end.
    assert gone[0].code != 0
    assert recorder.recordings("hall") == [recording]
    rows = await check_rows(recording)
    gaps = [index for index, row in enumerate(rows) if row["gap"] is not None]
    assert [rows[index]["gap"]["reason"] for index in gaps] == ["takeover"]
    after = await packets.read_all(recording.segments[gaps[0] :])
    assert packets.compare(await second.reference(), after).differences == []
    await check_first_part(recording.segments[: gaps[0]], gone[0])
