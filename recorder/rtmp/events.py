"""What the application gets to see: facts, in the order in which the peer caused them.

Owns the event types and the three markers. An event never names the connection, and text in it is
clean (`text.py`), except names: those identify and are secrets, so they are whole.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from recorder.amf import Value
    from recorder.rtmp.login import Login


class Wait(enum.Enum):
    """What `next_event` says when there is no event."""

    NEED_DATA = "need data"
    PAUSED = "paused"
    MORE = "more"


NEED_DATA: Final = Wait.NEED_DATA
"""Everything that was received has been parsed: call `receive_data`."""

PAUSED: Final = Wait.PAUSED
"""The last event asks for a decision: nothing more is parsed until it is made."""

MORE: Final = Wait.MORE
"""Much was parsed that makes no event, and there may be more: ask again, when others have had a
turn."""


@attrs.frozen(kw_only=True)
class ConnectRequested:
    """The peer names an application. Answer: `accept_connect` or `reject_connect`."""

    app: str = attrs.field(repr=False)
    tc_url: str = attrs.field(repr=False)
    login: Login | None = None
    """What it says of a user name and a password. Each round of a login is a connection of its own,
    and all but the last are answered by `reject_connect`, with the words of `login.py`."""
    flash_version: str
    command: dict[str, Value] = attrs.field(repr=False)
    """The command object as far as it is flat: cleaned text, numbers, lists and maps of them."""


@attrs.frozen(kw_only=True)
class PublishRequested:
    """The peer wants to publish on a NetStream. Answer: `accept_publish` or `reject_publish`."""

    stream_id: int
    name: str = attrs.field(repr=False)
    publish_type: str
    app: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class MediaReceived:
    """One audio (8) or video (9) message of a publishing stream; the payload is the FLV tag body.

    The timestamp is the sender's, modulo 2**32. The payload may be empty (§2.8).
    """

    stream_id: int
    kind: int
    timestamp: int
    payload: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class DataReceived:
    """One data message of a publishing stream, as clean AMF0 that begins with the handler's name.

    `@setDataFrame`, the format byte of type 15 and AMF3 values are gone from the payload: it may
    stand in a file as it is. `name` is for reading.
    """

    stream_id: int
    timestamp: int
    name: str
    payload: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class PublishEnded:
    """The peer ended a publish by a command: a clean end. Comes once per accepted publish."""

    stream_id: int
    command: str


@attrs.frozen(kw_only=True)
class PlayRequested:
    """The peer wants to play what somebody publishes. Answer: `accept_play` or `reject_play`.

    What it played on the same NetStream has ended by that, without a `PlayEnded`.
    """

    stream_id: int
    name: str = attrs.field(repr=False)
    unwanted: frozenset[int] = frozenset()
    """As of `PlayChanged`, which tells of what it wants later."""


@attrs.frozen(kw_only=True)
class PlayChanged:
    """The peer wants something else of what it plays, as it stands here. Only of accepted plays."""

    stream_id: int
    is_paused: bool
    """Then it shall be sent no media."""
    unwanted: frozenset[int]
    """The kinds (8, 9) that it shall not be sent."""
    anew: bool
    """What it is sent from here on begins as it did behind the play."""


@attrs.frozen(kw_only=True)
class PlayEnded:
    """The peer wants no more of it. Comes once per accepted play that nothing else has ended."""

    stream_id: int


Event: TypeAlias = (
    ConnectRequested
    | PublishRequested
    | MediaReceived
    | DataReceived
    | PublishEnded
    | PlayRequested
    | PlayChanged
    | PlayEnded
)
