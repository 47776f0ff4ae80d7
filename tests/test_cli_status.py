"""`recorder status` against servers of ours: on the control socket, on TCP, with TLS, and in a
terminal of its own."""

from __future__ import annotations

import base64
import fcntl
import http.server
import json
import os
import pty
import re
import select
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import pytest
import trustme
from msgspec.structs import replace

from recorder import cli, cli_status, cli_status_source
from recorder.addresses import CONTROL_SOCKET
from recorder.cli_config import MisuseError
from recorder.cli_status_source import Answer, NoAnswerError, RefusedError, Source, read_address
from tests.helpers.ports import free_port
from tests.helpers.program import environment
from tests.status.sample import SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT = SNAPSHOT.to_json().decode()
WELL = replace(SNAPSHOT, alarms=()).to_json().decode()
PASSWORD = "pass:w\u00f6rd"


@attrs.define
class Page:
    """What the server says, and what it was asked.

    Attributes:
        password: of the operator; None: everybody may look.
        closes: it closes behind each answer, and does not say so.
    """

    body: str = WELL
    status: int = 200
    password: str | None = None
    closes: bool = False
    paths: list[str] = attrs.field(factory=list)
    connections: int = 0


def handler(page: Page) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            page.connections += 1
            super().setup()

        def do_GET(self) -> None:
            page.paths.append(self.path)
            wanted = base64.b64encode(f"operator:{page.password}".encode()).decode()
            may = page.password is None or self.headers["Authorization"] == f"Basic {wanted}"
            body = page.body.encode() if may else b'{"error": "who?"}'
            self.send_response(page.status if may else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = page.closes

        def log_message(self, *_args: object) -> None:
            """Nothing: a test looks at what the command says."""

    return Handler


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        # The handler wants an address with a port.
        connection, _ = super().get_request()
        return connection, ("socket", 0)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def on_tcp(page: Page, *, port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A status page; gives its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler(page))
    scheme = "http" if context is None else "https"
    if context is not None:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    with serving(server):
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("state: state\nrooms: {hall: {key: a-long-enough-key-1}}\n")
    path.chmod(0o600)
    (tmp_path / "state").mkdir()
    return path


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cli_status.PASSWORD, raising=False)


@contextmanager
def on_socket(config: Path, page: Page) -> Iterator[None]:
    path = config.parent / "state" / CONTROL_SOCKET
    server = _UnixServer(str(path), handler(page))
    with serving(server):
        yield
    path.unlink()


def run(*arguments: str | Path) -> int:
    return cli.run_command(["status", *map(str, arguments)])


# Over the socket.


def test_once_is_one_picture_and_good(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = Page()
    with on_socket(config, page):
        assert run("--config", config, "--once") == 0
    out = capsys.readouterr().out
    assert out.startswith("recorder 0.1.0, up 3 d. 1 of 2 rooms records. No alarm stands.\n")
    assert "\x1b" not in out
    assert page.paths == ["/api/v1/status"]


def test_a_critical_alarm_is_the_exit_code(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with on_socket(config, Page(TEXT)):
        assert run("--config", config, "--once") == 1
        assert run("--config", config, "--once", "--json") == 1
    assert "CRITICAL" in capsys.readouterr().out


def test_json_is_what_came(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with on_socket(config, Page(WELL + "\n")):
        assert run("--config", config, "--once", "--json") == 0
    assert capsys.readouterr().out == WELL + "\n"


def test_json_of_another_kind_is_still_one_harmless_line(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {**json.loads(WELL), "note": "\x9b31m\u202e"}
    with on_socket(config, Page(json.dumps(odd, ensure_ascii=False, indent=1))):
        assert run("--config", config, "--once", "--json") == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.isascii()
    assert json.loads(out) == odd


def test_without_a_recorder_it_is_one_sentence(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--config", config, "--once") == 1
    assert capsys.readouterr().err == (
        "recorder: The recorder of this configuration does not run: nobody listens there. "
        "Start it; if it has ended by itself, the end of its log says why.\n"
    )


def test_live_json_is_a_line_a_tick_over_one_connection_and_outlives_an_outage(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, ticks = Page(), iter(range(6))

    def tick(seconds: float) -> None:
        assert seconds == cli_status.TICK_S
        number = next(ticks)
        page.status = 503 if number in (1, 2) else 200
        if number == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", tick)
    with on_socket(config, page):
        assert run("--config", config, "--json") == 130
    said = capsys.readouterr()
    assert said.out.splitlines() == [WELL] * 4
    assert said.err.count("warning: The recorder of this configuration answers with status") == 1
    assert len(page.paths) == 6
    assert page.connections == 1


def test_a_recorder_that_closed_the_connection_is_asked_over_a_new_one(
    config: Path,
) -> None:
    page = Page(closes=True)
    with on_socket(config, page):
        source = cli_status_source.on_this_machine(config.parent / "state")
        for _ in range(3):
            assert source.read().text == WELL
        source.close()
    assert page.connections == 3


def test_only_a_picture_needs_the_library_that_draws() -> None:
    code = "import sys; from recorder import cli_status; sys.exit('rich' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=environment())


# Over the network.


def test_a_page_that_is_open_to_all_asks_for_no_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = Page()
    with on_tcp(page) as url:
        assert run("--once", f"{url}/behind/#room101") == 0
    assert page.paths == ["/behind/api/v1/status"]
    assert "room101" in capsys.readouterr().out


def test_the_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(password=PASSWORD)
    monkeypatch.setenv("RECORDER_PASSWORD", PASSWORD)
    with on_tcp(page) as url:
        assert run("--once", url) == 0
    assert len(page.paths) == 1


def test_a_wrong_password_is_told_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Page(password=PASSWORD)
    monkeypatch.setenv("RECORDER_PASSWORD", "wrong")
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits for another try"))
    with on_tcp(page) as url:
        assert run("--json", url) == 1
    assert f"{url} does not take the password of operator." in capsys.readouterr().err
    assert len(page.paths) == 1


def test_who_can_be_asked_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def prompt(text: str, **_options: object) -> str:
        asked.append(text)
        return PASSWORD

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("click.prompt", prompt)
    with on_tcp(Page(password=PASSWORD)) as url:
        assert run("--once", url) == 0
        assert asked == [f"Password of operator at {url}"]


def test_who_cannot_be_asked_is_told_where_to_put_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with on_tcp(Page(password=PASSWORD)) as url:
        assert run("--once", url) == 1
    assert "put it into RECORDER_PASSWORD" in capsys.readouterr().err


def test_tls_is_checked_against_the_authorities_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with on_tcp(Page(), context=context) as url:
        assert run("--once", url) == 1
        assert f"The certificate of {url} is not trusted: " in capsys.readouterr().err
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert run("--once", url) == 0


def test_the_wrong_scheme_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    with on_tcp(Page()) as url:
        assert run("--once", url.replace("http:", "https:")) == 1
    assert "does not speak TLS; try http:// in place of https://." in capsys.readouterr().err


def go_away(server: socket.socket, said: bytes) -> None:
    """Answer the next one that asks with this, and no more."""
    connection, _ = server.accept()
    connection.recv(1 << 16)
    connection.sendall(said)
    connection.close()


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("https", b""),
        ("http", b""),
        ("http", b"HTTP/1.1 200 \r\nContent-Length: 9999\r\n\r\n" + WELL[:500].encode()),
        ("http", b"HTTP/1.1 200 \r\nContent-Length: 9999\r\n\r\n"),
    ],
)
def test_who_goes_away_in_the_middle_is_asked_again(scheme: str, said: bytes) -> None:
    """A recorder that restarts closes wherever it is, and speaks TLS and its own language still."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = read_address(f"{scheme}://127.0.0.1:{server.getsockname()[1]}")
        source = cli_status_source.on_network(address, password="x", prompt=str)
        for _ in range(2):
            answering = threading.Thread(target=go_away, args=(server, said))
            answering.start()
            with pytest.raises(NoAnswerError, match="broke off without an answer") as caught:
                source.read()
            answering.join()
            assert not isinstance(caught.value, RefusedError)
        source.close()


def test_nobody_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--once", f"http://127.0.0.1:{free_port()}") == 1
    assert "does not run: nobody listens there." in capsys.readouterr().err


def test_silence_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_status_source, "TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert run("--once", f"http://127.0.0.1:{silent.getsockname()[1]}") == 1
    assert "does not answer within 0.05 s." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (Page("<html>"), "is no recorder."),
        (Page("[]"), "is no recorder."),
        (Page("[" * 100_000), "is no recorder."),
        (Page('{"version": 1}'), "is no recorder."),
        (Page('{"error": "Too \\u001b[31mmany."}', 429), "answers: Too \\x1b[31mmany."),
        (Page("<html>", 404), "answers with status 404; is that the address of the page?"),
    ],
)
def test_what_is_no_snapshot_is_told(
    page: Page, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with on_tcp(page) as url:
        assert run("--once", url) == 1
    assert sentence in capsys.readouterr().err


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_status_source, "MOST_BYTES", 100)
    with on_tcp(Page()) as url, pytest.raises(RefusedError, match="says too much"):
        cli_status_source.on_network(read_address(url), password=None, prompt=str).read()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (PermissionError(13, "Permission denied"), RefusedError, "cannot be asked: Permission"),
        (ConnectionResetError(104, "reset"), NoAnswerError, "broke off without an answer; so."),
        (socket.gaierror(-2, "Name or service not known"), NoAnswerError, "Name or service not"),
    ],
)
def test_every_failure_is_a_sentence(
    error: Exception, kind: type[NoAnswerError], words: str
) -> None:
    class Broken(http.client.HTTPConnection):
        def connect(self) -> None:
            raise error

    with pytest.raises(kind, match=re.escape(words)):
        Source(Broken("x"), name="It", hint="so").read()


@pytest.mark.parametrize(
    "url",
    ["recorder.example", "ftp://x", "http://", "http://x:99999", "http://[x", "http://a b", "http://\u00e9"],
)  # fmt: skip
def test_what_is_no_address_is_misuse(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(url) == 2
    assert "is no address of a status page" in capsys.readouterr().err


def test_a_password_in_the_address_is_misuse() -> None:
    with pytest.raises(MisuseError, match="RECORDER_PASSWORD"):
        read_address("https://operator:secret@x")


@pytest.mark.parametrize(
    ("url", "keeps"),
    [
        ("https://x", True),
        ("http://localhost:1", True),
        ("http://127.0.0.9", True),
        ("http://[::1]:80", True),
        ("http://10.0.0.1", False),
        ("http://x", False),
    ],
)
def test_who_could_read_a_password_is_known(
    url: str, keeps: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    address = read_address(url)
    assert str(address) == url
    assert address.keeps_secrets is keeps
    cli_status._warn_of_listeners(address)
    assert bool(capsys.readouterr().err) is not keeps


# In a terminal.


class Terminal:
    """`recorder status` in a terminal of 80 columns and 24 lines."""

    def __init__(self, *arguments: str | Path, cwd: Path) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "recorder", "status", *map(str, arguments)],
            cwd=cwd,
            env={**environment(), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.heard = ""

    def until(self, true: Callable[[str], bool], *, within_s: float = 20.0) -> str:
        """Read until what came since the last call is as wanted; gives it."""
        end = time.monotonic() + within_s
        while not true(self.heard):
            left = end - time.monotonic()
            assert left > 0, self.heard
            if select.select([self.ours], [], [], left)[0]:
                self.heard += os.read(self.ours, 65536).decode()
        found, self.heard = self.heard, ""
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.fixture
def terminal(config: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_one(*arguments: str | Path) -> Terminal:
        opened.append(Terminal(*arguments, cwd=config.parent))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


class LosingSource(Source):
    """Ctrl-C comes while it reads, and where Python forgets exceptions."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self) -> Answer:
        self.reads += 1
        if self.reads == 2:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert self.reads < 5, "goes on after Ctrl-C"
        return Answer(WELL, json.loads(WELL))


def test_a_ctrl_c_whose_exception_got_lost_ends_it_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli_status, "TICK_S", 0)
    before = signal.getsignal(signal.SIGINT)
    assert cli_status._watch(LosingSource()) == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_news_are_as_old_as_they_are_on_a_laptop_that_wakes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = Answer(WELL, json.loads(WELL))
    clocks = {time.CLOCK_BOOTTIME: 1000.0, time.CLOCK_MONOTONIC: 1000.0}
    monkeypatch.setattr(time, "clock_gettime", clocks.__getitem__)
    watch = cli_status._Watch(answer)
    assert watch.picture().age_s == 0
    # The one clock stands still in sleep, and the other does not.
    clocks[time.CLOCK_BOOTTIME] += 7200
    assert watch.picture().age_s == 7200


@pytest.mark.real
def test_live_turns_grey_without_news_recovers_and_gives_the_screen_back(
    terminal: Callable[..., Terminal],
) -> None:
    port = free_port()
    with on_tcp(Page(closes=True), port=port) as url:
        screen = terminal(url)
        screen.until(lambda text: "\x1b[32mrecording" in text and "0005.flv" in text)
    screen.until(lambda text: "NO NEWS for 4 s" in text and "\x1b[90mrecording" in text)
    with on_tcp(Page(closes=True), port=port):
        screen.until(lambda text: "\x1b[32mrecording" in text)
        screen.process.send_signal(signal.SIGINT)
        screen.until(lambda text: "\x1b[?1049l" in text)
        assert screen.process.wait(10) == 0
