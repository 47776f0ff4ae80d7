"""What systemd hands over, and what it is told: every word by the manual's pages."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from recorder import systemd
from recorder.systemd import Handover, Notifier, claim, read_environment, status_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

US = 42
"""Our process id in these tests."""

PASSED = {"LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "rtmp:http"}


# --- the environment --------------------------------------------------------


def test_without_systemd_nothing_is_handed_over() -> None:
    assert read_environment({"PATH": "/bin"}, US) == Handover()


def test_descriptors_count_from_three_and_have_names() -> None:
    assert read_environment(PASSED, US).descriptors == ((3, "rtmp"), (4, "http"))


def test_descriptors_for_another_process_are_not_ours() -> None:
    assert read_environment({**PASSED, "LISTEN_PID": "41"}, US).descriptors == ()
    assert read_environment({"LISTEN_FDS": "2"}, US).descriptors == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (None, ["unknown", "unknown"]),
        ("", ["unknown", "unknown"]),
        ("rtmp", ["rtmp", "unknown"]),
        (":http", ["unknown", "http"]),
        ("rtmp:http:more", ["rtmp", "http"]),
    ],
)
def test_a_descriptor_without_a_name_is_called_unknown(
    names: str | None, expected: list[str]
) -> None:
    environment = {"LISTEN_PID": "42", "LISTEN_FDS": "2"}
    if names is not None:
        environment["LISTEN_FDNAMES"] = names
    assert [name for _, name in read_environment(environment, US).descriptors] == expected


@pytest.mark.parametrize("count", ["", "-1", "two", "0", "1e3", "٣", " 1"])
def test_a_count_that_makes_no_sense_is_none(count: str) -> None:
    assert read_environment({**PASSED, "LISTEN_FDS": count}, US).descriptors == ()


def test_a_huge_count_is_bounded() -> None:
    found = read_environment({**PASSED, "LISTEN_FDS": "9" * 18}, US).descriptors
    assert len(found) == systemd.MOST_DESCRIPTORS


def test_the_watchdog_is_for_the_process_that_is_named() -> None:
    every = {"WATCHDOG_USEC": "30000000"}
    assert read_environment(every, US).watchdog_s == 30.0
    assert read_environment({**every, "WATCHDOG_PID": "42"}, US).watchdog_s == 30.0
    assert read_environment({**every, "WATCHDOG_PID": "41"}, US).watchdog_s is None
    assert read_environment({"WATCHDOG_USEC": "0"}, US).watchdog_s is None
    assert read_environment({"WATCHDOG_USEC": "soon"}, US).watchdog_s is None


def test_what_is_claimed_is_inherited_by_nobody() -> None:
    environment = {
        **PASSED,
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": "0",
        "NOTIFY_SOCKET": "/run/notify",
        "WATCHDOG_USEC": "5000000",
        "PATH": "/bin",
    }
    assert claim(environment) == Handover(notify="/run/notify", watchdog_s=5.0)
    assert environment == {"PATH": "/bin"}


def test_claimed_descriptors_are_closed_on_exec(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as passed:
        passed.set_inheritable(True)
        monkeypatch.setattr(systemd, "FIRST_DESCRIPTOR", passed.fileno())
        environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
        assert claim(environment).descriptors == ((passed.fileno(), "unknown"),)
        assert not passed.get_inheritable()


def test_a_descriptor_that_is_not_open_is_left_to_who_uses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(systemd, "FIRST_DESCRIPTOR", 999_999)
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    assert claim(environment).descriptors == ((999_999, "unknown"),)


# --- what is told -----------------------------------------------------------


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A socket that listens as systemd does, and its address as NOTIFY_SOCKET has it."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name if request.param == "path" else "\0" + name)
        listening.settimeout(5)
        yield (name if request.param == "path" else "@" + name), listening


def test_every_message_arrives_at_a_path_and_at_an_abstract_address(
    manager: tuple[str, socket.socket],
) -> None:
    address, listening = manager
    notifier = Notifier(address)
    assert notifier.is_heard
    notifier.ready()
    notifier.stopping()
    notifier.alive()
    notifier.extend(12.5)
    notifier.status("2 rooms\nare live")
    assert [listening.recv(4096).decode() for _ in range(5)] == [
        "READY=1",
        "STOPPING=1",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=12500000",
        "STATUS=2 rooms are live",
    ]


def test_a_reload_says_when_it_began_on_the_monotonic_clock(
    manager: tuple[str, socket.socket],
) -> None:
    address, listening = manager
    before_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier(address).reloading()
    first, second = listening.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    name, _, value = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before_us <= int(value) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_a_status_is_one_line_of_bounded_length() -> None:
    assert status_line("a\nREADY=1\r\tb") == "STATUS=a READY=1 b"
    assert len(status_line("é" * 10_000).encode()) < 4096


def test_without_systemd_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier(None)
    notifier.ready()
    assert not notifier.is_heard
    assert not notifier.tell("READY=1")
    assert not caplog.records


def test_a_full_queue_is_not_waited_for(
    manager: tuple[str, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    address, _ = manager
    notifier = Notifier(address)
    with open("/proc/sys/net/unix/max_dgram_qlen") as file:
        most = int(file.read())
    told = [notifier.tell("WATCHDOG=1") for _ in range(most + 10)]
    assert told[0]
    assert not told[-1]
    assert not caplog.records


def test_a_socket_that_is_gone_is_said_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not Notifier(str(tmp_path / "absent")).tell("READY=1")
    assert "No such file" in caplog.text


def test_an_address_of_another_kind_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier("vsock:2:1234")
    assert not notifier.tell("READY=1")
    assert not notifier.is_heard
    assert len(caplog.records) == 1
