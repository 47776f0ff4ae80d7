"""Protocol control: acknowledgements, windows and pings (§2.5). None of it is anybody's event.

Owns how much was received and how much of that is acknowledged, and what control messages of the
peer change in it. Abort and Set Chunk Size are not here: the chunk reader obeys them itself.

Only who announces a window is acknowledged anything, as by SRS and mediamtx. Who announces none
(ffmpeg and librtmp when they publish) does not wait for it, and reads little: ffmpeg one message
for each ten that it sends. A socket that is closed with something unread in it is reset, and what
its system had not sent yet is lost (RFC 2525, section 2.17): the last frames of a lesson, and its
good-bye.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.rtmp.messages import (
    Message,
    MessageType,
    UserControl,
    u32_at_front,
    u32_body,
    user_control_body,
)
from recorder.rtmp.states import State

if TYPE_CHECKING:
    from recorder.rtmp.counters import Counters
    from recorder.rtmp.limits import Limits
    from recorder.rtmp.output import Output
    from recorder.rtmp.states import ConnectionState


class Control:
    """Of one connection.

    Attributes:
        bytes_received: all of them, the handshake included.
    """

    def __init__(
        self, state: ConnectionState, limits: Limits, counters: Counters, output: Output
    ) -> None:
        self.bytes_received = 0
        self._state = state
        self._counters = counters
        self._output = output
        self._window = limits.window_bytes
        self._acknowledged = 0
        self._acknowledge_every: int | None = None
        self._announced_window = limits.window_bytes

    @property
    def is_due(self) -> bool:
        """Say whether the peer is owed an acknowledgement."""
        return (
            self._acknowledge_every is not None
            and self._state.is_in(State.CONNECTED)
            and self.bytes_received - self._acknowledged >= self._acknowledge_every
        )

    def acknowledge(self) -> None:
        """Write an acknowledgement of everything, if it is due."""
        if self.is_due:
            self._acknowledged = self.bytes_received
            # §2.5: the running total modulo 2**32. nginx and SRS begin at 0 again a little earlier
            # for FMLE; senders that compare (gortmplib) do it modulo 2**32.
            self._output.control(MessageType.ACKNOWLEDGEMENT, u32_body(self.bytes_received))

    def receive(self, message: Message) -> None:
        """Do what a control message of the peer asks for."""
        match message.type_id:
            case MessageType.ACKNOWLEDGEMENT:
                self._counters.acknowledgements += 1
            case MessageType.WINDOW_ACK_SIZE:
                self._on_window_ack_size(message.payload)
            case MessageType.SET_PEER_BANDWIDTH:
                self._on_set_peer_bandwidth(message.payload)
            case _:
                self._on_user_control(message.payload)

    def _on_window_ack_size(self, payload: bytes) -> None:
        window = u32_at_front(payload)
        if window is None:
            self._counters.short_control += 1
        elif window > 0:
            # Half of it, as SRS does: so a sender that stops at its window never does. And never
            # less often than our own window says: gortmplib measures us by that.
            self._acknowledge_every = max(1, min(window, self._window) // 2)

    def _on_set_peer_bandwidth(self, payload: bytes) -> None:
        window = u32_at_front(payload)
        if window is None:
            self._counters.short_control += 1
        elif self._state.is_in(State.CONNECTED) and window != self._announced_window:
            self._announced_window = window
            self._output.control(MessageType.WINDOW_ACK_SIZE, u32_body(window))

    def _on_user_control(self, payload: bytes) -> None:
        if len(payload) < 2:
            self._counters.short_control += 1
        elif int.from_bytes(payload[:2]) == UserControl.PING_REQUEST:
            self._on_ping(payload[2:6])

    def _on_ping(self, time: bytes) -> None:
        if len(time) < 4:
            self._counters.short_control += 1
        elif self._state.is_in(State.CONNECTED):  # §1.4 rule 1: before, nothing may be sent
            self._output.control(
                MessageType.USER_CONTROL, user_control_body(UserControl.PING_RESPONSE, time)
            )
