"""What systemd hears of the recorder, and when: on a clock that jumps, with a notifier that
remembers."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing
from msgspec.structs import replace

from recorder.app_service import MORE_TIME_S, STATUS_EVERY_S, Service, in_words
from recorder.live.pulse import GRACE_S, TURN_S, Pulse
from recorder.systemd import Notifier
from tests.status.sample import ALARM, SNAPSHOT

if TYPE_CHECKING:
    from trio.testing import MockClock

WATCHDOG_S = 30.0
STOP_TIMEOUT_S = 45.0


class Remembering(Notifier):
    """Writes down what would be told, with the second it was told in."""

    def __init__(self) -> None:
        super().__init__("@nobody")
        self.told: list[tuple[float, str]] = []

    def tell(self, *assignments: str) -> bool:
        self.told.append((trio.current_time(), "\n".join(assignments)))
        return True

    def times(self, text: str) -> list[float]:
        return [at for at, told in self.told if told.startswith(text)]


@attrs.define
class Running:
    service: Service
    told: Remembering
    stop: trio.Event = attrs.field(factory=trio.Event)


@pytest.fixture
def running(nursery: trio.Nursery, autojump_clock: MockClock) -> Running:
    told = Remembering()
    made = Running(Service(told, WATCHDOG_S), told)
    nursery.start_soon(
        partial(made.service.run, made.stop, stop_timeout_s=lambda: STOP_TIMEOUT_S), name="service"
    )
    return made


# --- the watchdog -----------------------------------------------------------


async def test_the_watchdog_hears_three_times_as_often_as_it_wants(
    running: Running, autojump_clock: MockClock
) -> None:
    await trio.sleep(61)
    times = running.told.times("WATCHDOG=1")
    assert [each - times[0] for each in times] == [0, 10, 20, 30, 40, 50, 60]


async def test_a_session_that_does_not_run_stops_the_beat_and_is_named(
    running: Running, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, well = Pulse("10.0.0.1", trio.current_time()), Pulse("10.0.0.2", trio.current_time())
    well.waits_until(trio.current_time() + 3600)
    running.service.pulses = lambda: [well, stuck]
    await trio.sleep(200)
    last = running.told.times("WATCHDOG=1")[-1]
    assert last <= stuck.due_s + GRACE_S + WATCHDOG_S
    assert trio.current_time() - last > 2 * WATCHDOG_S
    assert "10.0.0.1: its session does not run" in caplog.text
    assert "10.0.0.2" not in caplog.text
    # It runs after all: so does the beat.
    stuck.waits_until(trio.current_time() + 3600)
    await trio.sleep(WATCHDOG_S)
    assert running.told.times("WATCHDOG=1")[-1] > last + 2 * WATCHDOG_S


async def test_sessions_that_run_keep_it_going(
    running: Running, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    pulse = Pulse("10.0.0.1", trio.current_time())
    running.service.pulses = lambda: [pulse]
    for _ in range(100):
        pulse.works(trio.current_time())
        await trio.sleep(TURN_S)
    assert len(running.told.times("WATCHDOG=1")) >= 100
    assert not caplog.records


async def test_nobody_watches_without_a_watchdog(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    told = Remembering()
    service = Service(told, None)
    nursery.start_soon(partial(service.run, trio.Event(), stop_timeout_s=lambda: 1))
    await trio.sleep(100)
    assert told.told == []


async def test_without_systemd_nothing_runs(autojump_clock: MockClock) -> None:
    await Service(Notifier(None), None).run(trio.Event(), stop_timeout_s=lambda: 1)


# --- the end ----------------------------------------------------------------


async def test_the_end_is_said_and_more_time_asked_for_while_it_lasts(
    running: Running, autojump_clock: MockClock
) -> None:
    await trio.sleep(5)
    began = trio.current_time()
    running.stop.set()
    await trio.sleep(300)
    assert running.told.times("STOPPING=1") == [began]
    asked = running.told.times("EXTEND_TIMEOUT_USEC=20000000")
    assert asked[0] == began
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert max(gaps) < MORE_TIME_S / 2
    # Bounded: whatever hangs then is killed.
    assert STOP_TIMEOUT_S <= asked[-1] - began <= STOP_TIMEOUT_S + 15
    assert running.told.times("WATCHDOG=1")[-1] > began + 200


# --- the status -------------------------------------------------------------


async def test_the_status_is_told_when_it_changes_and_never_more_than_once_a_second(
    running: Running, autojump_clock: MockClock
) -> None:
    quiet = replace(SNAPSHOT, alarms=())
    for _ in range(10):
        running.service.show(quiet)
        await trio.sleep(0.01)
    for number in range(20):
        alarm = replace(ALARM, text=f"number {number}")
        running.service.show(replace(SNAPSHOT, alarms=(alarm,)))
        await trio.sleep(0.1)
    await trio.sleep(100)
    told = [text for _, text in running.told.told if text.startswith("STATUS=")]
    times = running.told.times("STATUS=")
    assert told[0] == "STATUS=1 of 2 rooms live, no alarm"
    assert "number 19" in told[-1]
    assert 2 <= len(told) <= 4
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= (STATUS_EVERY_S)


def test_the_status_names_the_worst_alarm_and_its_room() -> None:
    alarm = replace(ALARM, room="lab", text="The sound is missing.")
    said = in_words(replace(SNAPSHOT, alarms=(alarm, *SNAPSHOT.alarms)))
    assert said == f"1 of 2 rooms live; {alarm.severity}: lab: The sound is missing."
    everywhere = replace(alarm, room=None)
    assert "; lab" not in in_words(replace(SNAPSHOT, alarms=(everywhere,)))
