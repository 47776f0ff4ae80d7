"""Where the recorder is reached: the URLs a person types into an encoder or a browser, from what is
listened on to what can be reached, and the socket by which commands find it.

`0.0.0.0` listens everywhere and is no address to type, so this module asks the machine for the
addresses it has. It only reads; nothing is sent.
"""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable

from recorder.config.rules import split_address

CONTROL_SOCKET = "control.sock"
"""In the state folder."""

DEFAULT_PORTS = {"rtmp": 1935, "rtmps": 443}
"""What encoders take where the URL names none."""

_MAPPED = "::ffff:"

# ioctl "get interface address", from <linux/sockios.h>; the address stands at 20 in struct ifreq.
_SIOCGIFADDR = 0x8915
_IFREQ_BYTES = 40
_ADDRESS_AT = 20
# A documentation address (RFC 5737): connecting a UDP socket sends nothing, it only picks a route.
_ELSEWHERE = ("192.0.2.1", 9)


def server_urls(
    listen: Iterable[str],
    application: str,
    *,
    scheme: str = "rtmp",
    machine: Callable[[], list[str]] | None = None,
) -> list[str]:
    """What to type as the server, the most useful first.

    Args:
        listen: the configured addresses.
        scheme: `rtmp` or `rtmps`.
        machine: gives this machine's own addresses; asked for where all of them are listened on.
    """
    urls: list[str] = []
    for address in listen:
        host, port = split_address(address)
        if host == "0.0.0.0":
            hosts = (machine or machine_addresses)() or [socket.gethostname()]
        elif host == "::":
            # Its IPv6 addresses change and are long: the name is what can be typed.
            hosts = [socket.gethostname()]
        else:
            hosts = [host]
        place = "" if port == DEFAULT_PORTS[scheme] else f":{port}"
        for one in hosts:
            url = f"{scheme}://{_in_url(one)}{place}/{application}"
            if url not in urls:
                urls.append(url)
    return urls


def page_url(
    address: str, *, scheme: str = "http", machine: Callable[[], list[str]] | None = None
) -> str:
    """What to type into a browser.

    Args:
        address: a configured one that the page listens on.
        scheme: `http` or `https`.
        machine: as of `server_urls`.
    """
    host, port = split_address(address)
    if host == "0.0.0.0":
        host = next(iter((machine or machine_addresses)()), "127.0.0.1")
    elif host == "::":
        # The machine's name may be none of `status.names`, and every address of it is taken.
        host = "::1"
    return f"{scheme}://{_in_url(host)}:{port}/"


def _in_url(host: str) -> str:
    """RFC 3986, section 3.2.2."""
    return f"[{host}]" if ":" in host else host


def plain_host(host: str) -> str:
    """The IPv4 address that a socket which takes both kinds writes as an IPv6 one (RFC 4291,
    section 2.5.5.2), and every other host as it is."""
    return host[len(_MAPPED) :] if host.startswith(_MAPPED) and "." in host else host


def machine_addresses() -> list[str]:
    """The IPv4 addresses other machines can try; the one of the default route comes first."""
    found = [_routed_address(), *(_interface_address(name) for _, name in socket.if_nameindex())]
    addresses = dict.fromkeys(one for one in found if one is not None)
    return [one for one in addresses if not ipaddress.IPv4Address(one).is_loopback]


def _routed_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return None  # No network yet: the interfaces may still have addresses.
        address: str = probe.getsockname()[0]
        return address


def _interface_address(name: str) -> str | None:
    request = struct.pack(f"{_IFREQ_BYTES}s", name.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
        except OSError:
            return None  # An interface without an IPv4 address.
    return socket.inet_ntoa(answer[_ADDRESS_AT : _ADDRESS_AT + 4])
