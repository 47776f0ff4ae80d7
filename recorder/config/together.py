"""Rules that bind several keys of the configuration together.

They read the document as it was written, and not the classes made of it, so that they find their
mistakes beside all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from recorder.config import rules
from recorder.config.document import Problem
from recorder.config.schema import ANY_ROOM, DEFAULT_ROOMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.config.document import Document, KeyPath

STRONG_KEY_CHARACTERS: Final = 16
"""What makes a key hard enough to guess at the rate a listener answers."""

DEFAULT_PORTS: Final = {"rtmp": 1935, "rtmp.tls": 1936, "status": 8080}

_ROOM_NAME: Final = rules.Word(
    r"[A-Za-z0-9_-]{1,64}", "the name of a room is 1 to 64 letters, digits, - and _"
)


def keys_in(raw: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """The rooms, which of their keys, and these, as far as they can be made out."""
    match raw:
        case {"rooms": dict() as rooms}:
            for name, room in rooms.items():
                for which in ("key", "view_key"):
                    if isinstance(room, dict) and isinstance(room.get(which), str):
                        yield (name, which), room[which]


class Together:
    """Attributes:
    errors: what makes the file unusable.
    warnings: what is allowed and unwise.
    """

    def __init__(self, document: Document) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self._places = document.places

    def check(self, raw: Any) -> None:
        """Look for them in the document's value."""
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
                self._check_keys(dict(keys_in(raw)), {name.casefold(): name for name in rooms})
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
