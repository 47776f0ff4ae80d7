"""The configuration: one YAML file, read strictly into frozen classes.

Owns the names, bounds and defaults of every key, and the rules that bind keys together. An unknown
key, a repeated key, a wrong type and a bad value are each a Problem with line and path, and all of
them are reported at once: somebody who edits this file over ssh should not find the third mistake in
the third attempt. Keys whose feature this version does not have are refused, never ignored.

Problems and warnings never contain a stream key. Where the file is found, who may read it and how
the first one is made is the business of `configfile`.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from recorder import rules
from recorder.units import GIB, KIB, MIB, TIB, UnitError
from recorder.yamlfile import Document, KeyPath, Place, Problem, parse

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86_400.0

# What makes a key hard enough to guess at the rate a listener answers.
STRONG_KEY_CHARACTERS = 16
ANY_ROOM = "*"

_ROOM_NAME = r"[A-Za-z0-9_-]{1,64}"
_NOT_YET = "not yet supported by this version"
_NOT_YET_KEYS = {
    ("storage", "sync_interval"),
    ("retention",),
    ("rtmp", "tls"),
    ("rooms", "*", "view_key"),
    ("rooms", "*", "allow"),
    ("rooms", "*", "retention"),
    ("status",),
    ("limits", "viewers"),
    ("limits", "clients"),
    ("hooks",),
    ("log", "format"),
}

Flag: TypeAlias = Annotated[bool, rules.Flag()]
Connections: TypeAlias = Annotated[int, rules.Count(1, 65_535)]
Address: TypeAlias = Annotated[str, rules.Address()]
Folder: TypeAlias = Annotated[Path, rules.Folder()]
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
    str, rules.Word(_ROOM_NAME, "must be 1 to 64 letters, digits, - and _")
]


class ConfigError(Exception):
    """The configuration cannot be used: everything that is wrong with it."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("\n".join(problem.describe(file) for problem in self.problems))


@attrs.frozen(kw_only=True)
class StorageConfig:
    """Where recordings go. A relative folder is relative to the configuration file."""

    directory: Folder = Path("recordings")
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
class ClockConfig:
    """Whether the wall clock is believed, and the zone that `align_to_clock` counts in."""

    trust: Literal["auto", "always"] = "auto"
    timezone: Annotated[str, rules.TimeZone()] = "system"


@attrs.frozen(kw_only=True)
class RtmpConfig:
    """Where encoders connect."""

    listen: list[Address] = attrs.Factory(lambda: ["0.0.0.0:1935"])
    application: Application = "live"
    takeover: Literal["always", "if-stale", "never"] = "if-stale"


@attrs.frozen(kw_only=True)
class RoomConfig:
    """One place that may publish. `segments` is complete: the room's own over the common ones."""

    key: Key
    title: Title | None = None
    segments: SegmentsConfig = attrs.Factory(SegmentsConfig)


@attrs.frozen(kw_only=True)
class LimitsConfig:
    """The most of everything a peer can make us hold. `memory` in bytes."""

    connections: Connections = 256
    publishers: Connections = 64
    rooms: Connections = 64
    memory: Annotated[int, rules.Memory(rules.Size(32 * MIB, TIB))] = attrs.Factory(
        rules.automatic_memory
    )


@attrs.frozen(kw_only=True)
class LogConfig:
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = "info"


@attrs.frozen(kw_only=True)
class Config:
    """Everything. `any_room`, `path` and `warnings` are no keys of the file's top level."""

    state: Folder | None = None
    storage: StorageConfig = attrs.Factory(StorageConfig)
    segments: SegmentsConfig = attrs.Factory(SegmentsConfig)
    recording: RecordingConfig = attrs.Factory(RecordingConfig)
    clock: ClockConfig = attrs.Factory(ClockConfig)
    rtmp: RtmpConfig = attrs.Factory(RtmpConfig)
    rooms: dict[str, RoomConfig] = attrs.Factory(dict)
    limits: LimitsConfig = attrs.Factory(LimitsConfig)
    log: LogConfig = attrs.Factory(LogConfig)

    any_room: RoomConfig | None = None
    """The room called "*": any other name may publish with this key."""
    path: Path | None = None
    """The file this was read from."""
    warnings: tuple[Problem, ...] = ()
    """What is allowed and unwise."""


def load(path: Path) -> Config:
    """Read a configuration file. Raises ConfigError with everything that is wrong with it."""
    # Here and not above: configfile is the outer layer, and load() is the one name others need.
    from recorder.configfile import read

    return read(path)


def read_text(data: bytes, *, path: Path, problems: Iterable[Problem] = ()) -> Config:
    """The configuration in a file's bytes. `problems` found with the file itself are added."""
    document = parse(data)
    found = [*problems, *document.problems]
    if document.value is None and document.problems:
        raise ConfigError(str(path), found)
    raw = {} if document.value is None else document.value
    config = None
    try:
        config = _CONVERTER.structure(_with_common_segments(raw), Config)
    except (cattrs.BaseValidationError, rules.Wrong) as error:
        found += _explained(error, document)
    errors, warnings = _check_together(raw, document.places)
    found += errors
    if config is None or found:
        raise ConfigError(str(path), found)
    folder = path.absolute().parent
    return attrs.evolve(
        config,
        state=None if config.state is None else folder / config.state,
        storage=attrs.evolve(config.storage, directory=folder / config.storage.directory),
        rooms={name: room for name, room in config.rooms.items() if name != ANY_ROOM},
        any_room=config.rooms.get(ANY_ROOM),
        path=path.absolute(),
        warnings=tuple(warnings),
    )


def _with_common_segments(raw: Any) -> Any:
    """The document with the common `segments` under each room's own."""
    match raw:
        case {"segments": dict() as common, "rooms": dict() as rooms}:
            return {**raw, "rooms": {name: _room_over(room, common) for name, room in rooms.items()}}
    return raw


def _room_over(room: Any, common: dict[str, Any]) -> Any:
    if not isinstance(room, dict):
        return room
    own = room.get("segments", {})
    return {**room, "segments": {**common, **own}} if isinstance(own, dict) else room


# --- rules that bind several keys -------------------------------------------------------------


def _check_together(
    raw: Any, places: Mapping[KeyPath, Place]
) -> tuple[list[Problem], list[Problem]]:
    """Errors and warnings. Works on the document, so that it runs beside other mistakes."""
    errors: list[Problem] = []
    warnings: list[Problem] = []

    def add(to: list[Problem], reason: str, *path: str | int) -> None:
        to.append(Problem(reason, path, places[path].line if path in places else None))

    match raw:
        case {"rtmp": {"listen": list() as listen}}:
            if not listen:
                add(errors, 'must name at least one address, such as "0.0.0.0:1935"', "rtmp", "listen")
            for index, address in enumerate(listen):
                if address in listen[:index]:
                    add(errors, "stands in the list twice", "rtmp", "listen", index)
    match raw:
        case {"rooms": dict() as rooms} if rooms:
            _check_rooms(rooms, add, errors, warnings)
            most = _limit_on_rooms(raw)
            if len(rooms) > most:
                reason = f"has {len(rooms)} rooms, and limits.rooms allows {most}"
                add(errors, reason, "rooms")
        case dict() if not isinstance(raw.get("rooms"), list | str):
            add(warnings, "no room is configured, so nobody can publish", "rooms")
    return errors, warnings


def _check_rooms(
    rooms: dict[str, Any], add: Any, errors: list[Problem], warnings: list[Problem]
) -> None:
    names: dict[str, str] = {}
    for name in rooms:
        if name == ANY_ROOM:
            continue
        if not _is_room_name(name):
            add(errors, "a room's name is 1 to 64 letters, digits, - and _", "rooms", name)
        other = names.setdefault(name.casefold(), name)
        if other != name:
            add(errors, f"differs from {other} only in capital letters", "rooms", name)
    owners: dict[str, str] = {}
    for name, key in _keys(rooms):
        place = ("rooms", name, "key")
        owner = owners.setdefault(key, name)
        if owner != name:
            add(errors, f"is also the key of {owner}; each room needs its own", *place)
        # A stream called like a room would otherwise be that room for one sender and a key for
        # another. The room's own name is merely a bad key.
        room = names.get(key.casefold())
        if room is not None and room != name:
            add(errors, "is the name of another room", *place)
        elif room is not None:
            add(warnings, "is the name of the room, which anybody will guess", *place)
        elif len(key) < STRONG_KEY_CHARACTERS:
            reason = f"is shorter than {STRONG_KEY_CHARACTERS} characters and may be guessed"
            add(warnings, reason, *place)


def _keys(rooms: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, room in rooms.items():
        match room:
            case {"key": str() as key}:
                yield name, key


def _is_room_name(name: str) -> bool:
    return rules.Word(_ROOM_NAME, "").fits(name)


def _limit_on_rooms(raw: dict[str, Any]) -> int:
    match raw:
        case {"limits": {"rooms": int() as most}}:
            return most
    return LimitsConfig(memory=0).rooms


# --- cattrs, and its errors in our words --------------------------------------------------------


def _rule_of(kind: Any) -> rules.Rule | None:
    """The rule a field's type carries."""
    if get_origin(kind) is Literal:
        return rules.OneOf(get_args(kind))
    return next(iter(getattr(kind, "__metadata__", ())), None)


def _block(kind: Any, converter: cattrs.Converter) -> Any:
    """A hook for one of the classes above: a block of known keys and nothing else."""
    omitted = {
        name: override(omit=True)
        for name in ("any_room", "path", "warnings")
        if kind is Config  # filled by us, so they are unknown keys in a file
    }
    structure = make_dict_structure_fn(
        kind, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, **omitted
    )

    def hook(value: Any, to: Any) -> Any:
        if not isinstance(value, dict):
            raise rules.Wrong(f"must be a block of keys, not {rules.kind_of(value)}")
        return structure(value, to)

    return hook


def _only(shape: type, words: str, converter: cattrs.Converter, kind: Any) -> Any:
    """cattrs' own hook for a list or a mapping, behind a check that it is one."""
    make = converter.get_structure_hook(kind)

    def hook(value: Any, to: Any) -> Any:
        if not isinstance(value, shape):
            raise rules.Wrong(f"must be {words}, not {rules.kind_of(value)}")
        return make(value, to)

    return hook


def _make_converter() -> cattrs.Converter:
    plain = cattrs.Converter()
    converter = cattrs.Converter()
    for one in (plain, converter):
        one.register_structure_hook_factory(
            lambda kind: _rule_of(kind) is not None,
            lambda kind: lambda value, _: _rule_of(kind).read(value),  # type: ignore[union-attr]
        )
        one.register_structure_hook_factory(
            attrs.has, lambda kind: _block(kind, converter)
        )
    for kind, shape, words in (
        (list[Address], list, "a list"),
        (dict[str, RoomConfig], dict, "a block of keys"),
    ):
        converter.register_structure_hook(kind, _only(shape, words, plain, kind))
    return converter


_CONVERTER = _make_converter()


def _explained(error: Exception, document: Document) -> Iterator[Problem]:
    """cattrs' tree of exceptions as problems, each once and at its own line."""
    for path, leaf in _leaves(error, ()):
        if isinstance(leaf, cattrs.ForbiddenExtraKeysError):
            for name in sorted(leaf.extra_fields):
                here = (*path, name)
                if here in document.places:
                    yield Problem(
                        _why_unknown(here, leaf.cl), here, document.places[here].line
                    )
        elif path in document.places:
            place = document.places[path]
            yield Problem(_reason(leaf, place.text), path, place.line)
        elif isinstance(leaf, KeyError):
            above = document.places.get(path[:-1])
            yield Problem("is missing", path, above.line if above else None)
        # Else it came from the common segments into a room, and is reported where it stands.


def _leaves(error: Exception, path: KeyPath) -> Iterator[tuple[KeyPath, Exception]]:
    if isinstance(error, cattrs.ClassValidationError):
        fields, rest = error.group_exceptions()
        for inner, field in fields:
            yield from _leaves(inner, (*path, field.name))
    elif isinstance(error, cattrs.IterableValidationError):
        entries, rest = error.group_exceptions()
        for inner, entry in entries:
            yield from _leaves(inner, (*path, entry.index))
    else:
        yield path, error
        return
    for inner in rest:
        yield from _leaves(inner, path)


def _reason(error: Exception, text: str) -> str:
    if isinstance(error, rules.Unquoted):
        return 'put it in quotes: "..."' if error.secret else f'put it in quotes: "{text}"'
    if isinstance(error, rules.Wrong | UnitError):
        return str(error)
    raise error  # A bug of ours: show it as one.


def _why_unknown(path: KeyPath, kind: Any) -> str:
    pattern = tuple("*" if index == 1 and path[0] == "rooms" else step for index, step in enumerate(path))
    if pattern in _NOT_YET_KEYS:
        return _NOT_YET
    known = [field.name for field in attrs.fields(kind)]
    near = difflib.get_close_matches(str(path[-1]), known, 1)
    return f"is no known key; did you mean {near[0]}?" if near else "is no known key"
