"""What all tests with the real program share: what encoders publish, and what was installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.helpers.encoders import Sources
from tests.helpers.faults.disks import MIB, tmpfs
from tests.helpers.installed import Installed, install
from tests.helpers.machine import machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.helpers.machine import Machine


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Made once for all processes of a test run: encoding them costs more than most tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "sources"
    folder.mkdir(exist_ok=True)
    return Sources(folder)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Made once per session, and changed by nobody. On a disk of its own, so that it can lie over
    a copy of this machine's."""
    with tmpfs(tmp_path_factory.mktemp("installed"), 512 * MIB) as folder:
        yield install(folder)


@pytest.fixture
def pi(installed: Installed, tmp_path: Path) -> Iterator[Machine]:
    """A machine on which the recorder was installed."""
    with machine(tmp_path / "pi", layers=[installed.unpacked, installed.image]) as made:
        yield made
