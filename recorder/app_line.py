"""How good an encoder's line is: figures over a sliding window, and one score to trust.

A part of the app: it reads what the recording side and the kernel say once a tick, and costs
nothing per message. Pure. The score is the worst of three parts, each from 0 to 1, and says which
it was:

* loss: 1 without segments out of order, 0 at LOSS_BAD of all;
* delay: 1 without any, 0 at `max_delay`; the delay is the longest round-trip time of the window, or
  how much later media come than they came at their best of late, whichever is more;
* pace: 1 while media time runs with the clock, 0 at half of that or less.

What our own disk holds back is not the encoder's: whoever asks leaves such moments out.
"""

from __future__ import annotations

import enum
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from recorder.status.snapshot import LineView

if TYPE_CHECKING:
    from recorder.live.tcp_info import TcpInfo

WINDOW_S: Final = 10.0
"""As long as a person looks at a page before asking again."""

LEAST_S: Final = 3.0
"""A pace measured over less is that of one keyframe."""

BEST_S: Final = 300.0
"""The best of late: longer, and a clock that runs 50 ppm slow would look like a delay."""

LOSS_BAD: Final = 0.05
"""By Mathis' formula, MSS / RTT / sqrt(p), TCP then carries some 2 Mbit/s over 30 ms: less than a
classroom's camera sends."""

PACE_GOOD, PACE_BAD = 0.97, 0.5
"""Media seconds per second. Batches and keyframes make it waver by some hundredths."""

SILENCE_S: Final = 1.0
"""Bytes are left to gather for up to half a second, and so are frames in an encoder."""

GOOD, WEAK = 0.8, 0.5


class Word(enum.StrEnum):
    GOOD = "good"
    WEAK = "weak"
    BAD = "bad"


@attrs.frozen(kw_only=True)
class Moment:
    """A publish at one look.

    Attributes:
        at_s: now; `arrived_s` when its newest media came, on the same clock.
        newest_dts: their media time, in ms.
        tcp: None: not known.
    """

    at_s: float
    arrived_s: float
    newest_dts: int
    tcp: TcpInfo | None


@attrs.frozen
class Line:
    """Attributes:
    score: 0 to 1; None: not measured long enough.
    shown: how it comes about, in words and figures.
    """

    score: float | None
    shown: LineView


class LineMeter:
    """Of one publish."""

    def __init__(self) -> None:
        self._window: deque[_Sample] = deque()
        self._best: deque[tuple[float, float]] = deque()
        """Moments and their delay in seconds up to a constant, each less than all before it that
        are dropped: the first is the least of BEST_S."""

    def pause(self) -> None:
        """What comes next says nothing of the line: we held the encoder back."""
        self._window.clear()
        self._best.clear()

    def look(self, moment: Moment, max_delay_s: float) -> Line:
        """Measure, and judge.

        Args:
            max_delay_s: what the operator finds too much (`rtmp.max_delay`).
        """
        sample, window = _sample(moment), self._window
        window.append(sample)
        while moment.at_s - window[0].moment.at_s > WINDOW_S:
            window.popleft()
        first = window[0].moment
        late_s = self._lateness(sample)
        rates = self._tcp(first.tcp, moment.tcp)
        seconds = moment.at_s - first.at_s
        media_rate = None
        if seconds >= LEAST_S:
            media_rate = (moment.newest_dts - first.newest_dts) / 1000 / seconds
        score, reason = _judge(media_rate, late_s, rates, max_delay_s)
        earliest, latest = min(map(_OFFSET, window)), max(map(_OFFSET, window))
        return Line(
            score,
            LineView(
                word=None if score is None else _word(score),
                reason=reason,
                media_rate=media_rate,
                late_ms=late_s * 1000,
                jitter_ms=(latest - earliest) * 1000,
                rtt_ms=rates.rtt_ms,
                rtt_variation_ms=rates.rtt_variation_ms,
                out_of_order=rates.out_of_order,
                resent=rates.resent,
            ),
        )

    def _lateness(self, sample: _Sample) -> float:
        moment, offset = sample.moment, sample.offset_s
        while self._best and self._best[-1][1] >= offset:
            self._best.pop()
        self._best.append((moment.at_s, offset))
        while moment.at_s - self._best[0][0] > BEST_S:
            self._best.popleft()
        # What has not come yet is late as well: nothing arrives on a dead line.
        waited_s = max(0.0, moment.at_s - moment.arrived_s - SILENCE_S)
        return offset - self._best[0][1] + waited_s

    def _tcp(self, first: TcpInfo | None, last: TcpInfo | None) -> _Tcp:
        """What a kernel does not know at the beginning of a window it does not know at its end."""
        if first is None or last is None:
            return _Tcp()
        segments = _grown(first.data_segments, last.data_segments)
        strays = _grown(first.out_of_order, last.out_of_order)
        rtt_us, variation_us = max(map(_RTT, self._window)), max(map(_VARIATION, self._window))
        return _Tcp(
            rtt_ms=None if last.rtt_us is None else rtt_us / 1000,
            rtt_variation_ms=None if last.rtt_variation_us is None else variation_us / 1000,
            out_of_order=strays / segments if segments and strays is not None else None,
            resent=_grown(first.resent, last.resent),
        )


class _Sample(NamedTuple):
    """A moment of the window, and of it what the whole window is searched for: a tuple, since a
    hundred windows are searched every second."""

    offset_s: float
    """How late its newest media are, up to a constant of the publish."""
    rtt_us: int
    variation_us: int
    moment: Moment


_OFFSET, _RTT, _VARIATION = itemgetter(0), itemgetter(1), itemgetter(2)


def _sample(moment: Moment) -> _Sample:
    tcp = moment.tcp
    return _Sample(
        moment.arrived_s - moment.newest_dts / 1000,
        0 if tcp is None else tcp.rtt_us or 0,
        0 if tcp is None else tcp.rtt_variation_us or 0,
        moment,
    )


@attrs.frozen
class _Tcp:
    rtt_ms: float | None = None
    rtt_variation_ms: float | None = None
    out_of_order: float | None = None
    resent: int | None = None


def _judge(
    media_rate: float | None, late_s: float, tcp: _Tcp, max_delay_s: float
) -> tuple[float | None, str | None]:
    if media_rate is None:
        return None, None
    lost = tcp.out_of_order or 0.0
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
        return score, f"{lost:.1%} of its packets are lost or overtaken on the way"
    if worst == by_pace:
        return score, f"only {max(0.0, media_rate):.0%} of the time comes as picture and sound"
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
