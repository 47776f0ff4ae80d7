"""The round-trip time of an encoder's connection as it was last measured.

A part of the app. The kernel tells a mean of which each measurement is an eighth (RFC 6298, section
2), and measures when what we send is acknowledged: to an encoder we send little, an acknowledgement
for some MB, and so a mean would be one of minutes. What went into it since the last look is worked
out of both means. Many encoders are sent nothing at all behind their first seconds, and of them
nobody knows how long a round trip is now. Pure.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from recorder.live.tcp_info import TcpInfo

WEIGHT: Final = 1 / 8
"""Of one measurement in the kernel's mean."""

FRESH_S: Final = 30.0
"""An encoder of 500 kbit/s that wants acknowledgements is sent one every 20 s."""


class RoundTrip:
    """Of one connection.

    Attributes:
        last_us: as `look` says it, however long ago it was measured; 0: it never was.
    """

    def __init__(self) -> None:
        self.last_us = 0
        self._last: TcpInfo | None = None
        self._resent: int | None = None
        """When something was last acknowledged."""
        self._measured = deque[int](maxlen=2)
        self._measured_s = -math.inf

    def look(self, tcp: TcpInfo | None, now_s: float) -> tuple[int, int]:
        """In microseconds, the lesser of the last two measurements: one alone may have waited for
        something that is over, and the next comes in a while. And by how much both lie off their
        mean; the kernel's word where there is only one. 0: it is not known, or was last measured
        longer than FRESH_S ago."""
        if tcp is None or tcp.rtt_us is None:
            return 0, 0
        last, self._last = self._last, tcp
        if last is None or last.rtt_us is None or tcp.delivered is None or last.delivered is None:
            self._take(tcp.rtt_us, now_s)
            self._resent = tcp.resent
        elif tcp.delivered > last.delivered:
            if tcp.rtt_us != last.rtt_us:
                share = 1 - (1 - WEIGHT) ** (tcp.delivered - last.delivered)
                measured = last.rtt_us + (tcp.rtt_us - last.rtt_us) / share
                self._take(max(0, round(measured)), now_s)
            elif tcp.resent == self._resent:
                # Measured again, and the same. Of what was sent again nothing is measured where
                # there are no timestamps (RFC 6298, section 3), and the mean stays as it was.
                self._measured_s = now_s
            self._resent = tcp.resent
        self.last_us, variation_us = self._of_both(tcp)
        return (self.last_us, variation_us) if now_s - self._measured_s <= FRESH_S else (0, 0)

    def _take(self, measured_us: int, now_s: float) -> None:
        self._measured.append(measured_us)
        self._measured_s = now_s

    def _of_both(self, tcp: TcpInfo) -> tuple[int, int]:
        least, most = min(self._measured), max(self._measured)
        if len(self._measured) == 1:
            return least, tcp.rtt_variation_us or 0
        return least, (most - least) // 2
