"""The configuration: one YAML file, read strictly into frozen classes.

Owns the names, bounds and defaults of every key, and the rules that bind keys together. An unknown
key, a repeated key, a wrong type and a bad value are each a Problem with line and path, and all of
them are reported at once: nobody should find the third mistake in the third attempt.

Problems and warnings never contain a stream key. Where the file is found, who may read it and how
the first one is made is the business of `file`.
"""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import attrs

from recorder.config import rules
from recorder.config.document import Document, KeyPath, Problem, parse, written
from recorder.config.file import ConfigError, File, mode_problems, read
from recorder.config.hooks import HooksConfig, holds_secrets
from recorder.config.structure import NOT_IN_FILE, structure
from recorder.config.units import GIB, MIB, TIB

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86_400.0

# What makes a key hard enough to guess at the rate a listener answers.
STRONG_KEY_CHARACTERS = 16
DEFAULT_ROOMS = 64
DEFAULT_PORTS = {"rtmp": 1935, "rtmp.tls": 1936, "status": 8080}
ANY_ROOM = "*"

_ROOM_NAME = rules.Word(
    r"[A-Za-z0-9_-]{1,64}", "the name of a room is 1 to 64 letters, digits, - and _"
)
_OF_THE_DISK = {
    ("rooms", "*", "retention", "min_free"),
    ("rooms", "*", "retention", "when_full"),
}

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


def load(path: Path) -> Config:
    """Read a configuration file. Raises ConfigError with everything that is wrong with it."""
    return interpret(read(path), path)


def interpret(file: File, path: Path) -> Config:
    """What a file says that was read, or a copy of it. Raises ConfigError as `load`.

    Args:
        path: whose folder relative paths are relative to.
    """
    if not file.data.strip():
        # What a power cut leaves of a file that an editor had just written, or is writing now.
        raise ConfigError(str(path), [Problem("is empty; put back what stood in it")])
    document = parse(file.data)
    raw = {} if document.value is None else document.value
    config, problems = structure(_with_common_segments(raw), Config, document, _why_unknown)
    together = _Together(document)
    together.check(raw)
    has_keys = any(_keys(raw)) or holds_secrets(raw)
    found = [
        *mode_problems(file, has_keys=has_keys),
        *document.problems,
        *problems,
        *together.errors,
    ]
    if config is None or found:
        raise ConfigError(str(path), found)
    folder = path.absolute().parent
    return attrs.evolve(
        config,
        state=None if config.state is None else folder / config.state,
        storage=attrs.evolve(config.storage, directory=folder / config.storage.directory),
        rtmp=attrs.evolve(config.rtmp, tls=_in_folder(config.rtmp.tls, folder)),
        status=attrs.evolve(config.status, tls=_in_folder(config.status.tls, folder)),
        rooms={name: room for name, room in config.rooms.items() if name != ANY_ROOM},
        any_room=config.rooms.get(ANY_ROOM),
        path=path.absolute(),
        listen_given=frozenset(written(key) for key in document.places if key[-1:] == ("listen",)),
        text=file.data,
        warnings=tuple(together.warnings),
    )


_Tls = TypeVar("_Tls", bound=TlsConfig)


def _in_folder(tls: _Tls | None, folder: Path) -> _Tls | None:
    if tls is None:
        return None
    return attrs.evolve(
        tls, certificate=folder / tls.certificate, private_key=folder / tls.private_key
    )


def _with_common_segments(raw: Any) -> Any:
    """The document with the common `segments` under each room's own."""
    match raw:
        case {"segments": dict() as common, "rooms": dict() as rooms}:
            return {
                **raw,
                "rooms": {name: _room_over(room, common) for name, room in rooms.items()},
            }
    return raw


def _room_over(room: Any, common: dict[str, Any]) -> Any:
    match room:
        case {"segments": dict() as own}:
            return {**room, "segments": {**common, **own}}
        case dict() if "segments" not in room:
            return {**room, "segments": common}
    return room


def _why_unknown(path: KeyPath) -> str | None:
    pattern = (path[0], "*", *path[2:]) if path[0] == "rooms" and len(path) > 2 else path
    if pattern in _OF_THE_DISK:
        return "is a rule for the whole disk; put it under the common retention"
    return None


def _keys(raw: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """The rooms, which of their keys, and these, as far as they can be made out."""
    match raw:
        case {"rooms": dict() as rooms}:
            for name, room in rooms.items():
                for which in ("key", "view_key"):
                    if isinstance(room, dict) and isinstance(room.get(which), str):
                        yield (name, which), room[which]


class _Together:
    """Rules that bind several keys. It reads the document, to run beside other mistakes."""

    def __init__(self, document: Document) -> None:
        self._places = document.places
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    def check(self, raw: Any) -> None:
        match raw:
            case {"rtmp": {"listen": list() as listen}}:
                self._check_listen(listen, "rtmp")
        match raw:
            case {"rtmp": {"tls": {"listen": list() as listen}}}:
                self._check_listen(listen, "rtmp", "tls")
        match raw:
            case {"status": dict() as status}:
                self._check_status(status)
        match raw:
            case {"rooms": dict() as rooms} if rooms:
                self._check_names(rooms)
                self._check_keys(dict(_keys(raw)), {name.casefold(): name for name in rooms})
                most = _limit_on_rooms(raw)
                if len(rooms) > most:
                    self._error(f"holds {len(rooms)} rooms, and limits.rooms is {most}", "rooms")
            case dict():
                self._warning("no room is configured, so nobody can publish", "rooms")

    def _check_listen(self, listen: list[Any], *section: str) -> None:
        if not listen:
            port = DEFAULT_PORTS[".".join(section)]
            self._error(
                f'must name at least one address, such as "0.0.0.0:{port}"', *section, "listen"
            )
        for index, address in enumerate(listen):
            if address in listen[:index]:
                self._error("stands in the list twice", *section, "listen", index)

    def _check_status(self, status: dict[Any, Any]) -> None:
        match status:
            case {"listen": list() as listen}:
                self._check_listen(listen, "status")
            case _:
                listen = []
        if status.get("password") is not None or status.get("public") is True:
            return
        for index, address in enumerate(listen):
            if isinstance(address, str) and not rules.is_loopback(address):
                self._error(
                    "is reached from elsewhere, so status needs a password (`recorder "
                    "hash-password`) or public: true",
                    "status",
                    "listen",
                    index,
                )

    def _check_names(self, rooms: dict[str, Any]) -> None:
        seen: dict[str, str] = {}
        for name in rooms:
            if name != ANY_ROOM and not _ROOM_NAME.fits(name):
                self._error(_ROOM_NAME.reason, "rooms", name)
            other = seen.setdefault(name.casefold(), name)
            if other != name:
                self._error(f"differs from {other} only in capital letters", "rooms", name)

    def _check_keys(self, keys: dict[tuple[str, str], str], names: dict[str, str]) -> None:
        owners: dict[str, tuple[str, str]] = {}
        for (name, which), key in keys.items():
            path = ("rooms", name, which)
            owner = owners.setdefault(key, (name, which))
            if owner != (name, which):
                words = owner[1].replace("_", " ")
                self._error(f"is also the {words} of {owner[0]}; each room needs its own", *path)
            # A stream called like another room could mean either of the two.
            room = names.get(key.casefold())
            if room is not None and room != name:
                self._error("is the name of another room", *path)
            elif room is not None:
                self._warning("is the name of the room, which anybody can guess", *path)
            elif len(key) < STRONG_KEY_CHARACTERS:
                reason = f"is shorter than {STRONG_KEY_CHARACTERS} characters and may be guessed"
                self._warning(reason, *path)

    def _error(self, reason: str, *path: str | int) -> None:
        self.errors.append(self._problem(reason, path))

    def _warning(self, reason: str, *path: str | int) -> None:
        self.warnings.append(self._problem(reason, path))

    def _problem(self, reason: str, path: KeyPath) -> Problem:
        place = self._places.get(path)
        return Problem(reason, path, None if place is None else place.line)


def _limit_on_rooms(raw: Any) -> int:
    match raw:
        case {"limits": {"rooms": int() as most}} if most is not True:
            return most
    return DEFAULT_ROOMS
