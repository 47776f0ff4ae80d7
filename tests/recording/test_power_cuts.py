"""The power is cut behind every operation of a lesson, in every way, and nothing promised is lost.

The room, its files and the recovery are the real ones; the disk is a model that knows what is
durable. With RECORDER_LONG_TESTS=1 in the environment many times more states are played through.
"""

from __future__ import annotations

import os

import pytest

from tests.helpers.cut_choices import Choice
from tests.helpers.cut_explorer import Depth
from tests.helpers.cut_lessons import SCENARIOS, explore

pytestmark = pytest.mark.unmeasured

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

NORMAL = Depth(
    choice=Choice(product=48, chance=4),
    inner=Choice(product=16, chance=4),
    cut_every=40,
    kill_every=8,
    lesson_every=8,
)
EVERYTHING = Depth(
    choice=Choice(product=4096, chance=256),
    inner=Choice(product=64, chance=16),
    cut_every=2,
    kill_every=1,
    lesson_every=1,
)


LEAST = {
    "start and stop": 190,
    "cuts": 1800,
    "reconnect": 320,
    "split": 2000,
    "max_duration": 3300,
    "syncs": 900,
    "clock step": 210,
    "killed": 800,
    "continued": 1100,
    "failed sync": 750,
    "failed final name": 750,
    "killed while setting aside": 280,
    "without the folder of entries": 260,
    "without links": 1600,
    "taken into use": 160,
    "taken into use and opened": 190,
}
"""So many different states at least are started from. There are some more: with fewer the model, or
a scenario, has become another, and this test would pass for nothing."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_that_was_promised_is_lost(name: str) -> None:
    counts = explore(SCENARIOS[name], EVERYTHING if LONG else NORMAL).counts
    print(f"{name}: {counts}")  # noqa: T201 - pytest -rP shows what issue 3 asks to be shown
    assert counts.checked >= counts.different >= LEAST[name]
    assert counts.states > counts.different
    assert counts.recoveries
    assert counts.lessons
