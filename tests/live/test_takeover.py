"""Who gets a room in which somebody publishes."""

from __future__ import annotations

import pytest

from recorder.live.takeover import (
    Incumbent,
    Refuse,
    Replace,
    TakeoverHistory,
    TakeoverPolicy,
    decide,
)

OLD = "10.0.0.1"
NEW = "10.0.0.2"


def ask(
    policy: TakeoverPolicy,
    *,
    address: str = NEW,
    silent_ms: int = 0,
    history: TakeoverHistory | None = None,
    now_ms: int = 0,
) -> Replace | Refuse:
    incumbent = Incumbent(OLD, silent_ms)
    return decide(policy, incumbent, address, history or TakeoverHistory(), now_ms)


def test_always_replaces_at_once() -> None:
    assert ask("always") == Replace()


def test_never_refuses_even_the_same_address_and_a_silent_incumbent() -> None:
    answer = ask("never", address=OLD, silent_ms=3_600_000)
    assert answer == Refuse("10.0.0.1 publishes here, and rtmp.takeover is never")


@pytest.mark.parametrize("address", [OLD, "::ffff:10.0.0.1"])
def test_if_stale_replaces_at_once_from_the_same_address(address: str) -> None:
    assert ask("if-stale", address=address) == Replace()


def test_if_stale_does_not_take_a_neighbour_in_an_ipv6_network_for_the_same() -> None:
    incumbent = Incumbent("2001:db8::1", 0)
    for address, replaced in (("2001:db8::2", False), ("2001:DB8:0::1", True)):
        answer = decide("if-stale", incumbent, address, TakeoverHistory(), 0)
        assert isinstance(answer, Replace) is replaced


@pytest.mark.parametrize(("silent_ms", "replaced"), [(0, False), (1_999, False), (2_000, True)])
def test_if_stale_replaces_from_elsewhere_after_two_seconds_of_silence(
    silent_ms: int, replaced: bool
) -> None:
    answer = ask("if-stale", silent_ms=silent_ms)
    assert isinstance(answer, Replace) is replaced
    if not replaced:
        assert answer == Refuse("10.0.0.1 publishes here and is not silent")


@pytest.mark.parametrize("policy", ["always", "if-stale"])
def test_after_three_takeovers_in_a_minute_the_incumbent_stays_for_a_minute(
    policy: TakeoverPolicy,
) -> None:
    history = TakeoverHistory()
    for now_ms in (1_000, 31_000, 61_000):
        assert history.rests_for_ms(now_ms) == 0
        assert ask(policy, address=OLD, history=history, now_ms=now_ms) == Replace()
    assert history.rests_for_ms(61_000) == 60_000
    for now_ms, left_s in ((61_001, 60), (90_000, 31), (120_999, 1)):
        answer = ask(policy, address=OLD, silent_ms=9_000, history=history, now_ms=now_ms)
        assert isinstance(answer, Refuse)
        assert answer.reason.endswith(f"10.0.0.1 keeps it for {left_s} s more")
    assert history.rests_for_ms(121_000) == 0
    assert ask(policy, address=OLD, history=history, now_ms=121_000) == Replace()


@pytest.mark.parametrize("first", [(0, 1, 2), (2, 2, 2)])
def test_after_the_rest_counting_begins_anew(first: tuple[int, int, int]) -> None:
    history = TakeoverHistory()
    times = (*first, 60_002, 60_003, 60_004)
    assert [ask("always", history=history, now_ms=now_ms) for now_ms in times] == [Replace()] * 6
    assert isinstance(ask("always", history=history, now_ms=60_005), Refuse)


def test_three_takeovers_in_more_than_a_minute_are_no_contest() -> None:
    history = TakeoverHistory()
    for number in range(100):
        assert ask("always", history=history, now_ms=number * 30_001) == Replace()
    assert history.total == 100


def test_refused_takeovers_are_not_counted() -> None:
    history = TakeoverHistory()
    for now_ms in range(10):
        assert isinstance(ask("if-stale", history=history, now_ms=now_ms), Refuse)
    assert history.rests_for_ms(10) == 0
    assert history.total == 0
    assert ask("if-stale", address=OLD, history=history, now_ms=10) == Replace()
