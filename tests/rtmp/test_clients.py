"""Scripted clients with the command sequences of §4.2, each with what that client needs of us.

A client says its next line only after it has what it waits for, as the real one does.
"""

from __future__ import annotations

import pytest

from recorder.amf import Marker, encode_values
from recorder.rtmp import (
    ConnectRequested,
    DataReceived,
    MediaReceived,
    PublishEnded,
    PublishRequested,
)
from tests.helpers.rtmp_client import C0_C1, C2, RtmpClient, Style
from tests.rtmp.driving import Application
from tests.rtmp.scripted import (
    AVC_END,
    AVC_FRAME,
    AVC_KEYFRAME,
    OBS_METADATA,
    assert_started,
    created,
    result,
    send_media,
    shake_hands,
)


@pytest.mark.parametrize("style", [Style.LIBRTMP, Style.SPEC])
@pytest.mark.parametrize("base", [0, 0xFF_FF00])
def test_obs(style: Style, base: int) -> None:
    # Before and since 30.2 its header style differs; before 30.1 it left extended times out.
    client = RtmpClient(
        style=style, repeat_extended=style is Style.SPEC, audio_csid=4, video_csid=4, data_csid=4
    )
    application = Application()
    client.hello()
    application.talk(client)
    client.raw(C2)
    client.set_chunk_size(4096)
    client.connect(tcUrl="rtmp://h/live", swfUrl="rtmp://h/live")
    application.talk(client)
    assert result(client.replies, 1).code == "NetConnection.Connect.Success"

    client.command("releaseStream", 2, None, "room?key=K")
    client.command("FCPublish", 3, None, "room?key=K")
    client.command("createStream", 4, None)
    application.talk(client)
    stream_id = created(client.replies, 4)
    client.command("publish", 5, None, "room?key=K", "live", stream_id=stream_id, csid=4)
    application.talk(client)
    assert_started(client.replies, stream_id)
    application.events.clear()
    client.replies.clear()

    # From here on it reads one chunk per packet it sends, and applies no chunk size.
    client.metadata(OBS_METADATA)
    sent = send_media(client, base=base)
    client.video(base + 1000, AVC_END)
    client.command("FCUnpublish", 6, None, "room?key=K")
    client.command("deleteStream", 7, None, stream_id)
    events = application.talk(client)
    assert isinstance(events[0], DataReceived)
    assert events[1:-2] == sent
    assert events[-1] == PublishEnded(stream_id=1, command="FCUnpublish")
    for reply in client.replies:
        assert reply.chunks == 1
        assert reply.wire_bytes <= 128
    assert application.server.counters.media_without_publish == 0


def test_obs_streams_for_hours_without_reading() -> None:
    client = RtmpClient(audio_csid=4, video_csid=4)
    application = Application()
    client.start("room")
    application.talk(client)
    client.set_chunk_size(4096)
    for index in range(1000):
        client.video(index * 40, bytes(50_000))
        application.feed(client.data_to_send())
    # Fifty megabytes later nothing was waited for, and there is nothing that it would have to read.
    assert len(application.events) == 1002
    assert not application.server.has_data_to_send


@pytest.mark.parametrize("base", [0, 16_776_323])
def test_ffmpeg(base: int) -> None:
    # With -output_ts_offset its headers stay at 0 and the media begins at 16776323 (V).
    client = RtmpClient(style=Style.SPEC, audio_csid=4, video_csid=6, data_csid=4)
    application = Application()
    shake_hands(client, application)
    client.connect(fourCcList=["av01", "hvc1", "vp09"])
    [event] = application.talk(client)
    assert isinstance(event, ConnectRequested)
    # It copies the chunk size that the server announced before the result.
    assert client.server_chunk_size == 65536
    assert client.replies[-1].code == "NetConnection.Connect.Success"
    client.set_chunk_size(client.server_chunk_size)
    client.command("releaseStream", 2, None, "room")
    client.command("FCPublish", 3, None, "room")
    client.command("createStream", 4, None)
    application.talk(client)
    stream_id = created(client.replies, 4)
    client.command("publish", 5, None, "room", "live", stream_id=stream_id, csid=8)
    application.talk(client)
    assert_started(client.replies, stream_id)
    application.events.clear()

    client.metadata({"duration": 0.0, "width": 640.0})
    sent = send_media(client, base=base)
    client.control(4, b"\x00\x07" + bytes(4))
    client.video(base + 960, AVC_END)
    client.finish("room")
    events = application.talk(client)
    assert events[1:-2] == sent
    assert events[-1] == PublishEnded(stream_id=1, command="FCUnpublish")
    assert application.server.counters.as_dict() == {}


def test_gstreamer_rtmp2sink() -> None:
    client = RtmpClient(style=Style.SPEC, audio_csid=5, video_csid=6, data_csid=4)
    application = Application()
    shake_hands(client, application)
    client.connect(flashVer="LNX 10,0,32,18")
    application.talk(client)
    # It answers Set Peer Bandwidth with its window.
    assert [reply.type_id for reply in client.replies[:3]] == [5, 6, 1]
    client.window_ack_size(2_500_000)
    client.command("releaseStream", 0, None, "room")
    client.command("FCPublish", 0, None, "room")
    client.command("createStream", 2, None)
    application.talk(client)
    stream_id = created(client.replies, 2)
    # Transaction 0 never gets a `_result`.
    assert [r.values[1] for r in client.replies if r.name == "_result"] == [1.0, 2.0]
    client.command("publish", 0, None, "room", "live", stream_id=stream_id, csid=3)
    application.talk(client)
    # On message stream 0 it would wait for ever.
    assert client.status(0) == []
    assert client.status(stream_id) == ["NetStream.Publish.Start"]
    application.events.clear()

    client.set_chunk_size(128)
    for repetition in range(20):
        client.metadata({"creationdate": "now"}, timestamp=200 * repetition)
    sent = send_media(client)
    client.video(1000, AVC_END)
    client.command("FCUnpublish", 0, None, "room")
    client.command("deleteStream", 0, None, "room")
    events = application.talk(client)
    assert [type(event) for event in events[:20]] == [DataReceived] * 20
    assert events[20:-2] == sent
    assert events[-1] == PublishEnded(stream_id=1, command="FCUnpublish")


def test_gstreamer_may_end_by_delete_stream_with_the_name_alone() -> None:
    client, application = RtmpClient(), Application()
    client.start("room")
    client.command("deleteStream", 0, None, "room")
    application.talk(client)
    assert application.events[-1] == PublishEnded(stream_id=1, command="deleteStream")


@pytest.mark.parametrize("base", [0, 0xFF_FF00])
def test_librtmp_as_in_rtmpsink(base: int) -> None:
    client = RtmpClient(
        style=Style.LIBRTMP, repeat_extended=False, audio_csid=4, video_csid=4, data_csid=4
    )
    application = Application()
    client.hello()
    application.talk(client)
    # S2 equals C1 completely, or it warns.
    assert client.handshake_answer[1537:] == C0_C1[1:]
    client.raw(C2)
    client.connect()
    application.talk(client)
    # Its answers and pings begin a chunk stream with format 1: `42 ...`.
    client.raw(bytes.fromhex("42 000000 000006 04 0007 00000000"))
    client.command("releaseStream", 2, None, "room")
    client.command("FCPublish", 3, None, "room")
    client.command("createStream", 4, None)
    application.talk(client)
    client.command("publish", 5, None, "room", "live", stream_id=1, csid=4)
    application.talk(client)
    assert_started(client.replies, 1)
    application.events.clear()
    client.metadata(OBS_METADATA)
    sent = send_media(client, base=base)
    # One message per slice: the same time, and once it is known, format 3 means just that.
    for timestamp in (1000, 1040, 1080, 1080, 1080, 1120):
        client.video(base + timestamp, AVC_FRAME)
        sent.append(
            MediaReceived(stream_id=1, kind=9, timestamp=base + timestamp, payload=AVC_FRAME)
        )
    client.finish("room")
    events = application.talk(client)
    assert events[1:-1] == sent
    assert application.server.counters.delta_zero_format3 == 2


def test_haishinkit() -> None:
    client = RtmpClient(style=Style.DELTA, audio_csid=4, video_csid=5, data_csid=8)
    application = Application()
    client.hello()
    # It sends C2 when more than 1537 bytes are there and wants exactly 1536 behind S0 and S1.
    application.feed(client.data_to_send())
    answer = application.server.data_to_send()
    assert len(answer) - 1537 == 1536
    client.receive(answer)
    client.raw(C2)
    application.feed(client.data_to_send())
    assert not application.server.has_data_to_send
    client.connect(
        "live?token=1",
        swfUrl=None,
        fpad=False,
        capabilities=239,
        audioCodecs=0x400,
        videoCodecs=0x80,
        videoFunction=1,
        pageUrl=None,
        fourCcList=["hvc1", "Opus"],
        objectEncoding=0,
    )
    [event] = application.talk(client)
    assert isinstance(event, ConnectRequested)
    assert event.app == "live?token=1"
    client.set_chunk_size(8192)
    client.command("createStream", 2, None)
    application.talk(client)
    stream_id = created(client.replies, 2)
    client.replies.clear()
    client.command("publish", 0, None, "room", "live", stream_id=stream_id)
    application.talk(client)
    # Any other command on this id fails its publish call.
    assert client.status(stream_id) == ["NetStream.Publish.Start"]
    assert_started(client.replies, stream_id)
    application.events.clear()
    client.replies.clear()

    client.metadata({"width": 1280.0})
    sent = send_media(client)
    # close() waits three seconds for the status; onFCUnpublish must not come on this id.
    client.command("closeStream", 0, None, stream_id=stream_id)
    events = application.talk(client)
    assert events[1:-1] == sent
    assert events[-1] == PublishEnded(stream_id=stream_id, command="closeStream")
    on_stream = [reply for reply in client.replies if reply.stream_id == stream_id]
    assert [reply.code for reply in on_stream] == ["NetStream.Unpublish.Success"]


def test_haishinkit_with_an_fc_publish_name() -> None:
    client = RtmpClient(style=Style.DELTA)
    application = Application()
    shake_hands(client, application)
    client.connect()
    client.command("FCPublish", 2, None, "room")
    client.command("createStream", 3, None)
    client.command("publish", 0, None, "room", "live", stream_id=1)
    application.talk(client)
    # onFCPublish on the stream's id would break it.
    assert [r.stream_id for r in client.commands("onFCPublish")] == [0]
    assert_started(client.replies, 1)


@pytest.mark.parametrize("base", [0, 0xFF_FF00])
def test_root_encoder(base: int) -> None:
    client = RtmpClient(style=Style.FULL, video_csid=6, audio_csid=7, data_csid=5)
    application = Application()
    client.hello()
    application.talk(client)
    client.raw(C2)
    client.set_chunk_size(4096)
    client.connect(objectEncoding=0)
    application.talk(client)
    client.window_ack_size(2_500_000)
    for transaction, name in ((2, "releaseStream"), (3, "FCPublish")):
        client.command(name, transaction, None, "room", csid=5)
    client.command("createStream", 4, None, csid=5)
    application.talk(client)
    stream_id = created(client.replies, 4)
    client.command("publish", 5, None, "room", "live", stream_id=stream_id, csid=5)
    application.talk(client)
    assert_started(client.replies, stream_id)
    application.events.clear()
    client.replies.clear()
    # It can ping us (§2.6).
    client.control(4, b"\x00\x06\x00\x00\x12\x34")
    application.talk(client)
    assert client.replies[0].payload == b"\x00\x07\x00\x00\x12\x34"

    client.metadata({"width": 1280.0})
    sent = send_media(client, base=base)
    client.command("closeStream", 8, None, stream_id=stream_id, csid=5)
    events = application.talk(client)
    assert events[1:-1] == sent
    assert events[-1] == PublishEnded(stream_id=stream_id, command="closeStream")


def test_fmle_with_three_streams_on_one_connection() -> None:
    client = RtmpClient(style=Style.SPEC)
    application = Application()
    shake_hands(client, application)
    client.connect(flashVer="FMLE/3.0 (compatible; FMSc/1.0)")
    application.talk(client)
    names = ["room_1", "room_2", "room_3"]
    stream_ids = []
    for index, name in enumerate(names):
        client.command("releaseStream", 10 * index + 2, None, name)
        client.command("FCPublish", 10 * index + 3, None, name)
        client.command("createStream", 10 * index + 4, None)
        application.talk(client)
        stream_ids.append(created(client.replies, 10 * index + 4))
    # It waits for onFCPublish, and expects distinct ids with a status each.
    assert len(client.commands("onFCPublish")) == 3
    assert len(set(stream_ids)) == 3
    for stream_id, name in zip(stream_ids, names, strict=True):
        client.publish(name, stream_id=stream_id)
        application.talk(client)
        assert client.status(stream_id) == ["NetStream.Publish.Start"]
    application.events.clear()

    sent = []
    for round_number in range(5):
        for stream_id in stream_ids:
            body = AVC_KEYFRAME + bytes((stream_id,))
            client.message(4 + stream_id, 9, stream_id, 40 * round_number, body)
            sent.append(
                MediaReceived(
                    stream_id=stream_id, kind=9, timestamp=40 * round_number, payload=body
                )
            )
    assert application.talk(client) == sent

    # One goes, the others stay; each end has its own status and answer.
    client.replies.clear()
    client.command("FCUnpublish", 50, None, "room_2")
    client.command("deleteStream", 51, None, stream_ids[1])
    client.message(4 + stream_ids[2], 9, stream_ids[2], 999, b"still here")
    events = application.talk(client)
    assert events == [
        PublishEnded(stream_id=stream_ids[1], command="FCUnpublish"),
        MediaReceived(stream_id=stream_ids[2], kind=9, timestamp=999, payload=b"still here"),
    ]
    assert client.status(stream_ids[1]) == ["NetStream.Unpublish.Success"]
    assert len(client.commands("onFCUnpublish")) == 1
    assert result(client.replies, 50).values[2:] == [None, Marker.UNDEFINED]

    # It may publish again on the same connection.
    client.command("createStream", 60, None)
    application.talk(client)
    again = created(client.replies, 60)
    assert again not in stream_ids
    client.publish("room_2", stream_id=again)
    application.talk(client)
    assert client.status(again) == ["NetStream.Publish.Start"]


def test_haivision_makito() -> None:
    client = RtmpClient()
    application = Application()
    shake_hands(client, application)
    client.connect()
    application.talk(client)
    client.command("_checkbw", 2, None)
    application.talk(client)
    assert result(client.replies, 2).values[2:] == [None, Marker.UNDEFINED]
    client.command("createStream", 3, None)
    application.talk(client)
    stream_id = created(client.replies, 3)
    client.command("FCPublish", 4, None, "room")
    application.talk(client)
    assert result(client.replies, 4).values[2:] == [None, Marker.UNDEFINED]
    assert [reply.stream_id for reply in client.commands("onFCPublish")] == [0]
    client.publish("room", stream_id=stream_id)
    application.talk(client)
    assert_started(client.replies, stream_id)
    sent = send_media(client, stream_id=stream_id)
    assert application.talk(client) == sent
    assert application.server.counters.as_dict() == {}


def test_larix_finds_everything_on_the_chunk_streams_it_demands() -> None:
    client = RtmpClient()
    application = Application()
    client.start("room")
    client.finish("room")
    application.talk(client)
    for reply in client.replies:
        if reply.type_id != 20:
            assert (reply.csid, reply.stream_id) == (2, 0)
        elif reply.name == "onStatus":
            assert (reply.csid, reply.stream_id) == (5, 1)
        else:
            assert (reply.csid, reply.stream_id) == (3, 0)


def test_wirecast_changes_its_chunk_size_all_the_time() -> None:
    client = RtmpClient(style=Style.SPEC)
    application = Application()
    client.start("room")
    application.talk(client)
    bodies = [bytes((size % 256,)) * 1500 for size in (390, 400, 554, 1, 65536, 128)]
    for index, size in enumerate((390, 400, 554, 1, 65536, 128)):
        client.set_chunk_size(size)
        client.video(40 * index, bodies[index])
    events = application.talk(client)
    assert [e.payload for e in events if isinstance(e, MediaReceived)] == bodies


def test_a_camera_with_control_on_csid_4_and_media_above_64() -> None:
    client = RtmpClient(audio_csid=64, video_csid=400)
    application = Application()
    client.start("room")
    client.control(1, (1000).to_bytes(4), csid=4)
    client.chunk_size = 1000
    client.control(5, (2_500_000).to_bytes(4), csid=4)
    sent = send_media(client)
    assert application.talk(client)[2:] == sent


def test_envivio_never_ends_its_objects() -> None:
    client = RtmpClient()
    client.greet()
    body = encode_values("connect", 1, {"app": "live", "tcUrl": "rtmp://h/live"})[:-3]
    client.message(3, 20, 0, 0, body)
    client.command("createStream", 2, None)
    client.publish("room")
    application = Application()
    application.talk(client)
    assert [type(event) for event in application.events] == [ConnectRequested, PublishRequested]
    assert_started(client.replies, 1)


def test_a_dashcam_sends_type_0_between_its_frames() -> None:
    client = RtmpClient()
    application = Application()
    client.start("room")
    client.message(5, 0, 1, 0, b"$GPRMC")
    sent = send_media(client)
    assert application.talk(client)[2:] == sent
    assert application.server.counters.as_dict() == {"unknown_messages": 1}
