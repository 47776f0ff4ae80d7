"""A disk that refuses writes, under the real program: what is said, what is kept, what goes on.

The refusal is a real one, by the kernel: a limit on the size of files, which a process can be
given and relieved of while it runs. What a full disk says (ENOSPC) differs in its number only.
"""

from __future__ import annotations

import resource
import signal
from typing import TYPE_CHECKING

import pytest

from tests.helpers.encoders import begin
from tests.helpers.program import Recorder, run_recorder
from tests.real.aftermath import coverage

if TYPE_CHECKING:
    from pathlib import Path

    import trio

    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real


def refuse_beyond(recorder: Recorder, file_bytes: int) -> None:
    limit = (file_bytes, resource.RLIM_INFINITY)
    resource.prlimit(recorder.process.pid, resource.RLIMIT_FSIZE, limit)


async def test_a_refusing_disk_is_said_and_no_frame_is_lost_when_it_takes_writes_again(
    tmp_path: Path, sources: Sources, nursery: trio.Nursery
) -> None:
    source = sources.get("h264-aac", 8)
    async with run_recorder(tmp_path, ["hall"]) as recorder:
        sending = begin(nursery, source, recorder.url("hall"), tmp_path / "sent.flv")
        await recorder.line("hall: recording 1 began")
        refuse_beyond(recorder, 1000)
        await recorder.line("ERROR +hall: not recorded: .*File too large")
        refuse_beyond(recorder, resource.RLIM_INFINITY)
        await recorder.line("hall: recorded again")
        published = await sending.published()
        await recorder.ended("hall")
        await recorder.stop()
        recording = recorder.recording("hall")
    assert recording.parts == []
    sent = await published.reference()
    found = await coverage(sent, recording.segments)
    assert found.holes == []
    assert found.is_whole


async def test_what_cannot_be_written_at_the_stop_is_named_and_makes_the_exit_code_1(
    tmp_path: Path, sources: Sources, nursery: trio.Nursery
) -> None:
    source = sources.get("h264-aac", 12)
    async with run_recorder(tmp_path, ["hall"], storage={"stop_timeout": "2s"}) as recorder:
        begin(nursery, source, recorder.url("hall"), tmp_path / "sent.flv", must_succeed=False)
        await recorder.line("hall: recording 1 began")
        refuse_beyond(recorder, 1000)
        await recorder.line("hall: not recorded")
        recorder.send(signal.SIGTERM)
        assert await recorder.gone() == 1
    (line,) = recorder.matching(r"ERROR +hall: \d+\.\d s were not written, the disk did not take")
    assert not line.startswith("0.0")
