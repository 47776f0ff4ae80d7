"""What every test run shares: tests that this machine cannot run are named, never skipped silently.

A test marked `debian` needs Debian packages, one marked `npm` those of npm, one marked `root` needs
root, one marked `atheris` what PyPI has for one kind of machine only. `make test` says with
--missing-packages and --missing-npm what is not there; run by hand without them, those tests run
and fail for themselves. One marked `long` takes so much of the minutes of a run that it waits for
RECORDER_LONG_TESTS=1 in the environment. What was left out stands in a section of its own at the
end, with the command that changes it.
"""

import importlib.util
import os

import hypothesis
import pytest

# How long an example takes says how busy the machine is, and nothing of what is tested.
hypothesis.settings.register_profile("recorder", deadline=None)
hypothesis.settings.load_profile("recorder")

_LEFT_OUT = pytest.StashKey[dict[str, list[str]]]()
_AS_ROOT = "sudo make test"
_IN_FULL = "RECORDER_LONG_TESTS=1 make test"
_WITH_ATHERIS = "make test on Linux on x86-64, with a Python that PyPI has atheris for"
_WITH_NPM = "sudo apt-get install npm, then make test with a way to npm's registry"


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


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for remedy, names in config.stash.get(_LEFT_OUT, {}).items():
        why = "they take long" if remedy == _IN_FULL else "this machine lacks what they need"
        terminalreporter.section(f"NOT RUN: {why}", yellow=True)
        for name in names:
            terminalreporter.write_line(name)
        terminalreporter.write_line(f"To run them: {remedy}", yellow=True, bold=True)
