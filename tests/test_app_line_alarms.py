"""The alarms over an encoder's line, in time: which line is one, and when it is over."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from recorder.status.alarms import Alarms
from tests.helpers.line import Encoder
from tests.status import snapshots as made


@attrs.define
class Watch:
    """The alarms over an encoder, at the ticks of the board."""

    encoder: Encoder
    alarms: Alarms = attrs.field(factory=Alarms)

    def stands(self, **how: Any) -> bool:
        """Whether it is one behind the next tick."""
        line = self.encoder.run(self.encoder.tick_s, **how)
        media_age_s = self.encoder.now_s - self.encoder.arrived_s
        seen = made.picture(rooms=(made.room(quality=line.score, media_age_s=media_age_s),))
        found = self.alarms.judge(seen, self.encoder.now_s)
        return "weak_connection" in [each.kind for each in found]

    def until(self, wanted: bool, **how: Any) -> float:
        """After how many seconds it is so; a minute is too long."""
        began_s = self.encoder.now_s
        while self.stands(**how) is not wanted:
            assert self.encoder.now_s - began_s < 60
        return self.encoder.now_s - began_s


@pytest.mark.parametrize("tick_s", [1, 5])
def test_a_line_that_goes_bad_is_an_alarm_in_time_and_is_over_when_it_is_good(tick_s: int) -> None:
    watch = Watch(Encoder(tick_s=tick_s))
    for _ in range(60 // tick_s):
        assert not watch.stands()
    assert watch.until(True, late_s=3) <= 30
    assert watch.until(False) <= 45
    for _ in range(60 // tick_s):
        assert not watch.stands()


@pytest.mark.parametrize("tick_s", [1, 5])
def test_one_hiccup_is_no_alarm_and_one_every_few_seconds_is(tick_s: int) -> None:
    watch = Watch(Encoder(tick_s=tick_s))
    watch.encoder.run(20)
    watch.encoder.run(2.5, late_s=2.5)
    watch.encoder.run(2.5)
    assert not any(watch.stands() for _ in range(60 // tick_s))
    for _ in range(5):
        watch.encoder.run(2.5, late_s=2.5)
        watch.encoder.run(2.5)
        stands = watch.stands()
    assert stands


@pytest.mark.parametrize("tick_s", [1, 5])
def test_a_line_that_falls_silent_every_few_seconds_is_an_alarm_of_its_own(tick_s: int) -> None:
    """Although each silence has one, and none lasts for long."""
    watch = Watch(Encoder(tick_s=tick_s))
    watch.encoder.run(20)
    seen = [watch.stands(late_s=6 * (round(watch.encoder.now_s) % 12 < 6)) for _ in range(60)]
    assert seen[-1]
    assert not any(seen[: 15 // tick_s])
