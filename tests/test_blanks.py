"""Rows of blanks, in one piece and in many; and that nobody holds up the loop with them."""

from __future__ import annotations

import pytest

from recorder.blanks import MOST, Blanks

FOLDED = b"\r\n " * (MOST // 3 + 1)


@pytest.mark.parametrize(
    ("data", "is_too_many"),
    [
        (b"X:" + b" " * MOST + b"y", False),
        (b"X:" + b" " * (MOST + 1) + b"y", True),
        (b" \t" * (MOST // 2) + b"\t", True),
        (b"X:" + FOLDED, True),
        ((b" " * MOST + b"x") * 3, False),
        (b"\0" * 2 * MOST, False),
        (b"", False),
    ],
)
def test_as_many_as_nobody_needs_are_too_many_however_they_come(
    data: bytes, is_too_many: bool
) -> None:
    assert Blanks().are_too_many(data) is is_too_many
    for size in (1, 7, MOST, MOST + 1):
        blanks = Blanks()
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        assert any(blanks.are_too_many(part) for part in parts) is is_too_many
