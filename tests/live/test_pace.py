"""When a connection is read again: seldom from an encoder, at once from a sender in a hurry."""

from __future__ import annotations

import itertools

import attrs

from recorder.live.pace import GRID_S, LONGEST_S, MEASURE_S, ReadPace

BUFFER = 1 << 20


@attrs.define
class Sender:
    """Sends at a rate into a socket that holds half of its buffer's size, and waits while it is
    full; read as the pace says.

    Attributes:
        rate: bytes a second.
        window: so much fits into the socket.
        most: one read brings no more.
        reads: when each read was, and how much it brought.
        held_back_s: for how long the socket was full.
    """

    rate: float
    buffer_bytes: int = BUFFER
    most: int = 1 << 30
    reads: list[tuple[float, int]] = attrs.field(factory=list)
    held_back_s: float = 0.0
    now_s: float = 100.0
    pace: ReadPace = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.pace = ReadPace(self.now_s)

    def run(self, seconds: float) -> None:
        """A read that is not put off waits for the next message, as a real one does."""
        message_s = min(0.014, 16_000 / self.rate)
        until_s = self.now_s + seconds
        next_s, there = self.now_s, 0.0
        while self.now_s < until_s:
            read_s = max(next_s, self.now_s + (0 if there else message_s))
            there += self.rate * (read_s - self.now_s)
            window = self.buffer_bytes / 2
            if there > window:
                self.held_back_s += (there - window) / self.rate
                there = window
            self.now_s = read_s
            got = min(int(there), self.most)
            there = 0.0 if got < self.most else there - got
            self.reads.append((read_s, got))
            next_s = self.pace.next_read_s(
                got, self.now_s, lambda: self.buffer_bytes, is_all=got < self.most
            )

    def gaps(self) -> list[float]:
        return [b - a for (a, _), (b, _) in itertools.pairwise(self.reads)]


def test_an_encoder_is_read_about_twice_a_second() -> None:
    sender = Sender(rate=500_000)
    sender.run(20)
    assert len(sender.reads) < 75
    assert max(sender.gaps()) <= LONGEST_S
    assert sender.held_back_s == 0


def test_no_pause_is_made_before_the_rate_is_known() -> None:
    sender = Sender(rate=500_000)
    sender.run(MEASURE_S - 0.02)
    assert max(sender.gaps()) < 0.02


def test_long_pauses_end_together_whenever_they_began() -> None:
    for start_s in (0.0, 0.1, 0.2):
        sender = Sender(rate=100_000, now_s=50 + start_s)
        sender.run(5)
        late = [at for at, _ in sender.reads[-8:]]
        assert any(at % GRID_S < 1e-6 for at in late)


def test_what_gathers_in_a_pause_fits_into_the_socket() -> None:
    for rate in (50_000, 500_000, 6_250_000):
        for buffer_bytes in (128 << 10, 1 << 20, 6 << 20):
            sender = Sender(rate=rate, buffer_bytes=buffer_bytes)
            sender.run(5)
            assert sender.held_back_s == 0, (rate, buffer_bytes)


def test_what_one_read_does_not_take_is_read_at_once() -> None:
    sender = Sender(rate=2_000_000, buffer_bytes=6 << 20, most=1 << 19)
    sender.run(10)
    assert sender.held_back_s == 0
    assert sum(size for _, size in sender.reads) > 0.98 * 10 * sender.rate


def test_a_sender_that_fills_the_socket_at_once_is_read_without_pauses() -> None:
    sender = Sender(rate=200_000_000)
    sender.run(2)
    assert max(sender.gaps()[-100:]) < 0.005


def test_a_rate_that_rises_is_noticed_in_the_next_pause() -> None:
    sender = Sender(rate=300_000)
    sender.run(10)
    sender.rate = 6_250_000
    sender.run(5)
    # The one pause in which it rose, and then no more.
    assert sender.held_back_s < LONGEST_S


def test_a_window_that_closes_too_early_to_be_a_surprise_is_found_by_the_probe() -> None:
    pace = ReadPace(0.0)
    now_s, window = 0.0, 30_000
    for _ in range(25):
        now_s += 0.02
        pace.next_read_s(2_000, now_s, lambda: BUFFER)
    pauses = []
    for _ in range(20):
        # Always as much as the small window holds, less than what is expected of the rate: also
        # at once, where no pause was made.
        next_s = pace.next_read_s(window, now_s, lambda: BUFFER // 8)
        pauses.append(next_s - now_s)
        now_s = max(next_s, now_s + 0.001)
    assert pauses[-5:] == [0] * 5


def test_where_the_buffer_is_not_known_no_pause_is_made() -> None:
    sender = Sender(rate=500_000, buffer_bytes=0)
    pace = ReadPace(0.0)
    assert [pace.next_read_s(7000, at / 10, lambda: 0) for at in range(20)] == [
        at / 10 for at in range(20)
    ]
    assert sender.reads == []


def test_a_rate_that_was_ours_is_not_the_sender_s() -> None:
    sender = Sender(rate=500_000)
    sender.run(5)
    sender.pace.measure_anew(sender.now_s)
    sender.reads.clear()
    sender.run(MEASURE_S - 0.02)
    assert max(sender.gaps()) < 0.02
