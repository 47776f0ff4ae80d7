"""The round-trip time of now, out of what the kernel tells as a mean of long."""

from __future__ import annotations

import attrs
import pytest
from msgspec.structs import replace

from recorder.app_round_trip import FRESH_S, RoundTrip
from recorder.live.tcp_info import TcpInfo


@attrs.define
class Kernel:
    """A connection as Linux measures it: `tcp_rtt_estimator` of net/ipv4/tcp_input.c.

    Attributes:
        knows_delivered: it is 4.18 or newer.
    """

    knows_delivered: bool = True
    eighths_us: int = 0
    delivered: int = 0
    resent: int = 0

    def measure(self, *measured_us: int) -> TcpInfo:
        """So long it took until each of some segments was acknowledged; what is told then."""
        for us in measured_us:
            self.delivered += 1
            self.eighths_us += us - (self.eighths_us >> 3) if self.eighths_us else us << 3
        return TcpInfo(
            rtt_us=self.eighths_us >> 3,
            rtt_variation_us=300,
            resent=self.resent,
            data_segments=0,
            delivered=self.delivered if self.knows_delivered else None,
            out_of_order=0,
        )


NEAR = pytest.approx(0, abs=20)


@pytest.mark.parametrize("at_once", [1, 2, 10])
def test_what_was_measured_since_the_last_look_is_what_it_is_now(at_once: int) -> None:
    kernel, round_trip = Kernel(), RoundTrip()
    assert round_trip.look(kernel.measure(20_000), 0) == (20_000, 300)
    for now_us in (2_000_000, 7_000, 300_000):
        round_trip.look(kernel.measure(*[now_us] * at_once), 0)
        found_us, variation_us = round_trip.look(kernel.measure(*[now_us] * at_once), 0)
        assert found_us - now_us == NEAR
        assert variation_us == NEAR


def test_one_measurement_alone_is_not_believed_when_it_is_longer() -> None:
    kernel, round_trip = Kernel(), RoundTrip()
    found = [round_trip.look(kernel.measure(us), 0) for us in (20_000, 3_000_000, 20_000, 10_000)]
    assert [us - 20_000 for us, _ in found[:3]] == [NEAR] * 3
    assert found[3][0] - 10_000 == NEAR
    # But it is told how far both lie apart.
    assert [round(variation_us, -4) for _, variation_us in found] == [0, 1_490_000, 1_490_000, 0]


def test_while_nothing_is_acknowledged_it_stays_until_it_is_old() -> None:
    kernel, round_trip = Kernel(), RoundTrip()
    round_trip.look(kernel.measure(500_000), 0)
    told = [round_trip.look(kernel.measure(), now_s) for now_s in (1, FRESH_S, FRESH_S + 1)]
    assert told == [(500_000, 300), (500_000, 300), (0, 0)]
    assert round_trip.last_us == 500_000


def test_a_time_that_is_measured_again_and_is_the_same_is_of_now() -> None:
    kernel, round_trip = Kernel(resent=7), RoundTrip()
    looks = (0, FRESH_S - 1, FRESH_S + 1, 2 * FRESH_S - 1)
    told = [round_trip.look(kernel.measure(20_000), now_s) for now_s in looks[:2]]
    told += [round_trip.look(kernel.measure(), now_s) for now_s in looks[2:]]
    assert told == [(20_000, 300)] * 4


def test_of_what_was_sent_again_nothing_is_measured() -> None:
    kernel, round_trip = Kernel(), RoundTrip()
    round_trip.look(kernel.measure(20_000), 0)
    for _ in range(2):
        round_trip.look(kernel.measure(2_000_000), 0)
        kernel.delivered += 1
        last_us, _ = round_trip.look(kernel.measure(), 0)
    assert last_us - 2_000_000 == NEAR


def test_what_was_sent_again_is_no_round_trip_of_now() -> None:
    """Also where it is acknowledged a while later."""
    kernel, round_trip = Kernel(), RoundTrip()
    kernel.resent = 7
    round_trip.look(kernel.measure(20_000), 0)
    told = []
    for now_s in (FRESH_S / 2, FRESH_S, FRESH_S + 1):
        kernel.resent += 1
        round_trip.look(kernel.measure(), now_s)
        kernel.delivered += 1
        told.append(round_trip.look(kernel.measure(), now_s))
    assert told == [(20_000, 300), (20_000, 300), (0, 0)]
    # What comes behind it is one.
    assert round_trip.look(kernel.measure(20_000), FRESH_S + 2) == (20_000, 300)


def test_of_several_at_once_one_that_was_long_counts_as_its_share() -> None:
    kernel, round_trip = Kernel(), RoundTrip()
    round_trip.look(kernel.measure(10_000), 0)
    round_trip.look(kernel.measure(10_000, 2_000_000, 10_000), 0)
    found_us, _ = round_trip.look(kernel.measure(10_000, 2_000_000, 10_000), 0)
    assert 10_000 <= found_us <= 800_000


def test_an_older_kernels_mean_is_believed() -> None:
    kernel, round_trip = Kernel(knows_delivered=False), RoundTrip()
    round_trip.look(kernel.measure(10_000), 0)
    kernel.measure(*[90_000] * 50)
    round_trip.look(kernel.measure(), 0)
    assert round_trip.look(kernel.measure(), 0)[0] > 85_000


def test_what_the_kernel_does_not_know_is_nothing() -> None:
    unknown = replace(Kernel().measure(1), rtt_us=None)
    assert [RoundTrip().look(None, 0), RoundTrip().look(unknown, 0)] == [(0, 0)] * 2


def test_a_count_that_is_wrong_makes_no_time_less_than_none() -> None:
    kernel, round_trip = Kernel(), RoundTrip()
    round_trip.look(kernel.measure(1_000_000), 0)
    told = kernel.measure(*[1_000] * 9)
    assert round_trip.look(replace(told, delivered=kernel.delivered - 8), 0)[0] == 0
