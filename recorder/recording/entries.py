"""An entry of `.recorder/open`: what a start must know of a recording that is not finished.

Owns the text of an entry and what is concluded from it: which folder it speaks of, and whether a
publisher that comes back may continue the recording. Pure. A start reads the entries and nothing
else before it listens, so what it must know stands here.

Durations are those of the monotonic clock, which counts from the machine's start: they mean
something only in the boot whose id stands beside them.
"""

from __future__ import annotations

import json
from typing import Any

import attrs

from recorder.recording import naming


@attrs.frozen(kw_only=True)
class Entry:
    """One unfinished recording.

    Attributes:
        folder: of the recording, below the storage: `room101/2026-11-22/0000042-103000Z`.
        boot: the machine's boot id when it began; "" when not known.
        start_ms: the monotonic clock when it began.
        waiting_since_ms: the monotonic clock when its publisher was lost; None while one sends.
        is_ended: somebody has ended it, and only its files are not whole yet.
    """

    folder: str
    boot: str = ""
    start_ms: int = 0
    waiting_since_ms: int | None = None
    is_ended: bool = False

    @property
    def room(self) -> str:
        return self.folder.split("/")[0]

    @property
    def number(self) -> int:
        number = naming.parse_recording_folder(self.folder.split("/")[2])
        assert number is not None, "an entry with another folder is not made"
        return number

    def to_bytes(self) -> bytes:
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Entry | None:
        """None for an entry that was cut short, of which the folder was never made (DESIGN, "start
        a recording"), or damaged later."""
        try:
            raw = json.loads(content)
        except (ValueError, RecursionError):
            return None
        match raw:
            case {"folder": str(folder)} if is_recording_path(folder):
                return cls(
                    folder=folder,
                    boot=_of_type(raw.get("boot"), str, ""),
                    start_ms=_of_type(raw.get("start_ms"), int, 0),
                    waiting_since_ms=_of_type(raw.get("waiting_since_ms"), int, None),
                    is_ended=_of_type(raw.get("is_ended"), bool, False),
                )
        return None


def is_recording_path(path: str) -> bool:
    """Whether this is a recording's folder as `naming` writes it, below the storage."""
    match path.split("/"):
        case [room, date, name]:
            return (
                naming.is_room_name(room)
                and naming.is_date_folder(date)
                and naming.parse_recording_folder(name) is not None
            )
    return False


def _of_type(value: Any, kind: type, default: Any) -> Any:
    return value if type(value) is kind else default
