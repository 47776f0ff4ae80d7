"""The configuration as a file: where it is looked for, who may read it, how the first one is made.

Knows paths and permissions, and nothing of the keys inside. What is refused here is refused because
a stranger on the same machine could otherwise read a room's key or change where recordings go.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

import attrs

from recorder.config.document import Problem

LOOKED_FOR = (Path("config.yaml"), Path("/etc/recorder/config.yaml"))
FIRST_ROOM = "room1"
FIRST_FOLDER = "recordings"

# Thousands of rooms fit into this; a log file or a disk image given by mistake does not.
_MAX_BYTES = 1024 * 1024

_REMEDIES = {
    errno.ENOENT: "name a file that is there",
    errno.ENOTDIR: "name a file that is there",
    errno.EISDIR: "name the file in it",
    errno.EACCES: "run this as the recorder's user, which must be able to read it",
}

# No look-alikes (0 o, 1 l i), one case: keys are typed into encoders by remote control.
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_KEY_ALPHABET = _LETTERS + "23456789"
# 24 characters of 31 are 118 bits.
_KEY_CHARACTERS = 24

_FIRST_CONFIG = """\
# Made by the first `recorder run`. Every key there is stands in config.example.yaml.
# This file holds the stream keys: nobody else may read it.

storage:
  directory: ./{folder}

rooms:
  {room}:
    key: "{key}"
"""


class ConfigError(Exception):
    """The configuration cannot be used: everything that is wrong with it, one line each."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("\n".join(problem.describe(file) for problem in self.problems))


@attrs.frozen
class File:
    """What was read, and the permissions it had at that moment."""

    data: bytes
    mode: int


def find(chosen: Path | None) -> Path | None:
    """The file to read: the chosen one whether it exists or not, else the first that exists.

    A file that is there and cannot be read is found: falling back to another one would run the
    recorder with settings nobody expects.
    """
    if chosen is not None:
        return chosen
    return next((path for path in LOOKED_FOR if os.path.lexists(path)), None)


def read(path: Path) -> File:
    """Read a whole configuration file. Raises ConfigError when that is impossible."""
    try:
        # Not blocking: a named pipe without a writer would hold the start up for ever.
        with open(
            path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)
        ) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(str(path), [Problem("is no regular file")])
            data = file.read(_MAX_BYTES + 1)
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk and its cable or card")
        reason = f"cannot be read: {error.strerror}; {remedy}"
        raise ConfigError(str(path), [Problem(reason)]) from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(str(path), [Problem("is larger than 1 MiB, so it is no configuration")])
    return File(data, mode)


def mode_problems(file: File, *, has_keys: bool) -> list[Problem]:
    """Permissions that let other people change the file, or read keys in it.

    The group may read: `root:recorder 0640` is how a service gets a file it cannot change.
    """
    problems = []
    if file.mode & (stat.S_IWGRP | stat.S_IWOTH):
        problems.append(Problem("can be changed by others; run chmod 600 on it"))
    if has_keys and file.mode & stat.S_IROTH:
        problems.append(Problem("holds keys and can be read by others; run chmod 600 on it"))
    return problems


def new_key() -> str:
    """A fresh stream key. It begins with a letter, so YAML never takes it for a number."""
    rest = (secrets.choice(_KEY_ALPHABET) for _ in range(_KEY_CHARACTERS - 1))
    return secrets.choice(_LETTERS) + "".join(rest)


def create_first(path: Path) -> None:
    """Write the built-in configuration: one room with a fresh key, recordings beside the file.

    Raises FileExistsError rather than touch a file that is there, and OSError.
    """
    text = _FIRST_CONFIG.format(folder=FIRST_FOLDER, room=FIRST_ROOM, key=new_key())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
