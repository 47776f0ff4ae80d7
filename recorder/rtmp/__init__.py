"""RTMP, sans-I/O: bytes in, events and bytes out.

The public face. Everything in here imports `recorder.amf` and nothing else of ours: no Trio, no
clock, no logging, no randomness. See DESIGN.md.
"""

from recorder.rtmp.connection import ServerConnection
from recorder.rtmp.counters import Counters
from recorder.rtmp.errors import Hint, LocalProtocolError, ProtocolError, RemoteProtocolError
from recorder.rtmp.events import (
    MORE,
    NEED_DATA,
    PAUSED,
    ConnectRequested,
    DataReceived,
    Event,
    MediaReceived,
    PlayChanged,
    PlayEnded,
    PlayRequested,
    PublishEnded,
    PublishRequested,
    Wait,
)
from recorder.rtmp.handshake import FILLER_BYTES
from recorder.rtmp.limits import Limits
from recorder.rtmp.login import (
    Login,
    LoginMethod,
    challenge,
    expected_response,
    invitation,
    login_failed,
    read_login,
)
from recorder.rtmp.messages import MessageType

__all__ = [
    "FILLER_BYTES",
    "MORE",
    "NEED_DATA",
    "PAUSED",
    "ConnectRequested",
    "Counters",
    "DataReceived",
    "Event",
    "Hint",
    "Limits",
    "LocalProtocolError",
    "Login",
    "LoginMethod",
    "MediaReceived",
    "MessageType",
    "PlayChanged",
    "PlayEnded",
    "PlayRequested",
    "ProtocolError",
    "PublishEnded",
    "PublishRequested",
    "RemoteProtocolError",
    "ServerConnection",
    "Wait",
    "challenge",
    "expected_response",
    "invitation",
    "login_failed",
    "read_login",
]
