"""Which tests run in one process, and in which order, when `make test` runs them side by side.

There are more processes than processors, because tests with the real program mostly wait for it.
Those begin, so that computing fills what they leave, and what is left at the end is short. A file
stays in one process, for the fixtures of its module; so do files that share what is made once and
costs more than most of their tests: a browser, an installation.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from collections.abc import MutableSequence

    import pytest

FIRST: Final = ("real", "web", "recording")
"""Folders of tests/, the longest waits first; the others follow as they are collected."""

SHARE_AN_INSTALLATION: Final = {
    f"tests/real/{name}.py" for name in ("test_install", "test_manual", "test_upgrade")
}


def unit_of(nodeid: str) -> str:
    """What stays together: the name of a file, or of what several files share."""
    file = nodeid.partition("::")[0]
    if file in SHARE_AN_INSTALLATION:
        return "an installation"
    if file.startswith("tests/web/"):
        return "a browser"
    return file


def arrange(items: MutableSequence[pytest.Item]) -> None:
    """Bring what takes longest to the front. Every process must do the same."""
    ranks = {name: rank for rank, name in enumerate(FIRST)}

    def rank(item: pytest.Item) -> int:
        folder = PurePosixPath(item.nodeid).parts[1]
        return ranks.get(folder, len(FIRST))

    items[:] = sorted(items, key=rank)


class Schedule(LoadFileScheduling):
    """Gives each process that is nearly idle the next unit."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
