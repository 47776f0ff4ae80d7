"""Who is answered at all: Host, Origin and forwarded requests, as a table."""

from __future__ import annotations

import pytest

from recorder.status.doors import Doors, is_loopback

DOORS = Doors(hosts=frozenset({"10.0.0.5", "0.0.0.0"}), names=frozenset({"rec.example"}))
BASIC = {"authorization": "Basic eDp5"}


def status(
    headers: dict[str, str], method: str = "GET", *, local: str = "192.168.1.9", tls: bool = False
) -> int:
    refusal = DOORS.refuse(method, headers, local_host=local, is_tls=tls)
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("10.0.0.5", 200), ("10.0.0.5:8080", 200), ("localhost", 200), ("LOCALHOST:80", 200),
        ("127.0.0.1", 200), ("127.8.8.8:1", 200), ("[::1]:8080", 200), ("rec.example", 200),
        ("REC.example.", 200), ("192.168.1.9:8080", 200),
        ("evil.example", 421), ("rec.example.evil", 421), ("10.0.0.6", 421), ("", 421),
        ("[::1", 421), ("a b", 421), ("rec.example@evil.example", 421), ("\xff", 421),
    ],
)  # fmt: skip
def test_only_hosts_of_ours_are_answered(host: str, expected: int) -> None:
    assert status({"host": host}) == expected


@pytest.mark.parametrize(
    ("origin", "tls", "expected"),
    [
        ("http://10.0.0.5:8080", False, 200), ("https://10.0.0.5:8080", False, 403),
        ("https://10.0.0.5:8080", True, 200), ("http://10.0.0.5:8080", True, 403),
        ("http://10.0.0.5", False, 403), ("http://evil.example", False, 403), ("null", False, 403),
        ("", False, 403),
    ],
)  # fmt: skip
def test_an_origin_must_be_the_host(origin: str, tls: bool, expected: int) -> None:
    headers = {"host": "10.0.0.5:8080", "origin": origin}
    assert status(headers, tls=tls) == expected
    assert status(headers | BASIC, "POST", tls=tls) == expected


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
def test_a_change_without_an_origin_needs_basic(method: str) -> None:
    assert status({"host": "localhost"}, method) == 403
    assert status({"host": "localhost"} | BASIC, method) == 200
    assert status({"host": "localhost", "authorization": "Bearer x"}, method) == 403
    assert status({"host": "localhost", "origin": "http://localhost"}, method) == 200


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("127.0.0.1", {}, True), ("::1", {}, True), ("::ffff:127.0.0.1", {}, True),
        ("10.0.0.9", {}, False), ("", {}, False), ("fe80::1%eth0", {}, False),
        ("127.0.0.1", {"forwarded": "for=1.2.3.4"}, False),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", {"x-forwarded-host": ""}, False),
        ("127.0.0.1", {"via": "1.1 proxy"}, False), ("127.0.0.1", {"x-real-ip": "::1"}, False),
    ],
)  # fmt: skip
def test_a_proxys_request_is_never_this_machines(
    peer: str, headers: dict[str, str], expected: bool
) -> None:
    assert is_loopback(peer, headers) is expected
