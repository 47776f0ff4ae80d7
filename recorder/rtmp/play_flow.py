"""The command flow of who plays (protocol §4.8, and §4.4 for a player).

Owns what a player may ask of a play, before it and while it goes on, and what it is told. What is
played is live: it has no length and no past, so whoever seeks or goes on after a pause begins again
at what comes next. Sees whole commands only; media passes by elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from recorder.rtmp import commands
from recorder.rtmp.events import Event, PlayChanged, PlayRequested
from recorder.rtmp.messages import MessageType, stream_begin_body
from recorder.rtmp.text import identifying_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recorder.rtmp.commands import Command
    from recorder.rtmp.limits import Limits
    from recorder.rtmp.netstreams import NetStream, NetStreams
    from recorder.rtmp.output import Output

_REFUSED: Final = "NetStream.Play.Failed"

_KINDS: Final = {"receiveAudio": MessageType.AUDIO, "receiveVideo": MessageType.VIDEO}


class PlayFlow:
    """Of one connection, whose NetStreams it shares with the flow of who publishes."""

    def __init__(self, streams: NetStreams, limits: Limits, output: Output) -> None:
        self._streams = streams
        self._limits = limits
        self._output = output

    # The application's answers

    def accept(self, stream_id: int) -> None:
        """§4.8, without NetStream.Data.Start, which makes an empty track in ffmpeg."""
        self._streams.accept_play(stream_id)
        self._begin(stream_id)
        self._status(stream_id, "NetStream.Play.Reset", "Resetting.")
        self._status(stream_id, "NetStream.Play.Start", "Playing.")
        self._output.data(stream_id, commands.sample_access())

    def reject(self, stream_id: int, code: str, description: str) -> None:
        """§4.4, for a player."""
        self._streams.reject_play(stream_id)
        self._output.refuse(stream_id, code, description)

    def end(self, stream_id: int, description: str) -> None:
        """§4.8: what ffmpeg, rtmpdump and GStreamer stop on; an end of stream they ignore."""
        self._streams.end_play(stream_id)
        self._status(stream_id, "NetStream.Play.UnpublishNotify", description)

    # The player's commands

    def on_command(self, command: Command) -> Event | None:
        """Answer one of `COMMANDS`."""
        return self.COMMANDS[command.name](self, command)

    def _on_play(self, command: Command) -> PlayRequested | None:
        """What else it says, where to start and how long, means nothing for what is live. On a
        NetStream that plays already it takes the other's place: Flash clients change so."""
        stream_id, streams = command.stream_id, self._streams
        is_free = streams.is_idle(stream_id) and streams.busy < self._limits.publishing_streams
        if not is_free and stream_id not in streams.playing:
            self._output.refuse(stream_id, _REFUSED, "This stream is taken.")
            return None
        with self._output.telling(stream_id, _REFUSED):
            name = identifying_text(command.argument(0), self._limits, "stream name")
        if stream_id in streams.playing:
            streams.end_play(stream_id)
        stream = streams.request_play(stream_id, name)
        return PlayRequested(stream_id=stream_id, name=name, unwanted=stream.unwanted)

    def _on_stream_length(self, command: Command) -> None:
        """ffmpeg wants a number (§4.8)."""
        self._output.answer(command.transaction, commands.result(command.transaction, None, 0.0))

    def _on_fc_subscribe(self, command: Command) -> None:
        """Who plays from a Flash server's edge waits for this before it plays. On message stream 0,
        as the answer to FCPublish."""
        self._result(command)
        self._output.reply(commands.on_fc_subscribe())

    def _on_seek(self, command: Command) -> PlayChanged | None:
        """ffmpeg (`-ss`, the arrow keys of ffplay) and librtmp throw away what comes before the
        answer."""
        stream = self._meant(command)
        if stream is None:
            self._fail(command, "NetStream.Seek.Failed")
            return None
        self._result(command)
        return self._anew(stream)

    def _on_pause(self, command: Command) -> PlayChanged | None:
        stream = self._meant(command)
        if stream is None:
            self._fail(command, "NetStream.Pause.Failed")
            return None
        self._result(command)
        had_paused, stream.is_paused = stream.is_paused, bool(command.argument(0))
        if stream.is_paused:
            self._status(stream.stream_id, "NetStream.Pause.Notify", "Paused.")
        else:
            self._begin(stream.stream_id)
            self._status(stream.stream_id, "NetStream.Unpause.Notify", "Playing again.")
        return None if stream.is_paused is had_paused else self._changed(stream, anew=True)

    def _on_receive(self, command: Command) -> PlayChanged | None:
        """Who does not want a kind is not answered, who wants it again is (Adobe, RTMP 1.0,
        §7.2.2.4 and §7.2.2.5); some say at every beginning that they want both. Said before a play
        it holds for that."""
        self._result(command)
        stream, kind = self._meant(command), _KINDS[command.name]
        is_wanted = bool(command.argument(0))
        if stream is None:
            self._streams.wish(command.stream_id, kind, is_wanted=is_wanted)
            return None
        if is_wanted is (kind not in stream.unwanted):
            return None
        stream.unwanted ^= {kind}
        return self._anew(stream) if is_wanted else self._changed(stream, anew=False)

    # What is said

    def _anew(self, stream: NetStream) -> PlayChanged:
        """As Flash's server says it, but for an end of the stream, for there is none."""
        self._begin(stream.stream_id)
        self._status(stream.stream_id, "NetStream.Seek.Notify", "What is live begins anew.")
        if not stream.is_paused:
            self._status(stream.stream_id, "NetStream.Play.Start", "Playing.")
        return self._changed(stream, anew=True)

    def _changed(self, stream: NetStream, *, anew: bool) -> PlayChanged:
        return PlayChanged(
            stream_id=stream.stream_id,
            is_paused=stream.is_paused,
            unwanted=stream.unwanted,
            anew=anew,
        )

    def _meant(self, command: Command) -> NetStream | None:
        stream = self._streams.meant_by_id(command.stream_id)
        return None if stream is None else self._streams.playing.get(stream.stream_id)

    def _begin(self, stream_id: int) -> None:
        self._output.control(MessageType.USER_CONTROL, stream_begin_body(stream_id))

    def _status(self, stream_id: int, code: str, description: str) -> None:
        self._output.status(stream_id, "status", code, description)

    def _result(self, command: Command) -> None:
        self._output.answer(command.transaction, commands.nothing(command.transaction))

    def _fail(self, command: Command, code: str) -> None:
        error = commands.error(command.transaction, code, "Nothing is being played.")
        self._output.answer(command.transaction, error)

    COMMANDS: ClassVar[Mapping[str, Callable[[PlayFlow, Command], Event | None]]] = {
        "play": _on_play,
        "getStreamLength": _on_stream_length,
        "FCSubscribe": _on_fc_subscribe,
        "seek": _on_seek,
        "pause": _on_pause,
        "receiveAudio": _on_receive,
        "receiveVideo": _on_receive,
    }
