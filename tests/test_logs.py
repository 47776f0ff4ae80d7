"""Repeats of a line are counted, never lost and never repeated; nothing here waits for a clock.
A line goes where it is read, and says what it concerns."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TYPE_CHECKING

import pytest

from recorder.log_journal import JournalHandler
from recorder.logs import (
    MAX_KINDS,
    WINDOW_S,
    FoldRepeats,
    about,
    of_connection,
    of_room,
    same,
    set_up,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Log:
    """A logger of its own with folding in front of a list."""

    def __init__(self) -> None:
        self.clock = _Clock()
        self.lines: list[str] = []
        self.fold = FoldRepeats(now=self.clock)
        self.fold.emit = lambda record: self.lines.append(record.getMessage())

    def say(self, text: str, *key: object) -> None:
        record = logging.makeLogRecord({"msg": text, "args": (), **(same(*key) if key else {})})
        if self.fold.filter(record):
            self.lines.append(record.getMessage())


def test_a_line_without_a_key_is_always_shown() -> None:
    log = _Log()
    log.say("a")
    log.say("a")
    assert log.lines == ["a", "a"]


def test_repeats_within_the_window_are_counted_and_reported_once() -> None:
    log = _Log()
    for _ in range(1000):
        log.say("10.0.0.1: refused", "10.0.0.1")
    assert log.lines == ["10.0.0.1: refused"]
    log.fold.report_all()
    assert log.lines[1:] == ["10.0.0.1: refused (and 999 more like this)"]
    log.fold.report_all()
    assert len(log.lines) == 2


def test_another_key_is_another_line() -> None:
    log = _Log()
    log.say("x", 1)
    log.say("y", 2)
    assert log.lines == ["x", "y"]


def test_after_the_window_the_count_comes_first_and_then_the_line_again() -> None:
    log = _Log()
    log.say("x", 1)
    log.say("x", 1)
    log.clock.now += WINDOW_S
    log.say("x", 1)
    assert log.lines == ["x", "x (and 1 more like this)", "x"]


def test_a_line_that_was_not_repeated_is_not_reported() -> None:
    log = _Log()
    log.say("x", 1)
    log.clock.now += WINDOW_S
    log.say("x", 1)
    assert log.lines == ["x", "x"]


def test_many_different_lines_do_not_make_the_table_grow() -> None:
    log = _Log()
    for number in range(10 * MAX_KINDS):
        log.say(f"{number}", number)
        log.say(f"{number}", number)
    assert len(log.fold._held) <= MAX_KINDS
    log.fold.report_all()
    assert sum("more like this" in line for line in log.lines) == 10 * MAX_KINDS


def test_the_first_repeat_is_announced_so_that_somebody_reports_it() -> None:
    log = _Log()
    told: list[str] = []
    log.fold.on_held = lambda: told.append("held")
    for _ in range(3):
        log.say("x", 1)
    assert told == ["held"]


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield root
    root.handlers[:], level = before
    root.setLevel(level)


def test_set_up_writes_one_line_an_event_to_standard_error(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    fold = set_up("info").fold
    logging.getLogger("recorder.x").debug("hidden")
    for _ in range(3):
        logging.getLogger("recorder.x").info("%s: refused", "10.0.0.1", extra=same("10.0.0.1"))
    fold.report_all()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "INFO    10.0.0.1: refused",
        "INFO    10.0.0.1: refused (and 2 more like this)",
    ]


def _json_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_names_its_room_and_the_connection_it_came_by(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    fold = set_up("info", "json").fold
    log = logging.getLogger("recorder.x")
    with of_connection("10.0.0.5", 40000):
        of_room(log, "hall").info("%s came", "somebody", extra=same("x"))
        of_room(log, "hall").info("%s came", "somebody", extra=same("x"))
        with of_connection("::1", 40001):
            log.warning("Alarm raised", extra=about("lab"))
    log.info("no peer's")
    fold.report_all()
    assert [
        (line["text"], line["room"], line["connection"], line["repeats"])
        for line in _json_lines(capsys)
    ] == [
        ("hall: somebody came", "hall", "10.0.0.5:40000", 0),
        ("Alarm raised", "lab", "[::1]:40001", 0),
        ("no peer's", None, None, 0),
        ("hall: somebody came (and 1 more like this)", "hall", "10.0.0.5:40000", 1),
    ]


def test_no_secret_is_shown_and_another_can_take_its_place(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log = set_up("info", "json", ["the-first-key"])
    logging.getLogger("recorder.x").info("the-first-key, the-second-key")
    log.hide(["the-second-key"])
    logging.getLogger("recorder.x").info("the-second-key")
    assert [line["text"] for line in _json_lines(capsys)] == ["***, the-second-key", "***"]


def _is_the_journals(logger: logging.Logger) -> bool:
    return isinstance(logger.handlers[0], JournalHandler)


def test_under_systemd_the_log_is_the_journals(
    root_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
    set_up("info")
    assert _is_the_journals(root_logger)
    set_up("info", "text")
    assert not _is_the_journals(root_logger)
    monkeypatch.delenv("JOURNAL_STREAM")
    set_up("info", "journal")
    assert _is_the_journals(root_logger)


@pytest.mark.parametrize(
    ("environment", "is_terminal", "is_coloured"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "xterm"}, False, False),
    ],
)
def test_colour_is_for_a_terminal_that_wants_it(
    root_logger: logging.Logger,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    is_terminal: bool,
    is_coloured: bool,
) -> None:
    for name in ("TERM", "NO_COLOR", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    set_up("info")
    logging.getLogger("recorder.x").error("gone")
    assert ("\x1b[" in capsys.readouterr().err) is is_coloured
