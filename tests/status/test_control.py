"""The control socket: a real one, in a real folder."""

from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest
import trio

from recorder.addresses import CONTROL_SOCKET
from recorder.status import control
from recorder.status.control import make_socket, serve_control
from recorder.status.messages import Answer
from tests.status.fakes import Echo

if TYPE_CHECKING:
    from pathlib import Path

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def ask(path: Path) -> bytes:
    stream = await trio.open_unix_socket(path)
    async with stream:
        await stream.send_all(GET)
        received = b""
        while block := await stream.receive_some():
            received += block
        return received


async def test_who_runs_it_is_answered_by_name_and_nobody_behind_its_end(
    tmp_path: Path,
) -> None:
    echo, path = Echo(answer=Answer.of({})), tmp_path / CONTROL_SOCKET
    async with serve_control(await make_socket(tmp_path), echo):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (await ask(path)).startswith(b"HTTP/1.1 200 ")
    assert echo.requests[0].who == control._name_of(os.geteuid())
    with pytest.raises(ConnectionRefusedError):
        await ask(path)


async def test_the_socket_of_a_recorder_that_was_killed_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / CONTROL_SOCKET
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serve_control(await make_socket(tmp_path), Echo(answer=Answer.of({}))):
        assert (await ask(path)).startswith(b"HTTP/1.1 200 ")


async def test_a_state_folder_may_lie_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    async with serve_control(await make_socket(deep), Echo(answer=Answer.of({}))):
        assert (deep / CONTROL_SOCKET).exists()


async def test_where_no_socket_can_be_it_is_said_and_all_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / CONTROL_SOCKET).mkdir()
    async with serve_control(await make_socket(tmp_path), Echo()):
        pass
    assert f"No control socket in {tmp_path}: " in caplog.text


async def test_others_are_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    echo = Echo(answer=Answer.of({}))
    async with serve_control(await make_socket(tmp_path), echo):
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        monkeypatch.setattr(control, "_ROOT", 4712)
        with pytest.raises(trio.BrokenResourceError):
            await ask(tmp_path / CONTROL_SOCKET)
    assert echo.requests == []
    assert f"User {os.getuid()} may not use the control socket." in caplog.text


async def test_a_fault_of_ours_ends_one_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __init__(self, *_args: object, **_kwargs: object) -> None:
            raise ZeroDivisionError

    async with serve_control(await make_socket(tmp_path), Echo()):
        monkeypatch.setattr(control, "HttpConnection", Broken)
        stream = await trio.open_unix_socket(tmp_path / CONTROL_SOCKET)
        async with stream:
            while "The control socket failed" not in caplog.text:  # noqa: ASYNC110 - a log has no event
                await trio.sleep(0.01)
        monkeypatch.undo()


def test_a_user_without_a_name_has_a_number() -> None:
    assert control._name_of(987_654) == "uid 987654"
