"""The NetStreams of one connection: which exist, which publish, and which one is meant.

Owns their states and names. Sends nothing. A NetStream is remembered only while it is being decided
about or publishing, so their number is bounded by what the application accepts; of the others only
the count of numbers handed out is known.
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


@attrs.define
class NetStream:
    """One NetStream that is not idle."""

    stream_id: int
    name: str
    state: StreamState = StreamState.IDLE


class NetStreams:
    """All of a connection."""

    def __init__(self) -> None:
        self._handed_out = 0
        self._deciding: NetStream | None = None
        self.publishing: dict[int, NetStream] = {}
        """By message stream id. Looked into for every frame."""
        self._ended_names: deque[str] = deque(maxlen=_REMEMBERED_NAMES)

    @property
    def is_deciding(self) -> bool:
        """Say whether a publish waits for the application. There is one at most: we pause."""
        return self._deciding is not None

    def create(self) -> int:
        """Return a new number: 1, 2, 3…, because GStreamer rejects 0 (§4.3)."""
        self._handed_out += 1
        return self._handed_out

    def is_idle(self, stream_id: int) -> bool:
        """Say whether a publish may be requested on it."""
        return stream_id not in self.publishing

    def request(self, stream_id: int, name: str) -> None:
        """A publish is asked for on an idle NetStream."""
        self._deciding = NetStream(stream_id, name)
        self._step(self._deciding, StreamStep.REQUEST)

    def accept(self, stream_id: int) -> None:
        """The application agrees to the request.

        Raises:
            LocalProtocolError: there is none.
        """
        stream = self._decided(stream_id)
        self._step(stream, StreamStep.ACCEPT)
        self.publishing[stream_id] = stream

    def reject(self, stream_id: int) -> None:
        """The application refuses the request.

        Raises:
            LocalProtocolError: there is none.
        """
        self._step(self._decided(stream_id), StreamStep.REJECT)

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

    def meant_by_id(self, stream_id: Value) -> NetStream | None:
        """Return the publishing NetStream that a command means by a number.

        A number that we handed out means that stream and no other, even when it is idle. Any other
        number, or none, means the one that is publishing, if it is only one (§4.1).
        """
        if isinstance(stream_id, int | float) and (
            stream_id in self.publishing or 1 <= stream_id <= self._handed_out
        ):
            return self.publishing.get(int(stream_id))
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
        return next(iter(self.publishing.values())) if len(self.publishing) == 1 else None

    def _decided(self, stream_id: int) -> NetStream:
        stream = self._deciding
        if stream is None or stream.stream_id != stream_id:
            raise LocalProtocolError(f"nobody asked to publish on the NetStream {stream_id}")
        self._deciding = None
        return stream

    def _step(self, stream: NetStream, step: StreamStep) -> None:
        stream.state = STREAM_TRANSITIONS[stream.state][step]
