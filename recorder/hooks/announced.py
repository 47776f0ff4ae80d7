"""What has been told of which recording, so that a restart tells what is missing and nothing twice.

Pure. It is the sum of the events so far and stands at the head of every file of the journal. A
recording number is never used again, so a number that has ended is done with.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import attrs

from recorder.hooks.events import RECORDING_ENDED, RECORDING_STARTED, SEGMENT_CLOSED, Event

ENDED: Final = 256
"""Numbers remembered after their end. Checksums come later than the end, by minutes at most."""


@attrs.define
class _Open:
    """A recording that was told of; its segments up to `upto`, and those `beyond`, were too."""

    folder: str = ""
    upto: int = 0
    beyond: set[int] = attrs.field(factory=set)

    def add(self, segment: int) -> None:
        if segment > self.upto:
            self.beyond.add(segment)
        while self.upto + 1 in self.beyond:
            self.upto += 1
            self.beyond.remove(self.upto)


class Announced:
    """The recordings that were told of."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._open: dict[int, _Open] = {}
        self._ended: deque[int] = deque(maxlen=ENDED)
        if document is not None:
            for number, folder, upto, beyond in document["open"]:
                known = _Open(str(folder), int(upto), {int(each) for each in beyond})
                self._open[int(number)] = known
            self._ended.extend(int(number) for number in document["ended"])

    @property
    def going_on(self) -> dict[int, str]:
        """The numbers of those that have begun and not ended, and their folders."""
        return {number: each.folder for number, each in self._open.items()}

    def has_begun(self, recording: int) -> bool:
        """Whether its start was told, and its end was not."""
        return recording in self._open

    def has_ended(self, recording: int) -> bool:
        """Whether its end was told; True also of one so old that nobody remembers."""
        if len(self._ended) == ENDED and recording < min(self._ended):
            return recording not in self._open
        return recording in self._ended

    def has_segment(self, recording: int, segment: int) -> bool:
        """Whether this segment of a recording that has begun was told."""
        known = self._open[recording]
        return segment <= known.upto or segment in known.beyond

    def take(self, event: Event) -> None:
        """It is told now."""
        folder = str(event.fields.get("folder", ""))
        match event.kind, event.fields:
            case str(kind), {"recording": int(number)} if kind == RECORDING_STARTED:
                self._open.setdefault(number, _Open(folder))
            case str(kind), {"recording": int(number), "segment": {"number": int(segment)}} if (
                kind == SEGMENT_CLOSED
            ):
                self._open.setdefault(number, _Open(folder)).add(segment)
            case str(kind), {"recording": int(number)} if kind == RECORDING_ENDED:
                self._open.pop(number, None)
                if number not in self._ended:
                    self._ended.append(number)

    def to_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "open": [
                [number, each.folder, each.upto, sorted(each.beyond)]
                for number, each in self._open.items()
            ],
            "ended": list(self._ended),
        }
