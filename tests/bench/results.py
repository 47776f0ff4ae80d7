"""What a benchmark has found: runs in rounds, single figures, goals. Values, and their arithmetic.

A round weighs every server once, so what the machine's mood does to one it does to the others: the
ratios of a round are what counts, the absolute figures stand beside them. Kept as JSON, so that the
table and the picture can be made again.
"""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Final

import attrs
import cattrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

RECORDER: Final = "recorder"
WITHOUT: Final = "recorder without SHA-256"
NGINX: Final = "nginx-rtmp"
FLOOR: Final = "floor"

FULL_4096: Final = "4 publishers at full speed, 4096-byte chunks"
FULL_128: Final = "4 publishers at full speed, 128-byte chunks"
ROOMS_50: Final = "50 rooms x 4 Mbit/s in real time"
ROOMS_200: Final = "200 rooms x 1 Mbit/s in real time"
IDLE_MEMORY: Final = "idle memory"
START: Final = "start to listening"
WAKE_UPS: Final = "wake-ups of an idle recorder"
WATCHED: Final = "100 rooms x 1 Mbit/s with 32 viewers, and with none"
STUCK: Final = "100 rooms x 1 Mbit/s with a viewer that never reads, and without"
PLAYED: Final = (
    "100 rooms x 1 Mbit/s with ten players of one room and one that never reads, and with none"
)
DROPPED: Final = "a viewer that never reads is dropped within"


@attrs.frozen(kw_only=True)
class Weight:
    """One run of one server.

    Attributes:
        machine_cpu_s: as of `weigh`.
        tree_cpu_s: of the server's own processes.
        gb: media recorded, in 10^9 bytes.
        seconds: of the load.
        peak_mb: largest resident memory, in 10^6 bytes.
        missing: frames that were sent and are not on the disk; more than 0: the run is void.
        peak_core: the busiest second of the server's processes, in processors.
        steady_core: their mean load once all encoders have been there for some seconds.
        late_s: the longest that a real-time encoder was held back.
    """

    server: str
    machine_cpu_s: float
    tree_cpu_s: float
    gb: float
    seconds: float
    peak_mb: float
    frames: int
    missing: int
    peak_core: float
    steady_core: float
    late_s: float

    @property
    def machine_s_per_gb(self) -> float:
        return self.machine_cpu_s / self.gb


Round = dict[str, Weight]


@attrs.frozen(kw_only=True)
class Figures:
    """A figure that is no run, of ours and beside it of something to hold it against."""

    name: str
    unit: str
    ours: list[float]
    theirs: list[float]


@attrs.frozen(kw_only=True)
class Results:
    machine: dict[str, str]
    """What it was measured on, in words."""
    comparisons: dict[str, list[Round]]
    figures: dict[str, Figures]
    growth: dict[str, list[Weight]]
    """Of the recorder: by the number of rooms."""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(attrs.asdict(self), indent=1))


def load(path: Path) -> Results:
    """Read what `Results.save` wrote."""
    return cattrs.structure(json.loads(path.read_text()), Results)


@attrs.frozen
class Goal:
    """A number to reach.

    Attributes:
        values: from the results, one per round or repetition; smaller is better.
    """

    name: str
    unit: str
    aspiration: float
    at_least: float
    values: Callable[[Results], list[float]]

    def verdict(self, values: Sequence[float]) -> str:
        """By the upper quartile."""
        if not values:
            return "not measured"
        worst = upper_quartile(values)
        if worst <= self.aspiration:
            return "reached"
        return "at least" if worst <= self.at_least else "missed"


def upper_quartile(values: Sequence[float]) -> float:
    """The value that three quarters do not exceed, interpolated between two neighbours, both ends
    counted in (the "inclusive" method of Python's `statistics.quantiles`)."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=4, method="inclusive")[2]


def valid(rounds: Sequence[Round]) -> list[Round]:
    """The rounds in which nothing is missing on any disk."""
    return [each for each in rounds if not any(weight.missing for weight in each.values())]


def cpu_ratios(name: str, ours: str, theirs: str) -> Callable[[Results], list[float]]:
    """CPU per GB of one server over that of another, round by round."""

    def values(results: Results) -> list[float]:
        return [
            each[ours].machine_s_per_gb / each[theirs].machine_s_per_gb
            for each in valid(results.comparisons.get(name, []))
            if ours in each and theirs in each
        ]

    return values


def _checksums(results: Results) -> list[float]:
    return [
        (each[RECORDER].machine_s_per_gb - each[WITHOUT].machine_s_per_gb)
        / each[NGINX].machine_s_per_gb
        for each in valid(results.comparisons.get(FULL_4096, []))
        if {RECORDER, WITHOUT, NGINX} <= each.keys()
    ]


def _peak_memory(results: Results) -> list[float]:
    return [each[RECORDER].peak_mb for each in valid(results.comparisons.get(ROOMS_50, []))]


def _figure_ratios(name: str) -> Callable[[Results], list[float]]:
    def values(results: Results) -> list[float]:
        figures = results.figures.get(name)
        return (
            []
            if figures is None
            else [ours / theirs for ours, theirs in zip(figures.ours, figures.theirs, strict=True)]
        )

    return values


def _busiest_core(results: Results) -> list[float]:
    """A round with a missing frame counts as a full core."""
    return [
        2.0 if each[RECORDER].missing else each[RECORDER].peak_core
        for each in results.comparisons.get(ROOMS_200, [])
    ]


GOALS: Final = (
    Goal(f"{FULL_4096}: CPU vs nginx-rtmp, without SHA-256", "x", 0.5, 0.9,
         cpu_ratios(FULL_4096, WITHOUT, NGINX)),
    Goal(f"{FULL_128}: CPU vs nginx-rtmp, without SHA-256", "x", 0.1, 0.2,
         cpu_ratios(FULL_128, WITHOUT, NGINX)),
    Goal("SHA-256 of closed segments adds, vs nginx-rtmp's whole cost", "x", 0.2, 0.3, _checksums),
    Goal(f"{ROOMS_50}: CPU vs nginx-rtmp", "x", 0.5, 0.9, cpu_ratios(ROOMS_50, RECORDER, NGINX)),
    Goal(f"{ROOMS_50}: CPU vs the floor", "x", 0.8, 1.2, cpu_ratios(ROOMS_50, RECORDER, FLOOR)),
    Goal(f"{ROOMS_50}: peak memory", "MB", 60, 100, _peak_memory),
    Goal("idle memory, vs a process that only imports the same libraries", "x", 1.15, 1.3,
         _figure_ratios(IDLE_MEMORY)),
    Goal("start to listening, vs the same imports", "x", 1.5, 2, _figure_ratios(START)),
    Goal("100 rooms: CPU with 32 viewers vs with none", "x", 1.05, 1.1, _figure_ratios(WATCHED)),
    Goal("100 rooms: CPU with a viewer that never reads vs without", "x", 1.01, 1.03,
         _figure_ratios(STUCK)),
    Goal("100 rooms: CPU with ten players of one and a stuck one vs with none", "x", 1.1, 1.2,
         _figure_ratios(PLAYED)),
    Goal(f"{ROOMS_200}: busiest second of one core, no frame lost", "core", 1, 1, _busiest_core),
)  # fmt: skip
