"""A peer's words: cleaned once, at entry (design promise 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.rtmp import Hint, Limits, RemoteProtocolError
from recorder.rtmp.text import clean_text, describe, identifying_text

if TYPE_CHECKING:
    from recorder.amf import Value

LIMITS = Limits(text_chars=10, name_chars=12)


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("OBS 31", "OBS 31"),
        ("a\x00b\x1b[2Jc\r\n", "ab[2Jc"),
        ("right\u202eleft", "rightleft"),
        ("a\udcffb", "a\ufffdb"),
        ("x" * 50, "x" * 10),
        ("Zürich ✓", "Zürich ✓"),
        (None, ""),
        (5.0, ""),
        ({"a": 1}, ""),
    ],
)
def test_shown_text_is_printable_and_cut(value: Value, cleaned: str) -> None:
    assert clean_text(value, LIMITS) == cleaned


@pytest.mark.parametrize("value", ["room?key=K", "", "a b", "Zürich"])
def test_a_name_stays_whole(value: str) -> None:
    assert identifying_text(value, LIMITS, "stream name") == value


def test_a_name_that_is_no_text_is_empty_and_one_that_is_no_utf_8_matches_nothing() -> None:
    assert identifying_text(None, LIMITS, "stream name") == ""
    assert identifying_text("a\udcff", LIMITS, "stream name") == "a\ufffd"


@pytest.mark.parametrize("value", ["a\x00", "a\nb", "\x1b[2J", "a\x7f", "a\x9b", "x" * 13])
def test_a_name_that_cannot_be_configured_is_refused_without_quoting_it(value: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        identifying_text(value, LIMITS, "stream name")
    assert caught.value.hint is Hint.BAD_NAME
    assert value not in caught.value.reason


def test_a_command_object_is_described_two_levels_deep() -> None:
    members: dict[str, Value] = {
        "app\x00": "live\x1b",
        "capabilities": 239.0,
        "fpad": False,
        "nothing": None,
        "fourCcList": ["hvc1", "av01\n", 5.0],
        "videoFourCcInfoMap": {"*\x00": 4.0, "deep": {"er": 1.0}},
    }
    assert describe(members, LIMITS) == {
        "app": "live",
        "capabiliti": 239.0,
        "fpad": False,
        "nothing": None,
        "fourCcList": ["hvc1", "av01", 5.0],
        "videoFourC": {"*": 4.0, "deep": None},
    }


def test_a_description_is_bounded_even_when_values_are_shared() -> None:
    limits = Limits(described_values=10)
    shared: list[Value] = [1.0] * 6
    members: dict[str, Value] = {f"m{index}": shared for index in range(100)}
    assert describe(members, limits) == {"m0": [1.0] * 6, "m1": [1.0] * 2}
    pairs: dict[str, Value] = {f"p{index}": 1.0 for index in range(20)}
    assert describe({"map": pairs, "more": 1.0}, limits) == {
        "map": {f"p{index}": 1.0 for index in range(9)}
    }
