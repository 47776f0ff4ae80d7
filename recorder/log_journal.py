"""The journal's own socket, and whether standard error leads to the journal.

The native protocol and not `<N>` lines on standard error, for two reasons. Room and connection
become fields (`journalctl -u recorder ROOM=room101`), and a traceback stays one entry. And a
datagram need not wait: the journal may hang on the same card as everything else, and a write to
its pipe would then hold the event loop, which nothing on a disk may. A line that it does not take
is counted, and the count is told with the next one that it does take.

Where the socket is not there, or refuses, the line goes to standard error with its priority.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

from recorder.amounts import count
from recorder.log_lines import Line, datagram, with_priority

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JOURNAL = "/run/systemd/journal/socket"

IDENTIFIER = "recorder"
"""What the journal shows before a line, as of `journalctl -t`."""


STANDARD_ERROR = 2


def leads_to_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether this descriptor is the one that systemd connected to the journal (systemd.exec(5),
    JOURNAL_STREAM); it may have been redirected since."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def for_standard_error(text: str) -> str:
    """What a command complains, as standard error wants it: an error where the journal reads it."""
    if leads_to_journal(STANDARD_ERROR, os.environ):
        return with_priority(text).removesuffix("\n")
    return text


class JournalHandler(logging.Handler):
    """Sends each line to the journal, and never waits for it.

    Args:
        instead: what shows a line while the journal has no socket.
    """

    def __init__(
        self,
        line_of: Callable[[logging.LogRecord], Line],
        instead: logging.Handler,
        *,
        path: str = JOURNAL,
    ) -> None:
        super().__init__()
        self._line_of = line_of
        self._instead = instead
        self._path = path
        self._socket: socket.socket | None = None
        self._untold = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line_of(record)
            if self._untold:
                self._send(self._apology(line.time))
                self._untold = 0
            self._send(line)
        except BlockingIOError:
            self._untold += 1
        except OSError:
            self._instead.emit(record)
        except Exception:  # noqa: BLE001 — as every handler of `logging`: it must stop nothing
            self.handleError(record)

    def _apology(self, time: float) -> Line:
        lines = count(self._untold, "line")
        text = f"The journal did not take {lines} of the log, which would stand here."
        return Line(time=time, level=logging.WARNING, text=text)

    def _send(self, line: Line) -> None:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        self._socket.sendto(datagram(line, IDENTIFIER), self._path)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        super().close()
