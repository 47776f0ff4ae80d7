"""The NetStreams of one connection: which exist, which publish or play, and which one is meant.

Owns their states and names. Sends nothing. A NetStream is remembered only while it is being decided
about, publishing or playing, so their number is bounded by what the application accepts; of the
others only the count of numbers handed out is known, and what a few shall not be sent.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

from recorder.rtmp.errors import LocalProtocolError
from recorder.rtmp.states import STREAM_TRANSITIONS, StreamState, StreamStep

if TYPE_CHECKING:
    from recorder.amf import Value

_REMEMBERED_NAMES: Final = 16
"""Names of ended publishes: as many as may publish at once, so that saying goodbye twice to each
of them ends nothing else."""

_REMEMBERED_WISHES: Final = 16
"""Of plays to come: as many as may be asked for, each on a NetStream of its own."""


@attrs.define
class NetStream:
    """One NetStream that is not idle."""

    stream_id: int
    name: str
    state: StreamState = StreamState.IDLE
    is_paused: bool = False
    """Of one that plays."""
    unwanted: frozenset[int] = frozenset()
    """The message types that a player does without."""


class NetStreams:
    """All of a connection."""

    def __init__(self) -> None:
        self._handed_out = 0
        self._deciding: NetStream | None = None
        self.publishing: dict[int, NetStream] = {}
        """By message stream id. Looked into for every frame."""
        self.playing: dict[int, NetStream] = {}
        """By message stream id."""
        self._ended_names: deque[str] = deque(maxlen=_REMEMBERED_NAMES)
        self._unwanted_next: dict[int, frozenset[int]] = {}
        """Of the next play, by message stream id."""

    @property
    def is_deciding(self) -> bool:
        """Say whether one waits for the application. There is one at most: we pause."""
        return self._deciding is not None

    def create(self) -> int:
        """Return a new number: 1, 2, 3…, because GStreamer rejects 0 (§4.3)."""
        self._handed_out += 1
        return self._handed_out

    def is_idle(self, stream_id: int) -> bool:
        """Say whether a publish or a play may be requested on it."""
        return stream_id not in self.publishing and stream_id not in self.playing

    @property
    def busy(self) -> int:
        """How many publish or play."""
        return len(self.publishing) + len(self.playing)

    def request(self, stream_id: int, name: str) -> None:
        """A publish is asked for on an idle NetStream."""
        self._request(stream_id, name, StreamStep.REQUEST)

    def request_play(self, stream_id: int, name: str) -> NetStream:
        """A play is asked for on an idle NetStream."""
        stream = self._request(stream_id, name, StreamStep.REQUEST_PLAY)
        stream.unwanted = self._unwanted_next.pop(stream_id, frozenset())
        return stream

    def wish(self, stream_id: int, message_type: int, *, is_wanted: bool) -> None:
        """What the next play on an idle NetStream shall bring, or not."""
        unwanted = self._unwanted_next.pop(stream_id, frozenset()) - {message_type}
        if not is_wanted:
            unwanted |= {message_type}
        if unwanted:
            self._unwanted_next[stream_id] = unwanted
        if len(self._unwanted_next) > _REMEMBERED_WISHES:
            del self._unwanted_next[next(iter(self._unwanted_next))]

    def accept(self, stream_id: int) -> None:
        """The application agrees to the publish that was asked for.

        Raises:
            LocalProtocolError: there is none.
        """
        stream = self._decided(stream_id, StreamState.DECIDING)
        self._step(stream, StreamStep.ACCEPT)
        self.publishing[stream_id] = stream

    def accept_play(self, stream_id: int) -> None:
        """The application agrees to the play that was asked for.

        Raises:
            LocalProtocolError: there is none.
        """
        stream = self._decided(stream_id, StreamState.DECIDING_PLAY)
        self._step(stream, StreamStep.ACCEPT)
        self.playing[stream_id] = stream

    def reject(self, stream_id: int) -> None:
        """The application refuses the publish that was asked for.

        Raises:
            LocalProtocolError: there is none.
        """
        self._step(self._decided(stream_id, StreamState.DECIDING), StreamStep.REJECT)

    def reject_play(self, stream_id: int) -> None:
        """The application refuses the play that was asked for.

        Raises:
            LocalProtocolError: there is none.
        """
        self._step(self._decided(stream_id, StreamState.DECIDING_PLAY), StreamStep.REJECT)

    def end(self, stream_id: int) -> None:
        """A publish ends, from either side.

        Raises:
            LocalProtocolError: there is none.
        """
        stream = self.publishing.pop(stream_id, None)
        if stream is None:
            raise LocalProtocolError(f"the NetStream {stream_id} is not publishing")
        self._step(stream, StreamStep.END)
        self._ended_names.append(stream.name)

    def end_play(self, stream_id: int) -> None:
        """A play ends, from either side.

        Raises:
            LocalProtocolError: there is none.
        """
        stream = self.playing.pop(stream_id, None)
        if stream is None:
            raise LocalProtocolError(f"the NetStream {stream_id} is not playing")
        self._step(stream, StreamStep.END)

    def meant_by_id(self, stream_id: Value) -> NetStream | None:
        """Return the publishing or playing NetStream that a command means by a number.

        A number that we handed out means that stream and no other, even when it is idle. Any other
        number, or none, means the one that publishes or plays, if it is only one (§4.1).
        """
        if isinstance(stream_id, int | float) and (
            stream_id in self.publishing
            or stream_id in self.playing
            or 1 <= stream_id <= self._handed_out
        ):
            number = int(stream_id)
            return self.publishing.get(number) or self.playing.get(number)
        return self._only_one()

    def meant_by_name(self, name: str) -> NetStream | None:
        """Return the publishing NetStream that a command means by the name it published.

        A name that has ended already means nothing any more: most encoders say goodbye twice. Any
        other name means the one that is publishing, if it is only one.
        """
        for stream in self.publishing.values():
            if stream.name == name:
                return stream
        return None if name in self._ended_names else self._only_one()

    def _only_one(self) -> NetStream | None:
        if self.busy != 1:
            return None
        return next(iter([*self.publishing.values(), *self.playing.values()]))

    def _request(self, stream_id: int, name: str, step: StreamStep) -> NetStream:
        self._deciding = NetStream(stream_id, name)
        self._step(self._deciding, step)
        return self._deciding

    def _decided(self, stream_id: int, state: StreamState) -> NetStream:
        stream = self._deciding
        if stream is None or stream.stream_id != stream_id or stream.state is not state:
            wish = "publish" if state is StreamState.DECIDING else "play"
            raise LocalProtocolError(f"nobody asked to {wish} on the NetStream {stream_id}")
        self._deciding = None
        return stream

    def _step(self, stream: NetStream, step: StreamStep) -> None:
        stream.state = STREAM_TRANSITIONS[stream.state][step]
