"""Who watches a room live, and what each of them gets: pure.

Owns where a viewer begins (at a keyframe, behind the metadata and every sequence header) and what
becomes of a slow one: it is skipped forward to the next keyframe, and after some of that it has to
go. Every message is encoded once for all. Nothing here waits for anybody, so that no viewer can
cost the recording a frame or a moment; what a viewer has not taken yet is bounded by its queue.

A lost connection or a takeover is no end: who watches begins again with what comes then. Who comes
before anything is published waits for it.

Costs nothing while nobody watches: headers are not followed here, but asked of the recording side
when somebody begins.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

from recorder.flv.codecs import Role, classify
from recorder.flv.script import ON_METADATA
from recorder.flv.tags import SCRIPT, VIDEO
from recorder.live.relay_times import RelayTimes
from recorder.rtmp.relay import RelayEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from recorder.flv.codecs import Part
    from recorder.flv.timeline import TrackId
    from recorder.recording.actions import StreamHead

METADATA_AT: Final = 0
"""The time of metadata, whenever they come: at any other ffmpeg (libavformat/flvdec.c) makes an
empty track of subtitles of them, for which whoever copies all tracks waits for ever."""

MOST_SKIPS: Final = 3
"""Within SKIPS_MS: whose line does not carry the room will not do so in a minute either."""

SKIPS_MS: Final = 60_000

MOST_BEHIND_MS: Final = 10_000
"""Who gets later what happens now does not watch live, however little waits for it: a room of a
Mbit/s needs half a minute to fill a queue."""

TAKE_BYTES: Final = 1 << 18
"""Joined for one send: fewer system calls, and little copied."""


@attrs.define(eq=False)
class ViewerQueue:
    """What one viewer has still to be sent.

    Args:
        stream_id: the NetStream it plays on.
        limit_bytes: more than this is not kept while it is sent something, but for a single
            message; nor is anything, when the oldest has waited for MOST_BEHIND_MS.
        on_more: there is something to take.
        on_over: it gets no more, for this reason; what is queued may still be taken.
        is_sending: whether it has something to take that it has been sent. If not, what waits here
            waits for us, and it is not slow: all of one read comes before anybody has a turn.

    Attributes:
        unwanted: the FLV tag types that it has asked to be spared.
    """

    stream_id: int
    limit_bytes: int
    on_more: Callable[[], None]
    on_over: Callable[[str], None]
    is_sending: Callable[[], bool]
    is_waiting: bool = True
    """For a keyframe."""
    has_begun: bool = False
    """It has been given something of what is published now."""
    unwanted: frozenset[int] = frozenset()
    skips: int = 0
    queued_bytes: int = 0
    _messages: deque[tuple[int, bytes]] = attrs.field(factory=deque)
    """Each with when it came."""
    _skipped_at_ms: deque[int] = attrs.field(factory=lambda: deque(maxlen=MOST_SKIPS))

    def begin(self, front: bytes, message: bytes, now_ms: int) -> bool:
        """Queue a beginning, behind what a decoder needs before it; what still waits from before
        makes room for it. As `push`."""
        stays = True
        if not self._has_room(len(front) + len(message), now_ms):
            stays = self._skip(now_ms)
        self.is_waiting, self.has_begun = False, True
        self._append(front, now_ms)
        self._append(message, now_ms)
        return stays

    def push(self, message: bytes, now_ms: int) -> bool:
        """Queue whole chunks; False when it is too slow to stay."""
        if not self._has_room(len(message), now_ms):
            return self._skip(now_ms)
        self._append(message, now_ms)
        return True

    def _has_room(self, size: int, now_ms: int) -> bool:
        if not self._messages or not self.is_sending():
            return True
        is_late = now_ms - self._messages[0][0] >= MOST_BEHIND_MS
        return not is_late and self.queued_bytes + size <= self.limit_bytes

    def _append(self, data: bytes, now_ms: int) -> None:
        if data:
            self._messages.append((now_ms, data))
            self.queued_bytes += len(data)

    def take(self) -> bytes:
        """The messages to send next, b"" when there are none."""
        taken: list[bytes] = []
        size = 0
        while self._messages and (not size or size + len(self._messages[0][1]) <= TAKE_BYTES):
            taken.append(self._messages.popleft()[1])
            size += len(taken[-1])
        self.queued_bytes -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def begin_anew(self) -> None:
        """What is queued is let go of; the next beginning is one for it too."""
        self._messages.clear()
        self.queued_bytes = 0
        self.is_waiting = True

    def _skip(self, now_ms: int) -> bool:
        self.begin_anew()
        self.skips += 1
        self._skipped_at_ms.append(now_ms)
        is_full = len(self._skipped_at_ms) == MOST_SKIPS
        return not (is_full and now_ms - self._skipped_at_ms[0] < SKIPS_MS)


class Audience:
    """The viewers of one room. True while any of them is to be sent something.

    Args:
        head: what a decoder needs before the next frame, as of now.
    """

    def __init__(self, head: Callable[[], StreamHead]) -> None:
        self._head = head
        self._viewers: list[ViewerQueue] = []
        self._held: list[ViewerQueue] = []
        self._encoders: dict[int, RelayEncoder] = {}
        self._times = RelayTimes()

    def __len__(self) -> int:
        """Those who are held included: they have their place."""
        return len(self._viewers) + len(self._held)

    def __bool__(self) -> bool:
        return bool(self._viewers)

    def join(self, viewer: ViewerQueue) -> None:
        """It gets what comes from the next keyframe on."""
        if not len(self):
            self._times = RelayTimes()
        self.leave(viewer)  # of those who are held
        self._viewers.append(viewer)
        self._encoders[viewer.stream_id] = RelayEncoder(viewer.stream_id)

    def leave(self, viewer: ViewerQueue) -> None:
        """It gets nothing more; it may have left already."""
        for those in (self._viewers, self._held):
            if viewer in those:
                those.remove(viewer)
        ids = {each.stream_id for each in self._viewers}
        self._encoders = {number: self._encoders[number] for number in ids}

    def hold(self, viewer: ViewerQueue) -> None:
        """It pauses: what comes meanwhile is none of its business, and nothing is kept for it. It
        goes on with `join`."""
        self.leave(viewer)
        viewer.begin_anew()
        self._held.append(viewer)

    def end(self, reason: str) -> None:
        """There is nothing more to watch for anybody, for this reason."""
        for viewer in [*self._viewers, *self._held]:
            self._dismiss(viewer, reason)

    def recording_ended(self, reason: str) -> None:
        """It is over for those who saw something of it; the others wait for the next one."""
        for viewer in [*self._viewers, *self._held]:
            if viewer.has_begun:
                self._dismiss(viewer, reason)
        self.publisher_left()

    def publisher_left(self) -> None:
        """Another one may go on: whoever watches gets what was sent so far, and begins again with
        the next keyframe, in times that go on."""
        for viewer in self._viewers:
            viewer.is_waiting = True
        self._times.begin_anew()

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """One audio or video message, already with the recording side; called while somebody
        watches."""
        parts = classify(kind, body)
        sent_at = self._times.frame(kind, parts, timestamp, now_ms)
        front = None
        if any(viewer.is_waiting for viewer in self._viewers):
            front = self._front(kind, parts)
        self._send(kind, sent_at, body, now_ms, front)

    def data(self, name: str | None, timestamp: int, body: bytes, now_ms: int) -> None:
        """One data message, AMF0 from its handler's name on."""
        sent_at = METADATA_AT if name == ON_METADATA else self._times.other(timestamp)
        self._send(SCRIPT, sent_at, body, now_ms, None)

    def _front(self, kind: int, parts: Sequence[Part]) -> Sequence[tuple[int, bytes]] | None:
        """What a decoder needs before this message, where it can begin with it; else None."""
        head = self._head()
        if not any(_is_entry(kind, part, head.entry) for part in parts):
            return None
        metadata = [] if head.metadata is None else [(SCRIPT, head.metadata)]
        return [*metadata, *head.headers]

    def _send(
        self,
        kind: int,
        sent_at: int,
        body: bytes,
        now_ms: int,
        front: Sequence[tuple[int, bytes]] | None,
    ) -> None:
        """To everybody; who waits begins with it, behind `front`, where there is one."""
        encoded: dict[int, bytes] = {}
        fronts: dict[tuple[int, frozenset[int]], bytes] = {}
        for viewer in list(self._viewers):
            if viewer.is_waiting and front is None:
                continue
            message = b"" if kind in viewer.unwanted else encoded.get(viewer.stream_id)
            if message is None:
                message = self._encoders[viewer.stream_id].encode(kind, sent_at, body)
                encoded[viewer.stream_id] = message
            if viewer.is_waiting:
                alike = viewer.stream_id, viewer.unwanted
                if alike not in fronts:
                    fronts[alike] = self._encode_front(viewer, front or (), sent_at)
                stays = viewer.begin(fronts[alike], message, now_ms)
            elif message:
                stays = viewer.push(message, now_ms)
            else:
                continue
            if stays:
                viewer.on_more()
            else:
                self._dismiss(viewer, "the line is too slow for the room")

    def _encode_front(
        self, viewer: ViewerQueue, front: Iterable[tuple[int, bytes]], sent_at: int
    ) -> bytes:
        encode = self._encoders[viewer.stream_id].encode
        return b"".join(
            encode(kind, METADATA_AT if kind == SCRIPT else sent_at, body)
            for kind, body in front
            if kind not in viewer.unwanted
        )

    def _dismiss(self, viewer: ViewerQueue, reason: str) -> None:
        self.leave(viewer)
        viewer.on_over(reason)


def _is_entry(kind: int, part: Part, track: TrackId | None) -> bool:
    """Whether a decoder can begin with this part of a message, where it can with that track."""
    if part.role is not Role.FRAME or (kind, part.track) != track:
        return False
    return kind != VIDEO or part.keyframe
