"""A small systemd: it opens ports, starts the real program with them, and listens to what it says.

Owns the notify socket, the listening sockets and the environment of sd_listen_fds(3) and
sd_notify(3). A watchdog that bites is not here: a test sees when the last beat came, and says what
systemd would have done. Knows nothing of the recorder but how `run_recorder` starts it.
"""

from __future__ import annotations

import socket
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import trio

from tests.helpers.program import LINE_S, run_recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from tests.helpers.program import Recorder

_AS_SYSTEMD = """
import fcntl, os, sys
given, command = [int(one) for one in sys.argv[1].split(",")], sys.argv[2:]
# Away from the numbers they go to, before the first of these is taken.
given = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 100) for one in given]
for index, one in enumerate(given):
    os.dup2(one, 3 + index)
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execvp(command[0], command)
"""
"""What happens between fork and exec: descriptors from 3 on, and the process they are for."""


@attrs.frozen
class Message:
    """Attributes:
    at_s: when it came, on the monotonic clock.
    """

    at_s: float
    values: dict[str, str]


@attrs.define(eq=False)
class ServiceManager:
    """Made by `manage`. The ports stay open for as long as it lives, whoever accepts from them.

    Attributes:
        messages: all that was said, the oldest first.
    """

    folder: Path
    sockets: dict[str, socket.socket]
    messages: list[Message] = attrs.field(factory=list)
    _more: trio.Event = attrs.field(factory=trio.Event)

    def address(self, name: str) -> str:
        host, port = self.sockets[name].getsockname()
        return f"{host}:{port}"

    @asynccontextmanager
    async def start(
        self,
        rooms: Sequence[str],
        *,
        watchdog_s: float = 30.0,
        sandbox: Sequence[str] = (),
        tracer: Sequence[str] = (),
        program: Sequence[str] = (),
        initialise: bool = True,
        **sections: Any,
    ) -> AsyncIterator[Recorder]:
        """The program as its unit starts it; see `run_recorder`.

        Args:
            sandbox: a command that shuts in what it starts in its own place.
            tracer: one that sees every call of the program, and none of those before it.
            program: what stands between the interpreter and `run`, in place of `-m recorder`.
        """
        # As they stand in the configuration is as they are: the two must agree.
        addresses: dict[str, Any] = {
            "rtmp": {"listen": [self.address("rtmp")], **sections.pop("rtmp", {})},
            "status": {"listen": [self.address("http")], **sections.pop("status", {})},
        }
        numbers = [one.fileno() for one in self.sockets.values()]
        async with run_recorder(
            self.folder,
            rooms,
            initialise=initialise,
            wrapper=[
                *(*sandbox, sys.executable, "-c", _AS_SYSTEMD, ",".join(map(str, numbers))),
                *tracer,
            ],
            program=program,
            arguments=["--sockets", "systemd"],
            pass_fds=numbers,
            env={
                "NOTIFY_SOCKET": str(self.folder / "notify"),
                "WATCHDOG_USEC": str(int(watchdog_s * 1_000_000)),
                "LISTEN_FDS": str(len(self.sockets)),
                "LISTEN_FDNAMES": ":".join(self.sockets),
            },
            **addresses,
            **sections,
        ) as recorder:
            yield recorder

    def told(self, name: str) -> list[str]:
        """The values of one assignment, in order."""
        return [each.values[name] for each in self.messages if name in each.values]

    def last_s(self, name: str) -> float:
        """When it was said last, on the monotonic clock; -1: never."""
        return max((each.at_s for each in self.messages if name in each.values), default=-1.0)

    async def hears(self, name: str, *, since: int = 0, within_s: float = LINE_S) -> Message:
        """Wait for a message with this assignment.

        Args:
            since: how many messages are no news.

        Raises:
            AssertionError: it did not come.
        """
        with trio.move_on_after(within_s):
            while True:
                for each in self.messages[since:]:
                    if name in each.values:
                        return each
                await self._more.wait()
        raise AssertionError(f"{name} was not said within {within_s:g} s")

    async def silence_s(self, name: str, seconds: float) -> None:
        """Wait until this was not said for so long."""
        while True:
            left_s = self.last_s(name) + seconds - time.monotonic()
            if left_s <= 0:
                return
            await trio.sleep(left_s)

    async def _listen(self, listening: socket.socket) -> None:
        heard = trio.socket.from_stdlib_socket(listening)
        while True:
            text = (await heard.recv(4096)).decode()
            values = dict(line.split("=", 1) for line in text.split("\n"))
            self.messages.append(Message(time.monotonic(), values))
            more, self._more = self._more, trio.Event()
            more.set()


@asynccontextmanager
async def manage(
    folder: Path, *, names: Sequence[str] = ("rtmp", "http")
) -> AsyncIterator[ServiceManager]:
    """A manager with a port for each name, on loopback addresses."""
    with (
        _ports(names) as sockets,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
    ):
        notify.bind(str(folder / "notify"))
        manager = ServiceManager(folder, sockets)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(manager._listen, notify)
            try:
                yield manager
            finally:
                nursery.cancel_scope.cancel()


@contextmanager
def _ports(names: Sequence[str]) -> Iterator[dict[str, socket.socket]]:
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    try:
        yield sockets
    finally:
        for one in sockets.values():
            one.close()
