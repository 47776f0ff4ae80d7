"""How much work a message is: counted in calls, because time depends on the machine's mood.

A guard against the hot path getting longer by accident: the same stream, as encoders send it, goes
through the protocol core and the segmenter, and every call of a function, of ours and of C, is
counted. The budgets leave some room; who exceeds one has made recording dearer, and should know.
"""

from __future__ import annotations

from typing import Final

import pytest

from recorder.recording.segmenter import Segmenter
from recorder.rtmp import NEED_DATA, MediaReceived, ServerConnection
from tests.helpers import media
from tests.helpers.rtmp_client import RtmpClient, Style
from tests.helpers.segments import rules
from tests.helpers.work import Work
from tests.rtmp.driving import FILLER, publishing

SECONDS: Final = 20
READ_BYTES: Final = 200_000
"""About what gathers in half a second of the stream made here."""

CALLS: Final = {128: 27, 4096: 26, 65536: 24}
"""By chunk size: of all functions, per message. Measured: 24.5, 23.5 and 21.4 (Python 3.11)."""

LONG_WAY_CALLS: Final = 60
"""What a message of small chunks costs that goes the general way, at least (measured: 66.7): the
guard must see the difference."""


def stream(client: RtmpClient) -> int:
    """Say so many seconds of 25 pictures and 50 sounds each, 3.5 Mbit/s; returns the messages."""
    client.video(0, media.avc_config())
    client.audio(0, media.aac_config())
    count = 2
    for ms in range(0, SECONDS * 1000, 40):
        client.video(ms, media.avc_frame(key=ms % 2000 == 0, size=16_000 + ms % 3000))
        for sound_ms in (ms, ms + 20):
            client.audio(sound_ms, media.aac_frame(size=300 + sound_ms % 70))
        count += 3
    return count


def record(server: ServerConnection, data: bytes, *, short: bool = True) -> None:
    """What a session does with what it reads."""
    segmenter = Segmenter(rules(duration_ms=600_000), encoder="test")
    for at in range(0, len(data), READ_BYTES):
        server.receive_data(data[at : at + READ_BYTES])
        while True:
            if short and (run := server.next_run(256)) is not None:
                segmenter.media_run(run[1], at)
                continue
            event = server.next_event()
            if event is NEED_DATA:
                break
            assert isinstance(event, MediaReceived)
            segmenter.media(event.kind, event.timestamp, event.payload, at)
        segmenter.take()


def calls_per_message(chunk_size: int, *, short: bool = True) -> float:
    client = RtmpClient(style=Style.DELTA)
    server = publishing(client, ServerConnection(random=FILLER)).server
    client.set_chunk_size(chunk_size)
    messages = stream(client)
    data = client.data_to_send()
    with Work() as work:
        record(server, data, short=short)
    return work.calls / messages


@pytest.mark.parametrize(("chunk_size", "budget"), CALLS.items())
def test_a_message_costs_no_more_calls_than_its_budget(chunk_size: int, budget: int) -> None:
    assert calls_per_message(chunk_size) <= budget


def test_the_guard_sees_a_message_that_takes_the_general_way() -> None:
    assert calls_per_message(128, short=False) > LONG_WAY_CALLS > 2 * max(CALLS.values())
