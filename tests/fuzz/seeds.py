"""Where the fuzzer begins: what our own client side says, and files built by hand.

Made at run time, so that they say what the client of the tests says today.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from recorder.amf import (
    Date,
    EcmaArray,
    Marker,
    TypedObject,
    Vector,
    VectorKind,
    Xml,
    encode_amf3_value,
    encode_values,
)
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO, file_header
from recorder.flv.tags import tag as flv_tag
from recorder.rtmp.digest import Schema
from tests.flv.building import many_tracks, one_track, with_modex
from tests.flv.test_parameters import RECORDS
from tests.fuzz import requests, script
from tests.fuzz.conversation import PASSWORD, SALT, Turn
from tests.fuzz.media import BODY, DATA, KINDS, SPLIT, TAKE, TICK
from tests.fuzz.media import FRAME as PICTURE
from tests.helpers import media
from tests.helpers.cut_off import actions
from tests.helpers.logins import Account
from tests.helpers.rtmp_client import C0_C1, C2, RtmpClient, Style
from tests.helpers.segments import carry_out
from tests.rtmp.test_digest import c1_of
from tests.rtmp.test_messages import tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recorder.amf import Value

ENHANCED: Final[dict[str, Value]] = {
    "fourCcList": ["av01", "hvc1", "vp09", "Opus", "mp4a"],
    "videoFourCcInfoMap": {"*": 7, "avc1": 3.0},
    "audioFourCcInfoMap": {"Opus": 1},
    "capsEx": 15.0,
}

WORDS: Final = (
    *script.COMMANDS,
    *("@setDataFrame", "@clearDataFrame", "onMetaData", "onCuePoint", "app", "tcUrl", "flashVer"),
    *(ENHANCED.keys()),
    *("?authmod=adobe&user=", "?authmod=llnw&user=", "&challenge=", "&response=", "&opaque="),
    *("&nonce=", "&cnonce=", "&nc=", "FLV\x01\x05", "avc1", "hvc1", "av01", "mp4a", "Opus"),
    *requests.WORDS,
    *("recordingPosition", "segmentReason", "keyframes", "filepositions", "times", "forcedStart"),
)
"""What no chance finds by itself."""


def handshakes() -> list[bytes]:
    whole = C0_C1 + C2
    digests = [b"\x03" + c1_of(schema) + C2 for schema in Schema]
    digests.append(b"\x03" + c1_of(Schema.KEY_FIRST, key=b"else") + C2)
    others = [b"\x16\x03\x01", b"GET / HTTP/1.1", b"\x06", b""]
    return [*digests, whole, whole + b"\x03", whole[:1600], *others]


def _frames(client: RtmpClient) -> bytes:
    client.metadata({"width": 64.0, "framerate": 25})
    client.video(0, media.avc_config())
    client.audio(0, media.aac_config())
    for number in range(3):
        client.video(40 * number, media.avc_frame(key=number == 0, size=300))
        client.audio(40 * number + 7, media.aac_frame())
    return client.data_to_send()


def _clients() -> list[RtmpClient]:
    styles = [RtmpClient(style=style) for style in Style]
    return [
        *styles,
        RtmpClient(audio_csid=64, video_csid=70, data_csid=64),
        RtmpClient(audio_csid=320, video_csid=400, data_csid=320),
        RtmpClient(repeat_extended=False),
    ]


def chunk_streams() -> list[bytes]:
    seeds = []
    for client in _clients():
        for time in (0, 0xFF_FFF0, 0xFFFF_FFF0):
            client.set_chunk_size(200)
            client.video(time, bytes(450))
            client.control(2, (6).to_bytes(4))
        seeds.append(b"\0" + _frames(client))
    return seeds


def amf0_values() -> list[bytes]:
    shared: Value = {"a": [1.0, "x", None]}
    return [
        encode_values("onMetaData", EcmaArray(width=64.0, title="é", live=True)),
        encode_values("connect", 1, {"app": "live", **ENHANCED}),
        encode_values("@setDataFrame", "onMetaData", {"at": Date(1.0), "x": Xml("<a/>")}),
        encode_values(TypedObject("Class", {"a": shared}), Marker.UNDEFINED, [shared, shared]),
        bytes.fromhex("03 0001 61 07 0000 000009 0a 00000002 07 0000 05 11 0a 0b 01 0361 06 00 01"),
    ]


def amf3_values() -> list[bytes]:
    values: list[Value] = [
        {"a": [1, 2.5, "text", "text"], "b": {"c": None}},
        Vector(VectorKind.INT, [1, -2, 3]),
        Vector(VectorKind.DOUBLE, [1.0]),
        TypedObject("Class", {"a": True, "b": b"bytes"}),
        [Date(1.0), Xml("<a/>"), Marker.UNDEFINED, 1 << 27],
    ]
    shared = bytes.fromhex("09 05 01 0a 13 01 03 61 06 03 78 0a 02")
    return [*map(encode_amf3_value, values), shared]


def _whole_sessions() -> list[bytes]:
    """What clients say behind their handshake, from connect to the end."""
    seeds = []
    for client in _clients():
        client.connect("live", **ENHANCED)
        client.command("releaseStream", 2, None, "room")
        client.command("FCPublish", 3, None, "room")
        client.command("createStream", 4, None)
        client.publish("room")
        seeds.append(client.data_to_send() + _frames(client) + _goodbye(client))
    return [*seeds, _watcher()]


def _watcher() -> bytes:
    """What players say behind their handshake (protocol §4.8), one after the other."""
    watcher = RtmpClient()
    watcher.connect()
    watcher.window_ack_size(5000)
    watcher.control(4, struct.pack(">HII", 3, 0, 300))
    watcher.command("createStream", 2, None)
    watcher.command("FCSubscribe", 3, None, "room")
    watcher.command("getStreamLength", 4, None, "room")
    watcher.play("room")
    watcher.control(4, struct.pack(">HII", 3, 1, 3000))
    return watcher.data_to_send() + _watching() + _play_again()


def _watching() -> bytes:
    """What the buttons of a player say, all of which mean nothing for what is live."""
    watcher = RtmpClient()
    watcher.command("pause", 0, None, True, 1000, stream_id=1)
    watcher.command("pauseRaw", 5, None, False, 1000, stream_id=1)
    watcher.command("seek", 6, None, 0.0, stream_id=1)
    watcher.command("receiveAudio", 0, None, False, stream_id=1)
    watcher.command("receiveVideo", 0, None, True, stream_id=1)
    watcher.command("play2", 0, None, {"streamName": "room", "oldStreamName": "room"}, stream_id=1)
    watcher.control(4, b"\0\6time")
    return watcher.data_to_send()


def _play_again() -> bytes:
    watcher = RtmpClient()
    watcher.command("closeStream", 0, None, stream_id=1)
    watcher.play("room")
    watcher.command("FCUnsubscribe", 0, None, "room")
    watcher.command("deleteStream", 0, None, 1)
    return watcher.data_to_send()


def _goodbye(client: RtmpClient) -> bytes:
    client.finish("room")
    return client.data_to_send()


def _aggregate() -> bytes:
    client = RtmpClient()
    body = tag(9, 5, media.avc_config()) + tag(8, 9, b"\xaf\x01a") + tag(18, 9, media.metadata())
    client.message(5, 22, 1, 40, body)
    client.message(5, 22, 1, 80, body[:-20])
    return client.data_to_send()


def logins() -> list[str]:
    """The applications that a client with a user name connects to, round by round."""
    account = Account("room", PASSWORD)
    given = {"user": "room", "salt": SALT, "challenge": "token", "opaque": "token"}
    return [
        *(f"live?authmod={method}&user=room" for method in ("adobe", "llnw", "else")),
        "live" + account.answer("adobe", given),
        "live" + account.answer("llnw", {"nonce": "token"}, "live"),
        "no",
    ]


def servers() -> list[bytes]:
    seeds = [b"\0" + C0_C1 + C2 + each for each in _whole_sessions()[:2]]
    seeds += [b"\1" + each for each in _whole_sessions()]
    for app in logins():
        client = RtmpClient()
        client.connect(app)
        seeds.append(b"\1" + client.data_to_send())
    seeds += [bytes((options,)) + _frames(RtmpClient()) for options in (3, 7)]
    digest = b"\x03" + c1_of(Schema.DIGEST_FIRST) + C2
    seeds += [b"\x08" + digest + _watcher(), b"\x09" + _watcher(), b"\x0d" + _watcher()]
    seeds += [options + _watching() + _play_again() for options in (b"\3", b"\x0b", b"\x0f")]
    return [*seeds, b"\3" + _aggregate(), b"\3" + _goodbye(RtmpClient())]


def _step(kind: int, *parts: int | bytes) -> bytes:
    """A step of a script; bytes are led by their length."""
    step = bytes((kind,))
    for part in parts:
        step += bytes((part,)) if isinstance(part, int) else bytes((len(part),)) + part
    return step


def _command(name: str, stream_id: int, text: bytes, transaction: int = 4) -> bytes:
    index = script.COMMANDS.index(name)
    return _step(script.COMMAND, index, stream_id, transaction, text)


def _ours(turn: Turn, stream_id: int = 1) -> bytes:
    return _step(script.OURS, turn.value, stream_id)


def sessions() -> list[bytes]:
    connect, create = _command("connect", 0, b"live"), _command("createStream", 0, b"")
    publish, play = _command("publish", 1, b"room"), _command("play", 2, b"room")
    frame = _step(script.FRAME, 1, 1, 5, 0x17, 1, 45)
    small = _step(script.MESSAGE, 1, 1, 4, 8, b"\xaf\1a")
    data = _step(script.MESSAGE, 0, 1, 4, 18, encode_values("onCuePoint", 1))
    aggregate = _step(script.AGGREGATE, 1, 1, 4, 2, 9, 0, 5, b"\x17\1\0", 8, 0, 9, b"a", 0)
    end = _step(script.NUMBERED, script.COMMANDS.index("deleteStream"), 0, 1, 3, 0)
    size, ping = _step(script.CHUNK_SIZE, 1, 0), _step(script.CONTROL, 4, b"\0\6time")
    unfinished = _step(script.UNFINISHED, 1, 1, 6, 2, 0) + _step(script.CONTROL, 2, b"\0\0\0\x3f")
    begun = connect + create + publish
    life = begun + size + frame + small + data + aggregate + ping + unfinished + frame + end
    return [
        *(bytes((options,)) + life + publish + frame + end for options in range(16)),
        b"\0" + begun + play + frame + _ours(Turn.END_PLAY, 2) + _ours(Turn.END_PUBLISH) + small,
        b"\0" + begun + (frame + small) * 3 + _ours(Turn.TAKE_OUTPUT) + _ours(Turn.ALLOW_DATA),
        b"\0" + connect + _command("publish", 1, b"no") + _command("play", 1, b"no") + publish,
        *(b"\0" + _command("connect", 0, app.encode()) for app in logins()),
        *(bytes((options,)) + connect + _watched() for options in (0, 8)),
        b"\x08" + begun + _nearly_too_much(),
        b"\x08" + connect + create + _command("play", 1, b"room", 0) + _too_much_of_a_player(),
        b"\x08" + connect + _ours(Turn.ASK_AWAY) + (ping + _ours(Turn.ALLOW_PLAYER)) * 3,
        b"\0" + begun + _step(script.RAW, b"\x03\0\0\0") + frame,
    ]


def _nearly_too_much() -> bytes:
    """As many unfinished bytes as may be, and a whole message beside them: once it was too much."""
    begin = _step(script.CHUNK_SIZE, 15, 60) + _step(script.UNFINISHED, 1, 1, 4, 15, 80)
    return begin + _step(script.CHUNK_SIZE, 19, 136) + _step(script.FRAME, 1, 1, 6, 23, 11, 177)


def _too_much_of_a_player() -> bytes:
    """One message that is larger than all that a player may leave unfinished, but comes whole."""
    return _step(script.CHUNK_SIZE, 15, 60) + _step(script.FRAME, 1, 1, 4, 8, 8, 0)


def _watched() -> bytes:
    """A player that uses all its buttons while it is sent frames."""
    play, frame = _command("play", 1, b"room", 0), _ours(Turn.RELAY)
    said = _command("FCSubscribe", 0, b"room") + play + frame
    for name in ("pause", "pauseRaw", "seek", "receiveAudio", "receiveVideo", "play2"):
        said += _command(name, 1, b"", 0) + frame
    said += _command("closeStream", 1, b"") + frame + play + frame + _ours(Turn.END_PLAY) + frame
    return said + play + _command("FCUnsubscribe", 0, b"room") + _command("deleteStream", 1, b"")


def files() -> list[bytes]:
    wrapped = [
        (VIDEO, 0, many_tracks(0x96, 1, b"avc1", [(0, bytes(9)), (1, bytes(9))])),
        (VIDEO, 40, with_modex(b"\x91hvc1\0\0\0" + bytes(9), [bytes(3)])),
        (VIDEO, 80, one_track(0x96, 1, b"av01", 1, bytes(90))),
        (AUDIO, 0, media.flac_config()),
        (AUDIO, 0, media.multichannel_config(b"Opus")),
    ]
    plain = [
        (SCRIPT, 0, media.metadata(width=64, title="x")),
        (VIDEO, 0, media.avc_config()),
        (AUDIO, 0, media.aac_config()),
        (VIDEO, 0, media.avc_frame(size=90)),
        (AUDIO, 7, media.aac_frame()),
        (VIDEO, 0x0100_0028, media.avc_frame(key=False)),
        (VIDEO, 80, media.avc_end()),
        (VIDEO, 80, media.video_command()),
    ]
    header = file_header(audio=True, video=True)
    seeds = [header + b"".join(flv_tag(*each) for each in tags) for tags in (plain, wrapped)]
    return [*seeds, seeds[0][:-9], seeds[0] + bytes(300), header, b"FLV\x01", b""]


def parts() -> list[bytes]:
    """What a recorder leaves that is killed, and the same closed; with the head that tells."""
    segment = carry_out(actions(end_ms=1_500, size=20))[0]
    head, data = bytes(segment.opened.head), bytes(segment.data)
    return [*files(), data, head + data[len(head) :], head + data[len(head) : -3], head]


def messages() -> list[bytes]:
    """One of each codec, and of each wrapper."""
    many = many_tracks(0x96, 1, b"avc1", [(0, bytes(9)), (1, bytes(9))])
    own = [
        *((VIDEO, body) for body in (media.avc_config(), media.avc_frame(), media.avc_end(), many)),
        *((AUDIO, body) for body in (media.aac_config(), media.aac_frame(), media.mp3_frame())),
        (VIDEO, with_modex(b"\x91hvc1\0\0\0" + bytes(9), [bytes(3), bytes(300)])),
        (VIDEO, one_track(0x96, 1, b"avc1", 1, bytes(9))),
        (AUDIO, media.multichannel_config(b"Opus")),
        (SCRIPT, media.metadata(width=64)),
    ]
    return [bytes((KINDS.index(kind),)) + body for kind, body in (*RECORDS, *own)]


def publishes() -> list[bytes]:
    """A few seconds of one, said in the ways that `segments` knows."""
    data = _step(DATA, media.amf_text("@setDataFrame") + media.metadata(width=64, title="x"))
    cue = _step(DATA, encode_values("onCuePoint", 1))
    frame = _step(PICTURE, 0, 60, 3)
    rest = data + cue + (frame + _step(TAKE)) * 6 + _step(TICK, 200) + _step(SPLIT) + frame * 3
    bodies = [(KINDS[each[0]], each[1:]) for each in messages() if KINDS[each[0]] != SCRIPT]
    said = [_step(BODY, KINDS.index(kind), body[:255], 2) for kind, body in bodies]
    return [
        *(bytes((options,)) + rest + b"".join(said[options::4]) + rest for options in range(8)),
        b"\5" + b"".join(said) + rest,
    ]


SEEDS: Final[Mapping[str, Callable[[], list[bytes]]]] = {
    "handshake": handshakes,
    "chunks": chunk_streams,
    "amf0": amf0_values,
    "amf3": amf3_values,
    "server": servers,
    "session": sessions,
    "flv": files,
    "salvage": parts,
    "page": requests.requests,
    "codecs": messages,
    "segments": publishes,
}
