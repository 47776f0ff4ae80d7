"""Commands and data messages: what they say, and the words of our answers.

Owns the AMF side of types 15, 17, 18 and 20 (protocol §3, §4.1) and the bodies of §4.3 and §4.4.
Decides nothing: which answer is due is the connection's affair. Our descriptions are short on
purpose: everything sent after Publish.Start stays below 128 bytes (§4.3, OBS).
"""

from __future__ import annotations

from typing import Final

import attrs

from recorder.amf import AmfError, AmfLimits, Marker, Value, decode_values, encode_values
from recorder.rtmp.messages import Message, MessageType

_FORMAT_BYTE: Final = b"\0"
"""Types 15 and 17 begin with it; some senders forget it (§2.7)."""

SET_DATA_FRAME: Final = "@setDataFrame"
CLEAR_DATA_FRAME: Final = "@clearDataFrame"


@attrs.frozen
class Command:
    """One command message (§4.1)."""

    name: str
    transaction: float
    """0: the peer wants no answer, and never gets one. Echoed as it came."""
    stream_id: int
    object: dict[str, Value]
    """Empty where the peer sent null, or anything else that has no members."""
    arguments: list[Value]

    def argument(self, index: int) -> Value:
        """Return an argument, None where the peer sent fewer."""
        return self.arguments[index] if index < len(self.arguments) else None


def read_command(message: Message, limits: AmfLimits) -> Command | None:
    """Return the command, or None if it is none: no AMF, or no name in front."""
    body = _without_format_byte(message, MessageType.COMMAND_AMF3)
    try:
        values = decode_values(body, limits=limits)
    except AmfError:
        return None
    if not values or not isinstance(values[0], str):
        return None
    transaction, members = [*values[1:3], None, None][:2]
    return Command(
        name=values[0],
        transaction=float(transaction) if isinstance(transaction, int | float) else 0.0,
        stream_id=message.stream_id,
        object=members if isinstance(members, dict) else {},
        arguments=values[3:],
    )


def read_data(message: Message, limits: AmfLimits) -> tuple[str, bytes] | None:
    """Return a data message's handler name and clean AMF0 body, or None if there is none.

    The values are encoded anew even where nothing changes: that drops what stands behind them
    (ffmpeg, Bilibili: §3.1), ends what was left open, and resolves AMF3 and references.
    """
    try:
        values = decode_values(_without_format_byte(message, MessageType.DATA_AMF3), limits=limits)
        if values and values[0] == SET_DATA_FRAME:
            del values[0]
        if not values or not isinstance(values[0], str):
            return None
        return values[0], encode_values(*values, limits=limits)
    except AmfError:
        return None


def _without_format_byte(message: Message, amf3_type: MessageType) -> bytes:
    body = message.payload
    return body[1:] if message.type_id == amf3_type and body[:1] == _FORMAT_BYTE else body


def result(transaction: float, *values: Value) -> bytes:
    """Return a `_result`: properties, or null, and then what was asked for."""
    return encode_values("_result", transaction, *values)


def nothing(transaction: float) -> bytes:
    """Return the `_result` of a call that has none (§4.3 rules 2 and 5)."""
    return result(transaction, None, Marker.UNDEFINED)


def connect_result(transaction: float, enhanced: dict[str, Value] | None = None) -> bytes:
    """Return the answer of §4.3 rule 1, with what Enhanced RTMP settles.

    The version is one that clients parse without complaint. objectEncoding 0: we promise AMF0,
    which everybody speaks, and read both (§3.2).
    """
    properties: dict[str, Value] = {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31}
    information = _information("status", "NetConnection.Connect.Success", "Connection succeeded.")
    return result(transaction, properties, information | {"objectEncoding": 0} | (enhanced or {}))


def connect_error(transaction: float, description: str) -> bytes:
    """Return the refusal of §4.4: OBS and ffmpeg show the description. It stays the last member:
    librtmp reads it up to the next zero byte, which is that of the object's end."""
    return error(transaction, "NetConnection.Connect.Rejected", description)


def status(level: str, code: str, description: str) -> bytes:
    """Return an `onStatus`, whose transaction is always 0 (§4.1)."""
    return encode_values("onStatus", 0, None, _information(level, code, description))


def error(transaction: float, code: str, description: str) -> bytes:
    """Return the `_error` of a call that cannot be answered."""
    return encode_values("_error", transaction, None, _information("error", code, description))


def on_fc_publish() -> bytes:
    """Return what FMLE and Makito-class appliances wait for (§4.3). Never with the stream's name:
    it may hold the key."""
    information: Value = {"code": "NetStream.Publish.Start", "description": "Publishing."}
    return encode_values("onFCPublish", 0, None, information)


def on_fc_unpublish() -> bytes:
    information: Value = {"code": "NetStream.Unpublish.Success", "description": "Unpublished."}
    return encode_values("onFCUnpublish", 0, None, information)


def on_fc_subscribe() -> bytes:
    """Return what radio players wait for (§4.8). Never with the stream's name, as above."""
    information: Value = {"code": "NetStream.Play.Start", "description": "Play it."}
    return encode_values("onFCSubscribe", 0, None, information)


def sample_access() -> bytes:
    """Return the data message in front of media: a player may look at what it is sent (§4.8)."""
    return encode_values("|RtmpSampleAccess", True, True)


def _information(level: str, code: str, description: str) -> dict[str, Value]:
    return {"level": level, "code": code, "description": description}
