"""The round-trip time of an encoder's connection as it was last measured.

A part of the app. The kernel tells a mean of which each measurement is an eighth (RFC 6298, section
2), and measures when what we send is acknowledged: to an encoder we send little, an acknowledgement
for some MB, and so a mean would be one of minutes. What went into it since the last look is worked
out of both means. Pure.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from recorder.live.tcp_info import TcpInfo

WEIGHT: Final = 1 / 8
"""Of one measurement in the kernel's mean."""


class RoundTrip:
    """Of one connection."""

    def __init__(self) -> None:
        self._last: TcpInfo | None = None
        self._measured = deque[int](maxlen=2)

    def look(self, tcp: TcpInfo | None) -> tuple[int, int]:
        """In microseconds, the lesser of the last two measurements: one alone may have waited for
        something that is over, and the next comes in a while. And by how much both lie off their
        mean; the kernel's word where there is only one. 0: it is not known."""
        if tcp is None or tcp.rtt_us is None:
            return 0, 0
        last, self._last = self._last, tcp
        if last is None or last.rtt_us is None or tcp.delivered is None or last.delivered is None:
            self._measured.append(tcp.rtt_us)
        elif tcp.delivered > last.delivered and tcp.rtt_us != last.rtt_us:
            # Of what was sent again nothing is measured (RFC 6298, section 3).
            share = 1 - (1 - WEIGHT) ** (tcp.delivered - last.delivered)
            measured = last.rtt_us + (tcp.rtt_us - last.rtt_us) / share
            self._measured.append(max(0, round(measured)))
        least, most = min(self._measured), max(self._measured)
        if len(self._measured) == 1:
            return least, tcp.rtt_variation_us or 0
        return least, (most - least) // 2
