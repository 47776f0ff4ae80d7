"""When a session counts as stuck."""

from __future__ import annotations

from recorder.live.pulse import GRACE_S, TURN_S, Overdue, Pulse

LATE_S = TURN_S + GRACE_S + 1


def test_one_that_runs_again_and_again_is_never_stuck() -> None:
    overdue, pulse = Overdue(), Pulse("10.0.0.1", 0.0)
    for now_s in range(1000):
        pulse.works(float(now_s))
        assert overdue.look([pulse], float(now_s)) == []


def test_one_whose_time_is_over_at_two_looks_is_stuck_until_it_runs() -> None:
    overdue, pulse = Overdue(), Pulse("10.0.0.1", 0.0)
    assert overdue.look([pulse], TURN_S + GRACE_S) == []
    assert overdue.look([pulse], LATE_S) == []
    assert overdue.look([pulse], LATE_S + 10) == [pulse]
    assert overdue.look([pulse], LATE_S + 20) == [pulse]
    pulse.works(LATE_S + 21)
    assert overdue.look([pulse], LATE_S + 22) == []


def test_one_that_waits_is_alive_as_long_as_it_said() -> None:
    overdue, pulse = Overdue(), Pulse("10.0.0.1", 0.0)
    pulse.waits_until(600.0)
    for now_s in (100.0, 300.0, 600.0, 600.0 + GRACE_S):
        assert overdue.look([pulse], now_s) == []
    assert overdue.look([pulse], 700.0) == []
    assert overdue.look([pulse], 710.0) == [pulse]


def test_after_the_whole_machine_stood_still_nobody_is_stuck() -> None:
    overdue, pulses = Overdue(), [Pulse(f"10.0.0.{number}", 0.0) for number in range(3)]
    assert overdue.look(pulses, 3600.0) == []
    for pulse in pulses:
        pulse.waits_until(3601.0)
    # Late again at once, but each has run in between.
    assert overdue.look(pulses, 3700.0) == []


def test_the_stuck_one_is_named_among_others() -> None:
    overdue = Overdue()
    stuck, well = Pulse("10.0.0.1", 0.0), Pulse("10.0.0.2", 0.0)
    for now_s in (LATE_S, LATE_S + 10):
        well.works(now_s)
        found = overdue.look([well, stuck], now_s)
    assert [each.who for each in found] == ["10.0.0.1"]
