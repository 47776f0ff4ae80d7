"""The two state machines, and nothing else: a connection's, and that of each NetStream on it.

Everything that moves a state is a row in a table here; a missing row is an error. What the peer may
have caused is asked for first (`allows`) and answered; what only the application can cause is a
`LocalProtocolError`.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from recorder.rtmp.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(enum.Enum):
    """Of a connection."""

    HANDSHAKE = "handshake"
    UNCONNECTED = "unconnected"
    """Waits for `connect`; nothing is sent (§1.4 rule 1)."""
    DECIDING = "deciding"
    """The application has to accept or reject."""
    CONNECTED = "connected"
    REFUSED = "refused"
    """The refusal is written; what still comes is thrown away until the connection is closed."""
    FAILED = "failed"


class Step(enum.Enum):
    """What moves a connection."""

    SHAKE_HANDS = "shake hands"
    REQUEST = "request"
    ACCEPT = "accept"
    REJECT = "reject"
    FAIL = "fail"


TRANSITIONS: Final[Mapping[State, Mapping[Step, State]]] = {
    State.HANDSHAKE: {Step.SHAKE_HANDS: State.UNCONNECTED, Step.FAIL: State.FAILED},
    State.UNCONNECTED: {Step.REQUEST: State.DECIDING, Step.FAIL: State.FAILED},
    # No FAIL: while the application decides, nothing is parsed.
    State.DECIDING: {Step.ACCEPT: State.CONNECTED, Step.REJECT: State.REFUSED},
    # No REQUEST: a second connect gets an error reply and changes nothing (§6 row 27).
    State.CONNECTED: {Step.FAIL: State.FAILED},
    State.REFUSED: {},
    State.FAILED: {},
}


class ConnectionState:
    """Where one connection stands."""

    def __init__(self) -> None:
        self._state = State.HANDSHAKE

    def is_in(self, state: State) -> bool:
        return self._state is state

    @property
    def is_over(self) -> bool:
        """Say whether nothing that is still received can matter."""
        return self._state is State.REFUSED or self._state is State.FAILED

    def allows(self, step: Step) -> bool:
        return step in TRANSITIONS[self._state]

    def step(self, step: Step) -> None:
        """Move by the table.

        Raises:
            LocalProtocolError: there is no such row.
        """
        state = TRANSITIONS[self._state].get(step)
        if state is None:
            raise LocalProtocolError(f"cannot {step.value} in state {self._state.value}")
        self._state = state


class StreamState(enum.Enum):
    """Of a NetStream."""

    IDLE = "idle"
    """Created, or not even that: publishing without createStream is accepted (§4.3 rule 7). So an
    idle NetStream needs no memory, and a peer cannot fill ours with them."""
    DECIDING = "deciding"
    PUBLISHING = "publishing"
    DECIDING_PLAY = "deciding about a play"
    PLAYING = "playing"


class StreamStep(enum.Enum):
    """What moves a NetStream."""

    REQUEST = "request"
    REQUEST_PLAY = "request to play"
    ACCEPT = "accept"
    REJECT = "reject"
    END = "end"


STREAM_TRANSITIONS: Final[Mapping[StreamState, Mapping[StreamStep, StreamState]]] = {
    StreamState.IDLE: {
        StreamStep.REQUEST: StreamState.DECIDING,
        StreamStep.REQUEST_PLAY: StreamState.DECIDING_PLAY,
    },
    StreamState.DECIDING: {
        StreamStep.ACCEPT: StreamState.PUBLISHING,
        StreamStep.REJECT: StreamState.IDLE,
    },
    # No REQUEST: the first publish on a live NetStream stays (§6 row 27). After END the same
    # NetStream may publish again (FMLE, Wirecast: §4.2).
    StreamState.PUBLISHING: {StreamStep.END: StreamState.IDLE},
    StreamState.DECIDING_PLAY: {
        StreamStep.ACCEPT: StreamState.PLAYING,
        StreamStep.REJECT: StreamState.IDLE,
    },
    StreamState.PLAYING: {StreamStep.END: StreamState.IDLE},
}
