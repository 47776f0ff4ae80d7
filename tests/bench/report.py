"""A benchmark's results in Markdown, for the README: ratios first, absolute figures second."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

from tests.bench.results import GOALS, upper_quartile, valid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.results import Results, Round, Weight

BEGIN: Final = "<!-- benchmark: made by `make bench` -->"
END: Final = "<!-- /benchmark -->"

_RULES: Final = (
    "CPU is all time in which the machine was not idle, from the server's start until its exit and "
    "a final `sync`, less the load generator's own: the kernel's write-back counts for everybody. "
    "All servers record the same bytes, captured from real clients, onto the same ext4; a run in "
    "which a frame is missing on the disk is void."
)


def markdown(results: Results) -> str:
    """Tables of goals, of absolute figures and of growth, and what they were measured on."""
    parts = [_goals(results), "CPU seconds per GB recorded, medians:", _absolute(results)]
    if results.growth:
        parts += ["CPU per room and memory as rooms are added:", _growth(results)]
    parts += [_figures(results), _RULES, _machine(results)]
    return "\n\n".join(part for part in parts if part)


def write_into(readme: str, results: Results) -> str:
    """The README with the results between the two marks.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{markdown(results)}\n{END}{after}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _goals(results: Results) -> str:
    rows = []
    for goal in GOALS:
        values = goal.values(results)
        found = (
            ["-", "-"]
            if not values
            else [f"{statistics.median(values):.2f}", f"{upper_quartile(values):.2f}"]
        )
        rows.append(
            [
                goal.name,
                *found,
                f"≤ {goal.aspiration:g}",
                f"≤ {goal.at_least:g} {goal.unit}",
                f"{goal.verdict(values)} ({len(values)})",
            ]
        )
    head = ["what", "median", "upper quartile", "aspiration", "at least", "verdict (rounds)"]
    return _table(head, rows)


def _absolute(results: Results) -> str:
    rows = []
    for name, rounds in results.comparisons.items():
        good = valid(rounds)
        for server in dict.fromkeys(server for each in rounds for server in each):
            weights = [each[server] for each in good if server in each]
            void = len(rounds) - len(good)
            if weights:
                rows.append([name + (f" ({void} void)" if void else ""), server, *_row(weights)])
    head = [
        "load",
        "server",
        "machine s/GB",
        "its processes s/GB",
        "GB",
        "s",
        "peak MB",
        "held back",
    ]
    return _table(head, rows)


def _row(weights: Sequence[Weight]) -> list[str]:
    def middle(values: Sequence[float], form: str) -> str:
        return format(statistics.median(values), form)

    return [
        middle([each.machine_s_per_gb for each in weights], ".2f"),
        middle([each.tree_cpu_s / each.gb for each in weights], ".2f"),
        middle([each.gb for each in weights], ".1f"),
        middle([each.seconds for each in weights], ".0f"),
        middle([each.peak_mb for each in weights], ".0f"),
        f"{max(each.late_s for each in weights) * 1000:.0f} ms",
    ]


def _growth(results: Results) -> str:
    rows = []
    for rooms, weights in results.growth.items():
        per_room = [each.steady_core / int(rooms) * 1000 for each in weights]
        memory = [each.peak_mb for each in weights]
        rows.append(
            [
                rooms,
                f"{statistics.median(per_room):.2f}",
                f"{statistics.median(memory):.0f}",
                str(sum(each.missing for each in weights)),
            ]
        )
    head = ["rooms at 1 Mbit/s", "CPU ms per second and room", "peak MB", "frames missing"]
    return _table(head, rows)


def _figures(results: Results) -> str:
    return "\n".join(
        f"* {each.name}: {statistics.median(each.ours):.3g} {each.unit}"
        + (f", beside {statistics.median(each.theirs):.3g} {each.unit}" if each.theirs else "")
        for each in results.figures.values()
    )


def _machine(results: Results) -> str:
    return (
        "Measured on "
        + "; ".join(f"{name}: {text}" for name, text in results.machine.items())
        + "."
    )


def servers_of(rounds: Sequence[Round]) -> list[str]:
    """In the order in which they were weighed first."""
    return list(dict.fromkeys(server for each in rounds for server in each))
