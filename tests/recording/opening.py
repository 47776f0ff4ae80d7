"""With which words a storage is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.initialise import initialise
from recorder.recording.refusals import StorageError
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk

if TYPE_CHECKING:
    from pathlib import Path


def refusal(directory: Path, state: Path | None = None, disk: RecordingDisk | None = None) -> str:
    """The sentence `open` refuses a folder with."""
    with (
        pytest.raises(StorageError) as caught,
        Storage.open(directory, state, disk or RecordingDisk()),
    ):
        pass
    return str(caught.value)


def refused_initialisation(
    directory: Path, state: Path | None = None, disk: RecordingDisk | None = None
) -> str:
    with pytest.raises(StorageError) as caught:
        initialise(directory, state, disk or RecordingDisk())
    return str(caught.value)
