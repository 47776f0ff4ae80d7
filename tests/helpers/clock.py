"""A clock that stands still until a test moves it."""

import attrs

START_UTC_NS = 1_795_343_400 * 1_000_000_000
"""2026-11-22T10:30:00Z."""


@attrs.define
class FakeClock:
    """Both clocks of `recorder.clock.Clock`, moved together or apart."""

    now_ms: int = 1_000_000
    now_utc_ns: int = START_UTC_NS
    is_trusted: bool = True

    def monotonic_ms(self) -> int:
        return self.now_ms

    def utc_ns(self) -> int:
        return self.now_utc_ns

    def trusted(self) -> bool:
        return self.is_trusted

    def advance(self, duration_ms: int) -> None:
        """Let time pass on both clocks."""
        self.now_ms += duration_ms
        self.now_utc_ns += duration_ms * 1_000_000

    def step_wall(self, by_ms: int) -> None:
        """Set the wall clock forward or back; the monotonic clock does not notice."""
        self.now_utc_ns += by_ms * 1_000_000
