"""What is remembered of a publish that an operator has stopped, so that it can be started again.

Owns the newest headers, which encoders send only once, and the decision with which message a
recording begins again: a keyframe, because no decoder begins with anything else. Pure. Media are
not kept: what was stopped is to be nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.flv.codecs import Role, classify, split_tracks
from recorder.flv.tags import VIDEO
from recorder.recording.hold import LONGEST_HOLD_MS
from recorder.recording.tracks import HEADERS

if TYPE_CHECKING:
    from recorder.recording.actions import Headers

MOST_HEADERS: Final = 64
"""An encoder has one or two for each of a handful of tracks; of one that sends more, none is
remembered that is new."""

_LARGEST_HEADER: Final = 1 << 20


class Muted:
    """Args:
    headers: those of the publish so far.
    """

    def __init__(self, headers: Headers) -> None:
        self._headers: dict[tuple[int, int, Role], bytes] = {}
        self.has_video = False
        self._begins_by_ms: int | None = None
        for kind, body in headers:
            self._remember(kind, body)

    @property
    def headers(self) -> Headers:
        """What a decoder needs before the next frame, in the order of arrival."""
        return tuple((kind, body) for (kind, _, _), body in self._headers.items())

    def begin(self, now_ms: int) -> None:
        """It shall be recorded again, from the next message on that a recording can begin with."""
        if self._begins_by_ms is None:
            self._begins_by_ms = now_ms + LONGEST_HOLD_MS

    @property
    def is_over(self) -> bool:
        """Somebody has started it again; it begins as soon as it can."""
        return self._begins_by_ms is not None

    def begins_with(self, kind: int, body: bytes, now_ms: int) -> bool:
        """Whether recording begins again with this message; its headers are remembered."""
        self.has_video |= kind == VIDEO
        parts = classify(kind, body)
        roles = {part.role for part in parts}
        if Role.FRAME not in roles:
            if roles & HEADERS and len(body) <= _LARGEST_HEADER:
                self._remember(kind, body)
            return False
        if self._begins_by_ms is None:
            return False
        is_entry = parts[0].keyframe if kind == VIDEO else not self.has_video
        return is_entry or now_ms >= self._begins_by_ms

    def _remember(self, kind: int, body: bytes) -> None:
        self.has_video |= kind == VIDEO
        for single in split_tracks(kind, body):
            part = classify(kind, single)[0]
            if part.role not in HEADERS:
                continue
            if part.role is Role.SEQUENCE_START:
                # What went with the one before it is void.
                for role in HEADERS:
                    self._headers.pop((kind, part.track, role), None)
            if len(self._headers) < MOST_HEADERS:
                self._headers[kind, part.track, part.role] = bytes(single)
