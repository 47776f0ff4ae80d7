"""A long segment that was cut off: recovered in seconds, whole up to its last whole tag.

With RECORDER_LONG_TESTS=1 in the environment it has the full size of the default, 1 GiB.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import trio

from tests.helpers import packets
from tests.helpers.program import eventually, run_recorder
from tests.real.aftermath import at_rest, check_recovery, coverage, recordings, recover
from tests.real.checks import check_plays, scan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

SIZE_BYTES = (1 << 30) if LONG else (64 << 20)

RECOVERED_S = 30.0 if LONG else 5.0
"""A start of Python, a scan of everything, and its SHA-256, on a small machine with neighbours."""

SENT_S = 180.0 if LONG else 30.0


@pytest.mark.long
async def test_a_long_segment_that_was_cut_off_is_recovered_in_seconds(
    tmp_path: Path, sources: Sources
) -> None:
    # 6 MB in 12 s, again and again, and more than is taken.
    source = sources.get("heavy", 12)
    times = 2 * SIZE_BYTES // source.stat().st_size
    async with (
        run_recorder(tmp_path, ["hall"], segments={"duration": "24h", "size": "4GiB"}) as recorder,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(loop, source, times, recorder.url("hall"))
        await eventually(
            lambda: part_bytes(recorder.storage) >= SIZE_BYTES,
            what="a long part",
            within_s=SENT_S,
        )
        await recorder.kill()
        nursery.cancel_scope.cancel()
    stored = at_rest(tmp_path / "at-rest", recorder.storage, ["hall"])
    began_s = time.monotonic()
    await recover(stored)
    took_s = time.monotonic() - began_s
    assert took_s < RECOVERED_S
    (recording,) = recordings(stored.folder)
    (path,) = recording.segments
    (row,) = recording.manifest["segments"]
    assert row["repaired"]
    # What lay behind the last whole tag, and nothing else, is gone.
    assert path.stat().st_size > SIZE_BYTES - (1 << 20)
    await check_recovery(stored)
    scan(path)
    await check_plays(path)
    reference = tmp_path / "sent.flv"
    await loop(source, times, str(reference))
    found = await coverage(await packets.read_tracks(reference), [path])
    assert found.holes == []


def part_bytes(storage: Path) -> int:
    return max((path.stat().st_size for path in storage.rglob("*.part")), default=0)


async def loop(source: Path, times: int, to: str) -> None:
    """Send a file so many times at full speed, as one publish, until the other end is gone."""
    await trio.run_process(
        [
            *(packets.current_ffmpeg(), "-v", "error", "-nostdin", "-stream_loop", str(times)),
            *("-i", str(source), "-map", "0", "-c", "copy", "-f", "flv", to),
        ],
        stdin=subprocess.DEVNULL,
        capture_stderr=True,
        check=False,
    )
