"""systemd: what it hands to a service that it starts, and what it is told by it.

Owns the words of sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3): a few lines of text in
the environment and on a Unix socket, for which no library is needed. What they mean is decided by
plain functions; `claim` and `Notifier` alone touch the system. Knows nothing of the recorder.

Nothing here may harm a recording: without systemd nothing is done, and a message that cannot be
delivered is dropped, never waited for.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from typing import TYPE_CHECKING, Final

import attrs

from recorder.logs import same

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

log = logging.getLogger(__name__)

FIRST_DESCRIPTOR: Final = 3
"""SD_LISTEN_FDS_START: behind standard input, output and error."""

MOST_DESCRIPTORS: Final = 64
"""More sockets than any unit has; a number made up by somebody must not become a long loop."""

UNNAMED: Final = "unknown"
"""What sd_listen_fds_with_names(3) calls a descriptor without a name."""

VARIABLES: Final = (
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
)

MOST_STATUS: Final = 500
"""Characters; a whole message may have 4096 bytes (NOTIFY_BUFFER_MAX of systemd)."""


@attrs.frozen(kw_only=True)
class Handover:
    """What systemd has handed to this process; all empty where it did not start it.

    Attributes:
        notify: the address of the socket on which it listens to us.
        watchdog_s: in which it wants to hear WATCHDOG=1; None: it does not watch.
        descriptors: the sockets it has made for us: number and name.
    """

    notify: str | None = None
    watchdog_s: float | None = None
    descriptors: tuple[tuple[int, str], ...] = ()


def read_environment(environment: Mapping[str, str], process: int) -> Handover:
    """What the variables say to this process. What makes no sense is as if it were not there."""
    watchdog_us = _number(environment, "WATCHDOG_USEC")
    # Unlike the others, WATCHDOG_PID may be absent: then it is for whoever reads it.
    is_watched = environment.get("WATCHDOG_PID", str(process)) == str(process)
    descriptors: tuple[tuple[int, str], ...] = ()
    if environment.get("LISTEN_PID") == str(process):
        count = min(_number(environment, "LISTEN_FDS"), MOST_DESCRIPTORS)
        names = environment.get("LISTEN_FDNAMES", "").split(":")
        names += [UNNAMED] * (count - len(names))
        descriptors = tuple(
            (FIRST_DESCRIPTOR + index, names[index] or UNNAMED) for index in range(count)
        )
    return Handover(
        notify=environment.get("NOTIFY_SOCKET") or None,
        watchdog_s=watchdog_us / 1_000_000 if watchdog_us and is_watched else None,
        descriptors=descriptors,
    )


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def claim(environment: MutableMapping[str, str] = os.environ) -> Handover:
    """Take what systemd has handed over. A program that we start inherits none of it: neither the
    variables nor, closed on exec, the sockets."""
    handover = read_environment(environment, os.getpid())
    for name in VARIABLES:
        environment.pop(name, None)
    for descriptor, _ in handover.descriptors:
        try:
            os.set_inheritable(descriptor, False)
        except OSError:
            # It is not open, which whoever wants to use it says with its name.
            continue
    return handover


def status_line(text: str) -> str:
    """STATUS= of one line, whatever is in the text."""
    return "STATUS=" + " ".join(text.split())[:MOST_STATUS]


def socket_address(address: str) -> str | None:
    """The address as the socket module takes it; None for a kind that only virtual machines
    have (`vsock:`)."""
    if address.startswith("@"):
        return "\0" + address[1:]
    return address if address.startswith("/") else None


class Notifier:
    """Tells systemd how we are. Does nothing where nobody listens; never blocks, never raises.

    Args:
        address: NOTIFY_SOCKET.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = None if address is None else socket_address(address)
        if self._address is None and address is not None:
            log.warning("systemd cannot be told anything at %s: that is no Unix socket.", address)

    @property
    def is_heard(self) -> bool:
        """Whether somebody listens."""
        return self._address is not None

    def ready(self) -> None:
        """The start, or a reload, is over."""
        self.tell("READY=1")

    def reloading(self) -> None:
        """A new configuration is being read; `ready` ends it. systemd takes this for the answer to
        its own request only with the time, on its own clock."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.tell("RELOADING=1", f"MONOTONIC_USEC={now_us}")

    def stopping(self) -> None:
        """The end has begun."""
        self.tell("STOPPING=1")

    def alive(self) -> None:
        """For the watchdog."""
        self.tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """What `systemctl status` shows."""
        self.tell(status_line(text))

    def extend(self, seconds: float) -> None:
        """The start or the end takes longer: for so long from now it must not be cut off."""
        self.tell(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def tell(self, *assignments: str) -> bool:
        """Send one message; False: nobody has it."""
        if self._address is None:
            return False
        message = "\n".join(assignments).encode("utf-8", "replace")
        try:
            # One for each message, as systemd's own library does: nothing has to be closed later.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
                to.sendto(message, socket.MSG_DONTWAIT, self._address)
        except OSError as error:
            # A full queue: a later message says the same.
            if not isinstance(error, BlockingIOError):
                why = error.strerror or error
                log.warning("systemd could not be told: %s", why, extra=same("systemd"))
            return False
        return True
