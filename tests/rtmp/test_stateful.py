"""A session in any order: whatever a peer and the application do in turn, both sides agree.

A small model beside the connection says what each step must cause: which events come, which answers
the client reads, and where the end is. With RECORDER_LONG_TESTS=1 in the environment many times
more sessions are played.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from recorder.amf import encode_values
from recorder.rtmp import (
    MORE,
    NEED_DATA,
    PAUSED,
    ConnectRequested,
    DataReceived,
    Hint,
    Limits,
    LocalProtocolError,
    MediaReceived,
    PlayEnded,
    PlayRequested,
    PublishEnded,
    PublishRequested,
    RemoteProtocolError,
    ServerConnection,
)
from tests.helpers.rtmp_client import RtmpClient, Style
from tests.rtmp.driving import FILLER

if TYPE_CHECKING:
    from recorder.rtmp import Event
    from tests.helpers.rtmp_client import Reply

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

LIMITS = Limits(
    publishing_streams=2,
    stray_bytes=8000,
    data_messages=4,
    unsent_bytes=6000,
    messages_before_publish=10_000,
    steps_at_once=5,
)
"""Small enough for a session of fifty steps; but for how much a stranger may say."""

styles = st.sampled_from((Style.FULL, Style.DELTA))
"""Those whose times can be read in one way only; the others have tests of their own."""

stream_ids = st.sampled_from((1, 1, 2, 3))
names = st.sampled_from(("room", "hall"))


@attrs.define
class Model:
    """What is known of the NetStreams of one connection."""

    handed_out: int = 0
    publishing: dict[int, str] = attrs.field(factory=dict)
    playing: set[int] = attrs.field(factory=set)
    ended: set[str] = attrs.field(factory=set)
    stray_bytes: int = 0
    data_left: int = LIMITS.data_messages

    def is_free(self, stream_id: int) -> bool:
        is_busy = stream_id in self.publishing or stream_id in self.playing
        return not is_busy and self.busy < LIMITS.publishing_streams

    @property
    def busy(self) -> int:
        return len(self.publishing) + len(self.playing)

    def only_one(self) -> int | None:
        return next(iter([*self.publishing, *self.playing])) if self.busy == 1 else None

    def meant_by_id(self, stream_id: int) -> int | None:
        """A number that was handed out, or is in use, means itself; any other the only one."""
        if stream_id in self.publishing or stream_id in self.playing:
            return stream_id
        return None if 1 <= stream_id <= self.handed_out else self.only_one()

    def meant_by_name(self, name: str) -> int | None:
        named = [stream_id for stream_id, other in self.publishing.items() if other == name]
        if named:
            return named[0]
        return None if name in self.ended else self.only_one()

    def end(self, stream_id: int, command: str) -> list[Event]:
        """A clean end by the peer, and the event it is."""
        if stream_id in self.playing:
            self.playing.remove(stream_id)
            return [PlayEnded(stream_id=stream_id)]
        self.ended.add(self.publishing.pop(stream_id))
        return [PublishEnded(stream_id=stream_id, command=command)]


class Session(RuleBasedStateMachine):
    """A client, a connection, and what the model says of them."""

    def __init__(self) -> None:
        super().__init__()
        self.server = ServerConnection(LIMITS, random=FILLER)
        self.client = RtmpClient()
        self.model = Model()
        self.failure: RemoteProtocolError | None = None
        self.clock = 0

    # What the client says reaches the server, and the other way round.

    def feed(self, cut: int) -> list[Event]:
        """Hand over what the client said, in two reads; return the events before a decision."""
        data = self.client.data_to_send()
        at = cut % (len(data) + 1)
        events = []
        for part in (data[:at], data[at:]):
            self.server.receive_data(part)
            events += self.parsed()
        return events

    def parsed(self) -> list[Event]:
        events = []
        while (event := self.server.next_event()) is not NEED_DATA and event is not PAUSED:
            if event is not MORE:
                events.append(event)
        return events

    def answers(self) -> list[Reply]:
        self.client.receive(self.server.data_to_send())
        return self.client.take_replies()

    def fail(self, cut: int, hint: Hint) -> None:
        with pytest.raises(RemoteProtocolError) as caught:
            self.feed(cut)
        assert caught.value.hint is hint
        self.failure = caught.value
        self.answers()

    @initialize(style=styles, cut=st.integers(0, 5000))
    def connect(self, style: Style, cut: int) -> None:
        self.client.style = style
        self.client.greet()
        self.client.connect()
        (event,) = self.feed(cut)
        assert isinstance(event, ConnectRequested)
        with pytest.raises(LocalProtocolError):
            self.server.accept_publish(1)
        self.server.accept_connect()
        assert [reply.type_id for reply in self.answers()] == [5, 6, 1, 20]

    is_alive = precondition(lambda self: self.failure is None)
    cuts = st.integers(0, 400)

    @is_alive
    @rule(cut=cuts)
    def connect_again(self, cut: int) -> None:
        self.client.connect("other")
        assert self.feed(cut) == []
        assert [reply.name for reply in self.answers()] == ["_error"]

    @is_alive
    @rule(cut=cuts)
    def create_stream(self, cut: int) -> None:
        self.client.command("createStream", 4, None)
        assert self.feed(cut) == []
        self.model.handed_out += 1
        (reply,) = self.answers()
        assert reply.values == ["_result", 4, None, self.model.handed_out]

    @is_alive
    @rule(
        stream_id=stream_ids,
        name=names,
        is_welcome=st.sampled_from((True, True, True, False)),
        cut=cuts,
    )
    def publish(self, stream_id: int, name: str, is_welcome: bool, cut: int) -> None:
        self.client.publish(name, stream_id=stream_id)
        asked = PublishRequested(stream_id=stream_id, name=name, publish_type="live", app="live")
        if not self.ask(asked, cut, is_allowed=self.model.is_free(stream_id)):
            self.is_told(stream_id, "NetStream.Publish.BadName")
        elif is_welcome:
            with pytest.raises(LocalProtocolError):
                self.server.accept_play(stream_id)
            self.server.accept_publish(stream_id)
            self.model.publishing[stream_id] = name
            self.model.stray_bytes = 0
            self.is_told(stream_id, "NetStream.Publish.Start")
        else:
            self.server.reject_publish(stream_id, "NetStream.Publish.Denied", "No.")
            self.is_told(stream_id, "NetStream.Publish.Denied")

    @is_alive
    @rule(
        stream_id=stream_ids,
        name=names,
        is_welcome=st.sampled_from((True, True, True, False)),
        cut=cuts,
    )
    def play(self, stream_id: int, name: str, is_welcome: bool, cut: int) -> None:
        self.client.play(name, stream_id=stream_id)
        asked = PlayRequested(stream_id=stream_id, name=name)
        replaces = stream_id in self.model.playing
        is_allowed = replaces or self.model.is_free(stream_id)
        if is_allowed:
            self.model.playing.discard(stream_id)
        if not self.ask(asked, cut, is_allowed=is_allowed):
            self.is_told(stream_id, "NetStream.Play.Failed")
        elif is_welcome:
            with pytest.raises(LocalProtocolError):
                self.server.accept_publish(stream_id)
            self.server.accept_play(stream_id)
            self.model.playing.add(stream_id)
            self.is_told(stream_id, "NetStream.Play.Reset", "NetStream.Play.Start")
        else:
            self.server.reject_play(stream_id, "NetStream.Play.StreamNotFound", "No.")
            self.is_told(stream_id, "NetStream.Play.StreamNotFound")

    def ask(self, asked: Event, cut: int, *, is_allowed: bool) -> bool:
        """A question is an event where it may be asked, and nothing goes on before its answer."""
        events = self.feed(cut)
        assert events == ([asked] if is_allowed else [])
        if is_allowed:
            self.client.control(4, b"\0\6wait")
            assert self.feed(cut) == []
            assert self.server.next_event() is PAUSED
            assert self.answers() == []
        return is_allowed

    def is_told(self, stream_id: int, *codes: str) -> None:
        assert self.parsed() == []
        assert self.server.next_event() is NEED_DATA
        answers = self.answers()
        assert [
            reply.code
            for reply in answers
            if reply.name == "onStatus" and reply.stream_id == stream_id
        ] == list(codes)

    @is_alive
    @rule(
        stream_id=stream_ids,
        kind=st.sampled_from((8, 9)),
        step=st.integers(0, 1000),
        size=st.sampled_from((0, 7, 100, 128, 129, 600)),
        cut=cuts,
    )
    def send_media(self, stream_id: int, kind: int, step: int, size: int, cut: int) -> None:
        self.clock += step
        payload = bytes(size)
        self.client.message(4 + 10 * stream_id + kind % 2, kind, stream_id, self.clock, payload)
        if stream_id in self.model.publishing:
            assert self.feed(cut) == [
                MediaReceived(stream_id=stream_id, kind=kind, timestamp=self.clock, payload=payload)
            ]
        else:
            self.stray(size, cut)

    @is_alive
    @rule(stream_id=stream_ids, count=st.integers(1, 6), cut=cuts)
    def send_data(self, stream_id: int, count: int, cut: int) -> None:
        payload = encode_values("onCuePoint", 1.0)
        if stream_id not in self.model.publishing:
            self.client.message(4, 18, stream_id, self.clock, payload)
            self.stray(len(payload), cut)
            return
        for _ in range(count):
            self.client.message(4, 18, stream_id, self.clock, payload)
        heard = min(count, self.model.data_left)
        self.model.data_left -= heard
        data = DataReceived(
            stream_id=stream_id, timestamp=self.clock, name="onCuePoint", payload=payload
        )
        assert self.feed(cut) == [data] * heard

    @is_alive
    @rule(stream_id=stream_ids, count=st.sampled_from((10, 10, 10, 10, 520)), cut=cuts)
    def send_nothing_often(self, stream_id: int, count: int, cut: int) -> None:
        for _ in range(count):
            self.client.message(4 + 10 * stream_id, 8, stream_id, self.clock, b"")
        if stream_id in self.model.publishing:
            assert len(self.feed(cut)) == count
        else:
            self.stray(0, cut, count)

    def stray(self, size: int, cut: int, count: int = 1) -> None:
        """Media for nobody is dropped, and at last the end."""
        self.model.stray_bytes += size + 16 * count
        if self.model.stray_bytes > LIMITS.stray_bytes:
            self.fail(cut, Hint.NOT_PUBLISHING)
        else:
            assert self.feed(cut) == []

    @is_alive
    @rule(messages=st.integers(0, 9))
    def allow_data(self, messages: int) -> None:
        self.server.allow_data(messages)
        most = LIMITS.data_messages
        self.model.data_left = min(most, self.model.data_left + messages)

    @is_alive
    @rule(stream_id=st.integers(0, 5), by_delete=st.booleans(), cut=cuts)
    def end_by_number(self, stream_id: int, by_delete: bool, cut: int) -> None:
        if by_delete:
            self.client.command("deleteStream", 7, None, stream_id)
        else:
            self.client.command("closeStream", 0, None, stream_id=stream_id)
        self.ends(
            self.model.meant_by_id(stream_id), "deleteStream" if by_delete else "closeStream", cut
        )

    @is_alive
    @rule(name=names, by_delete=st.booleans(), cut=cuts)
    def end_by_name(self, name: str, by_delete: bool, cut: int) -> None:
        command = "deleteStream" if by_delete else "FCUnpublish"
        self.client.command(command, 6, None, name)
        self.ends(self.model.meant_by_name(name), command, cut)

    def ends(self, meant: int | None, command: str, cut: int) -> None:
        is_publish = meant in self.model.publishing
        expected = [] if meant is None else self.model.end(meant, command)
        assert self.feed(cut) == expected
        codes = [reply.code for reply in self.answers() if reply.name == "onStatus"]
        assert codes == (["NetStream.Unpublish.Success"] if is_publish else [])

    @is_alive
    @rule(stream_id=stream_ids)
    def end_a_publish_from_our_side(self, stream_id: int) -> None:
        if stream_id not in self.model.publishing:
            with pytest.raises(LocalProtocolError):
                self.server.end_publish(stream_id)
            assert self.answers() == []
        else:
            self.server.end_publish(stream_id)
            self.model.end(stream_id, "")
            self.is_told(stream_id, "NetStream.Unpublish.Success")

    @is_alive
    @rule(stream_id=stream_ids)
    def end_a_play_from_our_side(self, stream_id: int) -> None:
        if stream_id not in self.model.playing:
            with pytest.raises(LocalProtocolError):
                self.server.end_play(stream_id, "Over.")
            assert self.answers() == []
        else:
            self.server.end_play(stream_id, "Over.")
            self.model.end(stream_id, "")
            self.is_told(stream_id, "NetStream.Play.UnpublishNotify")

    @is_alive
    @rule(time=st.binary(min_size=4, max_size=4), cut=cuts)
    def ping(self, time: bytes, cut: int) -> None:
        self.client.control(4, b"\0\6" + time)
        assert self.feed(cut) == []
        assert [reply.payload for reply in self.answers()] == [b"\0\7" + time]

    @is_alive
    @rule(chunk_size=st.sampled_from((1, 64, 128, 129, 4096, 65536)), cut=cuts)
    def change_chunk_size(self, chunk_size: int, cut: int) -> None:
        self.client.set_chunk_size(chunk_size)
        assert self.feed(cut) == []
        assert self.answers() == []

    @is_alive
    @rule(count=st.sampled_from((10, 10, 10, 100, 400)), cut=cuts)
    def ask_without_reading_the_answers(self, count: int, cut: int) -> None:
        for _ in range(count):
            self.client.control(4, b"\0\6time")
        if count * 18 > LIMITS.unsent_bytes + 18:
            self.fail(cut, Hint.UNREAD)
        else:
            assert self.feed(cut) == []
            assert len(self.answers()) == count

    @precondition(lambda self: self.failure is not None)
    @rule(cut=cuts)
    def say_more_after_the_end(self, cut: int) -> None:
        self.client.publish("room")
        with pytest.raises(RemoteProtocolError, match=str(self.failure)):
            self.feed(cut)
        assert self.answers() == []

    # What holds after every step.

    @invariant()
    def nothing_is_held(self) -> None:
        assert self.server.buffered_bytes == 0
        assert not self.server.has_data_to_send

    def teardown(self) -> None:
        streams = self.server._flow.streams
        assert {key: each.name for key, each in streams.publishing.items()} == (
            self.model.publishing
        )
        assert set(streams.playing) == self.model.playing


def test_a_session_in_any_order_is_what_a_small_model_says() -> None:
    run_state_machine_as_test(
        Session,
        settings=settings(
            max_examples=5000 if LONG else 100, stateful_step_count=50, deadline=None
        ),
    )
