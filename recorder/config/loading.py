"""From a YAML file to a configuration, strictly.

An unknown key, a repeated key, a wrong type and a bad value are each a Problem with line and path,
and all of them are reported at once: nobody should find the third mistake in the third attempt.
Owns what a key gets from elsewhere: a room the common segments, a relative path the file's folder.

Problems and warnings never contain a stream key. Where the file is found, who may read it and how
the first one is made is the business of `file`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from recorder.config.document import KeyPath, Problem, parse, written
from recorder.config.file import ConfigError, File, mode_problems, read
from recorder.config.hooks import holds_secrets
from recorder.config.schema import ANY_ROOM, Config, TlsConfig
from recorder.config.structure import structure
from recorder.config.together import Together, keys_in

if TYPE_CHECKING:
    from pathlib import Path

_OF_THE_DISK: Final = {
    ("rooms", "*", "retention", "min_free"),
    ("rooms", "*", "retention", "when_full"),
}


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
    together = Together(document)
    together.check(raw)
    has_keys = any(keys_in(raw)) or holds_secrets(raw)
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
