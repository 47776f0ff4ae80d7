"""Logging in by user name and password: what a connect says of it, and the words of our answers.

Owns Adobe's challenge (protocol §4.6) and Limelight's (§4.7): fields, formulas and texts. Clients
search our texts for words and cut them at fixed places, so not a blank of them is free. Knows no
user, no password and no clock; whoever does makes the challenge, and compares the response with
the one that the right password would give.

A client connects three times: plainly, which is answered by an invitation; with its name, which is
answered by a challenge; with its response. It appends what it says to application and tcUrl and
encodes nothing. MD5 is all that the clients can do.
"""

from __future__ import annotations

import binascii
import enum
import hashlib
import re
from typing import Final

import attrs

DESCRIPTION_CHARS: Final = 255
"""ffmpeg keeps no more of a description."""

_SEPARATORS: Final = re.compile("[?&]")
"""Behind an application that has a query of its own, clients begin theirs with a second `?`."""


class LoginMethod(enum.Enum):
    """As clients call it, by the word `authmod`."""

    ADOBE = "adobe"
    LIMELIGHT = "llnw"


@attrs.frozen(kw_only=True)
class Login:
    """What a connect says beside its application.

    Attributes:
        user: anything, even a key typed into the wrong field.
        path: the application without what is said of the login, part of Limelight's formula.
        challenge: ours, given back (Adobe's `opaque`, Limelight's `nonce`).
        nonce: the client's own; `count` how often it has used that.
        response: what only who knows the password can say; "": it asks for a challenge.
    """

    method: LoginMethod
    user: str = attrs.field(repr=False)
    path: str = attrs.field(repr=False)
    challenge: str = ""
    nonce: str = ""
    count: str = ""
    response: str = attrs.field(default="", repr=False)


def read_login(app: str, tc_url: str) -> Login | None:
    """Return what the application says of a login, or else tcUrl; None if neither does."""
    return _read(app, app) or _read(tc_url, app)


def _read(text: str, app: str) -> Login | None:
    said = {
        name: value
        for field in _SEPARATORS.split(text)[1:]
        for name, equals, value in [field.partition("=")]
        if equals
    }
    try:
        method = LoginMethod(said.get("authmod", ""))
    except ValueError:
        return None
    is_adobe = method is LoginMethod.ADOBE
    return Login(
        method=method,
        user=said.get("user", ""),
        path=app.partition("?")[0],
        challenge=said.get("opaque" if is_adobe else "nonce", ""),
        nonce=said.get("challenge" if is_adobe else "cnonce", ""),
        count=said.get("nc", ""),
        response=said.get("response", ""),
    )


def invitation(method: LoginMethod, words: str) -> str:
    """Return the refusal of a plain connect that leads a client which has a user name to come
    again with it. All others show it, so `words` say what they can do."""
    return f"[ AccessManager.Reject ] : [ code=403 need auth; authmod={method.value} ] : {words}"


def challenge(login: Login, token: str, salt: str) -> str:
    """Return the refusal of a connect that says who it is, and asks for more.

    Args:
        token: the challenge, which the client gives back.
        salt: goes into Adobe's formula beside the password; the client does not give it back.
    """
    if login.method is LoginMethod.ADOBE:
        # Twice, because a client that sees no `opaque` takes `challenge`.
        given = f"salt={salt}&challenge={token}&opaque={token}"
    else:
        given = f"nonce={token}"
    return f"{_reject(login.method)} ?reason=needauth&user={login.user}&{given}"


def login_failed(method: LoginMethod) -> str:
    """Return the refusal that clients show as a wrong user name or password."""
    return f"{_reject(method)} ?reason=authfailed"


def _reject(method: LoginMethod) -> str:
    return f"[ AccessManager.Reject ] : [ authmod={method.value} ] :"


def expected_response(login: Login, password: str, salt: str) -> str:
    """Return the response that this client would have sent with this password.

    Args:
        salt: the one of its challenge.
    """
    if login.method is LoginMethod.ADOBE:
        secret = _base64_md5(login.user + salt + password)
        return _base64_md5(secret + login.challenge + login.nonce)
    instance = "" if "/" in login.path else "/_definst_"
    who = _hex_md5(f"{login.user}:live:{password}")
    what = _hex_md5(f"publish:/{login.path}{instance}")
    return _hex_md5(f"{who}:{login.challenge}:{login.count}:{login.nonce}:auth:{what}")


def _md5(text: str) -> hashlib._Hash:
    return hashlib.md5(text.encode(), usedforsecurity=False)


def _base64_md5(text: str) -> str:
    return binascii.b2a_base64(_md5(text).digest(), newline=False).decode()


def _hex_md5(text: str) -> str:
    return _md5(text).hexdigest()
