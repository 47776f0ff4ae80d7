"""An encoder on a line that delays and loses, as the quality of the line is asked for."""

from __future__ import annotations

from typing import Any

import attrs
from msgspec.structs import replace

from recorder.app_line import Line, LineMeter, Moment
from recorder.live.tcp_info import TcpInfo
from recorder.recording.lateness import Lateness

QUIET = TcpInfo(
    rtt_us=1000,
    rtt_variation_us=500,
    resent=0,
    data_segments=0,
    delivered=0,
    out_of_order=0,
)

READ_S = 0.5
"""An encoder is read about so often."""


@attrs.define
class Encoder:
    """One that sends in real time, is read twice a second and looked at once.

    Attributes:
        step_ms: from one frame to the next.
        jumps: of its clock, so far.
    """

    step_ms: int = 1
    jumps: int = 0
    meter: LineMeter = attrs.field(factory=LineMeter)
    max_delay_s: float = 2.0
    tick_s: float = 1.0
    now_s: float = 100.0
    arrived_s: float = 100.0
    sent_dts: float = 0.0
    newest_dts: int = 0
    tcp: TcpInfo | None = QUIET
    lateness: Lateness = attrs.field(factory=Lateness)
    line: Line | None = None

    def run(
        self,
        seconds: float,
        *,
        pace: float = 1.0,
        late_s: float = 0.0,
        segments: int = 100,
        strays: int = 0,
    ) -> Line:
        """Go on for so many seconds; the last look at it is shown.

        Args:
            late_s: so long everything is on its way.
            segments: a second, as `strays`.
        """
        for _ in range(round(seconds / READ_S)):
            self.now_s += READ_S
            self.sent_dts += 1000 * READ_S * pace
            arrived_dts = round(self.sent_dts - late_s * 1000 * pace)
            self._read(arrived_dts // self.step_ms * self.step_ms)
            if self.tcp is not None:
                self.tcp = replace(
                    self.tcp,
                    data_segments=(self.tcp.data_segments or 0) + segments // 2,
                    out_of_order=(self.tcp.out_of_order or 0) + strays // 2,
                )
            if self.now_s % self.tick_s == 0:
                self.line = self.look()
        assert self.line is not None
        return self.line

    def _read(self, dts: int) -> None:
        if dts <= self.newest_dts:
            return  # It is still on its way.
        self.newest_dts, self.arrived_s = dts, self.now_s
        now_ms = round(self.now_s * 1000)
        self.lateness.read(now_ms, dts, step_ms=self.step_ms, jumps=self.jumps)

    def look(self) -> Line:
        spread = self.lateness.take()
        return self.meter.look(
            Moment(
                self.now_s,
                self.arrived_s,
                self.newest_dts,
                spread.step_ms,
                None
                if spread.least_ms is None or spread.most_ms is None
                else (spread.least_ms, spread.most_ms),
                self.tcp,
            ),
            self.max_delay_s,
        )

    def words(self, seconds: int, **how: Any) -> set[str | None]:
        """What was said in so many seconds, at each look."""
        return {self.run(self.tick_s, **how).shown.word for _ in range(int(seconds / self.tick_s))}
