"""The heartbeat: beats while the recorder answers, and only then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import trio

from recorder.hooks.heartbeat import ANSWER_S, State, beat
from recorder.hooks.patience import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest
    from trio.testing import MockClock

URL = "https://monitor.example/ping/t0ken"
DONE = Result(Outcome.DONE)
STATE = State(time="2026-11-29T10:00:00Z", live_rooms=2, worst_alarm=None)


@attrs.define
class Monitor:
    """Where it is heard: when, and what."""

    takes_s: float = 0.0
    result: Result = DONE
    beats: list[tuple[float, dict[str, Any]]] = attrs.field(factory=list)

    async def post(self, url: str, body: bytes) -> Result:
        assert url == URL
        self.beats.append((trio.current_time(), json.loads(body)))
        await trio.sleep(self.takes_s)
        return self.result


async def beats_for(
    seconds: float, monitor: Monitor, alive: Callable[[], Awaitable[State | None]]
) -> list[float]:
    began_s = trio.current_time()
    with trio.move_on_after(seconds):
        await beat(URL, 60.0, host="rec1", alive=alive, post=monitor.post)
    return [round(at - began_s) for at, _ in monitor.beats]


async def lives() -> State:
    await trio.lowlevel.checkpoint()
    return STATE


async def test_it_beats_every_minute_and_says_how_the_recorder_is(
    autojump_clock: MockClock,
) -> None:
    monitor = Monitor()
    assert await beats_for(250, monitor, lives) == [0, 60, 120, 180, 240]
    assert monitor.beats[0][1] == {
        "version": 1,
        "host": "rec1",
        "event": "heartbeat",
        "time": "2026-11-29T10:00:00Z",
        "live_rooms": 2,
        "worst_alarm": None,
    }


async def test_a_recorder_that_does_not_answer_has_no_heartbeat(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    began_s, monitor = trio.current_time(), Monitor()

    async def alive() -> State | None:
        now_s = trio.current_time() - began_s
        if 50 < now_s < 100:
            return None
        if 100 < now_s < 150:
            # Its loop hangs.
            await trio.sleep_forever()
        return STATE

    assert await beats_for(250, monitor, alive) == [0, 180, 240]
    assert caplog.text.count("The recorder does not answer") == 2
    assert ANSWER_S < 60


async def test_a_slow_or_dead_monitor_does_not_shift_the_beat_and_its_token_is_not_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = Monitor(takes_s=70.0, result=Result(Outcome.FAILED, "no answer within 70 s"))
    assert await beats_for(250, monitor, lives) == [0, 120, 240]
    assert "The heartbeat did not reach https://monitor.example: no answer" in caplog.text
    assert "t0ken" not in caplog.text
