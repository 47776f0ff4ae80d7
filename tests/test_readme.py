"""What the README quotes of the recorder is what the recorder says.

Its table "When it does not work" is searched for the words that stand in a log or on a page. A
sentence that is worded anew, or said no more, would be searched for in vain.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.helpers.program import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAID_BY_ENCODERS = {
    "could not connect",
    "Could not access the specified channel or stream key",
}

FILLED_IN = re.compile(r'room101|storage\.directory| live$|[0-9][0-9.:]*|…|"|:| to watch')
"""What stands for a value in a quotation, and what joins two sentences of ours."""


def quotations() -> set[str]:
    """What stands in italics in the first column, and is not said by others."""
    readme = (CHECKOUT / "README.md").read_text()
    table = readme.partition("\n## When it does not work\n")[2].partition("\n## ")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")]
    found = [quoted for cell in cells for quoted in re.findall(r"\*([^*]+)\*", cell)]
    return set(found) - SAID_BY_ENCODERS


def texts(path: Path) -> Iterator[str]:
    """Every text of a module, with a gap where a value is filled in."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.JoinedStr(values=values):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "\0" for part in values
                )
            case ast.Constant(value=str(text)):
                yield text


@pytest.fixture(scope="module")
def said() -> str:
    """All that the recorder says, and `make`."""
    modules = sorted((CHECKOUT / "recorder").rglob("*.py"))
    spoken = [text for module in modules for text in texts(module)]
    return "\n".join([*spoken, (CHECKOUT / "Makefile").read_text()]).lower()


@pytest.mark.parametrize("quoted", sorted(quotations()))
def test_a_trouble_is_found_by_the_words_in_which_it_is_told(quoted: str, said: str) -> None:
    pieces = [piece.strip(" .").lower() for piece in FILLED_IN.split(quoted)]
    assert [piece for piece in pieces if piece not in said] == []
    assert max(map(len, pieces)) > 5
