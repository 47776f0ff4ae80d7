"""What is shown of one room: its state by promise 9, and rates out of counters.

A part of the app: it reads the figures of the recording and the live side and gives what status
shows. Pure: told what is there and when it is, it remembers only what rates and ages need.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from recorder.app_drift import DriftMeter
from recorder.app_line import SILENCE_S, LineMeter, Moment
from recorder.app_tracks import TrackMeter
from recorder.status.digits import rounded
from recorder.status.room_views import PublisherView, RecordingView, RoomState, RoomView

if TYPE_CHECKING:
    from recorder.app_line import Line
    from recorder.live.tcp_info import TcpInfo
    from recorder.recording.figures import RecordingFigures, RoomFigures
    from recorder.recording.lateness import Spread

YOUNG_S: Final = 4.0
"""Recording is said only while the last write is younger than 3 s and a batch (promise 9)."""

WINDOW_S: Final = 10.0
"""Over which rates are measured: keyframes come every second or two, and would make them jump."""

LEAST_WINDOW_S: Final = 2.0
"""Encoders begin with all that they have gathered: over a tenth of a second that was ten times the
rate, and the scale of the page's chart for five minutes."""

HISTORY_S: Final = 300.0

JUDGED_EVERY_S: Final = 1.5
"""At least: at every second look while somebody watches. A line is judged over ten seconds, and
that is a third of what a look takes."""


class RoomFacts(msgspec.Struct, frozen=True):
    """A room at one moment.

    Attributes:
        publish: the number of the newest one, of all there were.
        publisher_since_s: on the clock of `now_s`, as is `window_ends_s`; None: nobody publishes.
        received_bytes: by all its publishers, since the start of the process; the last of them at
            `received_s`, on the clock of `now_s`; None: the one that publishes has sent none.
        stalled: why the disk does not answer, in words; None: it does.
        refused: why nobody may begin to publish, in words; None: somebody may.
        spread: how late its media have come since this was last asked; None: the line is not
            judged at this moment.
        tcp: what the kernel then knows of the publisher's line; None: nothing.
        max_delay_s: `rtmp.max_delay`.
        viewers: who watch it live.
    """

    name: str
    title: str | None
    figures: RoomFigures
    publish: int
    publisher_since_s: float | None
    address: str
    software: str
    has_media: bool
    received_bytes: int
    received_s: float | None
    window_ends_s: float
    stalled: str | None
    refused: str | None
    is_contested: bool
    spread: Spread | None
    tcp: TcpInfo | None
    max_delay_s: float
    viewers: int


def state_of(facts: RoomFacts, now_s: float) -> tuple[RoomState, str | None]:
    """The state of a room, and why where that is not plain."""
    figures = facts.figures
    if facts.publisher_since_s is None:
        if figures.fault is not None and (figures.pending_bytes or figures.lost_bytes):
            return RoomState.FAULT, figures.fault
        if figures.is_open:
            return RoomState.WAITING, "The encoder was lost; it may come back."
        # Idle is what can be used at once: whose encoder would be refused is not.
        return (RoomState.IDLE, None) if facts.refused is None else (RoomState.FAULT, facts.refused)
    if figures.is_stopped:
        return RoomState.STOPPED, "An operator has stopped it; nothing is recorded."
    if figures.fault is not None:
        return RoomState.FAULT, figures.fault
    if not facts.has_media:
        return RoomState.STARTING, "The encoder is connected and has sent nothing yet."
    # What was written before a stop says nothing of now.
    written_s = figures.written_s if figures.is_open else None
    age_s = now_s - facts.publisher_since_s
    if written_s is not None and written_s < min(YOUNG_S, age_s):
        return RoomState.RECORDING, None
    if facts.stalled is not None:
        return RoomState.STALLED, facts.stalled
    if written_s is None or written_s >= age_s:
        return RoomState.STARTING, "The first keyframe is waited for."
    if figures.pending_bytes:
        return RoomState.STALLED, "What came has not been written yet."
    return RoomState.WAITING, "The encoder is connected and sends nothing."


class RoomMeter:
    """What is remembered of one room between two looks."""

    def __init__(self) -> None:
        self._state: RoomState | None = None
        self._since = ""
        self._since_s = 0.0
        self._publish: int | None = None
        self._tracks = TrackMeter()
        self._bytes: deque[tuple[float, int]] = deque()
        """Moments, with the bytes until then; as `_frames`, with those of the video."""
        self._frames: deque[tuple[float, int]] = deque()
        self._drift = DriftMeter()
        self._line = LineMeter()
        self._judged: Line | None = None
        self._judged_s = -math.inf
        self._history: deque[tuple[float, int]] = deque()

    def history(self, now_s: float) -> list[tuple[float, int]]:
        """Ages in seconds and bits per second, of the last five minutes, the oldest first."""
        return [
            (round(now_s - at_s, 1), rate)
            for at_s, rate in self._history
            if now_s - at_s <= HISTORY_S
        ]

    def judges_line(self, now_s: float) -> bool:
        """Whether the next look, now, is to be told what its line does."""
        return now_s - self._judged_s >= JUDGED_EVERY_S

    def look(self, facts: RoomFacts, now_s: float, utc: str) -> RoomView:
        """Measure, and say what is to be shown.

        Args:
            now_s: the clock of all ages.
            utc: the wall clock, as text.
        """
        state, reason = state_of(facts, now_s)
        if state is not self._state:
            self._state, self._since, self._since_s = state, utc, now_s
        self._measure(facts, now_s)
        bits, frame_rate = _rate(self._bytes, 8), _rate(self._frames)
        bitrate = None if bits is None else int(bits)
        self._remember(bitrate, now_s)
        line = self._judge_line(facts, now_s)
        figures, since_s = facts.figures, facts.publisher_since_s
        waits_s, publisher = None, None
        if since_s is not None:
            publisher = PublisherView(facts.address, facts.software, rounded(now_s - since_s))
        elif figures.is_open:
            waits_s = rounded(max(0.0, facts.window_ends_s - now_s))
        drift_s = self._drift.look(figures.newest_dts, now_s - (figures.arrived_s or 0.0), now_s)
        return RoomView(
            facts.name,
            facts.title,
            state,
            reason,
            self._since,
            rounded(now_s - self._since_s),
            waits_s,
            publisher,
            self._tracks.video(frame_rate, now_s),
            self._tracks.audio(now_s),
            bitrate,
            None if bitrate is None else rounded(now_s - self._bytes[-1][0]),
            None if line is None else line.score,
            None if line is None else line.shown,
            None if line is None else rounded(now_s - self._judged_s),
            self._tracks.av_offset_ms,
            facts.viewers,
            None if since_s is None else rounded(figures.arrived_s),
            rounded(drift_s),
            figures.pending_bytes,
            figures.buffer_bytes,
            figures.lost_ms,
            figures.lost_bytes,
            rounded(figures.written_s),
            None if figures.recording is None else _recording(figures.recording, figures.unsafe_s),
            facts.is_contested,
        )

    def _measure(self, facts: RoomFacts, now_s: float) -> None:
        since_s = facts.publisher_since_s
        publish = None if since_s is None else facts.publish
        if publish != self._publish:
            self._publish = publish
            self._drift.clear()
            self._tracks.clear()
            self._line, self._judged, self._judged_s = LineMeter(), None, -math.inf
            self._bytes.clear()
            self._frames.clear()
        if publish is None:
            return
        is_seen = facts.figures.fault is None and not facts.figures.is_stopped
        self._tracks.look(facts.figures, now_s, is_seen=is_seen)
        # From read to read: for up to half a second bytes are left to gather.
        at_s = max(facts.received_s or 0.0, now_s - SILENCE_S)
        frames = self._tracks.video_frames
        self._bytes.append((at_s, facts.received_bytes))
        self._frames.append((at_s, frames))
        if not is_seen or not frames:
            # Frames that wait for a file come into it all at once.
            self._frames.clear()
        for samples in (self._bytes, self._frames):
            while samples and samples[0][0] < now_s - WINDOW_S:
                samples.popleft()

    def _judge_line(self, facts: RoomFacts, now_s: float) -> Line | None:
        """Nothing while we hold the encoder back ourselves: that is not its line."""
        figures = facts.figures
        if facts.stalled is not None or figures.newest_dts is None or figures.arrived_s is None:
            self._line.pause()
            self._judged = None
            return None
        spread = facts.spread
        if spread is None:
            return self._judged
        if spread.begins_anew:
            self._line.pause()
        moment = Moment(
            now_s,
            now_s - figures.arrived_s,
            figures.newest_dts,
            spread.step_ms,
            None
            if spread.least_ms is None or spread.most_ms is None
            else (spread.least_ms, spread.most_ms),
            facts.tcp,
        )
        self._judged, self._judged_s = self._line.look(moment, facts.max_delay_s), now_s
        return self._judged

    def _remember(self, bitrate: int | None, now_s: float) -> None:
        if bitrate is not None and (not self._history or now_s - self._history[-1][0] >= 1):
            self._history.append((now_s, bitrate))
        while self._history and self._history[0][0] < now_s - HISTORY_S:
            self._history.popleft()


def _rate(samples: deque[tuple[float, int]], each: int = 1) -> float | None:
    """How many a second, each so many times; None: not measured long enough."""
    if not samples or samples[-1][0] - samples[0][0] < LEAST_WINDOW_S:
        return None
    return (samples[-1][1] - samples[0][1]) * each / (samples[-1][0] - samples[0][0])


def _recording(found: RecordingFigures, unsafe_s: float | None) -> RecordingView:
    return RecordingView(
        found.number,
        found.path,
        rounded(found.age_s),
        rounded(found.media_ms / 1000),
        found.bytes,
        found.segments,
        found.gaps,
        found.file,
        found.safe_bytes,
        rounded(unsafe_s),
        found.counts.get("lost_ms", 0),
        found.counts,
    )
