"""Pictures of `recorder status`, printed into text."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from rich.console import Console

from recorder.cli_status_picture import Picture
from tests.status.sample import SNAPSHOT

if TYPE_CHECKING:
    from recorder.status.snapshot import Snapshot


def document(seen: Snapshot = SNAPSHOT, **changes: Any) -> dict[str, Any]:
    loaded = json.loads(replace(seen, **changes).to_json())
    assert isinstance(loaded, dict)
    return loaded


def shown(
    what: object = None,
    *,
    width: int = 120,
    height: int = 24,
    colour: bool = False,
    **picture: Any,
) -> str:
    seen: Any = document() if what is None else what
    out = io.StringIO()
    Console(
        file=out,
        width=width,
        height=height,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        _environ={},
    ).print(Picture(document=seen, **picture))
    return out.getvalue()


def row(text: str, room: str) -> str:
    (found,) = (line for line in text.splitlines() if line.startswith(room))
    return found
