"""What lies in systemd/monitoring: rules and dashboard against the exposition, and promtool."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from recorder.status.house_views import HooksView
from recorder.status.metrics import Exposition
from recorder.status.room_views import RoomState
from tests.status.sample import SNAPSHOT
from tests.status.test_metrics import COUNTERS

FOLDER = Path(__file__).parents[2] / "systemd/monitoring"
RULES = FOLDER / "recorder-alerts.yml"
NAME = re.compile(r"\b(?:rec|process)_[a-z_]+\b")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def dashboard() -> dict[str, Any]:
    loaded = json.loads((FOLDER / "recorder-dashboard.json").read_text())
    assert isinstance(loaded, dict)
    return loaded


def expressions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def exposed() -> set[str]:
    """The names of all samples of a recorder that knows everything."""
    lines = Exposition(0.0).text(SNAPSHOT, COUNTERS).decode().splitlines()
    return {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}


def test_every_name_in_the_rules_is_exposed() -> None:
    used = {name for rule in rules() for name in NAME.findall(rule["expr"])}
    assert len(used) >= 6
    assert used <= exposed()


def test_every_name_in_the_dashboard_is_exposed() -> None:
    shown = dashboard()
    texts = [each for panel in shown["panels"] for each in expressions(panel)]
    texts += [each["query"] for each in shown["templating"]["list"]]
    used = {name for text in texts for name in NAME.findall(text)}
    assert len(used) >= 15
    assert used <= exposed()


def test_every_state_of_a_room_has_a_colour_of_its_own_in_the_dashboard() -> None:
    (rooms,) = (each for each in dashboard()["panels"] if each["title"] == "Rooms")
    (mapping,) = rooms["fieldConfig"]["defaults"]["mappings"]
    assert {each["text"] for each in mapping["options"].values()} == {str(s) for s in RoomState}
    assert len({each["color"] for each in mapping["options"].values()}) == len(RoomState)
    (expression,) = expressions(rooms)
    numbered = dict(re.findall(r'(\d) \* max by .*?state="([a-z]+)"', expression))
    assert numbered == {number: each["text"] for number, each in mapping["options"].items()}


def test_no_panel_lies_on_another_and_each_says_what_it_shows() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        assert panel["description"]
        taken |= cells


def test_the_readme_names_every_alert_with_its_severity() -> None:
    rows = re.findall(
        r"(?m)^\| `(Recorder\w+)` \|.*\| (\w+) \|$", (FOLDER / "README.md").read_text()
    )
    assert dict(rows) == {rule["alert"]: rule["labels"]["severity"] for rule in rules()}


def test_the_readme_names_every_metric_with_its_labels_and_no_other() -> None:
    rows = re.findall(r"(?m)^\| `(rec_\w+)` \|(.*?)\|", (FOLDER / "README.md").read_text())
    assert len(rows) == len(dict(rows))
    hooks = HooksView(
        is_delivering=True,
        failing=(),
        failing_since=None,
        delivered=1,
        given_up=0,
        lost=0,
        age_s=20.0,
    )
    seen = replace(SNAPSHOT, system=replace(SNAPSHOT.system, hooks=hooks))
    text = Exposition(0.0).text(seen, COUNTERS).decode()
    families = {
        f"{family.name}_total" if family.type == "counter" else family.name: {
            label for sample in family.samples for label in sample.labels if label != "le"
        }
        for family in text_string_to_metric_families(text)
        if family.name.startswith("rec_")
    }
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == families


def test_every_alert_has_a_test() -> None:
    tests = yaml.safe_load((FOLDER / "recorder-alerts.test.yml").read_text())["tests"]
    raised = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert raised == {rule["alert"] for rule in rules()}


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.debian
def test_promtool_finds_no_fault_in_the_rules() -> None:
    promtool("check", "rules", RULES)


@pytest.mark.debian
def test_the_rules_do_what_their_table_says() -> None:
    promtool("test", "rules", "recorder-alerts.test.yml")


@pytest.mark.debian
def test_promtool_can_read_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    texts = [each for panel in dashboard()["panels"] for each in expressions(panel)]
    rules = [
        {
            "record": f"a:{number}",
            # What Grafana puts in place of its variables.
            "expr": text.replace("$__rate_interval", "1m").replace("$instance", ".*"),
        }
        for number, text in enumerate(texts)
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", path)


@pytest.mark.debian
def test_the_example_of_the_readme_is_a_configuration(tmp_path: Path) -> None:
    (example,) = re.findall(r"(?ms)^```yaml\n(.*?)^```", (FOLDER / "README.md").read_text())
    loaded = yaml.safe_load(example)
    loaded["rule_files"] = [str(FOLDER / name) for name in loaded["rule_files"]]
    (job,) = loaded["scrape_configs"]
    assert job["job_name"] == "recorder"
    assert job["basic_auth"]["username"] == "operator"
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(loaded))
    promtool("check", "config", path)
