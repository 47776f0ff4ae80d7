"""What browsers, `curl` and monitors say to the page: where its fuzzing begins."""

from __future__ import annotations

import base64
from typing import Final

from tests.fuzz.page import HOST, KNOWN, LOOPBACK, PASSWORD, PUBLIC, UNSET, login_of

_PATHS: Final = (
    *("/", "/app.js", "/api/v1/status", "/api/v1/session", "/api/v1/rooms/room101/history"),
    *("/api/v1/recordings?room=a&from=2026-11-22&to=&cursor=7", "/api/v1/alarms", "/metrics"),
    *("/recordings/room101/2026-11-22/0000042-103000Z/0001.flv", "/api/v1/sweep", "/healthz"),
)
_ACTIONS: Final = (
    *("/api/v1/rooms/room101/split", "/api/v1/recordings/42/keep", "/api/v1/recordings/42/unkeep"),
    *("/api/v1/alarms/disk_slow-room101/acknowledge", "/api/v1/sweep", "/api/v1/logout"),
)
_BODIES: Final = (b"", b'{"why": "the exam"}', b'{"confirm": "1"}')

WORDS: Final = (
    *("GET ", "HEAD ", "POST ", "DELETE ", " HTTP/1.1", "Host: ", "Origin: ", "Cookie: "),
    *("Authorization: Basic ", "Content-Length: ", "Transfer-Encoding: chunked", "Range: bytes=0-"),
    *("Expect: 100-continue", "Accept-Encoding: gzip", "If-None-Match: ", "If-Range: "),
    *("Connection: close", "X-Forwarded-For: ", "Upgrade: websocket", "\r\n\r\n", "why"),
    *("confirm", *_PATHS, *_ACTIONS),
)


def _said(first: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{first} HTTP/1.1", f"Host: {HOST}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body


def _chunked(first: str, *headers: str, body: bytes) -> bytes:
    head = _said(first, *headers, "Transfer-Encoding: chunked")
    parts = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body)
    return head + parts + b"0\r\nX-Seen: 1\r\n\r\n"


def requests() -> list[bytes]:
    proof = base64.b64encode(f"curl:{PASSWORD}".encode()).decode()
    basic, origin = f"Authorization: Basic {proof}", f"Origin: http://{HOST}"
    cookie = "Cookie: a=b; " + login_of(KNOWN).cookie(is_tls=False).partition(";")[0]
    tag = 'If-Range: "5f-7"'
    looks = b"".join(_said(f"GET {path}") for path in _PATHS)
    does = b"".join(
        _said(f"POST {path}", basic, body=body) for path in _ACTIONS for body in _BODIES
    )
    login = b'{"password": "%s"}' % PASSWORD.encode()
    upgrade = ("Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    segment = f"GET {_PATHS[8]}"
    every = (0, PUBLIC, KNOWN, UNSET, UNSET | LOOPBACK, UNSET | PUBLIC)
    return [
        *(bytes((options,)) + looks for options in every),
        *(bytes((options,)) + does for options in (0, KNOWN, UNSET | LOOPBACK)),
        bytes((KNOWN,)) + _said("POST /api/v1/login", origin, body=login) + _said("GET /", cookie),
        bytes((KNOWN,)) + _chunked("POST /api/v1/login", origin, body=login),
        bytes((KNOWN,)) + _chunked("POST /api/v1/sweep", cookie, origin, body=_BODIES[2]),
        bytes((KNOWN,)) + _said("DELETE /api/v1/recordings/42", origin, cookie, body=b"{}"),
        bytes((KNOWN,)) + _said(segment, cookie, "Range: bytes=1-1", tag),
        bytes((KNOWN,)) + _said(segment, cookie, "Range: bytes=-9", 'If-None-Match: W/"5f-7", *'),
        bytes((KNOWN,)) + _said(segment, basic, "Range: bytes=9-"),
        bytes((KNOWN,)) + _said("HEAD /", "Accept-Encoding: br;q=0, gzip;q=0.5") + looks,
        bytes((UNSET | LOOPBACK,)) + _said("GET /api/v1/status", "X-Forwarded-For: 10.0.0.9"),
        bytes((PUBLIC,)) + _said("GET /api/v1/live", *upgrade, key),
        bytes((0,))
        + _said("POST /x", "Expect: 100-continue", "X: a", " folded", "Content-Length: 2"),
        bytes((0,)) + b"GET / HTTP/1.0\nHost: [::1]:80\n\nGET http://page/ HTTP/1.1\r\n\r\n",
        b"\0\x16\x03\x01\x02",
    ]
