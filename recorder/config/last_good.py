"""The copy of the last configuration that was good: what it looks like, and where it may lie.

Owns its first line, which names the file it is a copy of: for another file it says nothing. And
how the state folder is made out from a file that cannot be used, for which the copy is there. Pure;
who writes it and who asks for it stand elsewhere.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from recorder.config import rules
from recorder.config.document import parse
from recorder.config.file import FIRST_FOLDER

LAST_GOOD_FILE: Final = "last-good.yaml"
"""In the state folder."""

_HEAD: Final = "# The last good configuration, a copy of {path}; made by the recorder.\n"
_HEAD_PATTERN: Final = re.compile(re.escape(_HEAD).replace(re.escape("{path}"), '(".*")').encode())
_BLOCK: Final = re.compile(rb"^(?:state|storage)[ \t]*:.*\n(?:(?:[ \t\r#].*)?\n)*", re.MULTILINE)
"""A top-level key of interest, with the indented lines behind it."""


def copy_of(path: Path, text: bytes) -> bytes:
    """The content of the copy.

    Args:
        path: of the configuration file, absolute.
        text: what that holds.
    """
    return _HEAD.format(path=json.dumps(str(path))).encode() + text


def text_of(copy: bytes, path: Path) -> bytes | None:
    """What the file of this path held; None: it is the copy of another one, or no copy at all."""
    head = _HEAD_PATTERN.match(copy)
    if head is None or json.loads(head[1]) != str(path):
        return None
    return copy[head.end() :]


def state_folders(data: bytes | None, folder: Path, meta: str) -> Iterator[Path]:
    """Where the state may lie, by a configuration that cannot be used; the likeliest first.

    Args:
        data: what the file holds; None: it cannot be read.
        folder: the file's own.
        meta: what the state is called inside a storage.
    """
    found = {} if data is None else _as_far_as_it_goes(data)
    storage = found.get("storage")
    state = _folder(found.get("state"))
    directory = _folder(storage.get("directory") if isinstance(storage, dict) else None)
    if state is not None:
        yield folder / state
    yield folder / (directory or FIRST_FOLDER) / meta


def _folder(value: Any) -> Path | None:
    try:
        return rules.Folder().read(value)
    except rules.WrongValueError:
        return None


def _as_far_as_it_goes(data: bytes) -> dict[Any, Any]:
    """Most files that are no YAML are wrong in one line: the two keys are read by themselves."""
    whole = parse(data).value
    if isinstance(whole, dict):
        return whole
    found: dict[Any, Any] = {}
    for block in _BLOCK.findall(data + b"\n"):
        value = parse(block).value
        found |= value if isinstance(value, dict) else {}
    return found
