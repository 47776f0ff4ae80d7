"""What viewers of a room get, message by message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.live.audience import (
    MOST_BEHIND_MS,
    MOST_SKIPS,
    SKIPS_MS,
    TAKE_BYTES,
    Audience,
    ViewerQueue,
)
from recorder.recording.actions import StreamHead
from tests.flv.building import many_tracks, with_modex
from tests.helpers.rtmp_client import HANDSHAKE_ANSWER_BYTES, RtmpClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.flv.timeline import TrackId

AVC = b"\x17\x00\0\0\0avc"
AAC = b"\xaf\x00aac"
KEY = b"\x17\x01\0\0\0key"
INTER = b"\x27\x01\0\0\0inter"
SOUND = b"\xaf\x01sound"
METADATA = b"\x02\x00\x0aonMetaData\x05"
CUE_POINT = b"\x02\x00\x0aonCuePoint\x05"

HEAD = StreamHead(METADATA, ((9, AVC), (8, AAC)), entry=(9, 0))


@attrs.define
class Seen:
    """What a viewer's player makes of what it is sent."""

    queue: ViewerQueue
    client: RtmpClient
    over: list[str]

    def messages(self) -> list[tuple[int, int, bytes]]:
        while data := self.queue.take():
            self.client.receive(data)
        return [(r.type_id, r.timestamp, r.payload) for r in self.client.take_replies()]


def viewer(
    audience: Audience,
    *,
    stream_id: int = 1,
    limit_bytes: int = 1 << 20,
    is_sending: Callable[[], bool] = lambda: True,
) -> Seen:
    client = RtmpClient()
    client.receive(bytes(HANDSHAKE_ANSWER_BYTES))
    client.server_chunk_size = 65536
    over: list[str] = []
    queue = ViewerQueue(
        stream_id,
        limit_bytes,
        on_more=lambda: None,
        on_over=over.append,
        is_sending=is_sending,
    )
    audience.join(queue)
    return Seen(queue, client, over)


@pytest.fixture
def audience() -> Audience:
    return Audience(lambda: HEAD)


def test_a_viewer_begins_at_a_keyframe_behind_everything_a_decoder_needs(
    audience: Audience,
) -> None:
    seen = viewer(audience)
    audience.media(8, 90, SOUND, 0)
    audience.media(9, 95, INTER, 0)
    audience.data("onMetaData", 96, METADATA, 0)
    assert seen.messages() == []
    audience.media(9, 100, KEY, 0)
    audience.media(8, 101, SOUND, 0)
    audience.media(9, 140, INTER, 0)
    audience.data("onMetaData", 141, METADATA, 0)
    audience.data("onCuePoint", 142, CUE_POINT, 0)
    assert seen.messages() == [
        (18, 0, METADATA),
        (9, 100, AVC),
        (8, 100, AAC),
        (9, 100, KEY),
        (8, 101, SOUND),
        (9, 140, INTER),
        (18, 0, METADATA),
        (18, 140, CUE_POINT),
    ]


def test_of_many_tracks_in_one_message_a_viewer_begins_at_their_keyframe(
    audience: Audience,
) -> None:
    """Enhanced RTMP: a ModEx keyframe, and sequence headers and frames of several tracks."""
    first = viewer(audience)
    header, inter, key = (
        many_tracks(frame, packet, b"hvc1", [(0, b"one"), (1, b"two")])
        for frame, packet in ((0x96, 0), (0xA6, 3), (0x96, 3))
    )
    for body in (header, inter):
        audience.media(9, 100, body, 0)
    assert first.messages() == []
    audience.media(9, 140, key, 0)
    assert first.messages()[-1] == (9, 140, key)
    late = viewer(audience)
    modex = with_modex(b"\x93hvc1key", [b"\0\0\1"])
    audience.media(9, 180, modex, 0)
    assert late.messages()[-1] == (9, 180, modex)


def test_a_keyframe_of_another_track_than_files_are_cut_by_is_no_beginning(
    audience: Audience,
) -> None:
    """A second camera, whose keyframes lie elsewhere than the first one's."""
    seen = viewer(audience)
    audience.media(9, 100, many_tracks(0x96, 3, b"hvc1", [(1, b"one"), (2, b"two")]), 0)
    assert seen.messages() == []
    key = many_tracks(0x96, 3, b"hvc1", [(1, b"one"), (0, b"nought")])
    audience.media(9, 140, key, 0)
    assert seen.messages()[-1] == (9, 140, key)


def test_a_sequence_header_is_no_beginning(audience: Audience) -> None:
    seen = viewer(audience)
    audience.media(9, 100, AVC, 0)
    audience.media(9, 100, b"", 0)
    assert seen.messages() == []


@pytest.mark.parametrize("entry", [(9, 0), (8, 0), (8, 1), None])
def test_sound_is_a_beginning_where_files_begin_with_it(entry: TrackId | None) -> None:
    audience = Audience(lambda: StreamHead(None, ((8, AAC),), entry))
    seen = viewer(audience)
    audience.media(8, 100, AAC, 0)
    audience.media(8, 100, SOUND, 0)
    expected = [(8, 100, AAC), (8, 100, SOUND)] if entry == (8, 0) else []
    assert seen.messages() == expected


def test_where_nothing_is_needed_before_it_the_keyframe_comes_alone() -> None:
    audience = Audience(lambda: StreamHead(None, (), entry=(9, 0)))
    seen = viewer(audience)
    audience.media(9, 100, b"\x12key of H.263", 0)
    assert seen.messages() == [(9, 100, b"\x12key of H.263")]


def test_whoever_comes_later_begins_later_and_on_its_own_stream(audience: Audience) -> None:
    first = viewer(audience)
    audience.media(9, 0, KEY, 0)
    late = [viewer(audience, stream_id=7), viewer(audience), viewer(audience)]
    audience.media(9, 40, INTER, 0)
    audience.media(9, 80, KEY, 0)
    assert [message[1] for message in first.messages()] == [0, 0, 0, 0, 40, 80]
    for seen in late:
        assert [message[1] for message in seen.messages()] == [0, 80, 80, 80]
    assert len(audience) == 4


def test_every_message_is_encoded_once_for_all(audience: Audience) -> None:
    both = [viewer(audience), viewer(audience)]
    for at in range(3):
        audience.media(9, at, KEY, 0)
    first, second = (list(seen.queue._messages) for seen in both)
    assert all(a is b for (_, a), (_, b) in zip(first, second, strict=True))


def test_a_clock_that_jumps_does_so_for_nobody_who_watches(audience: Audience) -> None:
    seen = viewer(audience)
    for at in (1_000, 1_040, 900_000_000, 900_000_040, 20):
        audience.media(9, at, KEY, 0)
    audience.data("onCuePoint", 7, CUE_POINT, 0)
    times = [at for kind, at, body in seen.messages() if body != AVC][2:]
    assert times == [1_000, 1_040, 1_080, 1_120, 1_160, 1_160]


def test_who_begins_to_watch_when_nobody_else_does_has_the_encoders_times(
    audience: Audience,
) -> None:
    first = viewer(audience)
    audience.media(9, 1_000, KEY, 0)
    audience.leave(first.queue)
    later = viewer(audience)
    audience.media(9, 80_000_000, KEY, 60_000)
    assert {at for kind, at, _ in later.messages() if kind != 18} == {80_000_000}


def test_a_slow_viewer_is_skipped_to_a_keyframe_and_the_others_are_not(
    audience: Audience,
) -> None:
    slow, quick = viewer(audience, limit_bytes=300), viewer(audience)
    audience.media(9, 0, KEY, 0)
    for at in range(1, 20):
        audience.media(9, at, INTER, 0)
    assert slow.queue.skips == 1
    assert slow.messages() == []
    audience.media(9, 20, KEY, 0)
    assert [message[:2] for message in slow.messages()] == [(18, 0), (9, 20), (8, 20), (9, 20)]
    assert len(quick.messages()) == 24
    assert not slow.over


def test_who_is_skipped_again_and_again_has_to_go(audience: Audience) -> None:
    slow = viewer(audience, limit_bytes=300)
    for minute in range(MOST_SKIPS):
        assert not slow.over
        overfill(audience, minute * (SKIPS_MS // MOST_SKIPS))
    assert slow.over == ["the line is too slow for the room"]
    assert len(audience) == 0
    audience.leave(slow.queue)  # as its connection does, when it hears of it


def test_who_is_skipped_now_and_then_stays(audience: Audience) -> None:
    slow = viewer(audience, limit_bytes=300)
    for minute in range(10):
        overfill(audience, minute * (SKIPS_MS // (MOST_SKIPS - 1)))
    assert (slow.queue.skips, slow.over) == (10, [])


def test_who_falls_behind_is_skipped_though_little_waits_for_it(audience: Audience) -> None:
    """A room with little to send must not be seen a minute late."""
    slow, quick = viewer(audience), viewer(audience)
    for now_ms in range(0, MOST_BEHIND_MS + 1, 1000):
        audience.media(9, now_ms, KEY if now_ms == 0 else INTER, now_ms)
        quick.messages()
    assert (slow.queue.skips, slow.queue.queued_bytes) == (1, 0)
    assert (quick.queue.skips, quick.over) == (0, [])
    audience.media(9, 11_000, KEY, MOST_BEHIND_MS + 1000)
    assert slow.messages()[-1] == (9, 11_000, KEY)


def test_who_waits_for_us_is_not_slow_however_much_comes_at_once(audience: Audience) -> None:
    """With many viewers and little memory a read holds more than a queue."""
    sending = [False]
    seen = viewer(audience, limit_bytes=300, is_sending=lambda: sending[0])
    for _ in range(10):
        audience.media(9, 0, KEY + bytes(200), 0)
    assert (seen.queue.skips, len(seen.messages())) == (0, 13)
    sending[0] = True
    overfill(audience, 0)
    assert seen.queue.skips == 1


def test_of_a_room_that_pauses_nobody_is_behind(audience: Audience) -> None:
    seen = viewer(audience)
    audience.media(9, 0, KEY, 0)
    seen.messages()
    audience.media(9, 60_000, INTER, 60_000)
    assert (seen.queue.skips, len(seen.messages())) == (0, 1)


def overfill(audience: Audience, now_ms: int) -> None:
    for _ in range(2):
        audience.media(9, 0, KEY + bytes(200), now_ms)


def test_a_message_that_is_larger_than_the_queue_is_sent_when_nothing_waits(
    audience: Audience,
) -> None:
    seen = viewer(audience, limit_bytes=300)
    audience.media(9, 0, KEY, 0)
    seen.messages()
    audience.media(9, 40, INTER + bytes(5000), 0)
    assert len(seen.messages()) == 1
    assert seen.queue.queued_bytes == 0


def test_a_keyframe_larger_than_the_queue_is_a_beginning_like_any_other(audience: Audience) -> None:
    seen = viewer(audience, limit_bytes=300)
    audience.media(9, 0, KEY + bytes(5000), 0)
    assert [message[0] for message in seen.messages()] == [18, 9, 8, 9]
    assert seen.queue.skips == 0


def test_who_is_skipped_before_it_took_anything_begins_once(audience: Audience) -> None:
    seen = viewer(audience, limit_bytes=300)
    audience.media(9, 0, KEY, 0)
    audience.media(9, 40, INTER + bytes(300), 0)
    assert (seen.queue.skips, seen.messages()) == (1, [])
    audience.media(9, 80, KEY, 0)
    assert [message[:2] for message in seen.messages()] == [(18, 0), (9, 80), (8, 80), (9, 80)]


def test_no_more_than_a_send_takes_is_joined_and_nothing_is_lost(audience: Audience) -> None:
    seen = viewer(audience)
    for at in range(40):
        audience.media(9, at, KEY + bytes(20_000), 0)
    taken = [seen.queue.take() for _ in range(5)]
    assert all(len(data) <= TAKE_BYTES for data in taken)
    assert [bool(data) for data in taken] == [True, True, True, True, False]
    for data in taken:
        seen.client.receive(data)
    assert len(seen.messages()) == 43


def test_when_nobody_publishes_any_more_every_viewer_is_told(audience: Audience) -> None:
    both = [viewer(audience), viewer(audience)]
    audience.media(9, 0, KEY, 0)
    audience.end("nobody publishes any more")
    assert [seen.over for seen in both] == [["nobody publishes any more"]] * 2
    assert not audience
    assert len(both[0].messages()) == 4, "what was queued may still be taken"


def test_who_is_held_keeps_its_place_and_nothing_is_kept_for_it(audience: Audience) -> None:
    paused, other = viewer(audience), viewer(audience, stream_id=7)
    audience.media(9, 0, KEY, 0)
    audience.hold(paused.queue)
    assert (paused.queue.queued_bytes, len(audience)) == (0, 2)
    audience.media(9, 40, KEY, 0)
    assert paused.messages() == []
    assert [message[1] for message in other.messages()] == [0, 0, 0, 0, 40]
    audience.join(paused.queue)
    audience.media(9, 80, INTER, 0)
    assert paused.messages() == []
    audience.media(9, 120, KEY, 0)
    assert [message[:2] for message in paused.messages()] == [
        (18, 0),
        (9, 120),
        (8, 120),
        (9, 120),
    ]
    assert len(audience) == 2


def test_while_all_are_held_nothing_is_done_for_them_and_they_hear_of_the_end(
    audience: Audience,
) -> None:
    paused, gone = viewer(audience), viewer(audience)
    for each in (paused, gone):
        audience.hold(each.queue)
    assert not audience
    audience.leave(gone.queue)
    audience.end("nobody publishes any more")
    assert (paused.over, gone.over) == (["nobody publishes any more"], [])
    assert len(audience) == 0


def test_who_begins_anew_gets_nothing_of_what_was_queued(audience: Audience) -> None:
    seen = viewer(audience)
    audience.media(9, 0, KEY, 0)
    audience.media(9, 40, INTER, 0)
    seen.queue.begin_anew()
    audience.media(9, 80, INTER, 0)
    audience.media(9, 120, KEY, 0)
    assert [message[:2] for message in seen.messages()] == [(18, 0), (9, 120), (8, 120), (9, 120)]
    assert seen.queue.skips == 0


@pytest.mark.parametrize(("unwanted", "left"), [(8, 9), (9, 8)])
def test_a_kind_that_a_viewer_does_not_want_is_not_sent_to_it(
    audience: Audience, unwanted: int, left: int
) -> None:
    one, all_of_it = viewer(audience), viewer(audience)
    one.queue.unwanted = frozenset({unwanted})
    audience.media(9, 0, KEY, 0)
    audience.media(8, 1, SOUND, 0)
    audience.data("onMetaData", 2, METADATA, 0)
    assert [message[0] for message in one.messages()] == [18, left, left, 18]
    assert [message[0] for message in all_of_it.messages()] == [18, 9, 8, 9, 8, 18]


def test_behind_a_takeover_everybody_begins_again_behind_what_was_sent_before(
    audience: Audience,
) -> None:
    seen = viewer(audience)
    audience.media(9, 1_000, KEY, 0)
    audience.publisher_left()
    audience.media(9, 0, AVC, 0)
    audience.media(9, 0, INTER, 0)
    audience.media(9, 40, KEY, 40)
    assert [(kind, body) for kind, _, body in seen.messages()] == [
        *([(18, METADATA), (9, AVC), (8, AAC), (9, KEY)] * 2)
    ]


def test_what_still_waits_from_before_makes_room_for_the_next_beginning(
    audience: Audience,
) -> None:
    seen = viewer(audience, limit_bytes=1_000)
    for number in range(MOST_SKIPS):
        assert not seen.over
        audience.media(9, number, KEY + bytes(900), number)
        audience.publisher_left()
    audience.media(9, MOST_SKIPS, KEY + bytes(900), MOST_SKIPS)
    assert seen.over == ["the line is too slow for the room"]
    assert seen.queue.skips == MOST_SKIPS


def test_the_end_of_a_recording_is_none_for_who_has_seen_nothing_of_it(audience: Audience) -> None:
    begun, paused = viewer(audience), viewer(audience)
    audience.media(9, 0, KEY, 0)
    audience.hold(paused.queue)
    waits = viewer(audience)
    audience.recording_ended("it is over")
    assert (begun.over, paused.over, waits.over) == (["it is over"], ["it is over"], [])
    assert len(audience) == 1
    audience.media(9, 70_000, KEY, 5)
    assert waits.messages()[-1] == (9, 33, KEY)
    audience.end("the recorder stops")
    assert waits.over == ["the recorder stops"]
