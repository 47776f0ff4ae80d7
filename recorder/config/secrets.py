"""What in a configuration nobody but its owner may read, by what the schema says of each key.

Owns the list of the secrets, for whoever must keep them out of something, and the configuration
without them. A key becomes a secret by its rule (`rules.Word(secret=True)`) and is then treated as
one here, whatever it is called.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from recorder.config.document import parse
from recorder.config.file import ConfigError, read
from recorder.config.hooks import CommandRule
from recorder.config.schema import ANY_ROOM, Config
from recorder.config.structure import NOT_IN_FILE

HIDDEN = "***"

_SECRET_KEYS = {"key", "view_key", "password", "secret", "url", "urls"}


def secrets_of(config: Config) -> frozenset[str]:
    """Every secret text in it. What a hook's command gets as arguments is not among them, for most
    of that are innocent words."""
    return frozenset(_secrets(_with_any_room(config), None))


def guessed_secrets(path: Path) -> frozenset[str]:
    """What looks like a secret in a file that is no good configuration: every text under a key
    that is called like one of ours. Nothing, where it cannot even be read."""
    try:
        document = parse(read(path).data)
    except ConfigError:
        return frozenset()
    return frozenset(_texts_below(document.value, is_secret=False))


def _texts_below(value: Any, *, is_secret: bool) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from _texts_below(inner, is_secret=is_secret or name in _SECRET_KEYS)
        case list():
            for inner in value:
                yield from _texts_below(inner, is_secret=is_secret)
        case str() if is_secret:
            yield value


def redacted(config: Config) -> dict[str, Any]:
    """All its keys as plain values, with HIDDEN for each secret and each argument of a command.
    Times in seconds, sizes in bytes."""
    plain = _plain(_with_any_room(config), None)
    assert isinstance(plain, dict)
    return plain


def _with_any_room(config: Config) -> Config:
    if config.any_room is None:
        return config
    return attrs.evolve(config, rooms={**config.rooms, ANY_ROOM: config.any_room})


def _secrets(value: Any, kind: Any) -> Iterator[str]:
    if attrs.has(type(value)):
        for _, inner, inner_kind in _fields(value):
            yield from _secrets(inner, inner_kind)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _secrets(inner, _inner(kind))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner, _inner(kind))
    elif isinstance(value, str) and _is_secret(kind):
        yield value


def _plain(value: Any, kind: Any) -> Any:
    if value is not None and _is_secret(kind):
        return HIDDEN
    if _is_command(kind):
        return [value[0], *(HIDDEN for _ in value[1:])]
    if attrs.has(type(value)):
        return {name: _plain(inner, of) for name, inner, of in _fields(value)}
    if isinstance(value, dict):
        return {name: _plain(inner, _inner(kind)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, _inner(kind)) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return "never" if value == math.inf else value


def _fields(value: Any) -> Iterator[tuple[str, Any, Any]]:
    for field in attrs.fields(type(value)):
        if NOT_IN_FILE not in field.metadata:
            yield field.name, getattr(value, field.name), field.type


def _inner(kind: Any) -> Any:
    """What the entries of a list or a block are."""
    arguments = get_args(kind)
    return arguments[-1] if arguments else None


def _is_secret(kind: Any) -> bool:
    return any(getattr(rule, "secret", False) for rule in _rules(kind))


def _is_command(kind: Any) -> bool:
    return any(isinstance(rule, CommandRule) for rule in _rules(kind))


def _rules(kind: Any) -> list[Any]:
    """What a type, and each of its alternatives, carries."""
    kinds = [kind, *(get_args(kind) if get_origin(kind) in (Union, UnionType) else ())]
    return [rule for each in kinds for rule in getattr(each, "__metadata__", ())]
