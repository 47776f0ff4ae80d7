"""What each kind of configured value may be: one small class per kind.

`read` takes the value as YAML gave it and returns the value the program uses, or raises
WrongValueError with a reason a person can act on. Nothing is converted silently: `"false"` is not
false, and 600 is not a time. The rules are attached to the fields of the configuration classes by
Annotated, so a field's type and its bounds stand in one line.
"""

import ipaddress
import math
import os
import re
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import attrs

from recorder.config.units import MIB, format_size, format_time, parse_size, parse_time

N = TypeVar("N", int, float)


PASSWORD_HASH = (
    r"scrypt\$(1[0-7])\$([1-9]|1[0-6])\$([1-4])\$([A-Za-z0-9+/]{22,86}={0,2})\$([A-Za-z0-9+/]{43}=)"
)
"""`scrypt$LOG2N$R$P$SALT$KEY`, bounded, so that none makes a login take minutes or gigabytes."""


class WrongValueError(ValueError):
    """The value is not acceptable; the message is the reason."""


class UnquotedError(WrongValueError):
    """Text was wanted, and YAML read the bare word as something else."""

    def __init__(self, *, secret: bool) -> None:
        super().__init__("put it in quotes")
        self.secret = secret


class Rule(Protocol):
    """One kind of value."""

    def read(self, value: Any) -> Any: ...


@attrs.frozen
class Flag:
    """true or false."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise WrongValueError(f"must be true or false, not {kind_of(value)}")
        return value


@attrs.frozen
class Count:
    """A whole number."""

    least: int
    most: int

    def read(self, value: Any) -> int:
        if isinstance(value, float):
            raise WrongValueError("must be a whole number, not a number with a fraction")
        if type(value) is not int:
            raise WrongValueError(f"must be a whole number, not {kind_of(value)}")
        return _within(value, self.least, self.most, str)


@attrs.frozen
class Size:
    """Bytes, written with a unit."""

    least: int
    most: int

    def read(self, value: Any) -> int:
        return _within(parse_size(_measure(value, "512MiB")), self.least, self.most, format_size)


@attrs.frozen
class Time:
    """Seconds, written with a unit."""

    least: float
    most: float

    def read(self, value: Any) -> float:
        return _within(parse_time(_measure(value, "10m")), self.least, self.most, format_time)


@attrs.frozen
class Memory:
    """A size, or `auto`: a quarter of this machine's memory, at most 512 MiB."""

    size: Size

    def read(self, value: Any) -> int:
        return automatic_memory() if value == "auto" else self.size.read(value)


@attrs.frozen
class Age:
    """A time, or `never`: it ends nothing."""

    time: Time

    def read(self, value: Any) -> float:
        return math.inf if value == "never" else self.time.read(value)


@attrs.frozen
class Word:
    """Text of a few safe characters. A secret is never shown in a message."""

    pattern: str
    reason: str
    secret: bool = False

    def read(self, value: Any) -> str:
        text = _text(value, secret=self.secret)
        if not self.fits(text):
            raise WrongValueError(self.reason)
        return text

    def fits(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None


@attrs.frozen
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: Any) -> str:
        if value not in self.words or not isinstance(value, str):
            raise WrongValueError(f"must be {_listed(self.words)}")
        return value


@attrs.frozen
class Title:
    """A line for people."""

    def read(self, value: Any) -> str:
        text = _text(value)
        if not text.isprintable() or not 1 <= len(text) <= 128:
            raise WrongValueError("must be one line of 1 to 128 characters")
        return text


@attrs.frozen
class Folder:
    """A path; `~` is the home of whoever runs the recorder."""

    def read(self, value: Any) -> Path:
        text = _text(value)
        if not text or "\0" in text:
            raise WrongValueError("must be the path of a folder")
        try:
            return Path(text).expanduser()
        except RuntimeError:
            raise WrongValueError("names a home folder (~) that does not exist") from None


@attrs.frozen
class TimeZone:
    """`system`, or a name of the time zone database."""

    def read(self, value: Any) -> str:
        text = _text(value)
        if text != "system":
            try:
                zoneinfo.ZoneInfo(text)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
                raise WrongValueError(
                    "is no time zone known here; write system, or a name such as Europe/Berlin"
                ) from None
        return text


@attrs.frozen
class Address:
    """`host:port` to listen on; an IPv6 host stands in brackets; port 0 is any free one."""

    def read(self, value: Any) -> str:
        text = _text(value)
        split_address(text)
        return text


@attrs.frozen
class Network:
    """Addresses that begin alike, such as `10.2.0.0/16`, or one address alone."""

    def read(self, value: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        text = _text(value)
        try:
            if "%" in text:
                raise ValueError("a zone belongs to one machine's interfaces")
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise WrongValueError(
                'must be an address or a network, such as "10.2.0.7" or "10.2.0.0/16"'
            ) from None
        # What an IPv4 peer is called, however its bytes came in.
        mapped = getattr(network.network_address, "ipv4_mapped", None)
        if mapped is not None:
            raise WrongValueError(f"must be written as IPv4, such as {mapped}")
        if str(network.network_address) != str(ipaddress.ip_interface(text).ip):
            raise WrongValueError(f"has bits behind its /{network.prefixlen}; write {network}")
        return network


def is_loopback(text: str) -> bool:
    """Whether only this machine reaches what listens there; True for what is no address at all,
    which somebody else says."""
    try:
        host, _ = split_address(text)
    except WrongValueError:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_address(text: str) -> tuple[str, int]:
    """The host (IPv6 without its brackets) and the port of a configured address."""
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise WrongValueError('must be "address:port", such as "0.0.0.0:1935" or "[::]:1935"')
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        wanted: type = ipaddress.IPv6Address
    elif re.fullmatch(r"[0-9.]+", host):
        wanted = ipaddress.IPv4Address
    elif re.fullmatch(r"(?!-)[A-Za-z0-9.-]{1,253}", host):
        return host, int(port)
    else:
        raise WrongValueError(
            "must begin with an address of this machine; 0.0.0.0 is every IPv4 address"
        )
    try:
        wanted(host)
    except ValueError:
        raise WrongValueError("does not begin with a valid address") from None
    return host, int(port)


def automatic_memory() -> int:
    """A quarter of this machine's memory, at most 512 MiB."""
    total_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(total_bytes // 4, 512 * MIB)


def kind_of(value: Any) -> str:
    """What a value is, in a word a person who writes YAML knows. Never the value itself."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a block of keys"
    return "a date"


def _text(value: Any, *, secret: bool = False) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict):
        raise WrongValueError(f"must be text, not {kind_of(value)}")
    raise UnquotedError(secret=secret)


def _measure(value: Any, example: str) -> str:
    if not isinstance(value, str):
        raise WrongValueError(
            f"must be written with its unit, such as {example}, not {kind_of(value)}"
        )
    return value


def _within(value: N, least: N, most: N, write: Callable[[N], str]) -> N:
    if not least <= value <= most:
        raise WrongValueError(f"must lie between {write(least)} and {write(most)}")
    return value


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]])
