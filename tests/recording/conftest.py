"""What holds for every test of what is recorded."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING

import pytest

from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from tests.helpers.disk import open_descriptors
from tests.recording.keeping import Keeping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trio.testing import MockClock


@pytest.fixture(autouse=True)
def _no_descriptor_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    if inspect.iscoroutinefunction(request.function):
        # A thread that a stop did not wait for closes what it has a moment later.
        yield
        return
    before = open_descriptors()
    yield
    assert open_descriptors() == before


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A storage that is in use, with its state inside."""
    path = tmp_path / "recordings"
    initialise(path, None, OsDisk())
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder outside of every storage, which is not made yet."""
    return tmp_path / "state"


@pytest.fixture
def keeping(tmp_path: Path, mock_clock: MockClock) -> Iterator[Keeping]:
    (tmp_path / ".recorder").mkdir()
    before = open_descriptors()
    root = os.open(tmp_path, os.O_RDONLY)
    yield Keeping(tmp_path, root, mock_clock)
    os.close(root)
    assert open_descriptors() == before
