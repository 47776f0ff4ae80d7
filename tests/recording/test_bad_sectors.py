"""How long what the disk does not give is asked for again."""

from __future__ import annotations

from recorder.recording.bad_sectors import FIRST_RETRY_S, PATIENCE, RETRY_S, longer, waits


def test_a_bad_sector_is_given_up_after_a_minute() -> None:
    made = list(waits())
    assert len(made) == PATIENCE
    assert 60 <= sum(made) < 75


def test_waits_grow_up_to_the_longest_as_in_the_running_recorder() -> None:
    wait_s, made = FIRST_RETRY_S, list[float]()
    for _ in range(PATIENCE):
        made.append(wait_s)
        wait_s = longer(wait_s)
    assert made == list(waits())
    assert longer(RETRY_S) == RETRY_S
