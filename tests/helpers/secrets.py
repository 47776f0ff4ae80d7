"""No secret stands anywhere (design promise 11): what the real program wrote is searched for them.

Owns which values of a configuration are secret, and where they might have got to: what the program
printed, its files, its answers. Every run of the real program in a test ends with this search, so
the whole suite is the test; `test_secrets` shows that it finds what it looks for. Knows nothing of
the program but its configuration's words.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECRET_WORDS = frozenset({"key", "view_key", "password", "secret"})
SHORTEST = 8
"""Characters. Shorter ones stand anywhere by chance; tests use them for nothing that matters."""

COPIES_OF_THE_CONFIGURATION = frozenset({"last-good.yaml", "last-good.yaml.tmp"})
"""In the state folder: they have the keys because they are the configuration. The second is the
first one being written; where a kill has left it there the next start removes it."""

SEARCHED_BYTES = 4 << 20
"""Of each file, from its beginning: text stands there, and media behind it."""

ANSWERS = ("/api/v1/status", "/api/v1/alarms", "/api/v1/recordings", "/metrics", "/healthz")
ANSWER_S = 5.0


def secrets_in(config: object) -> list[bytes]:
    """The values of a configuration that must stand nowhere else."""
    return sorted({each.encode() for each in _secrets(config) if len(each) >= SHORTEST})


def _secrets(config: object) -> Iterator[str]:
    match config:
        case dict():
            for name, value in config.items():
                if name in SECRET_WORDS and isinstance(value, str):
                    yield value
                else:
                    yield from _secrets(value)
        case list():
            for value in config:
                yield from _secrets(value)


def secrets_of(file: Path) -> list[bytes]:
    """The same of a configuration file; none of one that cannot be read, which tests write too."""
    try:
        return secrets_in(yaml.safe_load(file.read_bytes()))
    except (OSError, ValueError, yaml.YAMLError):
        return []


def has_secret(content: bytes, secrets: list[bytes]) -> bool:
    return any(each in content for each in secrets)


def files_with_secrets(folder: Path, secrets: list[bytes]) -> list[str]:
    """The files below a folder that hold one, by name or by content."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if name in COPIES_OF_THE_CONFIGURATION or path.is_symlink() or not path.is_file():
                continue
            try:
                with path.open("rb") as file:
                    content = file.read(SEARCHED_BYTES)
            except OSError:
                continue  # a disk that a test has broken
            if has_secret(os.fsencode(path.relative_to(folder)) + b"\n" + content, secrets):
                found.append(str(path))
    return found


async def answers(page: str) -> bytes:
    """All that the page's API says to somebody at this machine, or as much as it does say."""
    host, _, port = page.removeprefix("http://").rpartition(":")
    said = bytearray()
    with trio.move_on_after(ANSWER_S):
        for path in ANSWERS:
            try:
                stream = await trio.open_tcp_stream(host, int(port))
            except OSError:
                break  # a test may have given the port to somebody else
            async with stream:
                request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
                try:
                    await stream.send_all(request.encode())
                    while data := await stream.receive_some(65536):
                        said += data
                except trio.BrokenResourceError:
                    break
    return bytes(said)


def check_texts(secrets: list[bytes], **texts: bytes) -> None:
    """Raises AssertionError with the names of those that hold a secret; never with the secret."""
    leaking = [name for name, text in texts.items() if has_secret(text, secrets)]
    assert not leaking, f"a secret of the configuration stands in: {', '.join(leaking)}"


def check_files(secrets: list[bytes], *folders: Path) -> None:
    """As `check_texts`, for every file below these folders."""
    leaking = [path for folder in folders for path in files_with_secrets(folder, secrets)]
    assert not leaking, f"a secret of the configuration stands in: {', '.join(leaking)}"


def folders_of(config: Mapping[str, Any]) -> list[Path]:
    """Where the program writes."""
    state = config.get("state")
    storage = Path(config["storage"]["directory"])
    return [storage] if state is None else [storage, Path(state)]
