"""What a changed configuration means for a recorder that runs. Pure.

Owns one row for every key there is: whether its new value counts at once, or at the next start. A
key without a row fails a test, so that nobody adds one without deciding. How a value reaches the
part that uses it is the app's business. Names keys, never values: some are secrets.
"""

import enum
from collections.abc import Iterator
from typing import Any, Final

import attrs

from recorder.config.schema import ANY_ROOM, Config, RoomConfig
from recorder.config.structure import NOT_IN_FILE


class Effect(enum.Enum):
    """When a changed value counts."""

    LIVE = enum.auto()
    RESTART = enum.auto()


LIVE, RESTART = Effect.LIVE, Effect.RESTART

EFFECTS: Final = {
    # What is held for the life of the process: locks, sockets, files that remember.
    "state": RESTART,
    "storage.directory": RESTART,
    "storage.sync_interval": LIVE,
    "storage.stop_timeout": LIVE,
    "storage.buffer": LIVE,
    # From the next segment on.
    "segments.duration": LIVE,
    "segments.size": LIVE,
    "segments.align_to_clock": LIVE,
    "recording.max_duration": LIVE,
    # For what begins from now on: a window that is open, a wait that has begun keep theirs.
    "recording.reconnect_window": LIVE,
    "recording.first_media_timeout": LIVE,
    "recording.idle_timeout": LIVE,
    # From the next sweep on.
    "retention.max_age": LIVE,
    "retention.max_size": LIVE,
    "retention.min_free.size": LIVE,
    "retention.min_free.time": LIVE,
    "retention.when_full": LIVE,
    "clock.trust": LIVE,
    "clock.timezone": LIVE,
    "rtmp.listen": RESTART,
    # Where there was none, or shall be none, listeners come or go.
    "rtmp.tls": RESTART,
    "rtmp.tls.listen": RESTART,
    # For connections from now on. The files are read again at every reload, changed or not.
    "rtmp.tls.certificate": LIVE,
    "rtmp.tls.private_key": LIVE,
    "status.tls": LIVE,
    "status.tls.certificate": LIVE,
    "status.tls.private_key": LIVE,
    # For publishes that are asked for from now on; who publishes stays.
    "rtmp.application": LIVE,
    "rtmp.takeover": LIVE,
    "rtmp.max_delay": LIVE,
    "rooms.*.key": LIVE,
    # Who watches has to come in again.
    "rooms.*.view_key": LIVE,
    "rooms.*.title": LIVE,
    "rooms.*.allow": LIVE,
    "rooms.*.segments": LIVE,
    "rooms.*.retention": LIVE,
    "status.listen": RESTART,
    # For requests from now on; a new password logs everybody out.
    "status.password": LIVE,
    "status.public": LIVE,
    "status.names": LIVE,
    # Nobody is sent away to meet a lower one.
    "limits.connections": LIVE,
    "limits.publishers": LIVE,
    "limits.viewers": LIVE,
    "limits.clients": LIVE,
    "limits.rooms": LIVE,
    "limits.memory": LIVE,
    # Whoever delivers has read them at its own start.
    "hooks": RESTART,
    "log.level": LIVE,
    "log.format": RESTART,
}
"""By the dotted path of a key; `*` stands for every room. A block that may be null has a row, too,
for when it comes or goes. A block without rows below its own changes as a whole."""


@attrs.frozen(kw_only=True)
class Plan:
    """What a reload does.

    Attributes:
        config: what is in force behind it: the new one, with the old values of what needs a
            restart.
        live: the keys that change with it; a room that comes or goes is one.
        restart: the keys whose new values wait for a restart.
    """

    config: Config
    live: tuple[str, ...]
    restart: tuple[str, ...]


def plan(in_force: Config, new: Config) -> Plan:
    """Hold a configuration against the one in force."""
    live, restart = list[str](), list[str]()
    config: Config = _block(in_force, new, "", live, restart)
    if "status.listen" in restart and "status.public" in live and new.status.public:
        # Meant for the addresses of the file: those that are listened on may be more open.
        config = attrs.evolve(config, status=attrs.evolve(config.status, public=False))
        live.remove("status.public")
        restart.append("status.public")
    live += _rooms(in_force, new)
    return Plan(config=config, live=tuple(live), restart=tuple(restart))


def has_rows_below(name: str) -> bool:
    """Whether the keys of a block are looked at one by one."""
    return any(key.startswith(f"{name}.") for key in EFFECTS)


def _block(before: Any, after: Any, above: str, live: list[str], restart: list[str]) -> Any:
    """The new block with the old values of what needs a restart; `rooms` are looked at apart."""
    kept: dict[str, Any] = {}
    for field in attrs.fields(type(after)):
        name = f"{above}{field.name}"
        if NOT_IN_FILE in field.metadata or name == "rooms":
            continue
        old, new = getattr(before, field.name), getattr(after, field.name)
        if has_rows_below(name) and attrs.has(type(old)) and attrs.has(type(new)):
            kept[field.name] = _block(old, new, f"{name}.", live, restart)
        elif old != new and EFFECTS[name] is RESTART:
            kept[field.name] = old
            restart.append(name)
        elif old != new:
            live.append(name)
    return attrs.evolve(after, **kept)


def _rooms(in_force: Config, new: Config) -> Iterator[str]:
    """Rooms that come and go, and what changes in the others."""
    before, after = _all_rooms(in_force), _all_rooms(new)
    for name in dict.fromkeys((*after, *before)):
        old, now = before.get(name), after.get(name)
        if old is None or now is None:
            yield f"rooms.{name}"
            continue
        for field in attrs.fields(RoomConfig):
            assert EFFECTS[f"rooms.*.{field.name}"] is LIVE, "no room needs a restart"
            values = getattr(old, field.name), getattr(now, field.name)
            # A room holds the common segments under its own; that these changed is said once.
            common = (in_force.segments, new.segments) if field.name == "segments" else None
            if values[0] != values[1] and values != common:
                yield f"rooms.{name}.{field.name}"


def _all_rooms(config: Config) -> dict[str, RoomConfig]:
    any_room = {} if config.any_room is None else {ANY_ROOM: config.any_room}
    return {**config.rooms, **any_room}
