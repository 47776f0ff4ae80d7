"""axe-core, which `make test` brings from npm: what it says of a page is a list of sentences."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Page

PLACE: Final = Path(sys.prefix) / "npm/node_modules/axe-core/axe.min.js"
GRAVE: Final = ("serious", "critical")

_RUN: Final = """async (only) => {
  const rules = only.length ? { runOnly: only } : {};
  const found = await axe.run(document, { resultTypes: ["violations"], preload: false, ...rules });
  return found.violations.map((it) => [it.impact, `${it.id}: ${it.help}: `
    + it.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join("; ")]);
}"""


@cache
def _program() -> str:
    return PLACE.read_text()


def grave_faults(page: Page, only: Sequence[str] = ()) -> list[str]:
    """What keeps people out, as axe-core sees the page now.

    Args:
        only: look for no more than these rules say; without, all of them.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_program())
    return [sentence for impact, sentence in page.evaluate(_RUN, list(only)) if impact in GRAVE]
