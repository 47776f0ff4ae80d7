"""Where `recorder status` gets its snapshots: the control socket of this machine, or a status page.

Owns one kept-alive connection, the password, and the sentence for everything that can go wrong on
the way. What a snapshot says is not its business, but that it is one: whatever answers at an
address that a person typed may be anything.
"""

import base64
import http.client
import ipaddress
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import attrs
import click

from recorder.cli_config import MisuseError
from recorder.cli_control import ControlConnection
from recorder.config.document import printable

STATUS = "/api/v1/status"
USER = "operator"

TIMEOUT_S = 5.0
"""Of each wait. A snapshot lies ready; a recorder that takes longer has something wrong."""

MOST_BYTES = 16 << 20
"""Of an answer; hundreds of rooms are one."""


_BROKEN_OFF = (
    ConnectionError,
    http.client.HTTPException,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)
"""The other end went away, which is no word on what it speaks: a recorder that is being restarted,
or has no place for another connection, closes in the middle of the handshake, too."""


class NoAnswerError(click.ClickException):
    """No snapshot was had; the next try may have one. The sentence is shown as it is."""

    exit_code = 1


class RefusedError(NoAnswerError):
    """Asking again would not help: a wrong password, or a certificate that is not trusted."""


@attrs.frozen
class Answer:
    """A snapshot.

    Attributes:
        text: as it came.
        document: what it says.
    """

    text: str
    document: dict[str, Any]


class Source:
    """Args:
    connection: it connects by itself, also again.
    name: of who is asked, for sentences.
    path: of the snapshot.
    password: of the operator; None: not known.
    prompt: asks a person for it, where it is asked for; may raise RefusedError.
    hint: what may be wrong when it breaks off without an answer.
    """

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        *,
        name: str,
        path: str = STATUS,
        password: str | None = None,
        prompt: Callable[[], str] | None = None,
        hint: str,
    ) -> None:
        self._connection = connection
        self._name = name
        self._path = path
        self._password = password
        self._prompt = prompt
        self._hint = hint

    def read(self) -> Answer:
        """The snapshot of now.

        Raises:
            NoAnswerError: there is none.
        """
        status, body = self._exchange()
        if status == 401 and self._password is None and self._prompt is not None:
            self._password = self._prompt()
            status, body = self._exchange()
        if status == 401:
            raise RefusedError(f"{self._name} does not take the password of {USER}.")
        text = body.decode("utf-8", "replace").rstrip("\r\n")
        document = _object(text)
        if status != 200:
            raise NoAnswerError(self._refusal(status, document))
        if not isinstance(document.get("version"), int) or "rooms" not in document:
            raise RefusedError(f"What answers at {self._name} is no recorder.")
        return Answer(text, document)

    def close(self) -> None:
        self._connection.close()

    def _exchange(self) -> tuple[int, bytes]:
        is_used = self._connection.sock is not None
        try:
            return self._once()
        except _BROKEN_OFF as error:
            self._connection.close()
            if not is_used:
                raise self._failure(error) from error
        except OSError as error:
            self._connection.close()
            raise self._failure(error) from error
        # The other end closes a connection that has been used for long; a new one tells more.
        try:
            return self._once()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._failure(error) from error

    def _once(self) -> tuple[int, bytes]:
        self._connection.request("GET", self._path, headers=self._headers())
        response = self._connection.getresponse()
        body = response.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            self._connection.close()
            raise RefusedError(f"What answers at {self._name} is no recorder: it says too much.")
        if response.length:
            # With a size to read `http.client` lets that pass.
            raise http.client.IncompleteRead(body, response.length)
        return response.status, body

    def _headers(self) -> dict[str, str]:
        if self._password is None:
            return {}
        credentials = base64.b64encode(f"{USER}:{self._password}".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}

    def _refusal(self, status: int, document: dict[str, Any]) -> str:
        sentence = document.get("error")
        if isinstance(sentence, str):
            return f"{self._name} answers: {printable(sentence)}"
        return f"{self._name} answers with status {status}; is that the address of the page?"

    def _failure(self, error: Exception) -> NoAnswerError:
        name = self._name
        match error:
            case ssl.SSLCertVerificationError():
                return RefusedError(
                    f"The certificate of {name} is not trusted: {error.verify_message}. Name a "
                    "file with the certificate of its authority in SSL_CERT_FILE, and its right "
                    "name in the address."
                )
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return NoAnswerError(f"{name} broke off without an answer; {self._hint}.")
            case ssl.SSLError():
                return RefusedError(f"{name} does not speak TLS; try http:// in place of https://.")
            case TimeoutError():
                return NoAnswerError(f"{name} does not answer within {TIMEOUT_S:g} s.")
            case ConnectionRefusedError() | FileNotFoundError() | NotADirectoryError():
                return NoAnswerError(
                    f"{name} does not run: nobody listens there. Start it; if it has ended by "
                    "itself, the end of its log says why."
                )
            case PermissionError():
                return RefusedError(
                    f"{name} cannot be asked: {error.strerror}. Run this as the recorder's user or "
                    "as root."
                )
            case ConnectionError() | http.client.HTTPException():
                return NoAnswerError(f"{name} broke off without an answer; {self._hint}.")
            case _:
                return NoAnswerError(f"{name} cannot be reached: {_reason(error)}.")


def on_this_machine(state: Path) -> Source:
    """The recorder whose state folder this is."""
    connection = ControlConnection(state, timeout_s=TIMEOUT_S)
    return Source(
        connection,
        name="The recorder of this configuration",
        hint="it answers its own user and root only",
    )


@attrs.frozen
class Address:
    """Of a status page. `prefix` is what stands before its paths, behind a proxy."""

    scheme: str
    host: str
    port: int | None
    prefix: str

    @property
    def keeps_secrets(self) -> bool:
        """Whether nobody on the way can read a password."""
        if self.scheme == "https" or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return printable(f"{self.scheme}://{host}{port}{self.prefix}")


def read_address(url: str) -> Address:
    """What a person copies from the browser.

    Raises:
        MisuseError: it is no address of a status page, or has a password in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or " " in url:
        raise MisuseError(
            f"{url!a} is no address of a status page; write it as https://recorder.example:8080."
        )
    if parts.username is not None or parts.password is not None:
        raise MisuseError(
            "Others on this machine can read the arguments of a command: put the password into "
            "RECORDER_PASSWORD, or wait to be asked."
        )
    return Address(parts.scheme, host, port, parts.path.rstrip("/"))


def on_network(address: Address, *, password: str | None, prompt: Callable[[], str]) -> Source:
    """The recorder whose status page this is."""
    connection = (
        http.client.HTTPSConnection(
            address.host,
            address.port,
            timeout=TIMEOUT_S,
            context=ssl.create_default_context(),
        )
        if address.scheme == "https"
        else http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT_S)
    )
    return Source(
        connection,
        name=str(address),
        path=address.prefix + STATUS,
        password=password,
        prompt=prompt,
        hint="try https:// in place of http://, or the reverse",
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _object(text: str) -> dict[str, Any]:
    """Empty where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
