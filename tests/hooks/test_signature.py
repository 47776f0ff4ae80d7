"""The signature: held against one that another program made, so that receivers can rely on it."""

from __future__ import annotations

from recorder.hooks.signature import headers, sign

SECRET = "s3cret-of-the-hooks"
TIMESTAMP = "1764410400"
BODY = b'{"version":1}'
EXPECTED = "sha256=7be64f514017d234e678d1bc85f631927782092238c55cb9b4ff7d5540f7bfc1"
"""printf '1764410400.{"version":1}' | openssl dgst -sha256 -hmac s3cret-of-the-hooks"""


def test_it_is_what_openssl_computes() -> None:
    assert sign(SECRET, TIMESTAMP, BODY) == EXPECTED


def test_time_body_and_secret_each_change_it() -> None:
    others = [
        sign(SECRET + "x", TIMESTAMP, BODY),
        sign(SECRET, "1764410401", BODY),
        sign(SECRET, TIMESTAMP, BODY + b" "),
    ]
    assert len({EXPECTED, *others}) == 4


def test_without_a_secret_there_is_only_the_time() -> None:
    assert headers(None, TIMESTAMP, BODY) == [("X-Recorder-Timestamp", TIMESTAMP)]
    assert headers(SECRET, TIMESTAMP, BODY) == [
        ("X-Recorder-Timestamp", TIMESTAMP),
        ("X-Recorder-Signature", EXPECTED),
    ]
