"""How a command reaches the recorder: through its control socket while it runs, or by itself.

Owns the one question (does a recorder run here?) and the way of a request over the socket and back.
Whoever runs answers; where nobody does, the storage's lock is free, and the command does it alone.
"""

import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any

import click

from recorder.addresses import CONTROL_SOCKET
from recorder.config import Config
from recorder.recording.known import META_FOLDER

TIMEOUT_S = 620.0
"""A little more than the recorder allows an answer."""


class NotDoneError(click.ClickException):
    """The recorder refused; its sentence is shown as it is, and the exit code is 1."""

    exit_code = 1


def state_folder(config: Config) -> Path:
    """Where the recorder's own files are."""
    return config.state or config.storage.directory / META_FOLDER


def ask(
    config: Config, method: str, path: str, fields: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """Have the running recorder do something.

    Returns:
        The document it answers with; None: no recorder runs with this state folder.

    Raises:
        NotDoneError: it refuses, or this user may not ask it.
    """
    body = None if fields is None else json.dumps(fields)
    connection = ControlConnection(state_folder(config), timeout_s=TIMEOUT_S)
    try:
        connection.connect()
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise NotDoneError(
            f"The running recorder cannot be asked: {error.strerror or error}. Run this as the "
            "recorder's user or as root, with its configuration."
        ) from error
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        document = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotDoneError(
            f"The running recorder did not answer: {str(error) or type(error).__name__}. "
            "It takes commands of its own user and of root only; its log may say more."
        ) from error
    finally:
        connection.close()
    if response.status != 200:
        raise NotDoneError(document["error"])
    return dict(document)


class ControlConnection(http.client.HTTPConnection):
    """HTTP over the control socket. Connecting raises OSError where nobody listens.

    Args:
        state: the state folder.
        timeout_s: of each wait for the recorder.
    """

    def __init__(self, state: Path, *, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._state = state

    def connect(self) -> None:
        # By the folder's descriptor: the path of a Unix socket is short (unix(7)).
        folder = os.open(self._state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{CONTROL_SOCKET}")
        except OSError:
            self.close()
            raise
        finally:
            os.close(folder)
