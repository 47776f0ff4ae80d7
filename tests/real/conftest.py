"""What all tests with the real program share: the files that the encoders publish."""

from __future__ import annotations

import pytest

from tests.helpers.encoders import Sources


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Made once per session: encoding them costs more than most of the tests."""
    return Sources(tmp_path_factory.mktemp("sources"))
