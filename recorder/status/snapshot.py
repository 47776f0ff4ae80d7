"""What is shown to whoever looks: one frozen picture of the whole recorder.

Owns the names and units of every figure, and nothing of where they come from. What JSON calls a
field is what it is called here; `snapshot.schema.json` beside this file says the same to others,
and a test holds the two together. Every number is either a count, true at `time`, or has its age in
seconds beside it: a figure without an age would look fresh when it is not (design §9).

`version` rises when a field changes its meaning or goes; who reads ignores fields he does not know.

These are structs of msgspec, as are the figures that they are made of, and not attrs classes: a
hundred rooms are looked at every second, and to make them took most of a picture's time.
"""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Final, overload

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1

_SCALES: Final = (1.0, 10.0, 100.0, 1000.0, 10000.0)


@overload
def rounded(value: float, digits: int = 1) -> float: ...
@overload
def rounded(value: float | None, digits: int = 1) -> float | None: ...
def rounded(value: float | None, digits: int = 1) -> float | None:
    """As fine as people read it: tenths of seconds and rates, shares of 1 finer. All are sent every
    second.

    Halves go up. That takes a third of the time of `round`, and a hundred rooms have three thousand
    figures.
    """
    if value is None:
        return None
    scale = _SCALES[digits]
    return (value * scale + 0.5) // 1 / scale


class RoomState(enum.StrEnum):
    """Design §2. RECORDING only while the last successful write is young (promise 9)."""

    IDLE = "idle"
    STARTING = "starting"
    RECORDING = "recording"
    WAITING = "waiting"
    STALLED = "stalled"
    STOPPED = "stopped"
    FAULT = "fault"


class DiskState(enum.StrEnum):
    GOOD = "good"
    STALLED = "stalled"
    """A write is under way and does not come back."""
    FAILED = "failed"
    """The last write or probe failed."""
    HELD = "held"
    """It works, and a rule says that nothing more is written: too little is free."""


class Severity(enum.StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class PublisherView(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    software: str
    age_s: float


class VideoView(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    frame_rate: frames per second of the last seconds; None: not measured yet.
    frame_age_s: since the last frame came; `keyframe_age_s` since the last keyframe, and
        `keyframe_distance_s` between that and the one before, in media time.
    """

    codec: str
    width: int | None
    height: int | None
    frame_rate: float | None
    frame_age_s: float | None
    keyframe_age_s: float | None
    keyframe_distance_s: float | None


class AudioView(msgspec.Struct, frozen=True, kw_only=True):
    codec: str
    sample_rate: int | None
    channels: int | None
    frame_age_s: float | None


class RecordingView(msgspec.Struct, frozen=True, kw_only=True):
    """The open recording.

    Attributes:
        path: of its folder, below the storage.
        age_s: since it began.
        media_s: length of what was recorded.
        bytes: of all its segments, the open one included.
        file: the segment that is being written; None between two.
        safe_bytes: so much of it survives a power cut; `safe_age_s` is how old the oldest part is
            that would not; None: there is none.
        lost_ms: media that were given up because the disk took nothing, before the last of it was
            written.
        anomalies: what the encoder did wrong and was mended, by name.
    """

    number: int
    path: str
    age_s: float
    media_s: float
    bytes: int
    segments: int
    gaps: int
    file: str | None
    safe_bytes: int
    safe_age_s: float | None
    lost_ms: int
    anomalies: Mapping[str, int]


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """How good an encoder's line is, over the last ten seconds.

    Attributes:
        word: `good`, `weak` or `bad`; None: not measured long enough.
        reason: why it is not good.
        media_rate: media seconds per second.
        late_ms: how much later media came than at their best of late, at most.
        jitter_ms: between the earliest and the latest.
        rtt_ms: the longest round-trip time, as of `RoundTrip`; `rtt_variation_ms` by how much
            two measurements of it lie off their mean, at most.
        out_of_order: of its TCP segments, 0 to 1: came behind a hole, or overtaken.
        loss: of its TCP segments, 0 to 1: what `out_of_order` says of those lost on the way.
        resent: segments that we sent again.
    """

    word: str | None
    reason: str | None
    media_rate: float | None
    late_ms: float
    jitter_ms: float
    rtt_ms: float | None
    rtt_variation_ms: float | None
    out_of_order: float | None
    loss: float | None
    resent: int | None


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    reason: why it is in this state, where that is not plain; in words.
    since: UTC, by the clock of then; `state_age_s` by the monotonic clock.
    waits_s: so long its recording still waits for its publisher.
    bitrate: bits per second that came in the last seconds; `figures_age_s` since that and the
        frame rate were measured.
    quality: of the connection, 0 to 1; None: not measured. How it comes about stands in `line`.
    av_offset_ms: by how much the newest sound lies behind the newest picture, in media time; less
        than 0: before it.
    media_age_s: since the last audio or video came.
    drift_s: how far media time has run ahead of the wall since the publish began, pauses left out.
    buffer_bytes: media that are not in a file yet.
    lost_ms, lost_bytes: media given up since the disk takes nothing, so far; 0 while it takes what
        comes. What was lost before stands in the recording.
    write_age_s: since something of it was last written.
    is_contested: two encoders fight for it.
    """

    name: str
    title: str | None
    state: RoomState
    reason: str | None
    since: str
    state_age_s: float
    waits_s: float | None
    publisher: PublisherView | None
    video: VideoView | None
    audio: AudioView | None
    bitrate: int | None
    figures_age_s: float | None
    quality: float | None
    line: LineView | None
    av_offset_ms: float | None
    viewers: int
    media_age_s: float | None
    drift_s: float | None
    buffer_bytes: int
    buffer_limit_bytes: int
    lost_ms: int
    lost_bytes: int
    write_age_s: float | None
    recording: RecordingView | None
    is_contested: bool


class SweepView(msgspec.Struct, frozen=True, kw_only=True):
    """What the next sweep would delete, as of `age_s` ago."""

    recordings: int
    bytes: int
    age_s: float


class BlockedView(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion plan that waits for an operator (`recorder sweep --confirm PLAN`)."""

    plan: str
    recordings: int
    bytes: int


class StorageView(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    reason: why it is not good, in words.
    free_age_s: since `total_bytes` and `free_bytes` were measured.
    time_left_s: so long can be recorded at the highest ten-minute rate of seven days, with all that
        rules may delete; None: unknown.
    write_ms: the longest write or sync of the last minute.
    probe_age_s: since the disk was last tried; None: never.
    foreign_bytes: of data on the disk that are not ours; None: unknown.
    counted_age_s: since a sweep found `time_left_s`, `kept_bytes` and `foreign_bytes`; None: none
        has looked yet.
    """

    directory: str
    state: DiskState
    reason: str | None
    total_bytes: int | None
    free_bytes: int | None
    free_age_s: float | None
    time_left_s: int | None
    kept_bytes: int | None
    foreign_bytes: int | None
    foreign_fills: bool
    counted_age_s: float | None
    write_ms: int | None
    probe_age_s: float | None
    written_bytes: int
    next_sweep: SweepView | None
    blocked: BlockedView | None


class ClockView(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    reason: why it is not trusted.
    stepped_ms: by how much it was last set; `step_age_s` since then; None: it was not.
    steps: so often since the recorder started.
    """

    is_trusted: bool
    reason: str | None
    stepped_ms: int | None
    step_age_s: float | None
    steps: int


class ConfigView(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    errors: what is wrong with the file, the first few lines; it is not in force then.
    is_last_good: the recorder was started with a file it cannot use, and runs with the copy of the
        last good one.
    restart: keys whose new values wait for a restart.
    rtmps_off: why encoders over RTMPS are refused, in words; None: they are not, or there is none.
    """

    path: str | None
    errors: tuple[str, ...]
    is_last_good: bool
    restart: tuple[str, ...]
    rtmps_off: str | None = None


class RefusedView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is not let in to publish: wrong keys, wrong passwords, addresses that a room does not
    allow.

    Attributes:
        address: an IPv4 address, or the /64 of an IPv6 one.
        times: in a row, with less than ten minutes between two.
        age_s: since the last time.
    """

    address: str
    times: int
    age_s: float


class WearView(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody wrote to the disk of a folder in the last `period_s`, a day at most, and since
    the machine started; as of `age_s` ago."""

    directory: str
    written_bytes: int
    period_s: float
    total_bytes: int
    age_s: float


class HooksView(msgspec.Struct, frozen=True, kw_only=True):
    """As of `age_s` ago; None: nobody has looked yet.

    Attributes:
        is_delivering: somebody does, here or in a process of its own.
        failing: the receivers that do not answer; `failing_since` of the first, UTC.
        delivered, given_up: events, ever, each as often as it has receivers.
        lost: events that went before they were delivered, since the start.
    """

    is_delivering: bool
    failing: tuple[str, ...]
    failing_since: str | None
    delivered: int
    given_up: int
    lost: int
    age_s: float | None


class SystemView(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    boot: of the machine: another one each time that it starts; "" where the kernel does not say.
    memory_bytes: of this process; `media_bytes` of that is media, of at most
        `media_limit_bytes`.
    load: of the machine, one minute.
    temperature_c: None: the machine does not say; the same for the two below.
    machine_age_s: since `memory_bytes`, these, and `load` were measured; None: not yet.
    last_end: how the recorder before this one ended: clean, crash, power; None: there was none.
    failed_logins: of the last 20 s, at the page's door; `failed_publishes` at the encoders'.
    refused: the addresses with the most of them, the worst first.
    wear: of each disk that the recorder uses.
    hooks: None: nobody is to be told anything.
    """

    version: str
    uptime_s: float
    boot: str
    memory_bytes: int | None
    media_bytes: int
    media_limit_bytes: int
    load: float | None
    temperature_c: float | None
    under_voltage_now: bool | None
    under_voltage_ever: bool | None
    machine_age_s: float | None
    clock: ClockView
    last_end: str | None
    failed_logins: int
    failed_publishes: int
    refused: tuple[RefusedView, ...]
    viewers: int
    config: ConfigView
    wear: tuple[WearView, ...]
    hooks: HooksView | None = None


class AlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    id: of this alarm as long as it stands; `kind` is the same for all of its sort.
    since: UTC, by the clock of then; `age_s` by the monotonic clock, None where the recorder before
        this one has raised it.
    acknowledged_by: who has seen it; None: nobody yet.
    """

    id: str
    kind: str
    severity: Severity
    room: str | None
    since: str
    age_s: float | None
    text: str
    advice: str
    acknowledged_by: str | None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    sequence: grows with every snapshot of one process.
    run: of this process; a page that sees another one knows that the recorder was restarted.
    time: UTC, as the clock says it, be it trusted or not.
    alarms: the worst first.
    """

    version: int = VERSION
    sequence: int
    run: str
    time: str
    rooms: tuple[RoomView, ...]
    storage: StorageView
    system: SystemView
    alarms: tuple[AlarmView, ...] = ()

    @property
    def live_rooms(self) -> int:
        """How many rooms somebody publishes in."""
        return sum(room.publisher is not None for room in self.rooms)

    @property
    def worst_alarm(self) -> AlarmView | None:
        return self.alarms[0] if self.alarms else None

    def to_json(self) -> str:
        """One line of JSON. Of a hundred rooms every second, the standard library's would take half
        as long as all the rest of a picture."""
        try:
            return msgspec.json.encode(self).decode()
        except UnicodeEncodeError:
            # The name of a folder may be bytes that are no UTF-8.
            return json.dumps(msgspec.to_builtins(self), separators=(",", ":"))
