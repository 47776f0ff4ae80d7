"""The bit reader, against a writer of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.flv.bits import Bits, BitsError
from tests.flv.building import BitWriter


def test_fields_are_read_from_the_most_significant_bit() -> None:
    bits = Bits(b"\xa5\x0f\xf0")
    assert [bits.read(1), bits.read(3), bits.read(8), bits.read(0)] == [1, 2, 0x50, 0]
    assert bits.left == 12
    assert bits.read(12) == 0xFF0
    with pytest.raises(BitsError, match="out of bits"):
        bits.read(1)


def test_bytes_are_taken_as_they_are() -> None:
    bits = Bits(b"\x01abc")
    bits.skip(8)
    assert bits.take_bytes(2) == b"ab"
    with pytest.raises(BitsError):
        bits.take_bytes(2)
    assert bits.take_bytes(1) == b"c"


@given(values=st.lists(st.integers(0, 2**32 - 2), max_size=10))
def test_unsigned_codes_are_read_as_written(values: list[int]) -> None:
    bits = Bits(BitWriter().codes(*values).done())
    assert [bits.unsigned_code() for _ in values] == values


@given(value=st.integers(-(2**31) + 1, 2**31 - 1))
def test_signed_codes_are_read_as_written(value: int) -> None:
    assert Bits(BitWriter().signed(value).done()).signed_code() == value


def test_a_code_longer_than_any_number_is_damage() -> None:
    with pytest.raises(BitsError, match="more than 32 bits"):
        Bits(bytes(100)).unsigned_code()
