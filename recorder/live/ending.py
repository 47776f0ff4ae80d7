"""Why a connection ends: what any part of a session may raise, and what the log is told of it.

Owns the words. Ends nothing itself: the session does, when such a reason reaches it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from recorder.logs import about, of_room, same
from recorder.neighbours import address_group
from recorder.rtmp import Hint

if TYPE_CHECKING:
    from collections.abc import Collection

    from recorder.rtmp import RemoteProtocolError

log = logging.getLogger(__name__)

_ADVICE: Final = {
    Hint.TLS: "; set the encoder to rtmp://, or to the port of rtmp.tls",
    Hint.RTMPE: " (RTMPE); set the encoder to rtmp://",
    Hint.HTTP: "; this is the port for encoders",
}
"""What a technician can do about a peer that speaks something else (protocol §1.4 rule 6)."""


class ConnectionOver(Exception):  # noqa: N818 — an end is no error
    """The session has a reason to end; its text is for the log. None: that has it already.

    Args:
        room: that it concerns, of a peer that publishes nowhere any more.
        kind: reasons of one kind are repeats of each other; None: those with the same text.
    """

    def __init__(self, reason: str | None, room: str | None = None, *, kind: object = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.room = room
        self.kind = kind or reason


def broken_by(error: RemoteProtocolError) -> ConnectionOver:
    """The end of a connection on which the peer broke the protocol."""
    return ConnectionOver(error.reason + _ADVICE.get(error.hint, ""), kind=error.hint)


def log_end(over: ConnectionOver, address: str, rooms: Collection[str]) -> None:
    """One line for each room that the peer publishes into. Of strangers, repeats from one place and
    of one kind are counted."""
    if over.reason is None:
        return
    for name in rooms:
        of_room(log, name).warning("%s: %s", address, over.reason)
    if not rooms:
        key = same(address_group(address), over.kind) | about(over.room)
        log.info("%s: %s", address, over.reason, extra=key)
