"""The command flow: which answer a command gets, and where (protocol §4).

Owns what a connection knows of its application and its NetStreams, and the universal script of
§4.3 with the refusals of §4.4; what players ask for, `PlayFlow` answers. Sees whole commands only;
chunks and media pass by elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from recorder.rtmp import commands
from recorder.rtmp.enhanced import Capability, answer, capabilities
from recorder.rtmp.errors import RemoteProtocolError
from recorder.rtmp.events import (
    ConnectRequested,
    Event,
    PlayEnded,
    PublishEnded,
    PublishRequested,
)
from recorder.rtmp.login import read_login
from recorder.rtmp.messages import (
    Message,
    MessageType,
    peer_bandwidth_body,
    stream_begin_body,
    u32_body,
)
from recorder.rtmp.netstreams import NetStream, NetStreams
from recorder.rtmp.play_flow import PlayFlow
from recorder.rtmp.states import ConnectionState, State, Step
from recorder.rtmp.text import clean_text, describe, identifying_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recorder.amf import Value
    from recorder.rtmp.commands import Command
    from recorder.rtmp.counters import Counters
    from recorder.rtmp.limits import Limits
    from recorder.rtmp.output import Output

_STREAM_ID_MAX: Final = 0xFF_FFFF
"""Larger ones cannot stand in an aggregate or a file, and nobody gets one from us (§2.2)."""

_REFUSED: Final = "NetStream.Publish.BadName"


class CommandFlow:
    """Commands in, events and answers out."""

    def __init__(
        self, state: ConnectionState, limits: Limits, counters: Counters, output: Output
    ) -> None:
        self.streams = NetStreams()
        self.play = PlayFlow(self.streams, limits, output)
        self._state = state
        self._limits = limits
        self._counters = counters
        self._output = output
        self._connect_transaction = 0.0
        self._enhanced: dict[str, Value] = {}
        self._capabilities = Capability(0)
        self._app = ""

    @property
    def is_paused(self) -> bool:
        """Say whether the application owes an answer."""
        return self.streams.is_deciding or self._state.is_in(State.DECIDING)

    # The application's answers

    def accept_connect(self) -> None:
        """§4.3 rule 1."""
        self._state.step(Step.ACCEPT)
        output, window = self._output, self._limits.window_bytes
        output.control(MessageType.WINDOW_ACK_SIZE, u32_body(window))
        output.control(MessageType.SET_PEER_BANDWIDTH, peer_bandwidth_body(window))
        output.announce_chunk_size(self._limits.chunk_size)
        output.reply(commands.connect_result(self._connect_transaction, self._enhanced))

    def reject_connect(self, description: str) -> None:
        """§4.4."""
        self._state.step(Step.REJECT)
        self._output.reply(commands.connect_error(self._connect_transaction, description))

    def accept_publish(self, stream_id: int) -> None:
        """§4.3 rule 4. GStreamer waits for ever for a status on any other id than the stream's
        (§4.2); HaishinKit fails on anything else that comes on this id before it."""
        self.streams.accept(stream_id)
        self._output.control(MessageType.USER_CONTROL, stream_begin_body(stream_id))
        self._output.status(stream_id, "status", "NetStream.Publish.Start", "Publishing.")

    def reject_publish(self, stream_id: int, code: str, description: str) -> None:
        """§4.4."""
        self.streams.reject(stream_id)
        self._output.refuse(stream_id, code, description)

    def end_publish(self, stream_id: int, level: str, code: str, description: str) -> None:
        """§4.3 rule 6 and, when it is our wish, the kick of §4.4."""
        self.streams.end(stream_id)
        self._output.status(stream_id, level, code, description)

    def request_reconnect(self) -> bool:
        """Ask the peer to connect anew, if it says that it can (§4.4): it publishes on until then.
        On message stream 0, for it concerns the connection."""
        if not self._state.is_in(State.CONNECTED) or Capability.RECONNECT not in self._capabilities:
            return False
        code = "NetConnection.Connect.ReconnectRequest"
        self._output.reply(commands.status("status", code, "Restarting."))
        return True

    # The peer's commands

    def on_command(self, message: Message) -> Event | None:
        """Answer one command message."""
        command = commands.read_command(message, self._limits.command_amf)
        if command is None:
            self._counters.undecodable_commands += 1
            return None
        if command.name != "connect" and self._state.is_in(State.UNCONNECTED):
            raise RemoteProtocolError("a command before connect")
        return self._COMMANDS.get(command.name, CommandFlow._on_unknown)(self, command)

    def _on_connect(self, command: Command) -> ConnectRequested | None:
        if not self._state.allows(Step.REQUEST):
            self._output.reply(commands.connect_error(command.transaction, "Already connected."))
            return None
        members, limits = command.object, self._limits
        try:
            app = identifying_text(members.get("app"), limits, "application name")
            tc_url = members.get("tcUrl", members.get("tcurl"))  # both are seen (§4.5)
            tc_url = identifying_text(tc_url, limits, "tcUrl")
            event = ConnectRequested(
                app=app,
                tc_url=tc_url,
                login=read_login(app, tc_url),
                flash_version=clean_text(members.get("flashVer"), limits),
                command=describe(members, limits),
            )
        except RemoteProtocolError as error:
            self._output.reply(commands.connect_error(command.transaction, error.reason))
            raise
        self._state.step(Step.REQUEST)
        self._connect_transaction = command.transaction
        self._enhanced, self._capabilities = answer(members), capabilities(members)
        self._app = app
        return event

    def _on_publish(self, command: Command) -> PublishRequested | None:
        stream_id, streams = command.stream_id, self.streams
        if not streams.is_idle(stream_id):
            self._output.refuse(stream_id, _REFUSED, "This stream is publishing.")
            return None
        if stream_id > _STREAM_ID_MAX:
            self._output.refuse(stream_id, _REFUSED, "No such stream.")
            return None
        if streams.busy >= self._limits.publishing_streams:
            self._output.refuse(stream_id, _REFUSED, "Too many streams.")
            return None
        with self._output.telling(stream_id, _REFUSED):
            name = identifying_text(command.argument(0), self._limits, "stream name")
        streams.request(stream_id, name)
        return PublishRequested(
            stream_id=stream_id,
            name=name,
            publish_type=clean_text(command.argument(1), self._limits),
            app=self._app,
        )

    def _on_call(self, command: Command) -> None:
        """releaseStream and everything that only wants a `_result`: none for transaction 0."""
        self._output.answer(command.transaction, commands.nothing(command.transaction))

    def _on_unknown(self, command: Command) -> None:
        self._counters.unknown_commands += 1
        self._on_call(command)

    def _on_answer(self, _command: Command) -> None:
        """An answer to something that we never asked."""
        self._counters.unknown_commands += 1

    def _on_fc_publish(self, command: Command) -> None:
        self._on_call(command)
        # On message stream 0: on the stream's own it breaks HaishinKit (§4.3).
        self._output.reply(commands.on_fc_publish())

    def _on_create_stream(self, command: Command) -> None:
        # Without a transaction the number could not be told; publishing works without it.
        if command.transaction != 0:
            stream_id = self.streams.create()
            self._output.reply(commands.result(command.transaction, None, stream_id))

    def _on_close_stream(self, command: Command) -> PublishEnded | PlayEnded | None:
        return self._end(self.streams.meant_by_id(command.stream_id), command)

    def _on_delete_stream(self, command: Command) -> PublishEnded | PlayEnded | None:
        """It has no answer of its own (§4.1). GStreamer names the stream instead of its id."""
        meant = command.argument(0)
        if isinstance(meant, str):
            return self._end(self.streams.meant_by_name(meant), command)
        return self._end(self.streams.meant_by_id(meant), command)

    def _on_fc_unpublish(self, command: Command) -> PublishEnded | PlayEnded | None:
        name = command.argument(0)
        event = self._end(
            self.streams.meant_by_name(name if isinstance(name, str) else ""), command
        )
        self._on_call(command)
        return event

    def _end(self, stream: NetStream | None, command: Command) -> PublishEnded | PlayEnded | None:
        """A clean end (§4.3 rule 6): the status first, HaishinKit waits for it in close(). A player
        waits for nothing (§4.8)."""
        if stream is None:
            return None
        if stream.stream_id in self.streams.playing:
            self.streams.end_play(stream.stream_id)
            return PlayEnded(stream_id=stream.stream_id)
        self.end_publish(stream.stream_id, "status", "NetStream.Unpublish.Success", "Unpublished.")
        self._output.reply(commands.on_fc_unpublish())
        return PublishEnded(stream_id=stream.stream_id, command=command.name)

    def _on_playing(self, command: Command) -> Event | None:
        return self.play.on_command(command)

    _COMMANDS: ClassVar[Mapping[str, Callable[[CommandFlow, Command], Event | None]]] = {
        "connect": _on_connect,
        "publish": _on_publish,
        "releaseStream": _on_call,
        "_checkbw": _on_call,
        "FCPublish": _on_fc_publish,
        "createStream": _on_create_stream,
        "closeStream": _on_close_stream,
        "deleteStream": _on_delete_stream,
        "FCUnpublish": _on_fc_unpublish,
        **dict.fromkeys(PlayFlow.COMMANDS, _on_playing),
        "_result": _on_answer,
        "_error": _on_answer,
        "onStatus": _on_answer,
    }
