"""What the log says of a connection that ends.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.live.session import FAREWELL_S

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.live.conftest import Building


@pytest.mark.parametrize(
    ("first_bytes", "named"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600), "TLS"),
        (b"GET / HTTP/1.1\r\nHost: recorder\r\n\r\n", "HTTP"),
        (b"\x06" + bytes(1536), "RTMPE"),
        (b"\xde\xad\xbe\xef" * 500, ""),
    ],
)
async def test_what_is_not_rtmp_is_closed_with_one_line_that_names_it(
    building: Building,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    first_bytes: bytes,
    named: str,
) -> None:
    peer = building.enter()
    await peer.stream.send_all(first_bytes)
    assert await peer.until_closed() <= FAREWELL_S
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert lines[0].startswith("10.0.0.1: ")
    assert named in lines[0]
