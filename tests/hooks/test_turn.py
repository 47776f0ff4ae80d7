"""Only one delivers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from recorder.hooks.turn import is_taken, take_turn

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_one_has_to_wait_until_the_first_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "hooks"
    first = take_turn(folder)
    assert first is not None
    assert is_taken(folder)
    assert take_turn(folder) is None
    os.close(first)
    assert not is_taken(folder)
    second = take_turn(folder)
    assert second is not None
    os.close(second)


def test_without_the_state_there_is_nothing_to_take(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        take_turn(tmp_path / "state" / "hooks")
