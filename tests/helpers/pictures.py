"""What every picture of a recorder must be: as its schema says, and as fine as people read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema

from recorder.status import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA: Final = json.loads((Path(snapshot.__file__).parent / "snapshot.schema.json").read_text())
VALIDATOR: Final = jsonschema.Draft202012Validator(SCHEMA)

DIGITS: Final = {"quality": 2, "media_rate": 2, "out_of_order": 3, "loss": 4}
"""Behind the point; of every other figure one."""


def check_picture(document: Any) -> None:
    """Raises AssertionError or jsonschema.ValidationError."""
    VALIDATOR.validate(document)
    for name, value in _fractions("", document):
        assert value == round(value, DIGITS.get(name, 1)), f"{name} is {value!r}"


def _fractions(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """Those in it, each with what it is called."""
    if isinstance(value, float):
        yield name, value
    elif isinstance(value, list):
        for each in value:
            yield from _fractions(name, each)
    elif isinstance(value, dict):
        for name_of_it, each in value.items():
            yield from _fractions(name_of_it, each)
