"""The tables of states, and the errors that a missing row is."""

from __future__ import annotations

import pytest

from recorder.rtmp import LocalProtocolError, ProtocolError, RemoteProtocolError
from recorder.rtmp.netstreams import NetStreams
from recorder.rtmp.states import (
    STREAM_TRANSITIONS,
    TRANSITIONS,
    ConnectionState,
    State,
    Step,
    StreamState,
)


def test_every_state_has_a_row_and_can_be_reached() -> None:
    assert set(TRANSITIONS) == set(State)
    reached = {new for row in TRANSITIONS.values() for new in row.values()}
    assert reached == set(State) - {State.HANDSHAKE}
    assert set(STREAM_TRANSITIONS) == set(StreamState)
    assert {new for row in STREAM_TRANSITIONS.values() for new in row.values()} == set(StreamState)


WAYS: dict[State, list[Step]] = {
    State.HANDSHAKE: [],
    State.UNCONNECTED: [Step.SHAKE_HANDS],
    State.DECIDING: [Step.SHAKE_HANDS, Step.REQUEST],
    State.CONNECTED: [Step.SHAKE_HANDS, Step.REQUEST, Step.ACCEPT],
    State.REFUSED: [Step.SHAKE_HANDS, Step.REQUEST, Step.REJECT],
    State.FAILED: [Step.FAIL],
}


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("start", State)
def test_a_connection_moves_by_the_table_and_stays_where_it_has_no_row(
    start: State, step: Step
) -> None:
    state = ConnectionState()
    for earlier in WAYS[start]:
        state.step(earlier)
    assert state.is_in(start)
    assert state.is_over is (start in (State.REFUSED, State.FAILED))
    if state.allows(step):
        state.step(step)
        assert state.is_in(TRANSITIONS[start][step])
    else:
        with pytest.raises(LocalProtocolError):
            state.step(step)
        assert state.is_in(start)


def publish(streams: NetStreams, stream_id: int, name: str) -> None:
    streams.request(stream_id, name)
    streams.accept(stream_id)


def meant_by_id(streams: NetStreams, value: float | str | None) -> int | None:
    stream = streams.meant_by_id(value)
    return stream.stream_id if stream else None


def meant_by_name(streams: NetStreams, name: str) -> int | None:
    stream = streams.meant_by_name(name)
    return stream.stream_id if stream else None


def test_numbers_begin_at_1() -> None:
    streams = NetStreams()
    assert [streams.create() for _ in range(3)] == [1, 2, 3]


def test_what_nobody_asked_for_cannot_be_decided_or_ended() -> None:
    streams = NetStreams()
    with pytest.raises(LocalProtocolError):
        streams.accept(1)
    with pytest.raises(LocalProtocolError):
        streams.end(1)
    streams.request(1, "a")
    with pytest.raises(LocalProtocolError):
        streams.reject(2)
    assert streams.is_deciding
    streams.reject(1)
    assert (streams.is_deciding, streams.is_idle(1)) == (False, True)


def test_a_known_number_means_its_stream_and_an_unknown_one_the_only_stream() -> None:
    streams = NetStreams()
    assert (streams.create(), streams.create()) == (1, 2)
    assert meant_by_id(streams, 9.0) is None
    publish(streams, 2, "b")
    assert meant_by_id(streams, 2.0) == 2
    assert meant_by_id(streams, 1.0) is None
    assert meant_by_id(streams, 0.0) == 2
    assert meant_by_id(streams, 9.0) == 2
    assert meant_by_id(streams, float("nan")) == 2
    assert meant_by_id(streams, None) == 2
    publish(streams, 7, "c")
    assert meant_by_id(streams, 7.0) == 7
    assert meant_by_id(streams, 9.0) is None


def test_a_name_means_its_stream_and_an_unknown_one_the_only_stream() -> None:
    streams = NetStreams()
    publish(streams, 1, "a")
    assert meant_by_name(streams, "other") == 1
    publish(streams, 2, "b")
    assert meant_by_name(streams, "b") == 2
    assert meant_by_name(streams, "other") is None


def test_saying_goodbye_twice_to_one_stream_does_not_end_another() -> None:
    streams = NetStreams()
    publish(streams, 1, "a")
    publish(streams, 2, "b")
    streams.end(1)
    assert meant_by_name(streams, "a") is None
    assert meant_by_name(streams, "") == 2


def test_the_base_of_the_errors_is_never_raised_itself() -> None:
    with pytest.raises(TypeError):
        ProtocolError("reason")
    assert issubclass(RemoteProtocolError, ProtocolError)
    assert str(LocalProtocolError("reason")) == "reason"
