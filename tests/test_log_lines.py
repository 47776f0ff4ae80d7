"""Lines in their four forms: what a peer sent stays text, and no secret is read."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING

import pytest

from recorder.log_lines import (
    MOST_CHARACTERS,
    Line,
    as_json,
    blotter,
    coloured,
    datagram,
    line_of,
    plain,
    prefixed,
    with_priority,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LINE = Line(time=0.5, level=logging.WARNING, text="room101: gone", room="room101")
ON_A_CONNECTION = Line(
    time=0.5, level=logging.INFO, text="hello", connection="10.0.0.5:40000", repeats=3
)
HOSTILE = "OBS\n<0>2026-11-22 CRITICAL all is lost\r\x1b[2Jroom101: \u2028\x9b recording 1 ended"


def nothing_hidden(text: str) -> str:
    return text


def made(text: str, *arguments: object, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("x", logging.ERROR, "", 0, text, arguments, None)
    record.__dict__.update(extra)
    return record


def test_a_plain_line_has_time_level_and_text() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:00,500 WARNING room101: gone\n", plain(LINE)), (
        plain(LINE)
    )


def test_a_line_of_a_connection_ends_with_it() -> None:
    assert plain(ON_A_CONNECTION).endswith(" INFO    hello [10.0.0.5:40000]\n")


def test_colour_changes_nothing_but_colour() -> None:
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured(LINE)) == plain(LINE)
    assert "\x1b[33mWARNING" in coloured(LINE)


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.DEBUG, 7),
        (logging.INFO, 6),
        (logging.WARNING, 4),
        (logging.ERROR, 3),
        (logging.CRITICAL, 2),
    ],
)
def test_a_level_is_a_priority_of_syslog(level: int, priority: int) -> None:
    assert prefixed(Line(time=0, level=level, text="x")) == f"<{priority}>x\n"
    assert b"PRIORITY=%d\n" % priority in datagram(Line(time=0, level=level, text="x"), "me")


def test_every_line_of_a_traceback_has_its_priority() -> None:
    line = Line(time=0, level=logging.ERROR, text="a fault", details="Traceback:\n  here")
    assert prefixed(line) == "<3>a fault\n<3>Traceback:\n<3>  here\n"
    assert with_priority("two\nlines") == "<3>two\n<3>lines\n"


def test_json_is_one_object_a_line_with_all_its_members() -> None:
    assert json.loads(as_json(ON_A_CONNECTION)) == {
        "time": "1970-01-01T00:00:00.500Z",
        "level": "info",
        "text": "hello",
        "room": None,
        "connection": "10.0.0.5:40000",
        "repeats": 3,
    }
    line = Line(time=0, level=logging.ERROR, text="a fault", details="Traceback:\n  here")
    assert as_json(line).count("\n") == 1
    assert json.loads(as_json(line))["details"] == "Traceback:\n  here"


def test_the_journal_gets_room_and_connection_as_fields() -> None:
    assert datagram(LINE, "recorder") == (
        b"MESSAGE=room101: gone\nPRIORITY=4\nSYSLOG_IDENTIFIER=recorder\nROOM=room101\n"
    )
    fields = datagram(ON_A_CONNECTION, "recorder").split(b"\n")
    assert {b"CONNECTION=10.0.0.5:40000", b"REPEATS=3"} < set(fields)


def test_the_journal_gets_a_traceback_by_its_length() -> None:
    line = Line(time=0, level=logging.ERROR, text="a", details="b\nPRIORITY=0")
    message = b"a\nb\nPRIORITY=0"
    assert datagram(line, "x").startswith(
        b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\nPRIORITY=3\n"
    )


@pytest.mark.parametrize("write", [plain, coloured, prefixed, as_json])
def test_what_a_peer_sent_begins_no_other_line(write: Callable[[Line], str]) -> None:
    line = line_of(made("%s publishes", HOSTILE), nothing_hidden)
    text = write(line)
    assert text.count("\n") == 1
    shown = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert shown.removesuffix("\n").isprintable()


def test_what_a_peer_sent_begins_no_other_field_of_the_journal() -> None:
    line = line_of(made("%s", "x\nROOM=other"), nothing_hidden)
    assert datagram(line, "me").split(b"\n")[0] == rb"MESSAGE=x\nROOM=other"


def test_a_traceback_with_a_peers_text_is_escaped_line_by_line() -> None:
    record = made("a fault")
    try:
        raise ValueError("bad\x1b[2J")
    except ValueError:
        record.exc_info = sys.exc_info()
    details = line_of(record, nothing_hidden).details
    assert details.startswith("Traceback (most recent call last):\n")
    assert details.endswith(r"ValueError: bad\x1b[2J")


def test_a_secret_is_blotted_out_of_text_and_traceback() -> None:
    blot = blotter(["long-secret-key", "long-secret-key-2", "short"])
    record = made("%s came with %s", "short", "long-secret-key-2")
    try:
        raise ValueError("long-secret-key?")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = line_of(record, blot)
    assert line.text == "short came with ***"
    assert "long-secret-key" not in line.whole
    assert line.details.endswith("ValueError: ***?")


def test_no_line_is_longer_than_the_journal_takes() -> None:
    line = line_of(made("x" * 10 * MOST_CHARACTERS), nothing_hidden)
    assert len(line.whole) == MOST_CHARACTERS
    record = made("a fault")
    try:
        raise ValueError("y" * 10 * MOST_CHARACTERS + " the end")
    except ValueError:
        record.exc_info = sys.exc_info()
    details = line_of(record, nothing_hidden).details
    assert len(details) <= MOST_CHARACTERS
    assert details.endswith("y the end")


def test_a_record_says_what_it_concerns() -> None:
    line = line_of(made("x", room="hall", connection="a:1", repeats=2), nothing_hidden)
    assert (line.room, line.connection, line.repeats) == ("hall", "a:1", 2)
