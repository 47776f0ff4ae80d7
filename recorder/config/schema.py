"""The configuration as frozen classes.

Owns the names, bounds and defaults of every key, and nothing of how a file becomes one of these
(`loading` does that), nor of what binds several keys together (`together`).
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import attrs

from recorder.config import rules
from recorder.config.document import Problem
from recorder.config.hooks import HooksConfig
from recorder.config.structure import NOT_IN_FILE
from recorder.config.units import GIB, MIB, TIB

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86_400.0

DEFAULT_ROOMS = 64
ANY_ROOM = "*"


Flag: TypeAlias = Annotated[bool, rules.Flag()]
Connections: TypeAlias = Annotated[int, rules.Count(1, 65_535)]
Address: TypeAlias = Annotated[str, rules.Address()]
Folder: TypeAlias = Annotated[Path, rules.Folder()]
# Whoever wants a lesson gone within the minute deletes it.
Age: TypeAlias = Annotated[float, rules.Age(rules.Time(MINUTE, 36_500 * DAY))]
Total: TypeAlias = Annotated[int, rules.Size(MIB, 1024 * TIB)]
Title: TypeAlias = Annotated[str, rules.Title()]
# The stream key is the only thing between a stranger and a room.
Key: TypeAlias = Annotated[
    str,
    rules.Word(
        r"[A-Za-z0-9_-]{1,128}",
        "must be 1 to 128 letters, digits, - and _ (`recorder new-key` prints a good one)",
        secret=True,
    ),
]
Application: TypeAlias = Annotated[
    str, rules.Word(r"[A-Za-z0-9_-]{1,64}", "must be 1 to 64 letters, digits, - and _")
]

PasswordHash: TypeAlias = Annotated[
    str,
    rules.Word(rules.PASSWORD_HASH, "must be what `recorder hash-password` prints", secret=True),
]
Network: TypeAlias = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, rules.Network()]
HostName: TypeAlias = Annotated[
    str, rules.Word(r"[A-Za-z0-9.-]{1,253}", "must be the name of a host, such as rec.example")
]


@attrs.frozen(kw_only=True)
class StorageConfig:
    """Where recordings go. A relative folder is relative to the configuration file."""

    directory: Folder = Path("recordings")
    # What a power cut may cost. Bytes reach the disk in batches of up to a second, so syncing more
    # often saves nothing and wears the card; a minute of a lesson is the most anybody should risk.
    sync_interval: Annotated[float, rules.Time(SECOND, MINUTE)] = 5.0
    # From the signal to an exit that leaves files unfinished. Cards stall in units of 10 s, so the
    # default outlives four of those; nobody lets a machine take more than ten minutes to shut down.
    stop_timeout: Annotated[float, rules.Time(SECOND, 10 * MINUTE)] = 45.0
    buffer: Annotated[int, rules.Size(MIB, 16 * GIB)] = 64 * MIB


@attrs.frozen(kw_only=True)
class SegmentsConfig:
    """When a file ends and the next one begins. Times in seconds, sizes in bytes."""

    duration: Annotated[float, rules.Time(SECOND, DAY)] = 10 * MINUTE
    # Below this the reserved index alone would fill the file.
    size: Annotated[int, rules.Size(MIB, 16 * TIB)] = GIB
    align_to_clock: Flag = False


@attrs.frozen(kw_only=True)
class RecordingConfig:
    """How long a recording waits, and how long it may grow. Seconds."""

    reconnect_window: Annotated[float, rules.Time(0, DAY)] = 60.0
    first_media_timeout: Annotated[float, rules.Time(SECOND, HOUR)] = 20.0
    idle_timeout: Annotated[float, rules.Time(SECOND, HOUR)] = 15.0
    max_duration: Annotated[float, rules.Time(SECOND, 30 * DAY)] = 12 * HOUR


@attrs.frozen(kw_only=True)
class MinFreeConfig:
    """How much of the disk stays free; the larger counts. `time` is at the highest rate of the last
    seven days."""

    size: Annotated[int, rules.Size(0, 1024 * TIB)] = 0
    time: Annotated[float, rules.Time(0, 365 * DAY)] = 0.0


@attrs.frozen(kw_only=True)
class RetentionConfig:
    """Which recordings go, and what happens when the disk is full. None: no such rule."""

    max_age: Age | None = None
    max_size: Total | None = None
    min_free: MinFreeConfig = attrs.Factory(MinFreeConfig)
    when_full: Literal["delete-oldest", "stop-recording"] = "delete-oldest"


@attrs.frozen(kw_only=True)
class RoomRetentionConfig:
    """What differs in a room. `max_age` None: the common one; `max_size` is the room's own."""

    max_age: Age | None = None
    max_size: Total | None = None


@attrs.frozen(kw_only=True)
class ClockConfig:
    """Whether the wall clock is believed, and the zone that `align_to_clock` counts in."""

    trust: Literal["auto", "always"] = "auto"
    timezone: Annotated[str, rules.TimeZone()] = "system"


@attrs.frozen(kw_only=True)
class TlsConfig:
    """PEM files; relative ones are relative to the configuration file."""

    certificate: Folder
    private_key: Folder


@attrs.frozen(kw_only=True)
class RtmpTlsConfig(TlsConfig):
    """RTMPS beside RTMP."""

    listen: list[Address] = attrs.Factory(lambda: ["0.0.0.0:1936"])


@attrs.frozen(kw_only=True)
class RtmpConfig:
    """Where encoders connect."""

    listen: list[Address] = attrs.Factory(lambda: ["0.0.0.0:1935"])
    application: Application = "live"
    takeover: Literal["always", "if-stale", "never"] = "if-stale"
    # Between two in a room nobody notices less; a minute is no line any more.
    max_delay: Annotated[float, rules.Time(0.1, MINUTE)] = 2.0
    tls: RtmpTlsConfig | None = None


@attrs.frozen(kw_only=True)
class StatusConfig:
    """Where people look, and who may."""

    listen: list[Address] = attrs.Factory(lambda: ["127.0.0.1:8080"])
    # Not in the repr, as a key.
    password: PasswordHash | None = attrs.field(default=None, repr=False)
    public: Flag = False
    names: list[HostName] = attrs.Factory(list)
    tls: TlsConfig | None = None


@attrs.frozen(kw_only=True)
class RoomConfig:
    """One place that may publish. `segments` is complete: the room's own over the common ones."""

    # Not in the repr: a configuration printed by accident must not print its keys.
    key: Key = attrs.field(repr=False)
    # To watch it live over RTMP; without one nobody can.
    view_key: Key | None = attrs.field(default=None, repr=False)
    title: Title | None = None
    # Empty: from anywhere.
    allow: list[Network] = attrs.Factory(list)
    segments: SegmentsConfig = attrs.Factory(SegmentsConfig)
    retention: RoomRetentionConfig = attrs.Factory(RoomRetentionConfig)


@attrs.frozen(kw_only=True)
class LimitsConfig:
    """The most of everything a peer can make us hold. `memory` in bytes."""

    connections: Connections = 256
    publishers: Connections = 64
    clients: Connections = 32
    rooms: Connections = DEFAULT_ROOMS
    viewers: Connections = 16
    memory: Annotated[int, rules.Memory(rules.Size(32 * MIB, TIB))] = attrs.Factory(
        rules.automatic_memory
    )


@attrs.frozen(kw_only=True)
class LogConfig:
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    # auto: the journal under systemd, else text.
    format: Literal["auto", "journal", "text", "json"] = "auto"


@attrs.frozen(kw_only=True)
class Config:
    """Everything. The fields marked NOT_IN_FILE are no keys of the file."""

    state: Folder | None = None
    storage: StorageConfig = attrs.Factory(StorageConfig)
    segments: SegmentsConfig = attrs.Factory(SegmentsConfig)
    recording: RecordingConfig = attrs.Factory(RecordingConfig)
    retention: RetentionConfig = attrs.Factory(RetentionConfig)
    clock: ClockConfig = attrs.Factory(ClockConfig)
    rtmp: RtmpConfig = attrs.Factory(RtmpConfig)
    rooms: dict[str, RoomConfig] = attrs.Factory(dict)
    status: StatusConfig = attrs.Factory(StatusConfig)
    limits: LimitsConfig = attrs.Factory(LimitsConfig)
    hooks: HooksConfig = attrs.Factory(HooksConfig)
    log: LogConfig = attrs.Factory(LogConfig)

    any_room: RoomConfig | None = attrs.field(default=None, metadata={NOT_IN_FILE: True})
    """The room called "*": any other name may publish with this key."""
    path: Path | None = attrs.field(default=None, metadata={NOT_IN_FILE: True})
    """The file this was read from."""
    listen_given: frozenset[str] = attrs.field(
        default=frozenset(), eq=False, metadata={NOT_IN_FILE: True}
    )
    """Which addresses to listen on stand in the file, such as `rtmp.listen`; others are defaults,
    and give way to sockets that systemd passes."""
    text: bytes = attrs.field(default=b"", repr=False, eq=False, metadata={NOT_IN_FILE: True})
    """What that held, with its keys: for the copy of the last good one."""
    warnings: tuple[Problem, ...] = attrs.field(default=(), metadata={NOT_IN_FILE: True})
    """What is allowed and unwise."""
