"""How good an encoder's line is: figures over a sliding window, and one score to trust.

A part of the app: it reads what the recording side and the kernel say once a tick, and costs
nothing per message. Pure. The score is the worst of three parts, each from 0 to 1 and straight
between its two ends, and says which it was:

* loss: 1 without, 0 when LOSS_BAD of the encoder's packets are lost. The kernel counts what came
  behind a hole, and behind one lost packet comes all that was under way: a share s of all, where n
  packets follow before the lost one is there again, stands for p = 1 - (1 - s)^(1/n) lost. n is
  DUPLICATES, by which a sender learns of the loss, and what it sends in a round trip meanwhile;
* delay: 1 without any, 0 at `max_delay`. It is the longest round trip of the window, where one was
  measured of late, or by how much media came later in it than at their best, whichever is more.
  What has not come yet is late too, once it is due for longer than SILENCE_S. The best is the least
  of all, and is forgotten by DRIFT of the time that goes by: an encoder's clock may run slow by
  that without a delay that adds up. A delay that has not grown in the window has come to stay, and
  fades in FORGIVEN_S;
* pace: 1 while media time runs with the clock, or PACE_GOOD of it, 0 at PACE_BAD.

A clock slower than DRIFT is a delay that grows, and so is a line that carries less than is sent: no
figure tells them apart. One that is off by less, for hours, is an alarm of its own, `media_time`.

What we hold back ourselves is not the encoder's line: such moments are left out.
"""

from __future__ import annotations

import enum
from array import array
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from recorder.app_round_trip import RoundTrip
from recorder.live.pace import LONGEST_S
from recorder.recording.lateness import SILENCE_MS
from recorder.status.digits import rounded
from recorder.status.room_views import LineView

if TYPE_CHECKING:
    from recorder.live.tcp_info import TcpInfo

WINDOW_S: Final = 10.0
"""As long as a person looks at a page before asking again."""

LEAST_S: Final = 3.0
"""A pace measured over less is that of one keyframe."""

LOSS_BAD: Final = 0.05
"""By Mathis' formula, MSS / RTT / sqrt(p), TCP then carries some 2 Mbit/s over 30 ms: less than a
classroom's camera sends."""

DUPLICATES: Final = 3
"""RFC 5681, section 3.2: so many packets behind a hole tell the sender of it."""

DRIFT: Final = 0.03
"""Of an encoder's clock. 50 ppm is a quartz; a cheap one's sound and picture, or 29.97 frames
called 30, are off by more."""

FORGIVEN_S: Final = 15.0
"""Else a lesson that was paused for a minute would be late by that until its end. 2 s are good
again in three quarters of one, 30 s in one and a half."""

PACE_GOOD, PACE_BAD = 1 - DRIFT, 0.5
"""Media seconds per second."""

SILENCE_S: Final = SILENCE_MS / 1000

GOOD, WEAK = 0.8, 0.5


class Word(enum.StrEnum):
    GOOD = "good"
    WEAK = "weak"
    BAD = "bad"


class Moment(msgspec.Struct, frozen=True):
    """A publish at one look. Made by position, as the figures of `recording`.

    Attributes:
        at_s: now; `arrived_s` when its newest media came, on the same clock.
        newest_dts: their media time, in ms; `step_ms` behind it the next are due.
        spread: of what came since the look before, in ms, as of `Spread`; None: nothing came.
        tcp: None: not known.
    """

    at_s: float
    arrived_s: float
    newest_dts: int
    step_ms: int
    spread: tuple[int, int] | None
    tcp: TcpInfo | None


class Line(msgspec.Struct, frozen=True):
    """Attributes:
    score: 0 to 1; None: not measured long enough.
    shown: how it comes about, in words and figures.
    """

    score: float | None
    shown: LineView


class LineMeter:
    """Of one publish, on one connection."""

    def __init__(self) -> None:
        self._window: deque[Moment] = deque()
        # What the whole window is searched for: as bare numbers, since a hundred windows are
        # searched every second, and in objects of their own they lie all over the memory.
        self._least_s, self._most_s = array("d"), array("d")
        """By how much media of each moment came later than at their best as of then, at least and
        at most."""
        self._rtt_us, self._variation_us = array("q"), array("q")
        self._best_s = 0.0
        """The least offset, by what is forgotten of it, as of the newest sample."""
        self._round_trip = RoundTrip()

    def pause(self) -> None:
        """What comes next says nothing of the line: we held the encoder back."""
        self._forget(len(self._window))

    def look(self, moment: Moment, max_delay_s: float) -> Line:
        """Measure, and judge.

        Args:
            max_delay_s: what the operator finds too much (`rtmp.max_delay`).
        """
        window = self._window
        self._take(moment, window[-1].at_s if window else None)
        old = 0
        while moment.at_s - window[old].at_s > WINDOW_S:
            old += 1
        self._forget(old)
        first = window[0]
        late_s, earliest_s = max(self._most_s), min(self._least_s)
        media_rate = None
        # Between two arrivals: up to half a second gathers before it is read.
        seconds = _heard_s(moment) - _heard_s(first)
        # Who sends a picture every few seconds may have sent none since.
        if moment.at_s - first.at_s >= LEAST_S and seconds >= LEAST_S - SILENCE_S:
            media_rate = (moment.newest_dts - first.newest_dts) / 1000 / seconds
        rates = self._tcp(first, moment)
        score, reason = _judge(media_rate, late_s, rates, max_delay_s)
        return Line(
            score,
            LineView(
                None if score is None else _word(score),
                reason,
                rounded(media_rate, 2),
                rounded(late_s * 1000),
                rounded((late_s - earliest_s) * 1000),
                rounded(rates.rtt_ms),
                rounded(rates.rtt_variation_ms),
                rounded(rates.out_of_order, 3),
                rounded(rates.loss, 4),
                rates.resent,
            ),
        )

    def _forget(self, moments: int) -> None:
        """So many of the window, the oldest."""
        if moments:
            for _ in range(moments):
                self._window.popleft()
            for numbers in (self._least_s, self._most_s, self._rtt_us, self._variation_us):
                del numbers[:moments]

    def _take(self, moment: Moment, before_s: float | None) -> None:
        """Measure a moment, the newest of the window.

        Args:
            before_s: when the one before was.
        """
        now = _offset_s(moment)
        least, most = now, now
        if moment.spread is not None and before_s is not None:
            least, most = moment.spread[0] / 1000, moment.spread[1] / 1000
        due_s = (moment.newest_dts + moment.step_ms) / 1000
        most = max(most, moment.at_s - due_s - SILENCE_S)
        if before_s is None:
            self._best_s = least
        else:
            forgotten = DRIFT
            if not self._grows(moment):
                forgotten = max(DRIFT, (now - self._best_s) / FORGIVEN_S)
            self._best_s = min(least, self._best_s + forgotten * (moment.at_s - before_s))
        rtt_us, variation_us = self._round_trip.look(moment.tcp, moment.at_s)
        # Of what is read together the newest came within one step, unless it waited for the read.
        in_time_s = self._best_s + min(moment.step_ms / 1000, LONGEST_S)
        self._least_s.append(max(0.0, least - in_time_s))
        self._most_s.append(max(0.0, most - in_time_s))
        self._rtt_us.append(rtt_us)
        self._variation_us.append(variation_us)
        self._window.append(moment)

    def _grows(self, moment: Moment) -> bool:
        """Whether media came later and later in the window, by more than a slow clock explains."""
        first = self._window[0]
        return _offset_s(moment) - _offset_s(first) > DRIFT * (moment.at_s - first.at_s)

    def _tcp(self, first: Moment, last: Moment) -> _Tcp:
        """What a kernel does not know at the beginning of a window it does not know at its end."""
        if first.tcp is None or last.tcp is None:
            return _Tcp()
        segments = _grown(first.tcp.data_segments, last.tcp.data_segments)
        strays = _grown(first.tcp.out_of_order, last.tcp.out_of_order)
        share = min(1.0, strays / segments) if segments and strays is not None else None
        rtt_us, variation_us = max(self._rtt_us), max(self._variation_us)
        loss = None
        if share is not None and segments is not None and last.tcp.rtt_us is not None:
            # An old one is nearer than none.
            rtt_s = (rtt_us or self._round_trip.last_us) / 1e6
            loss = _lost(share, segments / (last.at_s - first.at_s), rtt_s)
        return _Tcp(
            rtt_us / 1000 if rtt_us else None,
            variation_us / 1000 if rtt_us else None,
            share,
            loss,
            _grown(first.tcp.resent, last.tcp.resent),
        )


def _offset_s(moment: Moment) -> float:
    """How late its newest media came, up to a constant."""
    return moment.arrived_s - moment.newest_dts / 1000


def _heard_s(moment: Moment) -> float:
    """Until when its media tell of the line."""
    return max(moment.arrived_s, moment.at_s - moment.step_ms / 1000 - SILENCE_S)


def _lost(share: float, packets_per_s: float, rtt_s: float) -> float:
    """The share of packets that were lost, of the share that came behind a hole."""
    behind = DUPLICATES + packets_per_s * rtt_s
    return float(1 - (1 - share) ** (1 / behind))


class _Tcp(msgspec.Struct, frozen=True):
    rtt_ms: float | None = None
    rtt_variation_ms: float | None = None
    out_of_order: float | None = None
    loss: float | None = None
    resent: int | None = None


def _judge(
    media_rate: float | None, late_s: float, tcp: _Tcp, max_delay_s: float
) -> tuple[float | None, str | None]:
    if media_rate is None:
        return None, None
    lost = tcp.loss or 0.0
    delay_s = max(late_s, (tcp.rtt_ms or 0.0) / 1000)
    by_loss = _fall(lost, LOSS_BAD)
    by_delay = _fall(delay_s, max_delay_s)
    by_pace = _fall(PACE_GOOD - media_rate, PACE_GOOD - PACE_BAD)
    worst = min(by_loss, by_delay, by_pace)
    # As it is shown: a word and a percentage that contradict each other help nobody.
    score = round(worst, 2)
    if score >= GOOD:
        return score, None
    if worst == by_loss:
        return score, f"about {lost:.1%} of its packets are lost on the way"
    if worst == by_pace:
        return score, f"only {max(0.0, media_rate):.0%} of the time comes as picture and sound"
    if late_s < delay_s:
        return score, f"a packet takes {delay_s:.1f} s to it and back"
    return score, f"what it sends comes {delay_s:.1f} s late"


def _grown(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, after - before)


def _fall(value: float, bad: float) -> float:
    """1 up to 0, 0 from `bad` on, straight between them."""
    if value <= 0:
        return 1.0
    return 0.0 if value >= bad else 1 - value / bad


def _word(score: float) -> Word:
    if score >= GOOD:
        return Word.GOOD
    return Word.WEAK if score >= WEAK else Word.BAD
