"""What a peer may still say: the quotas of one connection.

Owns the counts of what has no other bound and costs us something each time: messages of a stranger,
and of who plays or has ended its publish; data messages; media for nobody. The numbers and their
reasons are in `limits`. Whose quota is used up is cut off, but for data, which are dropped and
counted: no recording ends for what stands beside its sound and picture.

Knows no time: who knows how much of it has passed allows more, and never more than a burst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.rtmp.errors import Hint, RemoteProtocolError

if TYPE_CHECKING:
    from recorder.rtmp.counters import Counters
    from recorder.rtmp.limits import Limits

_MESSAGE_COST_BYTES: Final = 16
"""What a dropped message costs beside its payload, so that empty ones end as well."""


class Quotas:
    """Of one connection.

    Attributes:
        is_stranger: until its first publish or play is accepted.
    """

    def __init__(self, limits: Limits, counters: Counters) -> None:
        self.is_stranger = True
        self._limits = limits
        self._counters = counters
        self._stranger_left = limits.messages_before_publish
        self._player_left = limits.player_messages
        self._data_left = limits.data_messages
        self._stray_bytes = 0

    def count_for_stranger(self) -> None:
        """A message, of whatever type.

        Raises:
            RemoteProtocolError: one too many; so also below.
        """
        self._stranger_left -= 1
        if self._stranger_left < 0:
            raise RemoteProtocolError("too many messages before a publish", Hint.TOO_LARGE)

    def count_for_player(self, messages: int, payload: bytes = b"") -> None:
        """Messages of who does not publish. It has little to say; a stranger has a bound of its
        own."""
        if not self.is_stranger:
            self._player_left -= messages + len(payload) // self._limits.player_message_bytes
            if self._player_left < 0:
                raise RemoteProtocolError("too many messages from a player", Hint.TOO_LARGE)

    def allow_player(self, messages: int) -> None:
        self._player_left = min(self._limits.player_messages, self._player_left + messages)

    def takes_data(self, size: int) -> bool:
        """Whether a data message of so many bytes is let through."""
        if self._data_left <= 0:
            self._counters.excess_data += 1
            return False
        self._data_left -= 1 + size // self._limits.data_bytes
        return True

    def allow_data(self, messages: int) -> None:
        self._data_left = min(self._limits.data_messages, self._data_left + messages)

    def count_stray(self, payload: bytes) -> None:
        """Media for nobody: counted, and after a quota the end (§6 row 28)."""
        self._counters.media_without_publish += 1
        self._stray_bytes += len(payload) + _MESSAGE_COST_BYTES
        if self._stray_bytes > self._limits.stray_bytes:
            raise RemoteProtocolError(
                "media keeps coming for a stream that is not publishing", Hint.NOT_PUBLISHING
            )

    def forgive_stray(self) -> None:
        """A publish was accepted: what came before it counts no more."""
        self._stray_bytes = 0
