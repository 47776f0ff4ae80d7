"""A run of several processes says what one of a single process does, and they do not collide."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MEMORY
from tests.helpers.ports import AT_ONCE, free_port, kept_port
from tests.side_by_side import unit_of

TOP = Path(__file__).parent.parent

SOME_TESTS = """
import pytest

def test_one() -> None: pass
def test_two() -> None: pass
def test_bad() -> None: assert False

@pytest.mark.long
def test_long() -> None: pass

@pytest.mark.npm
def test_npm() -> None: pass
"""

CLOSING = re.compile(r"^=+ (.*) in [0-9.]+s.* =+$", re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One with few tests."""
    (tmp_path / "tests").mkdir()
    for name in ("pyproject.toml", "tests/conftest.py", "tests/side_by_side.py"):
        (tmp_path / name).write_bytes((TOP / name).read_bytes())
    for name in ("a", "b"):
        (tmp_path / f"tests/test_{name}.py").write_text(SOME_TESTS)
    return tmp_path


def run(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "RECORDER_LONG_TESTS" and not name.startswith(("PYTEST_", "COV_"))
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"),
            *("--max-worker-restart=0", *options),
        ],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def left_out(said: str) -> list[str]:
    """The sections at the end, with their headings."""
    sections = said[said.index("NOT RUN") : said.index("short test summary")]
    return [line for each in sections.splitlines() if (line := each.strip(" ="))]


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_is_not_run_is_named_and_counted(checkout: Path, processes: str) -> None:
    done = run(checkout, "-n", processes, "--missing-npm", "axe-core")
    assert done.returncode == 1
    (closing,) = CLOSING.findall(done.stdout)
    assert closing == "2 failed, 4 passed, 4 deselected"
    assert left_out(done.stdout) == [
        "NOT RUN: they take long",
        "tests/test_a.py::test_long",
        "tests/test_b.py::test_long",
        "To run them: RECORDER_LONG_TESTS=1 make test",
        "NOT RUN: this machine lacks what they need",
        "tests/test_a.py::test_npm",
        "tests/test_b.py::test_npm",
        "To run them: sudo apt-get install npm, then make test with a way to npm's registry",
    ]


def test_a_process_that_dies_is_a_failure(checkout: Path) -> None:
    (checkout / "tests/test_c.py").write_text("def test_c(): import os; os._exit(0)")
    done = run(checkout, "-n", "2", "-k", "one or test_c")
    assert done.returncode == 1
    assert "crashed while running 'tests/test_c.py::test_c'" in done.stdout
    (closing,) = CLOSING.findall(done.stdout)
    assert closing.startswith("1 failed, 2 passed")


def test_the_files_of_a_test_that_failed_are_kept(checkout: Path) -> None:
    (checkout / "tests/test_c.py").write_text(
        "def test_c(tmp_path): (tmp_path / 'evidence').touch(); assert False\n"
        "def test_d(tmp_path): (tmp_path / 'waste').touch()\n"
    )
    run(checkout, "-n", "1", "--basetemp", str(checkout / "kept"), "-k", "test_c or test_d")
    names = {path.name for path in (checkout / "kept").rglob("*") if path.is_file()}
    assert names == {"evidence"} if MEMORY.is_mount() else {"evidence", "waste"}


def test_files_that_share_what_is_costly_stay_together() -> None:
    assert unit_of("tests/rtmp/test_runs.py::test_it[a::b]") == "tests/rtmp/test_runs.py"
    assert unit_of("tests/web/test_looks.py::test_it") == unit_of("tests/web/test_news.py::test_it")
    users = [path for path in TOP.rglob("tests/real/test_*.py") if "Installed" in path.read_text()]
    assert len(users) > 1
    assert len({unit_of(f"{path.relative_to(TOP)}::test") for path in users}) == 1


def test_nobody_gets_a_port_that_is_kept_for_a_program_that_comes_back() -> None:
    with kept_port() as port:
        assert port not in {free_port() for _ in range(AT_ONCE)}
    assert port in {free_port() for _ in range(AT_ONCE)}


def test_no_other_process_gets_a_port_that_one_of_us_was_given() -> None:
    ours = {free_port() for _ in range(AT_ONCE)}
    assert len(ours) > 1
    asked = f"from tests.helpers.ports import *; print(*(free_port() for _ in range({AT_ONCE})))"
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert ours.isdisjoint(map(int, done.stdout.split()))
