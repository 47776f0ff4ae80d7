"""What every test run shares: tests that this machine cannot run are named, never skipped silently.

A test marked `debian` needs Debian packages, one marked `npm` those of npm, one marked `root` needs
root, one marked `atheris` what PyPI has for one kind of machine only. `make test` says with
--missing-packages and --missing-npm what is not there; run by hand without them, those tests run
and fail for themselves. One marked `long` takes so much of the minutes of a run that it waits for
RECORDER_LONG_TESTS=1 in the environment. What was left out stands in a section of its own at the
end, with the command that changes it. With several processes each of them collects all tests, and
what it left out comes from there.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import hypothesis
import pytest

from tests.side_by_side import Schedule, arrange

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# How long an example takes says how busy the machine is, and nothing of what is tested.
hypothesis.settings.register_profile("recorder", deadline=None)
hypothesis.settings.load_profile("recorder")

_LEFT_OUT = pytest.StashKey[dict[str, list[str]]]()
_AS_ROOT = "sudo make test"
_IN_FULL = "RECORDER_LONG_TESTS=1 make test"
_WITH_ATHERIS = "make test on Linux on x86-64, with a Python that PyPI has atheris for"
_WITH_NPM = "sudo apt-get install npm, then make test with a way to npm's registry"

MEMORY: Final = Path("/dev/shm")
ENOUGH_BYTES: Final = 1 << 30


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """In memory where there is enough: what is written by thousands in these tests is synced each
    time. The real program has a real disk. Of a test that failed the files are kept on it."""
    is_real = request.path.parent.name == "real"
    if is_real or not MEMORY.is_mount() or shutil.disk_usage(MEMORY).free < ENOUGH_BYTES:
        yield tmp_path
        return
    failed = request.session.testsfailed
    with tempfile.TemporaryDirectory(dir=MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        if request.session.testsfailed > failed:
            with suppress(shutil.Error):  # of a socket there is nothing to keep; the rest is copied
                shutil.copytree(folder, tmp_path, symlinks=True, dirs_exist_ok=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--missing-packages",
        default="",
        metavar="NAMES",
        help="Debian packages that are not installed: leave out, and name, the tests needing them",
    )
    parser.addoption(
        "--missing-npm",
        default="",
        metavar="NAMES",
        help="the same for packages of npm",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    packages = config.getoption("--missing-packages").split()
    remedies = {}
    if packages:
        remedies["debian"] = f"sudo apt-get install {' '.join(packages)}"
    if config.getoption("--missing-npm"):
        remedies["npm"] = _WITH_NPM
    if importlib.util.find_spec("atheris") is None:
        remedies["atheris"] = _WITH_ATHERIS
    if os.geteuid() != 0:
        remedies["root"] = _AS_ROOT
    if not os.environ.get("RECORDER_LONG_TESTS"):
        remedies["long"] = _IN_FULL
    left_out: dict[str, list[str]] = {}
    kept = []
    for item in items:
        marker = next((name for name in remedies if item.get_closest_marker(name)), None)
        if marker is None:
            kept.append(item)
        else:
            left_out.setdefault(remedies[marker], []).append(item.nodeid)
    if left_out:
        named = {name for names in left_out.values() for name in names}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in named])
        items[:] = kept
    config.stash[_LEFT_OUT] = left_out
    arrange(items)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What is marked `unmeasured` tries thousands of cases, which measuring would slow down.
    pytest-cov's own mark for that (no_cover) ends the measuring of all threads there are, and those
    that Trio keeps for what comes next stay unmeasured."""
    if item.get_closest_marker("unmeasured") is None:
        return (yield)
    measuring = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(measuring)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # What one of several processes has for the one that reports.
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash.get(_LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of several processes has ended; all have left out the same."""
    config: pytest.Config = node.config
    left_out = getattr(node, "workeroutput", {}).get("left_out")
    if left_out and _LEFT_OUT not in config.stash:
        config.stash[_LEFT_OUT] = left_out
        # Counted in pytest's last line.
        items = [SimpleNamespace(nodeid=name) for names in left_out.values() for name in names]
        config.hook.pytest_deselected(items=items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Schedule:
    return Schedule(config, log)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for remedy, names in config.stash.get(_LEFT_OUT, {}).items():
        why = "they take long" if remedy == _IN_FULL else "this machine lacks what they need"
        terminalreporter.section(f"NOT RUN: {why}", yellow=True)
        for name in names:
            terminalreporter.write_line(name)
        terminalreporter.write_line(f"To run them: {remedy}", yellow=True, bold=True)
