"""What is made of a benchmark's runs: ratios in pairs, quartiles, verdicts, table and picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import attrs
import pytest

from tests.bench import results
from tests.bench.picture import svg
from tests.bench.report import BEGIN, END, markdown, write_into
from tests.bench.results import (
    FLOOR,
    FULL_4096,
    GOALS,
    NGINX,
    RECORDER,
    ROOMS_50,
    ROOMS_200,
    WITHOUT,
    Figures,
    Results,
    Weight,
    cpu_ratios,
    upper_quartile,
)

if TYPE_CHECKING:
    from pathlib import Path


def weight(server: str, cpu_s: float, *, gb: float = 2.0, missing: int = 0) -> Weight:
    return Weight(
        server=server,
        machine_cpu_s=cpu_s,
        tree_cpu_s=cpu_s * 0.9,
        gb=gb,
        seconds=30.0,
        peak_mb=80.0,
        frames=1000,
        missing=missing,
        peak_core=0.5,
        steady_core=0.4,
        late_s=0.003,
    )


def some() -> Results:
    rounds = [
        {each: weight(each, cpu * (1 + number / 10)) for each, cpu in servers.items()}
        for number in range(5)
        for servers in [{WITHOUT: 2.0, RECORDER: 3.0, NGINX: 4.0, FLOOR: 1.5}]
    ]
    return Results(
        machine={"CPU": "A & B <C>, 2 cores", "date": "2026-01-01"},
        comparisons={
            FULL_4096: rounds,
            ROOMS_50: rounds,
            ROOMS_200: [{RECORDER: weight(RECORDER, 1.0)}],
        },
        figures={
            results.IDLE_MEMORY: Figures(
                name=results.IDLE_MEMORY, unit="MB", ours=[36.0, 39.0], theirs=[30.0, 30.0]
            )
        },
        growth={"1": [weight(RECORDER, 1.0)], "200": [weight(RECORDER, 1.0)]},
    )


def test_a_ratio_is_that_of_one_round_and_of_equal_amounts() -> None:
    rounds = [
        {WITHOUT: weight(WITHOUT, 1.0, gb=1.0), NGINX: weight(NGINX, 8.0, gb=4.0)},
        {WITHOUT: weight(WITHOUT, 3.0, gb=3.0), NGINX: weight(NGINX, 1.0, gb=1.0)},
    ]
    found = attrs.evolve(some(), comparisons={FULL_4096: rounds})
    assert cpu_ratios(FULL_4096, WITHOUT, NGINX)(found) == [0.5, 1.0]


def test_a_round_with_a_missing_frame_counts_for_nothing() -> None:
    good = {WITHOUT: weight(WITHOUT, 1.0), NGINX: weight(NGINX, 2.0)}
    void = {WITHOUT: weight(WITHOUT, 0.1), NGINX: weight(NGINX, 2.0, missing=1)}
    found = attrs.evolve(some(), comparisons={FULL_4096: [good, void]})
    assert cpu_ratios(FULL_4096, WITHOUT, NGINX)(found) == [0.5]
    assert f"{FULL_4096} (1 void)" in markdown(found)


def test_the_upper_quartile_is_what_three_quarters_do_not_exceed() -> None:
    assert upper_quartile([3.0]) == 3.0
    assert upper_quartile([5.0, 1.0, 4.0, 2.0, 3.0]) == 4.0
    assert upper_quartile([1.0, 2.0]) == 1.75


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([], "not measured"),
        ([0.4, 0.5], "reached"),
        ([0.4, 0.4, 0.4, 0.9, 0.9], "at least"),
        ([0.4, 0.4, 0.91, 0.92, 0.92], "missed"),
    ],
)
def test_a_goal_is_judged_by_the_upper_quartile(values: list[float], verdict: str) -> None:
    assert (GOALS[0].aspiration, GOALS[0].at_least) == (0.5, 0.9)
    assert GOALS[0].verdict(values) == verdict


def test_every_goal_finds_its_values() -> None:
    found = some()
    by_name = {goal.name: goal.values(found) for goal in GOALS}
    measured = {name: values[0] for name, values in by_name.items() if values}
    assert len(measured) == 7
    assert measured[f"{ROOMS_50}: CPU vs the floor"] == 2.0
    assert measured[f"{ROOMS_50}: peak memory"] == 80.0
    assert measured["SHA-256 of closed segments adds, vs nginx-rtmp's whole cost"] == 0.25
    assert measured["idle memory, vs a process that only imports the same libraries"] == 1.2


def test_a_lost_frame_of_200_rooms_is_no_success() -> None:
    lost = {RECORDER: weight(RECORDER, 1.0, missing=1)}
    found = attrs.evolve(some(), comparisons={ROOMS_200: [lost]})
    goal = next(goal for goal in GOALS if goal.name.startswith(ROOMS_200))
    assert goal.verdict(goal.values(found)) == "missed"


@pytest.mark.parametrize(
    ("name", "ours", "verdict"),
    [
        (results.WATCHED, [102.0, 204.0, 103.0], "reached"),
        (results.WATCHED, [108.0, 216.0, 109.0], "at least"),
        (results.WATCHED, [102.0, 230.0, 115.0], "missed"),
        (results.PLAYED, [105.0, 215.0, 105.0], "reached"),
        (results.PLAYED, [115.0, 230.0, 116.0], "at least"),
        (results.PLAYED, [125.0, 250.0, 126.0], "missed"),
        (results.STUCK, [101.0, 200.0, 100.0], "reached"),
        (results.STUCK, [102.0, 204.0, 102.0], "at least"),
        (results.STUCK, [104.0, 208.0, 100.0], "missed"),
    ],
)
def test_who_watches_is_weighed_against_nobody_in_the_window_beside_it(
    name: str, ours: list[float], verdict: str
) -> None:
    figures = Figures(name=name, unit="CPU ms a second", ours=ours, theirs=[100.0, 200.0, 100.0])
    found = attrs.evolve(some(), figures={name: figures})
    judged = [goal for goal in GOALS if goal.values(found)]
    verdicts = {goal.name: goal.verdict(goal.values(found)) for goal in judged}
    (goal,) = (each for each in verdicts if each.startswith("100 rooms"))
    assert verdicts[goal] == verdict


def test_results_are_kept_whole(tmp_path: Path) -> None:
    found = some()
    found.save(tmp_path / "results.json")
    assert results.load(tmp_path / "results.json") == found


def test_the_readme_gets_the_table_between_its_marks_and_keeps_the_rest() -> None:
    readme = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    written = write_into(readme, some())
    assert written.startswith(f"before\n{BEGIN}\n| what | median | upper quartile |")
    assert written.endswith(f"{END}\nafter\n")
    assert "old" not in written
    assert write_into(written, some()) == written
    with pytest.raises(ValueError, match="lacks"):
        write_into("no marks", some())


def test_the_picture_is_xml_with_a_bar_for_every_server_of_every_load() -> None:
    root = ET.fromstring(svg(some()))
    name = "{http://www.w3.org/2000/svg}"
    bars = root.findall(f"{name}rect")
    assert len(bars) == 4 + 4 + 1
    assert [bar.get("class") for bar in bars[:4]] == ["ours", "ours", "bar", "bar"]
    widths = [float(bar.get("width", "0")) for bar in bars[:4]]
    assert widths[2] == max(widths)
    assert widths[0] == pytest.approx(widths[2] / 2, abs=0.2)
    texts = [text.text for text in root.findall(f"{name}text")]
    assert "1.20 s/GB" in texts
    assert any("A & B <C>" in (text or "") for text in texts)
