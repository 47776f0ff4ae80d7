"""Events as lines: what is written is read, and what is damaged is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.hooks.events import TEXT_CHARACTERS, Event, clip, from_line, to_event, to_line

TEXT = st.text(max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=50)
@given(
    st.integers(1),
    TEXT,
    TEXT,
    st.dictionaries(TEXT.map("a {}".format), JSON, max_size=3),
)
def test_an_event_is_one_line_and_comes_back(
    number: int, kind: str, time: str, fields: dict[str, Any]
) -> None:
    event = Event(number, kind, time, fields)
    line = to_line(event.document)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    document = from_line(line)
    assert document is not None
    assert to_event(document) == event


@given(st.binary())
def test_garbage_is_no_event_and_no_error(line: bytes) -> None:
    document = from_line(line)
    assert document is None or to_event(document) is None


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"[]", b"7", b'{"id":0,"event":"a","time":"t"}', b'{"id":"1"}', b"\xff", b""],
)
def test_what_is_json_and_no_event_is_none(line: bytes) -> None:
    assert to_event(from_line(line) or {}) is None


def test_a_long_text_is_cut() -> None:
    assert clip("x" * TEXT_CHARACTERS) == "x" * TEXT_CHARACTERS
    assert clip("x" * 5000) == "x" * (TEXT_CHARACTERS - 1) + "…"
