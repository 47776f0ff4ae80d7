"""The login desk: who comes in by user name and password, and what the others hear.

Pure decisions: user name is the room, password is its key. The round that shows the password is
decided here, from a challenge that carries all that was known when it was given out. An unknown
user gets a challenge as everybody does, and the same answer to the same work as a wrong password:
what is a room is not told.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

import attrs

from recorder.live.challenges import GOOD_FOR_S, RANDOM_BYTES, Standing
from recorder.rtmp import challenge, expected_response, login_failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.live.access import Access, LoggedIn
    from recorder.live.challenges import Challenges
    from recorder.rtmp import Login

WRONG_LOGIN: Final = "wrong user name or password"

_REASONS: Final = {
    Standing.GOOD: WRONG_LOGIN,
    Standing.FOREIGN: "a login with a challenge that is not ours, or older than this start",
    Standing.EXPIRED: f"a login with a challenge older than {GOOD_FOR_S:g} s",
    Standing.SPENT: "a login that was used before",
}


@attrs.frozen
class Challenged:
    """It has to come again, and show that it knows the password."""

    description: str


@attrs.frozen
class NotLoggedIn:
    """It may not come in. `room` is the configured room that was named, for the log."""

    description: str
    reason: str
    room: str | None


@attrs.define
class LoginDesk:
    """Of one recorder.

    Args:
        random: gives so many random bytes.
    """

    challenges: Challenges
    random: Callable[[int], bytes]

    def decide(
        self, access: Access, login: Login, now_s: float
    ) -> LoggedIn | Challenged | NotLoggedIn:
        """Decide about a connect that says something of a login.

        Args:
            now_s: on the clock of the challenges.
        """
        if not login.response and access.is_room_name(login.user):
            token = self.challenges.issue(now_s, self.random(RANDOM_BYTES))
            return Challenged(challenge(login, token, self.challenges.salt_of(token)))
        room, key = access.key_of(login.user)
        wanted = expected_response(login, key, self.challenges.salt_of(login.challenge))
        is_right = hmac.compare_digest(wanted.encode(), login.response.encode())
        standing = self.challenges.standing(login.challenge, now_s)
        if room is not None and is_right and standing is Standing.GOOD:
            self.challenges.spend(login.challenge, now_s)
            return access.logged_in(room)
        reason = _REASONS[standing] if login.response else WRONG_LOGIN
        return NotLoggedIn(login_failed(login.method), reason, access.configured(login.user))
