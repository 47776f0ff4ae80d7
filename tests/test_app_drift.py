"""How far an encoder's time runs from the clock, as tables of time."""

from __future__ import annotations

import pytest

from recorder.app_drift import DriftMeter


def looked(media: list[tuple[float, float]], every_s: float) -> list[float]:
    """What is seen of media that come so: moments, with the media time of what came last, in
    seconds. Looked at every so many seconds until the last."""
    meter, found, now_s = DriftMeter(), list[float](), media[0][0]
    while now_s <= media[-1][0]:
        arrived_s, dts_s = [each for each in media if each[0] <= now_s][-1]
        drift_s = meter.look(round(dts_s * 1000), arrived_s, now_s)
        assert drift_s is not None
        found.append(drift_s)
        now_s += every_s
    return found


def even(*parts: tuple[float, float, float]) -> list[tuple[float, float]]:
    """Media ten times a second. Of each part: from when, until when, and how much media time comes
    in a second of it; what lies between two parts is a pause in which media time stands still."""
    media, dts_s = list[tuple[float, float]](), 0.0
    for began_s, ended_s, rate in parts:
        for tenth in range(round((ended_s - began_s) * 10)):
            media.append((began_s + tenth / 10, dts_s))
            dts_s += rate / 10
    return media


@pytest.mark.parametrize("every_s", [1.0, 5.0])
@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (even((0, 600, 1.0)), 0.0),
        (even((0, 600, 0.98)), -12.0),
        (even((0, 600, 1.02)), 12.0),
        # Half a minute without anything, and the encoder's time did not go on.
        (even((0, 100, 1.0), (130, 300, 1.0)), 0.0),
        (even((0, 100, 1.0), (130, 200, 1.0), (260, 300, 1.0)), 0.0),
        # It had gone on: the line was away, and what came meanwhile is dropped.
        ([*even((0, 100, 1.0)), *((t + 130.0, t + 130.0) for t in range(100))], 0.0),
        # Or comes late, ten times as fast.
        (even((0, 100, 1.0), (130, 133.3, 10.0), (133.3, 300, 1.0)), 0.0),
        # What adds up beside a pause is seen.
        (even((0, 100, 1.0), (130, 730, 0.98)), -12.0),
    ],
)  # fmt: skip
def test_what_adds_up_is_seen_and_a_pause_is_not(
    media: list[tuple[float, float]], expected: float, every_s: float
) -> None:
    assert looked(media, every_s)[-1] == pytest.approx(expected, abs=0.6)


def test_who_catches_up_is_not_ahead_for_it() -> None:
    drifts = looked(even((0, 100, 1.0), (130, 133.3, 10.0), (133.3, 300, 1.0)), 1.0)
    assert max(drifts) < 0.6


def test_another_publish_begins_anew() -> None:
    meter = DriftMeter()
    meter.look(0, 0.0, 0.0)
    assert meter.look(0, 9.0, 9.0) == 0
    assert meter.look(None, 10.0, 10.0) is None
    assert meter.look(50_000, 20.0, 20.0) == 0
    assert meter.look(50_000, 23.0, 23.0) == -3
