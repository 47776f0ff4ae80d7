"""The manual tells of every alarm, and of no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
MANUAL = TOP / "systemd/README.md"


def kinds(source: str) -> set[str]:
    """The alarms that a module can raise: `kind` of each `Condition`, with what an f-string may
    put into it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Condition":
            (kind,) = (word.value for word in node.keywords if word.arg == "kind")
            found |= _texts(kind)
    return found


def _texts(node: ast.expr) -> set[str]:
    match node:
        case ast.Constant(str(text)):
            return {text}
        case ast.IfExp():
            return _texts(node.body) | _texts(node.orelse)
        case ast.FormattedValue():
            return _texts(node.value)
        case ast.JoinedStr():
            texts = {""}
            for part in node.values:
                texts = {before + behind for before in texts for behind in _texts(part)}
            return texts
    raise AssertionError(f"a kind that cannot be read: {ast.unparse(node)}")


def test_every_alarm_stands_in_the_manual_and_no_other() -> None:
    modules = (TOP / "recorder/status").rglob("*.py")
    raised = set().union(*(kinds(module.read_text()) for module in modules))
    told = re.findall(r"(?m)^\| `(\w+)` \|", MANUAL.read_text())
    assert len(told) == len(set(told))
    assert set(told) == raised


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("'disk'", {"disk"}),
        ("f\"no_{'video' if x else 'audio'}\"", {"no_video", "no_audio"}),
    ],
)
def test_kinds_are_found(kind: str, found: set[str]) -> None:
    assert kinds(f"Condition(kind={kind}, text='t')") == found
