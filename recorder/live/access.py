"""Access: which room a publisher may enter, by what it says of itself.

Pure decisions. Everything a peer says is a secret until it has matched: people paste the key where
the name belongs. So nothing of it stands in a result but the name of a room, and that only when the
room is configured or the key was right.

Encoders cut one and the same URL at different slashes, put the query into any of three texts, and
some encode what others leave alone (protocol §4.5). Therefore application and stream are read as
one path, `application/room/key`, wherever it was cut.

Who logs in by user name and password names a room and shows later that it knows the key: this says
which key that is, and whether it still opens the room when the publish comes.

Wrong room and wrong key cost the same work and get the same answer: every claim is compared with
every room, over digests, so that neither the length nor the beginning of a key shows in the time.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote

import attrs

from recorder.neighbours import canonical_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ROOM_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_QUOTES: Final = "'\" \t"
_PREFIXES: Final = ("mp4:", "flv:", "mp3:")
"""librtmp makes `mp4:name` of `name.mp4`; Flash encoders wrote these themselves."""

WRONG: Final = "unknown room or wrong key"


class HasKey(Protocol):
    """What is needed of a room's configuration."""

    @property
    def key(self) -> str: ...

    @property
    def allow(self) -> Sequence[Network]:
        """From where it may be published into; empty: from anywhere."""


@attrs.frozen
class Admitted:
    """The publisher may enter this room."""

    room: str


@attrs.frozen
class Refused:
    """The publisher may not enter.

    The reason is the same for a wrong room and a wrong key. `room` is not part of the answer: it is
    the configured room that was named, if one was, to tell the operator where an encoder knocks.
    """

    reason: str
    room: str | None = attrs.field(default=None, eq=False)


@attrs.frozen
class LoggedIn:
    """A connection has shown that it knows this room's key. `mark` tells that key from another."""

    room: str
    mark: bytes = attrs.field(repr=False)


@attrs.frozen
class _Claim:
    """`room` None: the key alone names its room."""

    room: str | None
    key: str


@attrs.frozen
class _Names:
    """A room's names and its key, as they are compared."""

    room: str
    key: str = attrs.field(repr=False)
    name_digest: bytes
    key_digest: bytes


class Access:
    """Who is who.

    Args:
        rooms: the configured rooms by name, without `*`.
        any_room: `*`, with whose key any other name enters; None: nobody does.
        application: the one application there is (`rtmp.application`).
        closed: rooms that are configured and that nobody enters, with the key of `*` neither.
    """

    def __init__(
        self,
        rooms: Mapping[str, HasKey],
        any_room: HasKey | None,
        application: str,
        *,
        closed: Iterable[str] = (),
    ) -> None:
        self._rooms = [
            _Names(name, room.key, _digest(name), _digest(room.key)) for name, room in rooms.items()
        ]
        self._folded_names = frozenset(name.casefold() for name in (*rooms, *closed))
        self._any_key = None if any_room is None else any_room.key
        self._any_key_digest = None if any_room is None else _digest(any_room.key)
        self._allowed = {name: room.allow for name, room in rooms.items()}
        self._allowed_anywhere_else = () if any_room is None else any_room.allow
        self.application = application

    def may_lead_in(self, app: str, tc_url: str) -> bool:
        """Tell whether a connect to this application can lead to a publish. One that names none
        can: the stream's name may bring it."""
        said = ((app, "", tc_url), (unquote(app), "", unquote(tc_url)))
        paths = [_read(*texts)[0] for texts in said]
        return any(path[:1] in ([], [self.application]) for path in paths)

    def may_come_from(self, room: str, address: str) -> bool:
        """Tell whether a room may be published into from an IP address."""
        networks = self._allowed.get(room, self._allowed_anywhere_else)
        if not networks:
            return True
        try:
            host = ipaddress.ip_address(canonical_address(address).partition("%")[0])
        except ValueError:
            return False
        return any(host in network for network in networks)

    def identify(self, app: str, stream: str, tc_url: str) -> Admitted | Refused:
        """Decide about one publish, from the texts of its connect and its publish command."""
        claims: list[_Claim] = []
        applications = 0
        texts = (app, stream, tc_url)
        # As it was sent first: a client that encodes nothing may mean what it says.
        for said in dict.fromkeys((texts, tuple(unquote(text) for text in texts))):
            path, query = _read(*said)
            if path[:1] == [self.application]:
                applications += 1
                claims += _claims(path[1:], query.get("key", ""))
        rooms = [self._match(claim) for claim in claims]
        for room in rooms:
            if room is not None:
                return Admitted(room)
        if not applications:
            return Refused(f"the application is not {self.application}")
        return Refused(WRONG, self._named(claims))

    # Who logs in.

    def is_room_name(self, user: str) -> bool:
        """Tell whether a room could be called so."""
        return _ROOM_NAME.fullmatch(user) is not None

    def key_of(self, user: str) -> tuple[str | None, str]:
        """Return the room that a user name stands for, and its key. There is a key to compare with
        in any case; without a room it opens none. No early end: see the module's rule."""
        name_digest = _digest(user)
        room: str | None = None
        key = ""
        name_is_a_key = False
        for each in self._rooms:
            name_is_a_key |= hmac.compare_digest(name_digest, each.key_digest)
            if hmac.compare_digest(name_digest, each.name_digest):
                room, key = each.room, each.key
        if self._any_key is not None and self._any_key_digest is not None:
            name_is_a_key |= hmac.compare_digest(name_digest, self._any_key_digest)
            if (not name_is_a_key) & self._is_another_room(user):
                room, key = user, self._any_key
        return room, key

    def logged_in(self, room: str) -> LoggedIn:
        """What a connection keeps that has shown the key of a room."""
        return LoggedIn(room, _digest(self.key_of(room)[1]))

    def confirm(self, login: LoggedIn) -> Admitted | Refused:
        """Decide about a publish of who has logged in: keys may have changed since."""
        if self.key_of(login.room)[0] is not None and login == self.logged_in(login.room):
            return Admitted(login.room)
        return Refused(WRONG, self.configured(login.room))

    def configured(self, name: str) -> str | None:
        """Return the configured room of this name, None if there is none."""
        return next((each.room for each in self._rooms if each.room == name), None)

    # Who says room and key.

    def _match(self, claim: _Claim) -> str | None:
        """Return the room that the claim opens. No early end: see the module's rule."""
        key_digest = _digest(claim.key)
        name_digest = _digest(claim.room or "")
        opened: str | None = None
        name_is_a_key = False
        for room in self._rooms:
            right_name = hmac.compare_digest(name_digest, room.name_digest)
            right_key = hmac.compare_digest(key_digest, room.key_digest)
            name_is_a_key |= hmac.compare_digest(name_digest, room.key_digest)
            if right_key & (right_name | (claim.room is None)):
                opened = room.room
        if self._any_key_digest is not None:
            right_key = hmac.compare_digest(key_digest, self._any_key_digest)
            name_is_a_key |= hmac.compare_digest(name_digest, self._any_key_digest)
            if right_key & (not name_is_a_key) & self._is_another_room(claim.room or ""):
                opened = claim.room
        return opened

    def _is_another_room(self, name: str) -> bool:
        """Tell whether `*` admits this name. `Room101` beside a configured `room101` is a slip."""
        valid = _ROOM_NAME.fullmatch(name) is not None
        return valid & (name.casefold() not in self._folded_names)

    def _named(self, claims: list[_Claim]) -> str | None:
        said = {claim.key if claim.room is None else claim.room for claim in claims}
        return next((room.room for room in self._rooms if room.room in said), None)


def _claims(path: list[str], query_key: str) -> list[_Claim]:
    """Read what stands behind the application. At most one claim: no request guesses twice."""
    match path:
        case [room, key]:
            return [_Claim(room, key)]
        case [room] if query_key:
            return [_Claim(room, query_key)]
        case [key]:
            return [_Claim(None, key)]
        case [] if query_key:
            return [_Claim(None, query_key)]
        case _:
            return []


def _read(app: str, stream: str, tc_url: str) -> tuple[list[str], dict[str, str]]:
    """Split the three texts into one path and one query; the nearest to the stream counts."""
    stream_path, _, stream_query = stream.strip(_QUOTES).partition("?")
    app_path, _, app_query = app.strip(_QUOTES).partition("?")
    url, _, url_query = tc_url.strip(_QUOTES).partition("?")
    if not app_path.strip("/"):
        # Without scheme and host (which may hold a user, a port, IPv6 brackets) it is the app.
        app_path = url.partition("://")[2].partition("/")[2]
    query: dict[str, str] = {}
    for text in (stream_query, app_query, url_query):
        for field in text.split("&"):
            name, _, value = field.partition("=")
            if value:
                query.setdefault(name, value)
    for prefix in _PREFIXES:
        stream_path = stream_path.removeprefix(prefix)
    path = [part for part in f"{app_path}/{stream_path}".split("/") if part]
    return path, query


def _digest(text: str) -> bytes:
    # A peer's text may hold bytes that are no UTF-8, in Python's disguise.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
