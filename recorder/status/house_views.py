"""What is shown of the disk and of the recorder itself, as parts of a `Snapshot`.

Names and units of every figure, and nothing of where they come from.
"""

from __future__ import annotations

import enum

import msgspec


class DiskState(enum.StrEnum):
    GOOD = "good"
    STALLED = "stalled"
    """A write is under way and does not come back."""
    FAILED = "failed"
    """The last write or probe failed."""
    HELD = "held"
    """It works, and a rule says that nothing more is written: too little is free."""


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
