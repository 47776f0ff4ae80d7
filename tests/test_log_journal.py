"""The journal: recognised by its descriptor, never waited for, replaced when it is not there."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

import pytest

from recorder.log_journal import JournalHandler, for_standard_error, leads_to_journal
from recorder.log_lines import Line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


class _Journal:
    """A journal that reads when it is asked to."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    def messages(self) -> list[bytes]:
        found: list[bytes] = []
        while True:
            try:
                fields = self.socket.recv(1 << 20).split(b"\n")
            except BlockingIOError:
                return found
            found.append(fields[0].removeprefix(b"MESSAGE="))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def instead() -> _Kept:
    return _Kept()


@pytest.fixture
def handler(path: Path, instead: _Kept) -> Iterator[JournalHandler]:
    made = JournalHandler(_line, instead, path=str(path))
    yield made
    made.close()


def _line(record: logging.LogRecord) -> Line:
    return Line(time=record.created, level=record.levelno, text=record.getMessage())


def _record(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 0, text, arguments, None)


def test_the_descriptor_that_systemd_made_is_recognised() -> None:
    reading, writing = os.pipe()
    try:
        found = os.fstat(writing)
        name = f"{found.st_dev}:{found.st_ino}"
        assert leads_to_journal(writing, {"JOURNAL_STREAM": name})
        assert not leads_to_journal(writing, {"JOURNAL_STREAM": f"{name}0"})
        assert not leads_to_journal(writing, {}), "no systemd"
    finally:
        os.close(reading)
        os.close(writing)
    assert not leads_to_journal(writing, {"JOURNAL_STREAM": name}), "it is closed"


def test_what_a_command_complains_is_an_error_for_the_journal_and_plain_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert for_standard_error("two\nlines") == "two\nlines"
    found = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
    assert for_standard_error("two\nlines") == "<3>two\n<3>lines"


def test_a_line_reaches_the_journal(path: Path, handler: JournalHandler) -> None:
    journal = _Journal(path)
    with journal.socket:
        handler.emit(_record("hello"))
        assert journal.messages() == [b"hello"]


def test_a_journal_that_hangs_is_not_waited_for_and_what_is_missing_is_counted(
    path: Path, handler: JournalHandler, instead: _Kept
) -> None:
    journal = _Journal(path)
    with journal.socket:
        for number in range(1000):  # net.unix.max_dgram_qlen is 512 at most under systemd
            handler.emit(_record("%d", number))
        taken = journal.messages()
        assert 0 < len(taken) < 1000
        handler.emit(_record("again"))
        apology, line = journal.messages()
        assert apology.startswith(b"The journal did not take %d lines" % (1000 - len(taken)))
        assert line == b"again"
    assert instead.texts == []


def test_without_a_journal_the_line_goes_to_standard_error_and_back_when_it_is_there(
    path: Path, handler: JournalHandler, instead: _Kept
) -> None:
    handler.emit(_record("before"))
    assert instead.texts == ["before"]
    journal = _Journal(path)
    with journal.socket:
        handler.emit(_record("behind"))
        assert journal.messages() == [b"behind"]
    assert instead.texts == ["before"]


def test_a_line_that_cannot_be_made_stops_nothing(
    handler: JournalHandler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", True)
    handler.emit(_record("%d", "no number"))
    assert "Logging error" in capsys.readouterr().err
