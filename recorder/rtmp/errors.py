"""What can go wrong: the caller's mistake, or the peer's.

Owns the error types and the hint that lets the I/O layer choose a log line and an answer without
reading the text. A reason tells the story of the bytes; it never quotes them, because what a peer
sends may be a key.
"""

from __future__ import annotations

import enum


class Hint(enum.Enum):
    """What kind of peer or fault this was: one log line each (protocol §1.4 rule 6)."""

    PROTOCOL = "protocol"
    """RTMP, but broken: a desynchronised or a hostile sender."""

    TLS = "tls"
    """A TLS hello: an encoder set to rtmps:// came to the plain port."""

    HTTP = "http"
    """A browser, a health check, a scanner."""

    RTMPE = "rtmpe"
    """The encrypted variants, which have no security value (§1.5)."""

    NOT_RTMP = "not-rtmp"
    """Anything else that does not begin with version 3."""

    TOO_LARGE = "too-large"
    """A bound on size or number was passed."""

    NOT_PUBLISHING = "not-publishing"
    """Media kept coming for a stream that nobody may publish (§6 rows 22 and 28)."""

    UNREAD = "unread"
    """The peer causes answers faster than it takes them."""

    BAD_NAME = "bad-name"
    """An application or stream name that nobody could have configured."""


class ProtocolError(Exception):
    """Base of the two below; never raised itself."""

    def __init__(self, reason: str) -> None:
        if type(self) is ProtocolError:
            raise TypeError("raise LocalProtocolError or RemoteProtocolError")
        super().__init__(reason)
        self.reason = reason


class LocalProtocolError(ProtocolError):
    """We were used wrongly. Nothing was sent and no state moved: a recording goes on."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol or a bound.

    Final for the connection: every later `next_event` raises the same reason again. What stands
    in `data_to_send` may still be sent, so that the peer learns why.
    """

    def __init__(self, reason: str, hint: Hint = Hint.PROTOCOL) -> None:
        super().__init__(reason)
        self.hint = hint
