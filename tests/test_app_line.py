"""The quality of an encoder's line, at its edges: which part falls when, and the word for it."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.app_line import BEST_S, LEAST_S, Line, LineMeter, Moment, Word
from recorder.live.tcp_info import TcpInfo
from recorder.status.alarms import Alarms
from recorder.status.snapshot import LineView
from tests.status import snapshots as made

QUIET = TcpInfo(
    rtt_us=1000,
    rtt_variation_us=500,
    resent=0,
    data_segments=0,
    out_of_order=0,
)


@attrs.define
class Encoder:
    """One that sends in real time, looked at once a second."""

    meter: LineMeter = attrs.field(factory=LineMeter)
    max_delay_s: float = 2.0
    now_s: float = 100.0
    dts: int = 0
    tcp: TcpInfo | None = QUIET
    line: Line | None = None

    def run(
        self,
        seconds: int,
        *,
        pace: float = 1.0,
        late_s: float = 0.0,
        segments: int = 100,
        strays: int = 0,
    ) -> Line:
        """Go on for so many seconds; the last of it is shown."""
        for _ in range(seconds):
            self.now_s += 1
            self.dts += int(1000 * pace)
            if self.tcp is not None:
                self.tcp = attrs.evolve(
                    self.tcp,
                    data_segments=(self.tcp.data_segments or 0) + segments,
                    out_of_order=(self.tcp.out_of_order or 0) + strays,
                )
            self.line = self.meter.look(
                Moment(
                    at_s=self.now_s,
                    arrived_s=self.now_s,
                    newest_dts=self.dts - int(late_s * 1000),
                    tcp=self.tcp,
                ),
                self.max_delay_s,
            )
        assert self.line is not None
        return self.line


def test_a_line_without_fault_is_good_and_says_nothing() -> None:
    line = Encoder().run(20)
    assert line.score == pytest.approx(1, abs=0.001)
    assert line.shown == LineView(
        word=Word.GOOD,
        reason=None,
        media_rate=1.0,
        late_ms=0.0,
        jitter_ms=0.0,
        rtt_ms=1.0,
        rtt_variation_ms=0.5,
        out_of_order=0,
        resent=0,
    )


def test_before_it_is_measured_long_enough_nothing_is_said() -> None:
    encoder = Encoder()
    assert encoder.run(int(LEAST_S)).score is None
    assert encoder.run(1).score is not None


@pytest.mark.parametrize(
    ("strays", "score", "word"),
    [
        (0, 1, Word.GOOD),
        (1, 0.8, Word.GOOD),
        (2, 0.6, Word.WEAK),
        (3, 0.4, Word.BAD),
        (5, 0, Word.BAD),
        (50, 0, Word.BAD),
    ],
)
def test_it_falls_with_loss(strays: int, score: float, word: Word) -> None:
    line = Encoder().run(30, strays=strays)
    assert line.score == pytest.approx(score, abs=0.001)
    assert line.shown.word is word
    assert line.shown.out_of_order == strays / 100
    if word is not Word.GOOD:
        assert line.shown.reason == f"{strays}.0% of its packets are lost or overtaken on the way"


@pytest.mark.parametrize(
    ("rtt_ms", "score", "word"),
    [
        (20, 0.99, Word.GOOD),
        (400, 0.8, Word.GOOD),
        # Shown as 80 %, which is good, and as 50 %, which is no alarm.
        (406, 0.8, Word.GOOD),
        (1006, 0.5, Word.WEAK),
        (1000, 0.5, Word.WEAK),
        (2000, 0, Word.BAD),
        (9000, 0, Word.BAD),
    ],
)
def test_it_falls_with_the_round_trip_time_against_the_configured_maximum(
    rtt_ms: int, score: float, word: Word
) -> None:
    encoder = Encoder(tcp=attrs.evolve(QUIET, rtt_us=rtt_ms * 1000))
    line = encoder.run(20)
    assert line.score == pytest.approx(score)
    assert line.shown.word is word
    assert line.shown.rtt_ms == rtt_ms


def test_another_maximum_judges_the_same_delay_otherwise() -> None:
    strict = Encoder(max_delay_s=0.5, tcp=attrs.evolve(QUIET, rtt_us=400_000))
    assert strict.run(20).shown.word is Word.BAD


def test_it_falls_when_media_come_later_than_they_did_and_recovers() -> None:
    encoder = Encoder()
    encoder.run(20)
    line = encoder.run(11, late_s=1.2)
    assert line.score == pytest.approx(0.4)
    assert line.shown.reason == "what it sends comes 1.2 s late"
    assert line.shown.late_ms == pytest.approx(1200)
    assert line.shown.media_rate == 1.0, "it has settled at that"
    assert encoder.run(11).shown.word is Word.GOOD


def test_a_delay_that_stays_is_the_new_best_in_time() -> None:
    encoder = Encoder()
    encoder.run(20)
    assert encoder.run(60, late_s=1.2).shown.word is Word.BAD
    assert encoder.run(int(BEST_S), late_s=1.2).shown.word is Word.GOOD


@pytest.mark.parametrize(
    ("pace", "score", "word"),
    [(1.5, 1, Word.GOOD), (0.97, 1, Word.GOOD), (0.876, 0.8, Word.GOOD), (0.5, 0, Word.BAD)],
)
def test_it_falls_when_media_time_falls_behind_the_clock(
    pace: float, score: float, word: Word
) -> None:
    """With a maximum so large that the delay which follows from it does not count."""
    line = Encoder(max_delay_s=1e6).run(20, pace=pace)
    assert line.score == pytest.approx(score, abs=0.001)
    assert line.shown.word is word
    assert line.shown.media_rate == round(pace, 2)


def test_an_encoder_that_falls_silent_falls_to_nothing_and_says_so() -> None:
    encoder = Encoder()
    encoder.run(20)
    arrived_s = encoder.now_s
    for second in range(1, 12):
        line = encoder.meter.look(
            Moment(at_s=arrived_s + second, arrived_s=arrived_s, newest_dts=encoder.dts, tcp=QUIET),
            2.0,
        )
    assert (line.score, line.shown.word) == (0, Word.BAD)
    assert line.shown.reason == "only 0% of the time comes as picture and sound"


def test_what_we_held_back_ourselves_says_nothing() -> None:
    encoder = Encoder()
    encoder.run(20)
    encoder.meter.pause()
    encoder.now_s += 60
    assert encoder.run(1).score is None
    assert encoder.run(10).shown.word is Word.GOOD


def test_jitter_is_the_spread_of_the_window() -> None:
    encoder = Encoder()
    for second in range(20):
        encoder.run(1, late_s=0.1 * (second % 2))
    assert encoder.run(1).shown.jitter_ms == pytest.approx(100)


@pytest.mark.parametrize(
    "tcp",
    [
        None,
        TcpInfo(
            **dict.fromkeys(
                (
                    "rtt_us",
                    "rtt_variation_us",
                    "resent",
                    "data_segments",
                    "out_of_order",
                )
            )
        ),
    ],
)
def test_without_the_kernels_word_the_rest_is_judged(tcp: TcpInfo | None) -> None:
    encoder = Encoder()
    meter = encoder.meter
    for second in range(20):
        line = meter.look(
            Moment(at_s=second, arrived_s=second, newest_dts=1000 * second, tcp=tcp), 2.0
        )
    shown = line.shown
    assert (line.score, shown.rtt_ms, shown.out_of_order, shown.resent) == (1, None, None, None)


def test_looked_at_every_five_seconds_it_says_the_same_and_is_an_alarm_in_time() -> None:
    """As when nobody looks at the page: media come in batches of half a second, then none."""
    meter, alarms = LineMeter(), Alarms()
    raised_s = None
    for second in range(0, 61, 5):
        arrived_s = min(second, 30) - 0.5 * (second % 2)
        line = meter.look(
            Moment(at_s=second, arrived_s=arrived_s, newest_dts=int(1000 * arrived_s), tcp=QUIET),
            2.0,
        )
        if second <= 30:
            assert line.shown.word is (None if second == 0 else Word.GOOD), second
        seen = made.picture(rooms=(made.room(quality=line.score),))
        kinds = [each.kind for each in alarms.judge(seen, second)]
        if raised_s is None and "weak_connection" in kinds:
            raised_s = second
    assert raised_s is not None
    assert raised_s <= 45


@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 30),
            st.integers(-(10**6), 10**6),
            st.floats(0, 100),
            st.integers(0, 2**32 - 1),
        ),
        max_size=40,
    )
)
def test_whatever_comes_the_score_stays_between_0_and_1(
    looks: list[tuple[float, int, float, int]],
) -> None:
    meter = LineMeter()
    now_s, dts = 0.0, 0
    for step_s, ms, ago_s, number in looks:
        now_s, dts = now_s + step_s, dts + ms
        tcp = attrs.evolve(QUIET, rtt_us=number, data_segments=number // 2, out_of_order=number)
        line = meter.look(Moment(at_s=now_s, arrived_s=now_s - ago_s, newest_dts=dts, tcp=tcp), 2.0)
        assert line.score is None or 0 <= line.score <= 1
        assert (line.score is None) == (line.shown.word is None)
        assert (line.shown.reason is None) == (line.shown.word in {None, Word.GOOD})
