"""A publisher: one accepted publish, between the connection that sends it and the room it is in.

Owns what both must know of it, and what a room may ask of a connection, so that it does not know
what a session is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder.live.room import Room
    from recorder.live.tcp_info import TcpInfo


class Connection(Protocol):
    """What a room may ask of the session that publishes into it."""

    address: str

    def counts(self, publisher: Publisher) -> Mapping[str, int]:
        """The anomalies seen on the connection since this publish began."""

    def tcp_info(self) -> TcpInfo | None:
        """What the kernel knows of the line; None: nothing."""

    def silent_ms(self) -> int:
        """How long the peer has sent nothing while we were reading, in ms."""

    async def catch_up(self) -> None:
        """Return when all that the peer has sent by now is handled, or soon."""

    def evict(self, publisher: Publisher, reason: str) -> None:
        """This publish is over; the room has already let go of it."""


@attrs.define(eq=False)
class Publisher:
    """One accepted publish."""

    room: Room
    connection: Connection
    stream_id: int
    since_s: float
    """When it was accepted, on Trio's clock."""
    excused_s: float = 0.0
    """So long we have not read of it since."""
    software: str = ""
    has_media: bool = False
    counted: Mapping[str, int] = attrs.field(factory=dict)
    """The connection's anomalies when the publish began."""
    received_bytes: int = 0
    """What has come of it, as on the wire, with its share of what frames it."""
    received_s: float | None = None
    """When something was last read from its connection, on Trio's clock; None: nothing yet."""
    unshared_bytes: int = 0
    """What its messages hold that have come since the connection's bytes were last shared out; not
    counted while it has the connection for itself."""
