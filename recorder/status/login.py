"""Who asks: the password, by login or with each request, and the cookie that stands for it.

Owns the cookie, which is signed with a key of the state folder and with the password's hash, so
that it is void when either changes; the memory of verified Basic headers; and the pace of guesses:
one is computed at a time, in a thread, few wait, of one address fewer still, and the rest is sent
away at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from collections import Counter, OrderedDict, deque
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from recorder.logs import same
from recorder.neighbours import address_group
from recorder.passwords import is_password

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

COOKIE: Final = "recorder-"
"""Its name begins so, and ends with what is each recorder's own: cookies know no port (RFC 6265
§8.5), and two recorders that are reached through localhost would log each other out."""

COOKIE_S: Final = 30 * 86_400
REMEMBER_S: Final = 300.0
MOST_WAITING: Final = 8
MOST_FROM_ONE: Final = 4
"""At once: who guesses from one address keeps nobody else from logging in."""

MOST_REMEMBERED: Final = 64
FAILED_S: Final = 20.0
"""So long failed logins are counted; 20 of them are an alarm (appliance §5.2)."""

_MOST_FAILED: Final = 1000
_LONGEST_PASSWORD: Final = 1024


class BusyError(Exception):
    """Too many passwords are being tried; ask again in a moment."""


class Login:
    """Belongs to the loop.

    Args:
        hashed: `status.password`; None: nobody has one.
        key: of the state folder, random.
        utc_s: the wall clock. A cookie's age goes by it: it outlives the recorder.
    """

    def __init__(self, hashed: str | None, key: bytes, utc_s: Callable[[], float]) -> None:
        self._hashed = hashed
        self._state_key = key
        self._cookie = COOKIE + hmac.digest(key, b"the cookie's name", hashlib.sha256).hex()[:8]
        self._key = self._signing_key()
        self._utc_s = utc_s
        self._limiter = trio.CapacityLimiter(1)
        self._trying: Counter[str] = Counter()
        self._verified: OrderedDict[bytes, float] = OrderedDict()
        self._failed: deque[float] = deque(maxlen=_MOST_FAILED)

    def follow(self, hashed: str | None) -> bool:
        """The password may be another one, which logs everybody out; returns whether it is."""
        if hashed == self._hashed:
            return False
        self._hashed = hashed
        self._key = self._signing_key()
        return True

    def _signing_key(self) -> bytes:
        return hmac.digest(self._state_key, (self._hashed or "").encode(), hashlib.sha256)

    @property
    def has_password(self) -> bool:
        return self._hashed is not None

    @property
    def failed(self) -> int:
        """Wrong passwords of the last FAILED_S seconds."""
        since_s = trio.current_time() - FAILED_S
        while self._failed and self._failed[0] < since_s:
            self._failed.popleft()
        return len(self._failed)

    async def is_right(self, password: str, peer: str) -> bool:
        """Try a password.

        Raises:
            BusyError: too many wait.
        """
        if self._hashed is None or len(password) > _LONGEST_PASSWORD:
            await trio.lowlevel.checkpoint()
            return False
        group, waiting = address_group(peer), self._limiter.statistics().tasks_waiting
        if waiting >= MOST_WAITING or self._trying[group] >= MOST_FROM_ONE:
            raise BusyError
        hashed = self._hashed
        call = partial(is_password, password, hashed)
        self._trying[group] += 1
        try:
            is_good = await trio.to_thread.run_sync(call, limiter=self._limiter)
        finally:
            self._trying -= Counter({group: 1})
        if not is_good:
            self._failed.append(trio.current_time())
            log.warning("%s: wrong password for the page", peer, extra=same("login", group))
        # It may have been changed meanwhile, and what is signed now is signed for the new one.
        return is_good and hashed == self._hashed

    async def is_basic(self, header: str, peer: str) -> bool:
        """Whether an Authorization header has the right password; one that had is remembered.

        Raises:
            BusyError: as `is_right`.
        """
        password = _basic_password(header)
        if password is None:
            await trio.lowlevel.checkpoint()
            return False
        mark = hmac.digest(self._key, password.encode(), hashlib.sha256)
        now_s = trio.current_time()
        if self._verified.get(mark, 0.0) > now_s:
            await trio.lowlevel.checkpoint()
            return True
        if not await self.is_right(password, peer):
            return False
        self._verified[mark] = now_s + REMEMBER_S
        self._verified.move_to_end(mark)
        while len(self._verified) > MOST_REMEMBERED:
            self._verified.popitem(last=False)
        return True

    def cookie(self, *, is_tls: bool) -> str:
        """The value of Set-Cookie for somebody who knew the password."""
        until = str(int(self._utc_s()) + COOKIE_S)
        return self._set_cookie(f"{until}.{self._sign(until)}", COOKIE_S, is_tls=is_tls)

    def no_cookie(self, *, is_tls: bool) -> str:
        """The value of Set-Cookie that takes it away."""
        return self._set_cookie("", 0, is_tls=is_tls)

    def _set_cookie(self, value: str, seconds: int, *, is_tls: bool) -> str:
        secure = "; Secure" if is_tls else ""
        age = f"Path=/; Max-Age={seconds}"
        return f"{self._cookie}={value}; {age}; HttpOnly; SameSite=Strict{secure}"

    def is_cookie(self, headers: Mapping[str, str]) -> bool:
        """Whether there is a cookie of ours, and it is still good."""
        found = _values(headers.get("cookie", ""), self._cookie)
        return self._hashed is not None and any(map(self._is_good, found))

    def _is_good(self, value: str) -> bool:
        until, _, signature = value.partition(".")
        if not hmac.compare_digest(self._sign(until).encode(), signature.encode()):
            return False
        return self._utc_s() < int(until) <= self._utc_s() + 2 * COOKIE_S

    def _sign(self, until: str) -> str:
        return hmac.new(self._key, until.encode(), hashlib.sha256).hexdigest()


def _values(header: str, name: str) -> list[str]:
    """Of the cookies that are called so. The others are somebody else's, whatever they look like:
    a strict parser gives up them all for the sake of one."""
    pairs = (each.partition("=") for each in header.split(";"))
    return [value.strip() for found, _, value in pairs if found.strip() == name]


def _basic_password(header: str) -> str | None:
    """The password of a Basic header, whatever its user is called; None: it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        return None
    _, colon, password = text.partition(":")
    return password if colon else None
