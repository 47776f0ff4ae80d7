"""Properties: how bytes are split does not matter; any bytes give events or `RemoteProtocolError`.

`run` lets every other exception out, so each property here also says that there is none.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recorder.amf import EcmaArray, encode_values
from recorder.rtmp import Limits, MediaReceived
from tests.helpers.rtmp_client import C0_C1, C2, RtmpClient, Style
from tests.rtmp.driving import byte_by_byte, read_messages, run
from tests.rtmp.test_messages import tag

if TYPE_CHECKING:
    from collections.abc import Callable

TIGHT = Limits(
    message_bytes=5000,
    audio_bytes=3000,
    command_bytes=2000,
    partial_bytes=4000,
    chunk_streams=6,
    bytes_before_publish=2000,
    messages_before_publish=50,
    publishing_streams=2,
    stray_bytes=1500,
    unsent_bytes=6000,
    window_bytes=1000,
    steps_at_once=7,
)
"""Small enough that random streams run into every bound."""

cuts = st.lists(st.integers(0, 1 << 16), max_size=12)
chunk_sizes = st.sampled_from((1, 2, 5, 64, 128, 129, 500, 4096, 65536))
csids = st.sampled_from((3, 4, 5, 6, 63, 64, 100, 319, 320, 65599))


def split(data: bytes, at: list[int]) -> list[bytes]:
    """Cut `data` into pieces."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in at), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def dribble(data: bytes) -> list[bytes]:
    """Cut `data` into single bytes, behind the handshake: that has its own tests."""
    return [data[:3073], *byte_by_byte(data[3073:])]


@attrs.frozen
class Frame:
    """One message to be sent, and its step from the last one of its chunk stream."""

    csid: int
    type_id: int
    step: int
    size: int


frames = st.lists(
    st.builds(
        Frame,
        csid=csids,
        type_id=st.sampled_from((8, 9, 18)),
        step=st.one_of(st.integers(-500, 1000), st.sampled_from((0, 20, 20, 40))),
        size=st.one_of(st.integers(0, 700), st.sampled_from((0, 7, 7, 128, 256))),
    ),
    max_size=30,
)


@given(
    frames=frames,
    style=st.sampled_from((Style.FULL, Style.DELTA, Style.SPEC)),
    start=st.one_of(st.sampled_from((0, 0xFF_FFF0, 0xFFFF_FFF0)), st.integers(0, 0xFFFF_FFFF)),
    chunk_size=chunk_sizes,
    repeat_extended=st.booleans(),
    order=st.randoms(use_true_random=False),
    cuts=cuts,
)
@settings(max_examples=150, deadline=None)
def test_whatever_a_sender_writes_is_read_back(
    frames: list[Frame],
    style: Style,
    start: int,
    chunk_size: int,
    repeat_extended: bool,
    order: Callable[[], float],
    cuts: list[int],
) -> None:
    client = RtmpClient(style=style, repeat_extended=repeat_extended)
    client.set_chunk_size(chunk_size)
    announcement = client.data_to_send()
    clocks: dict[int, int] = {}
    queues: dict[int, list[list[bytes]]] = {}
    expected: dict[int, list[tuple[int, int, int, bytes]]] = {}
    for frame in frames:
        clocks[frame.csid] = (clocks.get(frame.csid, start) + frame.step) & 0xFFFF_FFFF
        body = b"abcdefghijklmnopqrstuvwxyz"[frame.csid % 26 :][:1] * frame.size
        message = (frame.type_id, frame.csid, clocks[frame.csid], body)
        queues.setdefault(frame.csid, []).append(client.chunks(frame.csid, *message))
        expected.setdefault(frame.csid, []).append(message)
    # Chunks of different chunk streams in any order, those of one in theirs.
    waiting = {
        csid: [chunk for chunks in queue for chunk in chunks] for csid, queue in queues.items()
    }
    wire = [announcement]
    while waiting:
        csid = sorted(waiting)[int(order.random() * len(waiting))]  # type: ignore[attr-defined]
        wire.append(waiting[csid].pop(0))
        if not waiting[csid]:
            del waiting[csid]
    # A last word: without a repeated time, a tail that looks like one waits for the next byte.
    client.control(3, bytes(4))
    wire.append(client.data_to_send())
    messages, left = read_messages(split(b"".join(wire), cuts))
    assert left == 0
    for csid, wanted in expected.items():
        assert [message for message in messages if message.stream_id == csid] == wanted


@given(sizes=st.lists(st.sampled_from((7, 7, 7, 9)), max_size=40), chunk_size=chunk_sizes)
@settings(max_examples=50, deadline=None)
def test_an_old_librtmp_with_a_steady_clock_keeps_its_time(
    sizes: list[int], chunk_size: int
) -> None:
    client = RtmpClient(style=Style.LIBRTMP)
    client.set_chunk_size(chunk_size)
    sent = []
    for index, size in enumerate(sizes):
        client.message(4, 8, 1, 20 * index, bytes(size))
        sent.append((8, 1, 20 * index, bytes(size)))
    assert read_messages([client.data_to_send()]) == (sent, 0)


@st.composite
def sessions(draw: st.DrawFn) -> bytes:
    """A session as some encoder might say it, with everything that §2 and §4 allow."""
    client = RtmpClient(
        style=draw(st.sampled_from(Style)),
        repeat_extended=draw(st.booleans()),
        audio_csid=draw(csids),
        video_csid=draw(csids),
        data_csid=draw(csids),
    )
    client.greet()
    if draw(st.booleans()):
        client.set_chunk_size(draw(chunk_sizes))
    client.connect(draw(st.sampled_from(("live", "live/room", ""))))
    client.command("createStream", 4, None)
    client.publish("room")
    clock = draw(st.sampled_from((0, 0xFF_FFF0, 0xFFFF_FFF0)))
    for _ in range(draw(st.integers(0, 15))):
        stream_id = draw(st.sampled_from((1, 1, 1, 1, 2)))
        body = draw(st.sampled_from((b"", b"a", b"\x17\x01" + b"k" * 400, b"\xaf\x01" + b"a" * 90)))
        clock = (clock + draw(st.sampled_from((0, 20, 40, 1000, -30)))) & 0xFFFF_FFFF
        match draw(st.integers(0, 12)):
            case 0:
                client.set_chunk_size(draw(chunk_sizes))
            case 1:
                client.control(2, draw(csids).to_bytes(4))
            case 2:
                client.control(4, b"\x00\x06time")
            case 3:
                client.window_ack_size(draw(st.integers(0, 5000)))
            case 4:
                metadata = encode_values("onMetaData", EcmaArray(a=1.0))
                aggregate = tag(9, clock, body) + tag(8, clock + 5, b"a") + tag(18, 0, metadata)
                client.message(5, 22, stream_id, clock, aggregate[: draw(st.integers(0, 90))])
            case 5:
                client.metadata({"width": 1.0}, timestamp=clock)
            case 6:
                client.finish("room")
            case 7:
                client.publish("again", stream_id=stream_id)
            case 8:
                client.message(7, draw(st.integers(0, 255)), stream_id, clock, body)
            case 9:
                # A chunk of a message that may never be finished.
                client.raw(client.chunks(9, 9, 1, clock, body)[0])
            case 10:
                client.audio(clock, body, stream_id=stream_id)
            case _:
                client.video(clock, body, stream_id=stream_id)
    return client.data_to_send()


limits = st.sampled_from((Limits(), TIGHT))


@given(data=sessions(), cuts=cuts, limits=limits)
@settings(max_examples=100, deadline=None)
def test_how_a_session_is_split_does_not_matter(
    data: bytes, cuts: list[int], limits: Limits
) -> None:
    whole = run([data], limits=limits)
    assert run(split(data, cuts), limits=limits) == whole
    assert run(dribble(data), limits=limits) == whole


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A session with bytes changed, removed and put in between."""
    data = bytearray(draw(sessions()))
    for _ in range(draw(st.integers(1, 6))):
        # Mostly behind the handshake: inside it little can go wrong.
        at = draw(st.one_of(st.integers(3073, len(data)), st.integers(0, len(data))))
        length = draw(st.sampled_from((0, 0, 1, 1, 4, 40)))
        data[at : at + length] = draw(st.binary(max_size=6))
    return bytes(data)


@given(data=mutations(), cuts=cuts, limits=limits)
@settings(max_examples=150, deadline=None)
def test_a_damaged_session_gives_events_or_the_one_error(
    data: bytes, cuts: list[int], limits: Limits
) -> None:
    whole = run([data], limits=limits)
    assert run(split(data, cuts), limits=limits) == whole
    assert run(dribble(data), limits=limits) == whole


def opening(stage: int) -> bytes:
    """Return what precedes the random bytes: nothing, a handshake, a connect, a publish."""
    client = RtmpClient()
    if stage == 3:
        client.start("room")
        return client.data_to_send()
    if stage == 2:
        client.greet()
        client.connect()
        return client.data_to_send()
    return C0_C1 + C2 if stage else b""


@given(
    stage=st.integers(0, 3),
    noise=st.lists(
        st.one_of(
            st.binary(max_size=40),
            # Headers that fit: so that what follows is read as bodies and commands.
            st.builds(
                lambda csid, type_id, body: (
                    bytes((csid,))
                    + bytes(3)
                    + len(body).to_bytes(3)
                    + bytes((type_id,))
                    + b"\x01\x00\x00\x00"
                    + body
                ),
                st.integers(2, 63),
                st.integers(0, 25),
                st.binary(max_size=100),
            ),
        ),
        max_size=20,
    ),
    cuts=cuts,
    limits=limits,
)
@example(stage=1, noise=[b"\x00" * 200], cuts=[], limits=TIGHT)
@settings(max_examples=150, deadline=None)
def test_noise_at_any_stage_gives_events_or_the_one_error(
    stage: int, noise: list[bytes], cuts: list[int], limits: Limits
) -> None:
    data = opening(stage) + b"".join(noise)
    whole = run([data], limits=limits)
    assert run(split(data, cuts), limits=limits) == whole
    assert run(dribble(data), limits=limits) == whole


@pytest.mark.parametrize("chunk_size", [128, 0xFF_FFFF])
def test_a_long_message_byte_by_byte_costs_as_much_as_its_bytes(chunk_size: int) -> None:
    # Not a measurement: with a cost that grows with what is buffered this would take half a minute.
    client = RtmpClient()
    client.start("room")
    client.set_chunk_size(chunk_size)
    client.video(0, bytes(100_000))
    outcome = run(dribble(client.data_to_send()))
    last = outcome.events[-1]
    assert isinstance(last, MediaReceived)
    assert len(last.payload) == 100_000
