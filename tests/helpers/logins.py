"""The client's side of a login by user name and password, for tests: what ffmpeg does, and OBS.

Owns what such a client adds to application and tcUrl in each of its three rounds. Shares nothing
with `recorder.rtmp.login`, so that a mistake there is not made here as well.
"""

from __future__ import annotations

import base64
import hashlib

import attrs


@attrs.define
class Account:
    """A user name and password typed into an encoder."""

    user: str
    password: str
    nonce: str = "0badcafe"
    """The client's own; real ones take another each time."""

    def next_query(self, description: str, app: str = "login") -> str:
        """What is appended to the application after this refusal.

        Raises:
            PermissionError: the client would give up, with its words.
        """
        method = "llnw" if "authmod=llnw" in description else "adobe"
        if f"authmod={method}" not in description:
            raise PermissionError("Unknown connect error")
        for reason in ("authfailed", "nosuchuser"):
            if f"?reason={reason}" in description:
                raise PermissionError("Incorrect username/password")
        if "code=403 need auth" in description:
            return f"?authmod={method}&user={self.user}"
        _, mark, given = description.partition("?reason=needauth&")
        if not mark:
            raise PermissionError("No auth parameters found")
        return self.answer(method, dict(pair.split("=", 1) for pair in given.split("&")), app)

    def answer(self, method: str, given: dict[str, str], app: str = "login") -> str:
        """The query of the third round, from what the second was given."""
        begin = f"?authmod={method}&user={self.user}"
        if method == "llnw":
            response = self._limelight(given["nonce"], app)
            own = f"&cnonce={self.nonce}&nc=00000001"
            return f"{begin}&nonce={given['nonce']}{own}&response={response}"
        hashed = _base64(given["user"] + given["salt"] + self.password)
        response = _base64(hashed + given.get("opaque", given["challenge"]) + self.nonce)
        query = f"{begin}&challenge={self.nonce}&response={response}"
        return f"{query}&opaque={given['opaque']}" if "opaque" in given else query

    def _limelight(self, nonce: str, app: str) -> str:
        place = app if "/" in app else app + "/_definst_"
        first = _hex(f"{self.user}:live:{self.password}")
        second = _hex(f"publish:/{place}")
        return _hex(f"{first}:{nonce}:00000001:{self.nonce}:auth:{second}")


def _base64(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode()).digest()).decode()


def _hex(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
