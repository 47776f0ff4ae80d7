"""A peer's bytes against the whole server core, read in three ways that must say the same.

Whole, in pieces, and by the short way (`next_run`). The application behind the core decides by what
it is asked, so that the bytes reach every answer; between the bytes it has turns of its own.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import attrs

from recorder.rtmp import (
    MORE,
    NEED_DATA,
    PAUSED,
    ConnectRequested,
    Counters,
    Event,
    Hint,
    Limits,
    LocalProtocolError,
    LoginMethod,
    MediaReceived,
    PlayChanged,
    PlayEnded,
    PlayRequested,
    PublishRequested,
    RemoteProtocolError,
    ServerConnection,
    challenge,
    expected_response,
    invitation,
    login_failed,
)
from recorder.rtmp.relay import RelayEncoder
from tests.fuzz.pieces import pieces
from tests.helpers.rtmp_client import RtmpClient
from tests.rtmp.driving import FILLER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

TIGHT: Final = Limits(
    message_bytes=5000,
    audio_bytes=3000,
    command_bytes=2000,
    partial_bytes=4000,
    player_bytes=1500,
    player_messages=20,
    chunk_streams=6,
    bytes_before_publish=2000,
    messages_before_publish=50,
    data_messages=5,
    data_bytes=100,
    steps_at_once=7,
    publishing_streams=2,
    stray_bytes=1500,
    unsent_bytes=6000,
    window_bytes=1000,
)
"""Small enough that short inputs run into every bound."""

FRAME: Final = b"\x27\x01" + bytes(300)

REFUSED: Final = "no"
"""Names that begin so are refused."""

PASSWORD: Final = "password"
SALT: Final = "0123abcd"

_HEADER_BYTES: Final = 18
"""The longest header of a chunk: three bytes, eleven, four."""

_ANSWER_BYTES: Final = 16 << 10
"""More than one message, or one turn of ours, can add to what is not taken yet."""


class Turn(enum.Enum):
    """What the application does of its own accord."""

    END_PUBLISH = 0
    END_PLAY = 1
    ALLOW_DATA = 2
    TAKE_OUTPUT = 3
    RELAY = 4
    """A frame to who plays on that NetStream."""
    ALLOW_PLAYER = 5
    ASK_AWAY = 6
    """To connect anew."""


@attrs.frozen
class OurTurn:
    turn: Turn
    stream_id: int


@attrs.frozen
class Said:
    """Everything that a conversation causes."""

    events: list[Event]
    refusals: list[bool]
    """Of each turn of ours, whether it was one that the state does not allow."""
    failure: tuple[str, Hint] | None
    counters: Counters
    output: bytes


@attrs.define
class Judge:
    """The application: decides by the names, and takes media in runs where it is told to."""

    server: ServerConnection
    limits: Limits
    in_runs: bool = False
    events: list[Event] = attrs.field(factory=list)
    refusals: list[bool] = attrs.field(factory=list)
    playing: set[int] = attrs.field(factory=set)
    failures: list[tuple[str, Hint]] = attrs.field(factory=list)
    output: bytearray = attrs.field(factory=bytearray)

    def feed(self, data: bytes) -> None:
        self.server.receive_data(data)
        try:
            while self._advance():
                pass
        except RemoteProtocolError as error:
            self.failures.append((error.reason, error.hint))
        self._check_bounds()

    def _advance(self) -> bool:
        if self.in_runs and (run := self.server.next_run(3)) is not None:
            stream_id, media = run
            assert 1 <= len(media) <= 3
            for kind, timestamp, size, front, body in media:
                payload = b"".join(body)
                assert len(payload) == size
                assert payload.startswith(front[:size])
                self.events.append(
                    MediaReceived(
                        stream_id=stream_id, kind=kind, timestamp=timestamp, payload=payload
                    )
                )
            return True
        event = self.server.next_event()
        if event is NEED_DATA:
            return False
        if event is MORE:
            return True
        assert event is not PAUSED, "every question was answered"
        self.events.append(event)
        self._decide(event)
        return True

    def _decide(self, event: Event) -> None:
        server = self.server
        if isinstance(event, ConnectRequested):
            refusal = _refusal(event)
            if refusal is None:
                server.accept_connect()
            else:
                server.reject_connect(refusal)
        elif isinstance(event, PublishRequested):
            if event.name.startswith(REFUSED):
                server.reject_publish(event.stream_id, "NetStream.Publish.BadName", "No.")
            else:
                server.accept_publish(event.stream_id)
        elif isinstance(event, PlayRequested):
            self.playing.discard(event.stream_id)
            if event.name.startswith(REFUSED):
                server.reject_play(event.stream_id, "NetStream.Play.StreamNotFound", "No.")
            else:
                server.accept_play(event.stream_id)
                self.playing.add(event.stream_id)
        elif isinstance(event, PlayEnded):
            self.playing.remove(event.stream_id)
        elif isinstance(event, PlayChanged):
            assert event.stream_id in self.playing

    def take_turn(self, ours: OurTurn) -> None:
        try:
            if ours.turn is Turn.END_PUBLISH:
                self.server.end_publish(ours.stream_id)
            elif ours.turn is Turn.END_PLAY:
                self.server.end_play(ours.stream_id, "Over.")
                self.playing.remove(ours.stream_id)
            elif ours.turn is Turn.ALLOW_DATA:
                self.server.allow_data(2)
            elif ours.turn is Turn.ALLOW_PLAYER:
                self.server.allow_player(2)
            elif ours.turn is Turn.ASK_AWAY:
                self.server.request_reconnect()
            else:
                self.output += self.server.data_to_send()
                if ours.turn is Turn.RELAY and ours.stream_id in self.playing:
                    encoder = RelayEncoder(ours.stream_id, self.limits)
                    self.output += encoder.encode(9, 0xFF_FFF0, FRAME)
        except LocalProtocolError:
            self.refusals.append(True)
        else:
            self.refusals.append(False)

    def _check_bounds(self) -> None:
        server, limits = self.server, self.limits
        most = 1536 if not server.handshake_done else limits.partial_bytes + _HEADER_BYTES
        assert server.buffered_bytes <= min(most, server.bytes_received)
        assert not (self.failures and server.buffered_bytes)

    def end(self) -> Said:
        assert len(set(self.failures)) <= 1, "errors are sticky"
        due = self.server.data_to_send()
        turns = len(self.refusals)
        assert len(due) <= 3073 + self.limits.unsent_bytes + _ANSWER_BYTES + 400 * turns
        media = [each for each in self.events if isinstance(each, MediaReceived)]
        assert sum(len(each.payload) for each in media) <= self.server.bytes_received
        failure = self.failures[0] if self.failures else None
        output = bytes(self.output + due)
        return Said(self.events, self.refusals, failure, self.server.counters, output)


def _refusal(event: ConnectRequested) -> str | None:
    """None to who may come in: who says nothing of a login, and who answers a challenge rightly."""
    login = event.login
    if login is None:
        return invitation(LoginMethod.ADOBE, "Log in.") if event.app.startswith(REFUSED) else None
    if not login.response:
        return challenge(login, "token", SALT)
    if login.response == expected_response(login, PASSWORD, SALT):
        return None
    return login_failed(login.method)


def hear(
    script: Iterable[bytes | OurTurn],
    limits: Limits,
    *,
    cut: Callable[[bytes], list[bytes]],
    in_runs: bool = False,
) -> Said:
    """Hold one conversation. What comes first is never cut: a handshake has a target of its own."""
    judge = Judge(ServerConnection(limits, random=FILLER), limits, in_runs)
    for index, each in enumerate(script):
        if isinstance(each, OurTurn):
            judge.take_turn(each)
        else:
            for part in cut(each) if index else [each]:
                judge.feed(part)
    return judge.end()


def check(script: Sequence[bytes | OurTurn], limits: Limits) -> Said:
    """Hold a conversation in all ways; whatever but `RemoteProtocolError` comes out of here."""
    whole = hear(script, limits, cut=lambda data: [data])
    assert hear(script, limits, cut=pieces) == whole
    # A run needs whole messages in one read, and then a cut in the middle of one.
    assert hear(script, limits, cut=_in_two, in_runs=True) == whole
    _check_output(whole.output)
    return whole


def _check_output(output: bytes) -> None:
    """All that we say is whole messages, behind a whole handshake."""
    client = RtmpClient()
    client.receive(output)
    assert len(output) in (0, 3073) or client.replies
    assert client.unread_bytes == 0
    for reply in client.take_replies():
        assert reply.type_id not in (18, 20) or reply.values


def _in_two(data: bytes) -> list[bytes]:
    middle = pieces(data, salt=1)
    return [b"".join(middle[: len(middle) // 2]), b"".join(middle[len(middle) // 2 :])]
