"""The sockets that systemd made for us (`recorder run --sockets systemd`). A part of the app.

Owns what each is for, by its name, and whether the configuration agrees with it. With them the
recorder binds nothing: encoders wait in the kernel while it restarts, and it needs no network of
its own. What is wrong with one is a sentence at the start; nothing is guessed.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs
import trio

from recorder.app_listeners import StartError, open_listeners
from recorder.config.rules import is_loopback, split_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder.config import Config, StatusConfig

KEYS: Final = {"rtmp": "rtmp.listen", "rtmps": "rtmp.tls.listen", "http": "status.listen"}
"""What a descriptor may be called (FileDescriptorName=), and the key that says the same."""


@attrs.frozen(kw_only=True)
class Passed:
    """A listening socket of systemd's.

    Attributes:
        address: as the configuration writes it.
        is_dual: it listens on `::`, and takes IPv4 as well (ipv6(7), IPV6_V6ONLY).
    """

    name: str
    descriptor: int
    address: str
    is_dual: bool = False


@attrs.frozen
class Sockets:
    """Where listeners come from.

    Attributes:
        passed: by systemd; None: the recorder binds its own.
    """

    passed: tuple[Passed, ...] | None = None

    def settle(self, config: Config) -> Config:
        """The configuration with the addresses that are really listened on.

        Raises:
            StartError: they do not fit to each other.
        """
        return config if self.passed is None else settle(config, self.passed)

    async def open(self, name: str, addresses: list[str]) -> list[trio.SocketListener]:
        """The listeners of this name; may be asked for once.

        Raises:
            StartError: one cannot be bound, or none is passed.
        """
        if self.passed is None:
            return await open_listeners(addresses, KEYS[name])
        listeners = [
            trio.SocketListener(
                trio.socket.from_stdlib_socket(socket.socket(fileno=one.descriptor))
            )
            for one in self.passed
            if one.name == name
        ]
        if not listeners:
            raise _missing(name)
        return listeners


def look_at(descriptors: Iterable[tuple[int, str]]) -> Sockets:
    """Look at what systemd passes.

    Raises:
        StartError: nothing, or something that encoders and browsers cannot connect to.
    """
    passed = tuple(_look_at(descriptor, name) for descriptor, name in descriptors)
    if not passed:
        raise StartError(
            "systemd passes no sockets: start the recorder by its unit (systemctl start recorder), "
            "or run it without --sockets systemd."
        )
    return Sockets(passed)


def _look_at(descriptor: int, name: str) -> Passed:
    try:
        # Its own copy: what is not used stays as it is.
        found = socket.socket(fileno=socket.dup(descriptor))
    except OSError as error:
        raise StartError(
            f"The socket {name} that systemd passes as descriptor {descriptor} cannot be used: "
            f"{error.strerror}."
        ) from error
    with found:
        listens = bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        objection = object_to(name, found.family, found.type, listens=listens)
        if objection is not None:
            raise StartError(f"The socket {name} that systemd passes {objection}.")
        host, port = found.getsockname()[:2]
        is_six = found.family == socket.AF_INET6
        return Passed(
            name=name,
            descriptor=descriptor,
            address=f"[{host}]:{port}" if is_six else f"{host}:{port}",
            is_dual=is_six
            and host == "::"
            and not found.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY),
        )


def object_to(name: str, family: int, kind: int, *, listens: bool) -> str | None:
    """What is wrong with a socket, as the end of a sentence; None: nothing."""
    if name not in KEYS:
        return f"has no name the recorder knows; give it FileDescriptorName={' or '.join(KEYS)}"
    if family not in (socket.AF_INET, socket.AF_INET6):
        return "is none of TCP; give its unit ListenStream= with an address and a port"
    if kind != socket.SOCK_STREAM:
        return "is none of TCP; its unit needs ListenStream="
    if not listens:
        return "does not listen; its unit needs Accept=no"
    return None


def settle(config: Config, passed: tuple[Passed, ...]) -> Config:
    """As of `Sockets.settle`."""
    real = {name: [one.address for one in passed if one.name == name] for name in KEYS}
    if real["rtmps"] and config.rtmp.tls is None:
        raise StartError(
            f"systemd passes the socket {real['rtmps'][0]} for RTMPS, and the configuration has no "
            "rtmp.tls: give it a certificate there, or disable recorder-rtmps.socket."
        )
    tls = config.rtmp.tls and attrs.evolve(config.rtmp.tls, listen=real["rtmps"])
    settled = attrs.evolve(
        config,
        rtmp=attrs.evolve(config.rtmp, listen=real["rtmp"], tls=tls),
        status=attrs.evolve(config.status, listen=real["http"]),
    )
    for name, key in KEYS.items():
        if key in config.listen_given:
            _compare(key, _listen(config, name), [one for one in passed if one.name == name])
    # Said now, when the last good configuration can still take its place; a page is not worth that.
    for name in ("rtmp",) if tls is None else ("rtmp", "rtmps"):
        if not real[name]:
            raise _missing(name)
    _check_page(settled.status)
    return settled


def _missing(name: str) -> StartError:
    return StartError(
        f"systemd passes no socket called {name}: enable recorder-{name}.socket, and start it "
        "while the recorder and its other ports are stopped (systemd/README.md tells how)."
    )


def _listen(config: Config, name: str) -> list[str]:
    match name:
        case "rtmp":
            return config.rtmp.listen
        case "rtmps":
            return [] if config.rtmp.tls is None else config.rtmp.tls.listen
        case _:
            return config.status.listen


def _check_page(status: StatusConfig) -> None:
    """The rule of the configuration, for where the page really is."""
    if status.password is not None or status.public:
        return
    for address in status.listen:
        if not is_loopback(address):
            raise StartError(
                f"The page's socket that systemd passes, {address}, is reached from elsewhere, so "
                "status needs a password (`recorder hash-password`) or public: true; or change "
                "recorder-http.socket."
            )


def _compare(key: str, configured: list[str], passed: list[Passed]) -> None:
    wanted = {_place(address) for address in configured}
    covered = [_covered_by(one) for one in passed]
    if wanted <= set().union(*covered) and all(wanted & each for each in covered):
        return
    raise StartError(
        f"{key} says {' and '.join(configured)}, and systemd passes "
        f"{' and '.join(one.address for one in passed) or 'no such socket'}: take {key} out of the "
        "configuration, or make the two the same."
    )


def _covered_by(passed: Passed) -> set[tuple[str, int]]:
    host, port = _place(passed.address)
    return {(host, port), ("0.0.0.0", port)} if passed.is_dual else {(host, port)}


def _place(address: str) -> tuple[str, int]:
    """Two that mean the same are equal, however they are written."""
    host, port = split_address(address)
    with suppress(ValueError):
        return str(ipaddress.ip_address(host)), port
    return "127.0.0.1" if host == "localhost" else host, port
