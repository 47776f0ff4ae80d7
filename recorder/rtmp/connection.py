"""The server's side of one RTMP connection: the only class that others use.

Owns what happens to each type of message; commands go to the command flow, protocol control to
`Control`, and `Quotas` counts what a peer may say. Knows no socket, no clock, no room and no file.
Input is stored by `receive_data` and parsed by `next_event`, one event at a time, so that a message
takes effect before the next byte is looked at. Where the application has to decide, parsing pauses.

Invariant: whatever bytes arrive, `next_event` returns an event or a marker or raises
`RemoteProtocolError`; anything else is a bug here. The events do not depend on how the bytes were
split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from recorder.rtmp import commands
from recorder.rtmp.chunks import ChunkReader
from recorder.rtmp.control import Control
from recorder.rtmp.counters import Counters
from recorder.rtmp.errors import Hint, RemoteProtocolError
from recorder.rtmp.events import (
    MORE,
    NEED_DATA,
    PAUSED,
    DataReceived,
    Event,
    MediaReceived,
    Wait,
)
from recorder.rtmp.flow import CommandFlow
from recorder.rtmp.handshake import Expect, Handshake
from recorder.rtmp.limits import DECODED_BYTES, DEFAULT_LIMITS, HANDLED_STEPS, Limits
from recorder.rtmp.messages import Aggregate, Message, MessageType
from recorder.rtmp.output import Output
from recorder.rtmp.quotas import Quotas
from recorder.rtmp.states import ConnectionState, State, Step
from recorder.rtmp.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recorder.rtmp.runs import Media

_MEDIA: Final = frozenset((int(MessageType.AUDIO), int(MessageType.VIDEO)))
_IN_AGGREGATES: Final = _MEDIA | {int(MessageType.DATA_AMF0), int(MessageType.DATA_AMF3)}
"""What an aggregate may hold: FLV tags. A command in one is none."""

_STRAY: Final = _IN_AGGREGATES | {int(MessageType.AGGREGATE)}
"""What is dropped, and bounded by its bytes, where nothing is published."""


class ServerConnection:
    """One connection: bytes in, events out, bytes out."""

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        *,
        random: bytes,
        tell_format3_apart: bool = True,
    ) -> None:
        """Begin a connection on which nothing has been received.

        Args:
            limits: Every bound that the peer can touch.
            random: 1528 bytes of filler for the handshake.
            tell_format3_apart: Recognise senders for which a new-message format 3 means "same
                time" (§2.2). A heuristic, so it can be switched off.

        Raises:
            LocalProtocolError: `random` has another length.
        """
        self.counters = Counters()
        self._limits = limits
        self._state = ConnectionState()
        self._failure: RemoteProtocolError | None = None
        self._greeting = bytearray()
        """What came before the handshake was done."""
        self._handshake = Handshake(random)
        self._reader = ChunkReader(limits, self.counters, tell_format3_apart=tell_format3_apart)
        self._aggregate: Aggregate | None = None
        self._output = Output()
        self._control = Control(self._state, limits, self.counters, self._output)
        self._flow = CommandFlow(self._state, limits, self.counters, self._output)
        self._publishing = self._flow.streams.publishing
        self._quotas = Quotas(limits, self.counters)

    # Bytes in, events out

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Store what came. Nothing is parsed, so nothing can fail."""
        self._control.bytes_received += len(data)
        if self._state.is_in(State.HANDSHAKE):
            self._greeting += data
        elif not self._state.is_over:
            self._reader.receive(bytes(data))

    def next_event(self) -> Event | Wait:
        """Parse up to the next event.

        Returns:
            The event; NEED_DATA when everything is parsed; PAUSED while the application owes an
            answer to the last `ConnectRequested`, `PublishRequested` or `PlayRequested`; MORE when
            much was parsed without an event, so that no peer keeps the application for long.

        Raises:
            RemoteProtocolError: The peer broke the protocol or a bound; now and from now on.
        """
        if self._failure is not None:
            raise RemoteProtocolError(self._failure.reason, self._failure.hint)
        try:
            return self._advance()
        except RemoteProtocolError as error:
            self._failure = error
            self._state.step(Step.FAIL)
            self._forget_input()
            raise

    def next_run(self, most: int) -> tuple[int, list[Media]] | None:
        """Take the media messages of one NetStream that come next, in one go. The short way: each
        is what `next_event` would have given as a `MediaReceived`.

        Args:
            most: how many at once.

        Returns:
            The NetStream and at least one message; None where `next_event` must be asked.
        """
        if self._flow.is_paused or self._aggregate is not None:
            return None
        return self._reader.next_run(self._publishing, most)

    @property
    def bytes_received(self) -> int:
        """All that came, the handshake included."""
        return self._control.bytes_received

    @property
    def buffered_bytes(self) -> int:
        """Bytes received and held, but not delivered in an event."""
        in_aggregate = self._aggregate.unread_bytes if self._aggregate is not None else 0
        return len(self._greeting) + self._reader.buffered_bytes + in_aggregate

    @property
    def handshake_done(self) -> bool:
        """Say whether the peer has sent its whole handshake."""
        return not self._state.is_in(State.HANDSHAKE)

    # Bytes out

    @property
    def has_answer_to_send(self) -> bool:
        """More than an acknowledgement, which may wait."""
        return bool(self._output)

    @property
    def has_data_to_send(self) -> bool:
        """Say whether `data_to_send` would return bytes."""
        return bool(self._output) or self._control.is_due

    def data_to_send(self) -> bytes:
        """Take what is due, b"" if nothing is.

        An acknowledgement is written here and not where it became due: only the newest count
        matters, so a peer that never reads cannot make the output grow by sending media.
        """
        self._control.acknowledge()
        return self._output.take()

    # The application's answers

    def accept_connect(self) -> None:
        """Let the peer in (§4.3 rule 1).

        Raises:
            LocalProtocolError: It did not ask.
        """
        self._flow.accept_connect()

    def reject_connect(self, description: str) -> None:
        """Refuse the peer (§4.4). Send what is due, then close; further input is thrown away.

        Raises:
            LocalProtocolError: It did not ask.
        """
        self._flow.reject_connect(description)
        self._forget_input()

    def accept_publish(self, stream_id: int) -> None:
        """Let the peer publish (§4.3 rule 4): its media follows.

        Raises:
            LocalProtocolError: It did not ask for this NetStream.
        """
        self._flow.accept_publish(stream_id)
        self._lift_allowance()
        self._reader.most_partial_bytes = self._limits.partial_bytes
        self._quotas.forgive_stray()

    def reject_publish(self, stream_id: int, code: str, description: str) -> None:
        """Refuse the publish (§4.4), with a code such as "NetStream.Publish.BadName".

        Raises:
            LocalProtocolError: The peer did not ask for this NetStream.
        """
        self._flow.reject_publish(stream_id, code, description)

    def allow_data(self, messages: int) -> None:
        """Let so many more data messages through; never more than `data_messages` at once. What
        comes beyond is dropped and counted; a long one counts for several. For who knows how much
        time has passed."""
        self._quotas.allow_data(messages)

    def allow_player(self, messages: int) -> None:
        """Let so many more messages through of who does not publish, as above; but what comes
        beyond them is the end of its connection."""
        self._quotas.allow_player(messages)

    def end_publish(
        self,
        stream_id: int,
        code: str = "NetStream.Unpublish.Success",
        description: str = "Unpublished.",
        level: str = "status",
    ) -> None:
        """End a publish from our side. Many encoders ignore it: closing is what works (§4.4).

        There is no `PublishEnded` for it; media that still comes is dropped and counted.

        Raises:
            LocalProtocolError: This NetStream is not publishing.
        """
        self._flow.end_publish(stream_id, level, code, description)

    def accept_play(self, stream_id: int) -> None:
        """Let the peer play (§4.8). What it plays is made by `relay` and sent behind what is due.

        Raises:
            LocalProtocolError: It did not ask for this NetStream.
        """
        self._flow.play.accept(stream_id)
        self._lift_allowance()

    def reject_play(self, stream_id: int, code: str, description: str) -> None:
        """Refuse the play, with a code such as "NetStream.Play.StreamNotFound".

        Raises:
            LocalProtocolError: The peer did not ask for this NetStream.
        """
        self._flow.play.reject(stream_id, code, description)

    def end_play(self, stream_id: int, description: str) -> None:
        """Tell a player that there is no more, and why. There is no `PlayEnded` for it.

        Raises:
            LocalProtocolError: This NetStream is not playing.
        """
        self._flow.play.end(stream_id, description)

    def request_reconnect(self) -> bool:
        """Ask the peer to connect anew, and go on serving it (§4.4); False: it cannot."""
        return self._flow.request_reconnect()

    def _lift_allowance(self) -> None:
        """It is no stranger any more."""
        self._reader.lift_allowance()
        self._quotas.is_stranger = False

    # Parsing

    def _advance(self) -> Event | Wait:
        # Only what came with an event can pause, so once is often enough.
        if self._flow.is_paused:
            return PAUSED
        publishing, quotas = self._publishing, self._quotas
        if not publishing:
            self._bound_player()
        self._reader.steps_left = self._limits.steps_at_once
        while True:
            message = self._next_message()
            if self._reader.obeyed:
                if not publishing:
                    quotas.count_for_player(self._reader.obeyed)
                self._reader.obeyed = 0
            if message is None:
                if self._reader.steps_left <= 0:
                    return MORE
                return NEED_DATA
            if quotas.is_stranger:
                quotas.count_for_stranger()
            type_id, stream_id, timestamp, payload = message
            if type_id in _MEDIA:
                if stream_id in publishing:
                    return MediaReceived(
                        stream_id=stream_id, kind=type_id, timestamp=timestamp, payload=payload
                    )
                quotas.count_stray(payload)
                continue
            if not publishing and type_id not in _STRAY:
                quotas.count_for_player(1, payload)
            handle = self._MESSAGES.get(type_id)
            if handle is None:
                self.counters.unknown_messages += 1
                continue
            if len(self._output) > self._limits.unsent_bytes:
                raise RemoteProtocolError("too many unread answers", Hint.UNREAD)
            self._reader.steps_left -= HANDLED_STEPS
            event = handle(self, message)
            if event is not None:
                return event

    def _next_message(self) -> Message | None:
        if self._state.is_in(State.HANDSHAKE):
            self._output.raw(self._handshake.advance(self._greeting))
            if self._handshake.expect is not Expect.NOTHING:
                return None
            self._state.step(Step.SHAKE_HANDS)
            self._reader.receive(bytes(self._greeting))
            self._greeting.clear()
        while self._aggregate is not None:
            if self._reader.steps_left <= 0:
                return None
            self._reader.steps_left -= 1
            message = self._aggregate.next_message()
            if message is None:
                self.counters.broken_aggregates += self._aggregate.broken
                self._aggregate = None
            elif message.type_id in _IN_AGGREGATES:
                return message
            else:
                self.counters.unknown_messages += 1
        return self._reader.next_message()

    def _on_command(self, message: Message) -> Event | None:
        self._reader.steps_left -= len(message.payload) // DECODED_BYTES
        return self._flow.on_command(message)

    def _on_control(self, message: Message) -> None:
        self._control.receive(message)

    def _on_aggregate(self, message: Message) -> None:
        if message.stream_id in self._publishing:
            self._aggregate = Aggregate(message)
        else:
            self._quotas.count_stray(message.payload)

    def _on_data(self, message: Message) -> DataReceived | None:
        if message.stream_id not in self._publishing:
            self._quotas.count_stray(message.payload)
            return None
        size = len(message.payload)
        if not self._quotas.takes_data(size):
            return None
        self._reader.steps_left -= size // DECODED_BYTES
        data = commands.read_data(message, self._limits.amf)
        if data is None:
            self.counters.undecodable_data += 1
            return None
        name, payload = data
        if name == commands.CLEAR_DATA_FRAME:
            self.counters.cleared_data_frames += 1
            return None
        return DataReceived(
            stream_id=message.stream_id,
            timestamp=message.timestamp,
            name=clean_text(name, self._limits),
            payload=payload,
        )

    def _bound_player(self) -> None:
        """Who only plays has nothing large to say, and nobody counts what it lets us hold. Who may
        hold more changes with an event or an answer, so it is looked at between events; never by
        what has come so far, for then the split would matter."""
        reader, limits = self._reader, self._limits
        is_player = bool(self._flow.streams.playing)
        reader.most_partial_bytes = limits.player_bytes if is_player else limits.partial_bytes
        if reader.partial_bytes > reader.most_partial_bytes:
            raise RemoteProtocolError("too many unfinished bytes", Hint.TOO_LARGE)

    def _forget_input(self) -> None:
        """Let go of what was received. New objects: a traceback may hold the old ones."""
        self._greeting = bytearray()
        self._reader = ChunkReader(self._limits, self.counters)
        self._aggregate = None

    _MESSAGES: ClassVar[Mapping[int, Callable[[ServerConnection, Message], Event | None]]] = {
        MessageType.ACKNOWLEDGEMENT: _on_control,
        MessageType.USER_CONTROL: _on_control,
        MessageType.WINDOW_ACK_SIZE: _on_control,
        MessageType.SET_PEER_BANDWIDTH: _on_control,
        MessageType.DATA_AMF0: _on_data,
        MessageType.DATA_AMF3: _on_data,
        MessageType.COMMAND_AMF0: _on_command,
        MessageType.COMMAND_AMF3: _on_command,
        MessageType.AGGREGATE: _on_aggregate,
    }
