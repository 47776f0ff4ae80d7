"""How much work planning is, by recording: what the benchmark times over 200 000 segments."""

from __future__ import annotations

import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING, Final

from tests.bench.retention import filled, plan
from tests.helpers.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CALLS: Final = 32
"""For each recording, of which most are deleted: 24 were measured (Python 3.11)."""

BYTES: Final = 450
"""For each recording, at the peak: 285 were measured."""


def test_planning_is_little_work_for_each_recording_and_no_more_for_more_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for recordings in (1000, 4000):
        monkeypatch.setattr("tests.bench.retention.SEGMENTS", recordings)
        with closing(filled(tmp_path / f"{recordings}.sqlite3", 1)) as catalogue:
            with Work() as work:
                decision = plan(catalogue)
            assert len(decision.plan.recordings) > recordings / 3
            assert work.calls / recordings < CALLS
            tracemalloc.start()
            decision = plan(catalogue)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak / recordings < BYTES
